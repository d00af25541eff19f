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
        ValueError: for sequences of several lengths, or what has no place in an array.

    Example:
        >>> as_array([1, 2])
        array([1, 2])
    """
    tensor: Any = values
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    try:
        return np.asarray(tensor)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"numbers must be an array, or sequences of one length. Received: {values!r:.80}"
        ) from error


def rank(values: object) -> int:
    """Return the number of axes that values have as an array.

    Args:
        values: anything.

    Returns:
        int; -1 for sequences of several lengths, which are no array.

    Example:
        >>> rank(3), rank([1, 2]), rank([1, [2]])
        (0, 1, -1)
    """
    given: Any = values
    try:
        return np.ndim(given)
    except ValueError:
        return -1
