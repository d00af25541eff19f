"""What Keras does not do alike on all backends."""

import contextlib
from contextlib import AbstractContextManager
from typing import Any

import keras


def devices() -> list[str]:
    """Devices that Keras computes on.

    Returns:
        list of str, such as ``["cpu:0"]`` or ``["gpu:0"]``; of PyTorch the one in use, such as
        ``["cuda:0"]``.

    Example:
        >>> len(devices()) > 0
        True
    """
    if keras.backend.backend() == "torch":
        zero: Any = keras.ops.zeros(())
        return [str(zero.device)]
    return keras.distribution.list_devices()


def has_accelerator() -> bool:
    """Whether Keras computes on anything but the processor.

    Returns:
        bool.

    Example:
        >>> has_accelerator() in (True, False)
        True
    """
    return any(not device.startswith("cpu") for device in devices())


def seed_own_generator(seed: int) -> None:
    """Seed PyTorch's own generator, from which Keras' dropout draws there if it has no seed.

    The other backends draw from states that are variables alone.

    Args:
        seed: int of at least 0.

    Example:
        >>> seed_own_generator(1)
    """
    if keras.backend.backend() == "torch":
        import torch  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

        torch.manual_seed(seed)


def without_gradients() -> AbstractContextManager[None]:
    """Context in which PyTorch keeps nothing to differentiate by.

    The other backends keep only what somebody asked for.

    Returns:
        Context manager.

    Example:
        >>> with without_gradients():
        ...     total = keras.ops.sum(keras.Variable([1.0, 2.0]))
        >>> float(total)
        3.0
    """
    if keras.backend.backend() != "torch":
        return contextlib.nullcontext()
    import torch  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

    return torch.no_grad()
