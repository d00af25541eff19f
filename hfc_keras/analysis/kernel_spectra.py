"""Power of convolution kernels by frequency."""

import numpy as np
import pandas as pd
from keras import ops

from hfc_keras import checks, kernels, tensors
from hfc_keras.arrays import as_array
from hfc_keras.types import ArrayLike, Tensor

# Side of the transform, at least; frequencies are parts of the sampling rate.
SIZE = 32


def kernel_spectra(kernel: ArrayLike) -> pd.DataFrame:
    r"""Power of each filter of a convolution by frequency, relative to the filter's mean.

    .. math:: \hat p_o(\rho) = \frac{S^2 \operatorname{mean}_{i,\ |(u, v)| \approx \rho}
              |\hat w_{io}(u, v)|^2}{\sum_{u, v} \operatorname{mean}_i |\hat w_{io}(u, v)|^2}

    with the transform of the kernel padded to S x S, S = 32 or the larger side of the kernel. White
    is 1 at every frequency, and each filter counts alike, however large its weights.

    Args:
        kernel: ``(height, width, in, out)``, finite numbers, such as ``layer.kernel`` of a
            ``keras.layers.Conv2D``.

    Returns:
        DataFrame with a row per filter and frequency, and the columns

        - filter: from 0; frequency: cycles per pixel, 0.5 is Nyquist;
        - relative_power: from 0;
        - roughness: of the filter, see ``kernels.roughness``;
        - kernel_roughness, energy_beyond: of the whole kernel, the latter the share of its energy
          beyond half of Nyquist;
        - height, width: of the kernel.

    Raises:
        ValueError: for another rank or weights that are not finite.

    Example:
        >>> box = np.ones((3, 3, 1, 1))
        >>> table = kernel_spectra(box)
        >>> float(table["roughness"].iloc[0]), bool(table["relative_power"].iloc[0] > 1)
        (0.0, True)
    """
    kernel = ops.convert_to_numpy(tensors.real(as_array(kernel), "kernel")).astype("float64")
    checks.require(
        kernel.ndim == 4 and kernel.size and np.isfinite(kernel).all(),
        "`kernel` must be (height, width, in, out) and finite",
        **{"kernel.shape": kernel.shape},
    )
    height, width, _, count = kernel.shape
    size = max(SIZE, height, width)
    power = np.abs(np.fft.fft2(kernel, (size, size), axes=(0, 1))) ** 2
    power = power.mean(axis=2)
    total = power.sum(axis=(0, 1))
    frequency = np.abs(np.fft.fftfreq(size, 1 / size))
    ring = np.rint(np.hypot(frequency[:, None], frequency[None])).astype(int)
    rings = np.arange(size // 2 + 1)
    mean = np.stack([power[ring == each].mean(axis=0) for each in rings])
    share = np.divide(mean * size**2, total, out=np.zeros_like(mean), where=total > 0)
    filters = np.split(kernel, count, axis=3)
    rough = [_number(kernels.roughness(each)) for each in filters]
    return pd.DataFrame(
        {
            "filter": np.repeat(np.arange(count), len(rings)),
            "frequency": np.tile(rings / size, count),
            "relative_power": share.T.ravel(),
            "roughness": np.repeat(rough, len(rings)),
            "kernel_roughness": _number(kernels.roughness(kernel)),
            "energy_beyond": _number(kernels.energy_beyond(kernel, size / 4, size)),
            "height": height,
            "width": width,
        }
    )


def _number(scalar: Tensor) -> float:
    return float(ops.convert_to_numpy(scalar))
