"""Images with the frequencies of any mask, one for all of them or one for each."""

import numpy as np
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.arrays import as_array
from hfc_keras.types import Array, ArrayLike, Tensor


def masked(images: ArrayLike, mask: Array) -> Tensor:
    r"""Images with the frequencies of a mask alone, each channel by itself.

    .. math:: F^{-1}(M \cdot F x)

    Args:
        images: ``(batch, height, width, channels)``, any finite numbers of known height and width;
            integers are taken as float32.
        mask: bool array ``(height, width)``, or ``(batch, height, width)`` for one per image, the
            zero frequency at ``[0, 0]``. It must hold ``(-u, -v)`` where it holds ``(u, v)``,
            without which the result would not be real.

    Returns:
        Tensor of the shape and float dtype of ``images``, exact to 1e-5. Nothing is clipped.

    Raises:
        ValueError: for images of another rank, or a mask of another shape or without its mirror.

    Example:
        >>> stripes = np.tile([1.0, 0.0], (1, 4, 2))[..., None]
        >>> mean = np.zeros((4, 4), bool)
        >>> mean[0, 0] = True
        >>> bool(np.allclose(masked(stripes, mean), 0.5, atol=1e-5))
        True
    """
    images, mask = tensors.images(images), as_array(mask)
    shape = tuple(images.shape)
    checks.require(
        mask.dtype == bool and mask.shape in (shape[1:3], shape[:3]),
        "`mask` must be a bool array (height, width) or (batch, height, width) as the images have",
        **{"mask.dtype": str(mask.dtype), "mask.shape": mask.shape, "images.shape": shape},
    )
    mirrored = np.roll(np.flip(mask, (-2, -1)), 1, axis=(-2, -1))
    checks.require(
        bool((mask == mirrored).all()),
        "`mask` must hold the frequency (-u, -v) where it holds (u, v)",
        **{"frequencies without": int((mask & ~mirrored).sum())},
    )
    planes = ops.transpose(ops.cast(images, "float32"), (0, 3, 1, 2))
    real, imaginary = ops.fft2((planes, ops.zeros_like(planes)))
    kept = ops.cast(mask[:, None] if mask.ndim == 3 else mask, "float32")
    part = ops.ifft2((real * kept, imaginary * kept))[0]
    return ops.cast(ops.transpose(part, (0, 2, 3, 1)), tensors.float_dtype(images))
