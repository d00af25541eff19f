"""Tensors of PyTorch that the package must convert as those on a GPU, on a CPU, too."""

import sys

import numpy as np
import torch


def in_gradient(frame):
    """Whether a frame is within a model that the package differentiates."""
    while frame and frame.f_globals["__name__"] != "hfc_keras.gradients.backends":
        frame = frame.f_back
    return frame is not None


def require_conversion():
    """Have NumPy take a tensor from tests, and refuse it from the package itself.

    On a GPU, or with a graph of gradients, only ``keras.ops.convert_to_numpy`` and ``as_array``
    make an array of it.
    """

    def to_array(tensor, dtype=None, copy=None):
        frame = sys._getframe(1)
        while frame.f_globals["__name__"].startswith("numpy"):
            frame = frame.f_back
        name = frame.f_globals["__name__"]
        if tensor.requires_grad and in_gradient(frame):
            return original(tensor)
        if name.startswith("hfc_keras") and name != "hfc_keras.arrays":
            raise TypeError(f"a tensor on a GPU has no NumPy array, in {name}:{frame.f_lineno}")
        return np.array(original(tensor.detach().cpu()), dtype=dtype, copy=copy)

    torch.set_warn_always(True)
    original, torch.Tensor.__array__ = torch.Tensor.__array__, to_array
