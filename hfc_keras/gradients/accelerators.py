"""What the accelerator that a backend computes on is called, and whether it has half precision."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import keras

# Compute capability of the first GPUs of NVIDIA that multiply matrices of bfloat16.
CAPABILITY = (8, 0)


def has_bfloat16() -> bool:
    """Whether the accelerators in use multiply matrices of bfloat16.

    Returns:
        bool; true for a TPU.

    Example:
        >>> has_bfloat16() in (True, False)
        True
    """
    told = CAPABILITIES[keras.backend.backend()]()
    return all(each is not None and each >= CAPABILITY for each in told)


def name() -> str | None:
    """Name of the first accelerator, as the backend knows it.

    Returns:
        str such as ``"NVIDIA H200"``, or None where there is none or the backend does not say.

    Example:
        >>> name() is None or len(name()) > 0
        True
    """
    return NAMES[keras.backend.backend()]()


def _capabilities_of_tensorflow() -> Sequence[tuple[int, ...] | None]:
    # A TPU is no GPU.
    return [each.get("compute_capability") for each in _gpus_of_tensorflow()]


def _capabilities_of_jax() -> Sequence[tuple[int, ...] | None]:
    import jax  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

    # A TPU has none of these numbers. Cards of AMD have names, such as gfx942.
    told = [str(getattr(device, "compute_capability", "9.0")) for device in jax.devices()]
    numbers = [re.fullmatch(r"(\d+)\.(\d+)", each) for each in told]
    return [each and (int(each[1]), int(each[2])) for each in numbers]


def _capabilities_of_torch() -> Sequence[tuple[int, ...] | None]:
    import torch  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

    return [torch.cuda.get_device_capability() if torch.cuda.is_available() else None]


def _name_of_tensorflow() -> str | None:
    return next((each.get("device_name") for each in _gpus_of_tensorflow()), None)


def _name_of_jax() -> str | None:
    import jax  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

    first = jax.devices()[0]
    return None if first.platform == "cpu" else first.device_kind


def _name_of_torch() -> str | None:
    import torch  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _gpus_of_tensorflow() -> list[dict[str, Any]]:
    import tensorflow as tf

    config: Any = tf.config.experimental
    return [config.get_device_details(each) for each in tf.config.list_physical_devices("GPU")]


CAPABILITIES: dict[str, Callable[[], Sequence[tuple[int, ...] | None]]] = {
    "tensorflow": _capabilities_of_tensorflow,
    "jax": _capabilities_of_jax,
    "torch": _capabilities_of_torch,
}
NAMES: dict[str, Callable[[], str | None]] = {
    "tensorflow": _name_of_tensorflow,
    "jax": _name_of_jax,
    "torch": _name_of_torch,
}
