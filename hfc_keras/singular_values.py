r"""Images as sums of their leading and trailing singular values, each channel by itself.

A channel :math:`x = \sum_i s_i u_i v_i^T` with :math:`s_1 \ge s_2 \ge \dots` is cut after some
number of terms. What leads is the best approximation of its rank; it is no band of frequencies,
and so a control for what is measured with one. The decomposition is NumPy's on every backend, in
float32, since matrix units of accelerators round to ten bits; nothing here can be traced.
"""

from collections.abc import Sequence

import numpy as np
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.types import ArrayLike, Floats, Tensor


def split(images: ArrayLike, energy: ArrayLike) -> tuple[Tensor, Tensor]:
    r"""Leading and trailing parts of images, cut so that the leading part has some energy.

    .. math:: x_k = \sum_{i \le k} s_i u_i v_i^T, \qquad
              k = \arg\min_k \left| \sum_{i \le k} s_i^2 - E \right|

    The number of terms is chosen for each image and channel, from none to all; of two that are
    as near, the smaller. Since the energies of both parts add up to the image's, the trailing
    part is as near to its share as the leading one.

    Args:
        images: ``(batch, height, width, channels)``, any finite numbers; integers are taken as
            float32.
        energy: ``(batch, channels)``, sum of squares that the leading part should have, at
            least 0; for a fair comparison that of the low-frequency component.

    Returns:
        ``(leading, trailing)``, tensors of the shape and float dtype of ``images``, whose sum
        is ``images``, exact to 1e-5.

    Raises:
        ValueError: for another rank or shape, a side of 0, images that are not finite, or an
            energy that is negative or not finite.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, section 8.

    Example:
        >>> image = np.diag([3.0, 2.0, 1.0]).reshape(1, 3, 3, 1)
        >>> leading, trailing = split(image, energy=[[10.0]])
        >>> np.diag(leading[0, :, :, 0]).round(3), np.diag(trailing[0, :, :, 0]).round(3)
        (array([3., 0., 0.]), array([0., 2., 1.]))
    """
    images = tensors.images(images)
    (leading,) = leading_components(images, [energy])
    trailing = ops.cast(images, "float32") - ops.cast(leading, "float32")
    return leading, ops.cast(trailing, leading.dtype)


def leading_components(images: ArrayLike, energies: Sequence[ArrayLike]) -> list[Tensor]:
    r"""Leading parts of images for several energies from one decomposition.

    .. math:: x_k = \sum_{i \le k} s_i u_i v_i^T

    Args:
        images: see ``split``.
        energies: sequence of energies, each as in ``split``.

    Returns:
        List with a tensor like ``images`` for each energy.

    Raises:
        ValueError: as ``split``.

    Example:
        >>> images = np.random.default_rng(0).random((2, 4, 5, 3))
        >>> nothing, all_of_it = leading_components(images, [np.zeros((2, 3)), np.full((2, 3), 99)])
        >>> bool(np.allclose(nothing, 0)), bool(np.allclose(all_of_it, images, atol=1e-5))
        (True, True)
    """
    images = tensors.images(images)
    dtype = tensors.float_dtype(images)
    images = ops.convert_to_numpy(images).astype("float32")
    bad = images[~np.isfinite(images)]
    expected = "`images` must be finite"
    checks.require(not bad.size, expected, images=float(bad[0]) if bad.size else None)
    energies = [_energy(energy, (len(images), images.shape[3])) for energy in energies]
    left, values, right = np.linalg.svd(images.transpose(0, 3, 1, 2), full_matrices=False)
    reached = np.cumsum(np.square(values, dtype="float64"), axis=-1)
    reached = np.concatenate([np.zeros_like(reached[..., :1]), reached], axis=-1)
    parts = []
    for energy in energies:
        terms = np.abs(reached - energy[..., None]).argmin(axis=-1)
        kept = np.where(np.arange(values.shape[-1]) < terms[..., None], values, 0)
        part = (left * kept[..., None, :]) @ right
        parts.append(ops.cast(ops.convert_to_tensor(part.transpose(0, 2, 3, 1)), dtype))
    return parts


def _energy(values: ArrayLike, shape: tuple[int, int]) -> Floats:
    """Energy as float64 after a check of its form and range."""
    values = ops.convert_to_numpy(tensors.real(values, "energy")).astype("float64")
    expected = "`energy` must be (batch, channels), one number for each channel of each image"
    checks.require(values.shape == shape, expected, **{"energy.shape": values.shape})
    bad = values[~(np.isfinite(values) & (values >= 0))]
    expected = "`energy` must be finite and at least 0"
    checks.require(not bad.size, expected, energy=float(bad[0]) if bad.size else None)
    return values
