"""Numbers that a caller has in one form or another, as NumPy arrays."""

from typing import Any

import numpy as np

from hfc_keras.types import Array, ArrayLike


def as_array(values: ArrayLike) -> Array:
    """Return numbers as an array, without a copy where none is needed.

    Args:
        values: array, nested sequence or tensor; one of PyTorch may be on a GPU or part of a
            graph of gradients.

    Returns:
        Array; bfloat16 of PyTorch, which NumPy has not, as float32.

    Raises:
        ValueError: for sequences of several lengths.

    Example:
        >>> as_array([1, 2])
        array([1, 2])
    """
    tensor: Any = values
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    return np.asarray(tensor)
