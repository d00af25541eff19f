"""What a device says when its memory is full, in the words of this package."""

import contextlib
from collections.abc import Iterator

from hfc_keras.error_texts import reason

# Of TensorFlow, JAX and PyTorch.
SIGNS = ("RESOURCE_EXHAUSTED", "ResourceExhausted", "out of memory", "Out of memory", "OOM when")


class LargeBatchError(MemoryError):
    """A batch that the memory of the device does not hold, with a smaller one to try."""


def is_full(error: BaseException) -> bool:
    """Whether an error says that memory is full.

    Args:
        error: BaseException of any backend.

    Returns:
        bool.

    Example:
        >>> is_full(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
        True
    """
    said = f"{type(error).__name__}: {error}"
    return isinstance(error, MemoryError) or any(sign in said for sign in SIGNS)


@contextlib.contextmanager
def told(images: int) -> Iterator[None]:
    """Say which batch to try instead when a block needs more memory than there is.

    Args:
        images: int, how many the block works on at once.

    Raises:
        LargeBatchError: for an error of the backend that says its memory is full.

    Example:
        >>> with told(256):
        ...     raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")
        Traceback (most recent call last):
        ...
        hfc_keras.full_memory.LargeBatchError: A batch must fit into the memory of the device; try batch_size=128. Received: images at once=256, RESOURCE_EXHAUSTED: out of memory
    """  # noqa: E501
    try:
        yield
    except Exception as error:
        if isinstance(error, LargeBatchError) or not is_full(error):
            raise
        advice = f"try batch_size={images // 2}" if images > 1 else "one image is too much for it"
        raise LargeBatchError(
            f"A batch must fit into the memory of the device; {advice}. "
            f"Received: images at once={images}, {_said(error)}"
        ) from error


def _said(error: Exception) -> str:
    """Line of an error that says so; TensorFlow begins with where it was."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if any(sign in line for sign in SIGNS)), reason(error))
