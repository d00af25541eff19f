"""Whether this machine computes in half precision."""

import os
import platform
from pathlib import Path

import keras

from hfc_keras import per_backend
from hfc_keras.gradients import accelerators

CPUINFO = Path("/proc/cpuinfo")
# Flags of processors that multiply matrices of bfloat16; the others emulate it, many times slower.
FLAGS = {"avx512_bf16", "amx_bf16"}
# TensorFlow multiplies bfloat16 on a processor by this library alone.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


def has_bfloat16() -> bool:
    """Whether an accelerator or the processor computes in bfloat16.

    Returns:
        bool; of a GPU before NVIDIA's compute capability 8.0 (with JAX also one of AMD), a
        processor whose flags Linux does not list, or TensorFlow without oneDNN, false.

    Example:
        >>> has_bfloat16() in (True, False)
        True
    """
    if per_backend.has_accelerator():
        return accelerators.has_bfloat16()
    return _processor_has_bfloat16()


def pays() -> bool:
    """Whether bfloat16 is faster than float32 here.

    Returns:
        bool; JAX has bfloat16 on a processor too, but convolves in float32 with it.

    Example:
        >>> pays() <= has_bfloat16()
        True
    """
    own = keras.backend.backend() != "jax" or per_backend.has_accelerator()
    return own and has_bfloat16()


def _processor_has_bfloat16() -> bool:
    without = keras.backend.backend() == "tensorflow" and os.environ.get(ONEDNN) == "0"
    if without or platform.system() != "Linux" or not CPUINFO.exists():
        return False
    words = CPUINFO.read_text(encoding="utf-8", errors="replace").split()
    return not FLAGS.isdisjoint(words)
