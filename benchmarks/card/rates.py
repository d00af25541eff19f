"""What the card can do: products of matrices and copies, measured with both packages."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks import timing
from hfc_keras.types import Tensor

REPEATS = 5


def rates(matrix: int, copied: int, dtype: str, with_torch: bool) -> dict[str, float]:
    """Best rates of the card.

    Args:
        matrix: int, side of the square matrices.
        copied: int, numbers of float32 that are copied.
        dtype: str, of the matrices, ``"bfloat16"`` or ``"float32"``.
        with_torch: bool, whether PyTorch is asked, too.

    Returns:
        dict with matrix (operations a second) and copy (bytes a second, read and written).
    """
    products, copies = {"keras": _product(matrix, dtype)}, {"keras": _copy(copied)}
    if with_torch:
        products["torch"], copies["torch"] = _torch_product(matrix, dtype), _torch_copy(copied)
    fastest = [min(timing.interleaved(each, REPEATS).values()) for each in (products, copies)]
    return {"matrix": 2 * matrix**3 / fastest[0], "copy": 2 * 4 * copied / fastest[1]}


def compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function of tensors, compiled where the backend is JAX."""
    if keras.backend.backend() == "jax":
        import jax  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

        return jax.jit(function)
    return function


def wait(tensor: Tensor) -> float:
    """Wait until a tensor is computed, by a number of it."""
    return float(tensor[(0,) * len(tensor.shape)])


def _product(side: int, dtype: str) -> Callable[[], float]:
    one: Any = ops.cast(np.random.default_rng(0).random((side, side), "float32"), dtype)
    multiply = compiled(ops.matmul)
    return lambda: wait(multiply(one, one))


def _copy(count: int) -> Callable[[], float]:
    numbers: Any = ops.ones((count,), "float32")
    double = compiled(lambda each: 2.0 * each)
    return lambda: wait(double(numbers))


def _torch_product(side: int, dtype: str) -> Callable[[], float]:
    from benchmarks.card import by_hand

    one = by_hand.torch.rand(side, side, device=by_hand.device(), dtype=by_hand.dtype(dtype))
    return lambda: float((one @ one)[0, 0])


def _torch_copy(count: int) -> Callable[[], float]:
    from benchmarks.card import by_hand

    numbers = by_hand.torch.ones(count, device=by_hand.device())
    return lambda: float((2.0 * numbers)[0])
