"""Arrays that fit into memory, or words."""

import math
import os

import numpy as np
import numpy.typing as npt

from hfc_keras import checks


def physical() -> float:
    """Return the machine's memory in bytes; infinity where the system does not say.

    Returns:
        float.

    Example:
        >>> physical() > 2**27
        True
    """
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return math.inf


def require_room(size: float, **received: object) -> None:
    """Refuse data that the machine's memory cannot hold.

    Args:
        size: int, bytes.
        **received: what the message says of the data, by name.

    Raises:
        ValueError: if they are more than all of its memory.

    Example:
        >>> require_room(10**15, name="huge.npz")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: data must fit into memory (1,000,000.0 GB of ... GB). Received: name='huge.npz'
    """
    room = physical()
    expectation = f"data must fit into memory ({size / 1e9:,.1f} GB of {room / 1e9:,.1f} GB)"
    checks.require(size <= room, expectation, **received)


def pixel_array(shape: tuple[int, int, int, int], **received: object) -> npt.NDArray[np.uint8]:
    """Return an array for images that are about to be read.

    Args:
        shape: ``(batch, height, width, channels)``.
        **received: what the message says of the data, by name.

    Returns:
        uint8 array, its values not set.

    Raises:
        ValueError: if the memory does not hold it.

    Example:
        >>> pixel_array((2, 8, 8, 1)).shape
        (2, 8, 8, 1)
    """
    require_room(math.prod(shape), **received, shape=shape)
    try:
        return np.empty(shape, "uint8")
    except MemoryError as error:
        raise ValueError(
            "images must fit into the memory that is free; fewer `examples` or a smaller "
            f"`image_size` take less. Received: shape={shape!r}, {error}"
        ) from error
