"""In which precision a network is trained, and whether this machine has it."""

import contextlib
import functools
import warnings
from collections.abc import Iterator

import keras

from hfc_keras.gradients.half_precision import FLAGS, ONEDNN, has_bfloat16

# Half of float16 underflows: it needs a scaled loss, also inside an attack. It is not offered.
CHOICES = ("float32", "mixed_bfloat16")
FULL = "float32"


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Build layers under a dtype policy, and put the one before back.

    Args:
        name: str, one of ``CHOICES``.

    Example:
        >>> with policy("mixed_bfloat16"):
        ...     keras.layers.Dense(3).compute_dtype
        'bfloat16'
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def usable(asked: str) -> str:
    """Precision that a training really has on this machine.

    Args:
        asked: str, one of ``CHOICES``, what a recipe asks for.

    Returns:
        str, ``asked`` where the machine computes in it, else ``"float32"``.

    Example:
        >>> usable("float32")
        'float32'
    """
    return asked if asked == FULL or has_bfloat16() else FULL


def tell_fallback(asked: str) -> None:
    """Warn, once in a process, where a training has less speed than its recipe asks for.

    Args:
        asked: str, one of ``CHOICES``.

    Warns:
        UserWarning: the first time that ``usable`` is another precision.

    Example:
        >>> tell_fallback("float32")
    """
    if usable(asked) != asked:
        _tell_once()


@functools.cache
def _tell_once() -> None:
    warnings.warn(
        "This machine does not compute in bfloat16 (no accelerator, and a processor without "
        f"{' or '.join(sorted(FLAGS))}, or {ONEDNN}=0); `precision` 'mixed_bfloat16' trains in "
        "float32, which is slower and no less exact. Received: precision='mixed_bfloat16'",
        stacklevel=4,
    )
