r"""Mathematics on convolution kernels: smoothing, roughness, energy at high frequencies.

A kernel is ``(height, width, in, out)``; every pair of channels is a small plane. All of it
rests on the Laplacian :math:`L` of a path, whose eigenvectors along an axis of :math:`n`
weights are the cosines of the DCT-II, with eigenvalues
:math:`\lambda_k = 2 - 2 \cos(\pi k / n)`. Duplicating the border weights, as the paper does,
is the boundary condition of that Laplacian.

Products with the small matrices are sums of scaled slices, exact on devices whose matrix
units round to ten bits.
"""

import functools
import operator

import keras
import numpy as np
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.types import ArrayLike, Flags, Floats, Tensor

# Powers of e between which the smoothing parameter of ``limit_roughness`` is sought. A larger
# one would build the smooth kernel from the rounding error of the mean.
LOG_PARAMETER = (np.log(1e-6), np.log(1e4))
BISECTIONS = 30
# The limit is undercut by this share, so that rounding leaves a kernel within it.
SLACK = 1e-5


def smooth(kernel: ArrayLike, rho: float, normalize: bool = False) -> Tensor:
    r"""Add to each weight its eight neighbors, border weights duplicated outward.

    .. math:: w_{ij} \leftarrow w_{ij} + \rho \sum_{(h,k) \in N(i,j)} w_{hk}
              \quad [\,/ (1 + 8 \rho) \text{ if normalized}\,]

    On a plane of m x n weights the eigenvectors are products of cosines and the eigenvalues

    .. math:: 1 - \rho + \rho (3 - \lambda_i)(3 - \lambda_j),

    so a constant is multiplied by :math:`1 + 8 \rho`. For 3 x 3 they are never negative up to
    :math:`\rho = 1`, where five of nine vanish: every kernel becomes exactly bilinear, a + b x
    + c y + d x y. For 5 x 5 they turn negative beyond 0.35; the smallest is -0.43 at 0.5 and
    -1.85 at 1, which flips and amplifies a high frequency, so that the result need not be
    smoother. Up to 0.25 they are positive at every size.

    Args:
        kernel: ``(height, width, in, out)``, any finite numbers; integers are taken as float32.
        rho: float, at least 0, weight of the neighbors; 0 is the identity.
        normalize: bool, divide by ``1 + 8 rho`` so that a constant kernel stays as it is. The
            paper does not.

    Returns:
        Tensor of the shape and float dtype of ``kernel``.

    Raises:
        ValueError: for another rank, or a rho that is negative or not finite.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, equation 3.

    Example:
        >>> kernel = np.zeros((3, 3, 1, 1), "float32")
        >>> kernel[0, 0] = 1
        >>> np.array(smooth(kernel, 0.5))[:, :, 0, 0]
        array([[2.5, 1. , 0. ],
               [1. , 0.5, 0. ],
               [0. , 0. , 0. ]], dtype=float32)
    """
    rho = checks.number("rho", rho, minimum=0)
    normalize = tensors.flag("normalize", normalize)
    kernel, dtype = _working(kernel)
    rows, columns = (3 * np.eye(size) - _laplacian(size) for size in kernel.shape[:2])
    smoothed = (1 - rho) * kernel + rho * _on_both_axes(rows, columns, kernel)
    return ops.cast(smoothed / (1 + 8 * rho) if normalize else smoothed, dtype)


def roughness(kernel: ArrayLike) -> Tensor:
    r"""Squared differences of adjacent weights, relative to the squared weights.

    .. math:: R(w) = \frac{\sum_{ij} (w_{i+1,j} - w_{ij})^2 + (w_{i,j+1} - w_{ij})^2}
                          {\sum_{ij} w_{ij}^2}

    summed over all channels. It does not change with the kernel's scale, is 0 for constant
    planes and below 8 always. For white noise on n x n weights numerator over denominator is
    :math:`4 (n - 1) / n` in expectation: 8/3 for 3 x 3, 3.2 for 5 x 5.

    Args:
        kernel: ``(height, width, in, out)``, any finite numbers.

    Returns:
        Scalar tensor, float32 (float64 for a float64 kernel), at least 0; 0 for a kernel of
        zeros, where the gradient is 0 as well.

    Raises:
        ValueError: for another rank.

    Example:
        >>> checkerboard = np.array([[1.0, -1.0], [-1.0, 1.0]]).reshape(2, 2, 1, 1)
        >>> float(roughness(checkerboard))
        4.0
    """
    kernel, _ = _scaled(_working(kernel)[0])
    down, across = kernel[1:] - kernel[:-1], kernel[:, 1:] - kernel[:, :-1]
    differences = ops.sum(ops.square(down)) + ops.sum(ops.square(across))
    return _ratio(differences, ops.sum(ops.square(kernel)), empty=0.0)


def energy_beyond(
    kernel: ArrayLike, radius: float, size: int = 32, inclusive: bool = True
) -> Tensor:
    r"""Share of a kernel's spectral energy at frequencies beyond a radius.

    .. math:: E(r) = \frac{\sum_{\sqrt{u^2 + v^2} > r} \sum_{io} |\hat w_{io}(u, v)|^2}
                          {\sum_{u, v} \sum_{io} |\hat w_{io}(u, v)|^2}

    with :math:`\hat w` the discrete Fourier transform of the plane padded with zeros to
    size x size. By Parseval's theorem it is the quadratic form of the weights whose
    coefficients are the inverse transform of the mask at their distances, so nothing is padded.

    White noise on 3 x 3 weights has 0.81 beyond radius 8 of 32, and 0.67, 0.55, 0.48 and 0.45
    after ``smooth`` with rho 0.1, 0.25, 0.5 and 1. The mean over planes of each plane's own
    share is higher, 0.70, 0.60, 0.53 and 0.50, since faint planes are the rough ones.

    Args:
        kernel: ``(height, width, in, out)``, any finite numbers.
        radius: float, cycles per image of ``size`` pixels, at least 0.
        size: int, side of the transform in pixels, at least that of the kernel.
        inclusive: bool, whether the rim itself belongs to the low frequencies (``<=`` in
            ``spectrum.radial_mask``).

    Returns:
        Scalar tensor in [0, 1], float32 (float64 for a float64 kernel); 0 for zeros.

    Raises:
        ValueError: for another rank, a radius that is negative or not finite, or a size that
            is no whole number or smaller than the kernel.

    Example:
        >>> impulse = np.ones((1, 1, 1, 1))
        >>> round(float(energy_beyond(impulse, radius=8)), 4) == round(1 - 197 / 32**2, 4)
        True
    """
    kernel, _ = _scaled(_working(kernel)[0])
    height, width, *channels = kernel.shape
    size = checks.number("size", size, minimum=max(height, width), whole=True)
    weights = np.fft.ifft2(_beyond(radius, size, inclusive)).real
    row, column = (index.ravel() for index in np.indices((height, width)))
    form = weights[row[:, None] - row[None, :], column[:, None] - column[None, :]]
    flat = ops.reshape(kernel, (height * width, *channels))
    energy = ops.sum(flat * _product(form, flat))
    return ops.clip(_ratio(energy, ops.sum(ops.square(flat)), empty=0.0), 0.0, 1.0)


def limit_roughness(kernel: ArrayLike, limit: float) -> Tensor:
    r"""Smooth a kernel no more than it takes to bring its roughness down to a limit.

    .. math:: w_\mu = \arg\min_v \|v - w\|^2 + \mu \|\nabla v\|^2, \qquad
              c_{ij} \leftarrow \frac{c_{ij}}{1 + \mu (\lambda_i + \lambda_j)}

    in the coefficients c of the DCT-II, with one :math:`\mu \ge 0` for all channels, the
    smallest for which ``roughness`` is at most ``limit``; the result is then scaled to the L2
    norm that the kernel had. A kernel within the limit comes back unchanged. Where no
    :math:`\mu` up to 1e4 will do, since the planes have no mean (an edge detector cannot be
    made constant), the smoothest kernel on the way is returned.

    Args:
        kernel: ``(height, width, in, out)``, any finite numbers.
        limit: float above 0, largest roughness.

    Returns:
        Tensor of the shape and float dtype of ``kernel``. Gradients take :math:`\mu` as given.

    Raises:
        ValueError: for another rank, or a limit that is not finite or not above 0.

    Reference:
        Strang, The Discrete Cosine Transform, SIAM Review 41(1), 1999, for the eigenvectors.

    Example:
        >>> kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 4))
        >>> smoothed = limit_roughness(kernel, limit=1)
        >>> [round(float(roughness(each)), 1) for each in (kernel, smoothed)]
        [2.3, 1.0]
    """
    limit = checks.number("limit", limit, minimum=0)
    checks.require(limit > 0, "`limit` must be above 0", limit=limit)
    original, dtype = _working(kernel)
    kernel, largest = _scaled(original)
    rows, columns = (_cosines(size) for size in kernel.shape[:2])
    waves = _on_both_axes(rows, columns, kernel)
    levels = np.add.outer(*map(_eigenvalues, kernel.shape[:2]))
    levels = ops.cast(levels, kernel.dtype)
    parameter = _parameter(ops.sum(ops.square(waves), axis=(2, 3)), levels, limit)
    damped = waves / (1 + ops.stop_gradient(parameter) * levels)[:, :, None, None]
    smoothed = _on_both_axes(rows.T, columns.T, damped)
    norms = (ops.sum(ops.square(tensor)) for tensor in (kernel, smoothed))
    smoothed = smoothed * ops.sqrt(_ratio(*norms, empty=1.0)) * largest
    return ops.cast(ops.where(roughness(kernel) <= limit, original, smoothed), dtype)


def _parameter(energy: Tensor, levels: Tensor, limit: float) -> Tensor:
    """Smallest smoothing parameter whose roughness is within the limit, by bisection."""
    share = _ratio(energy, ops.sum(energy), empty=1.0)

    def halve(_: Tensor, bounds: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        low, high = bounds
        middle = (low + high) / 2
        kept = share / ops.square(1 + ops.exp(middle) * levels)
        within = ops.sum(levels * kept) <= (1 - SLACK) * limit * ops.sum(kept)
        return ops.where(within, low, middle), ops.where(within, middle, high)

    lowest, highest = (ops.full_like(share[0, 0], bound) for bound in LOG_PARAMETER)
    return ops.exp(ops.fori_loop(0, BISECTIONS, halve, (lowest, highest))[1])


def _working(kernel: ArrayLike) -> tuple[Tensor, str]:
    """Return a kernel in the dtype to compute in, and the dtype to return."""
    kernel = tensors.real(kernel, "kernel")
    shape = tensors.shape_of(kernel, "kernel")
    checks.require(
        len(shape) == 4 and 0 not in shape,
        "`kernel` must be (height, width, in, out), each at least 1",
        **{"kernel.shape": shape},
    )
    return ops.cast(kernel, tensors.wide_dtype(kernel)), tensors.float_dtype(kernel)


def _scaled(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Kernel divided by its largest absolute value, whose square may overflow or vanish, and it."""
    largest = ops.stop_gradient(ops.max(ops.abs(kernel)))
    largest = ops.where(largest == 0, ops.ones_like(largest), largest)
    return kernel / largest, largest


def _beyond(radius: float, size: int, inclusive: bool) -> Flags:
    """Mask of the frequencies outside the disc; squared distances are whole numbers."""
    inclusive = tensors.flag("inclusive", inclusive)
    limit = min(checks.number("radius", radius, minimum=0), size) ** 2
    frequencies = np.minimum(np.arange(size), size - np.arange(size))
    squared = np.add.outer(frequencies**2, frequencies**2)
    return squared > limit * (1 + 1e-12) if inclusive else squared >= limit * (1 - 1e-12)


def _laplacian(size: int) -> Floats:
    """Laplacian of a path: degrees on the diagonal, -1 for neighbors."""
    steps = np.diff(np.eye(size), axis=0)
    return steps.T @ steps


def _eigenvalues(size: int) -> Floats:
    return 2 - 2 * np.cos(np.pi * np.arange(size) / size)


def _cosines(size: int) -> Floats:
    """Orthonormal DCT-II, a row each frequency: the eigenvectors of the path's Laplacian."""
    frequencies, points = np.arange(size), np.arange(size) + 0.5
    rows = np.cos(np.pi * np.outer(frequencies, points) / size)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _product(matrix: Floats, tensor: Tensor) -> Tensor:
    """Matrix times a tensor along its first axis, rounded once per term on every device."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    columns = matrix.T.astype(dtype).reshape(*matrix.T.shape, *[1] * (len(tensor.shape) - 1))
    columns = map(ops.convert_to_tensor, columns)
    terms = (tensor[index : index + 1] * column for index, column in enumerate(columns))
    return functools.reduce(operator.add, terms)


def _on_both_axes(rows: Floats, columns: Floats, kernel: Tensor) -> Tensor:
    """Matrix products along height and along width."""
    turned = ops.swapaxes(_product(rows, kernel), 0, 1)
    return ops.swapaxes(_product(columns, turned), 0, 1)


def _ratio(numerator: Tensor, denominator: Tensor, empty: float) -> Tensor:
    """Quotient, or ``empty`` with gradient 0 where the denominator is 0."""
    held = denominator > 0
    quotient = numerator / ops.where(held, denominator, ops.ones_like(denominator))
    return ops.where(held, quotient, ops.full_like(quotient, empty))
