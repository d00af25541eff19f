"""Whether this machine computes in half precision."""

import os
import platform
from pathlib import Path

import keras

CPUINFO = Path("/proc/cpuinfo")
# Flags of processors that multiply matrices of bfloat16; the others emulate it, many times slower.
FLAGS = {"avx512_bf16", "amx_bf16"}
# TensorFlow multiplies bfloat16 on a processor by this library alone.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


def has_bfloat16() -> bool:
    """Whether an accelerator or the processor computes in bfloat16.

    Returns:
        bool; of a processor whose flags Linux does not list, or of TensorFlow without oneDNN,
        false.

    Example:
        >>> has_bfloat16() in (True, False)
        True
    """
    return _has_accelerator() or _processor_has_bfloat16()


def pays() -> bool:
    """Whether bfloat16 is faster than float32 here.

    Returns:
        bool; JAX has bfloat16 on a processor too, but convolves in float32 with it.

    Example:
        >>> pays() <= has_bfloat16()
        True
    """
    return has_bfloat16() and (keras.backend.backend() != "jax" or _has_accelerator())


def _has_accelerator() -> bool:
    return any(not device.startswith("cpu") for device in keras.distribution.list_devices())


def _processor_has_bfloat16() -> bool:
    without = keras.backend.backend() == "tensorflow" and os.environ.get(ONEDNN) == "0"
    if without or platform.system() != "Linux" or not CPUINFO.exists():
        return False
    words = CPUINFO.read_text(encoding="utf-8", errors="replace").split()
    return not FLAGS.isdisjoint(words)
