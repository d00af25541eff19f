"""Names of the types that signatures are made of; nothing here does any work."""

import os
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.floating]
Integers: TypeAlias = npt.NDArray[np.integer]
Flags: TypeAlias = npt.NDArray[np.bool_]

PathLike: TypeAlias = str | os.PathLike[str]
"""A path from outside, which becomes a ``pathlib.Path`` at once."""

Size: TypeAlias = tuple[int, int]
"""Height and width in pixels."""

ImageShape: TypeAlias = tuple[int, int, int]
"""Height, width and channels."""

Shape: TypeAlias = tuple[int | None, ...]
"""Sides of a tensor; None for one that is not known while tracing."""

ImageSize: TypeAlias = int | Size | None
"""Size that images are resized to: one number for both sides, or None to leave them."""

Examples: TypeAlias = int | tuple[int | None, int | None] | None
"""How many images at most: in either split, in each, or None for all."""

Record: TypeAlias = dict[str, Any]
"""A JSON object."""


class Tensor(Protocol):
    """A tensor of Keras' backend, or an array that stands for one.

    Operators give Any: a checker that compares NumPy's overloads with a type that stands in
    its own results needs minutes for it.
    """

    @property
    def shape(self) -> Any:
        """Sides, None for one that is not known while tracing."""

    @property
    def dtype(self) -> Any:
        """Dtype of the backend, which ``keras.backend.standardize_dtype`` makes a name of."""

    def __array__(self, dtype: Any = ..., /) -> Array: ...  # noqa: D105
    def __getitem__(self, key: Any, /) -> Any: ...  # noqa: D105
    def __add__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __radd__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __sub__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __rsub__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __mul__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __rmul__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __truediv__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __pow__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __rtruediv__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __floordiv__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __neg__(self) -> Any: ...  # noqa: D105
    def __gt__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __ge__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __lt__(self, other: Any, /) -> Any: ...  # noqa: D105
    def __le__(self, other: Any, /) -> Any: ...  # noqa: D105


ArrayLike: TypeAlias = npt.ArrayLike | Tensor
"""What NumPy makes an array of: arrays, nested lists, tensors of TensorFlow and JAX."""

Predict: TypeAlias = Callable[[Any], Any]
"""Function from images to the outputs of a model."""

Change: TypeAlias = Callable[..., Any]
"""Function ``change(images, start=row)`` of a batch and the row of its first image."""

Component: TypeAlias = Literal["low", "high"]
TransformAxes: TypeAlias = Literal["spatial", "spatial_channel"]
Loss: TypeAlias = Literal["cross_entropy", "margin", "dlr"]
Norm: TypeAlias = Literal["linf", "l2"]
Channels: TypeAlias = Literal["mean", "power"]
Rings: TypeAlias = Literal["sum", "mean"]
Engine: TypeAlias = Literal["native", "cleverhans"]
Precision: TypeAlias = Literal["float32", "bfloat16", "auto"]

Mask: TypeAlias = tuple[Any, ...]
"""Frequencies of a perturbation: ("low", r), ("high", r) or ("band", inner, outer)."""

MaskShape: TypeAlias = Literal["disc", "square"]
RadiusUnit: TypeAlias = Literal["cycles", "nyquist"]
PixelRange: TypeAlias = tuple[float, float]
"""Smallest and largest value of a pixel."""

BnStatistics: TypeAlias = Literal["moving", "batch", "population"]
Scaling: TypeAlias = Literal["none", "max", "spread", "matched"]
Decomposition: TypeAlias = Literal["fourier", "svd"]
