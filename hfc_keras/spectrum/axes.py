r"""Axes of the transform: frequencies of an index, and the real basis of cosines and sines.

Radii count cycles per image. The zero frequency stands in the corner ``[0, 0]``, so no
shift is needed and even, odd and non-square sizes follow one rule: index ``k`` of ``n`` is
the frequency :math:`\min(k, n - k)` up to sign.

A radial filter weights the four coefficients :math:`(\pm u, \pm v)` alike, and a ring holds
all of them or none, so both are diagonal in the real orthonormal basis of cosines and sines
along each axis. On a processor the transform is therefore two real matrix products, which is
faster than a complex transform up to about 256 pixels. Beyond, and on an accelerator, whose
matrix units round to ten bits, it is the complex transform.
"""

import functools
from typing import Any, overload

import numpy as np
from keras import ops

from hfc_keras import per_backend
from hfc_keras.types import Floats, Tensor

# Sides up to which matrix products beat the complex transform on a processor.
LARGEST_PRODUCT = 256
Side = int | np.integer | Tensor


def uses_products(height: int | None, width: int | None) -> bool:
    """Whether planes of a size are transformed by matrix products; None is an unknown side."""
    large = any(side and side > LARGEST_PRODUCT for side in (height, width))
    return not (large or _on_accelerator())


@overload
def frequencies(size: int) -> Floats: ...
@overload
def frequencies(size: Tensor) -> Tensor: ...
def frequencies(size: Side) -> Floats | Tensor:
    """Distance of each DFT index to the zero frequency, along one axis."""
    index, length, module = _axis(size)
    return module.minimum(index, length - index)


@overload
def real_basis(size: int) -> tuple[Floats, Floats]: ...
@overload
def real_basis(size: Tensor) -> tuple[Tensor, Tensor]: ...
def real_basis(size: Side) -> tuple[Floats | Tensor, Floats | Tensor]:
    """Orthonormal rows 1, cos 1, sin 1, cos 2, ... along one axis, and their frequencies.

    Row k of frequency f = ceil(k / 2) is sqrt(2 / n) cos(2 pi f x / n) for odd k and the sine
    for even k; the rows of frequency 0 and n / 2 have no partner and are sqrt(1 / n) cosines.
    """
    index, length, module = _axis(size)
    frequency = module.ceil(index / 2)
    angle = module.mod(frequency[:, None] * index[None, :], length) * (2 * np.pi / length)
    single = ((frequency == 0) | (2 * frequency == length))[:, None]
    cosine = single | (module.mod(index, 2) == 1)[:, None]
    rows = module.where(cosine, module.cos(angle), module.sin(angle))
    rows = rows * module.sqrt(module.where(single, 1 / length, 2 / length))
    return (rows.astype("float32") if module is np else ops.cast(rows, "float32")), frequency


def _axis(size: Side) -> tuple[Any, Any, Any]:
    """Indices and size as floats, in NumPy when the size is known and as tensors when not."""
    if isinstance(size, (int, np.integer)):
        return np.arange(size, dtype="float64"), float(size), np
    return ops.arange(size, dtype="float64"), ops.cast(size, "float64"), ops


@functools.cache
def _on_accelerator() -> bool:
    return per_backend.has_accelerator()
