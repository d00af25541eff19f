"""Kernels of the first convolution, their roughness and their spectra."""

from typing import Any

import keras
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis, copying
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import (
    NotApplicableError,
    Reading,
    Section,
    Subjects,
    Tables,
    compared,
    named,
)
from hfc_keras.reporting.figures.kernel_spectra import kernel_spectra
from hfc_keras.reporting.figures.kernels import MOST_CHANNELS, kernel_pictures
from hfc_keras.types import Floats

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
# Methods in which a layer may change its kernel before it convolves.
WAYS = ("call", "convolution_op")


def _kernel(subject: Inspected) -> tuple[str, Floats]:
    """Name and kernel ``(height, width, in, out)`` of the first convolution of the images."""
    channels = subject.images.shape[3]
    for layer in copying.layers(subject.model):
        if not (isinstance(layer, CONVOLUTIONS) and layer.built):
            continue
        kernel = _effective(layer)
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        seen = layer.kernel.shape[2] if depthwise else kernel.shape[2]
        if seen == channels and max(kernel.shape[:2]) > 1:
            return layer.name, kernel
    raise NotApplicableError("the model has no convolution of the images that can be seen")


def _effective(layer: Any) -> Floats:
    """Kernel that a layer convolves with, which need not be the one that it trains."""
    if hasattr(layer, "smoothed_kernel"):
        return keras.ops.convert_to_numpy(layer.smoothed_kernel).astype("float64")
    plain = next(kind for kind in CONVOLUTIONS if isinstance(layer, kind))
    own = [name for name in WAYS if getattr(type(layer), name) is not getattr(plain, name)]
    if own:
        raise NotApplicableError(
            f"the first convolution, {layer.name!r}, has a {own[0]} of its own, so that what it "
            "convolves with need not be its weights"
        )
    kernel = np.asarray(layer.kernel, "float64")
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        # A filter for each channel and multiplier: none sums over channels.
        return kernel.reshape(*kernel.shape[:2], 1, -1)
    return kernel


def _measure(subject: Inspected) -> pd.DataFrame:
    """Spectra of the kernel of the first convolution."""
    layer, kernel = _kernel(subject)
    table = analysis.kernel_spectra(kernel)
    table.insert(0, "layer", layer)
    return table


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    found = {name: _kernel(subject)[1] for name, subject in subjects.items()}
    rough = {name: float(table["kernel_roughness"].iloc[0]) for name, table in tables.items()}
    figures = {}
    if all(kernel.shape[2] <= MOST_CHANNELS for kernel in found.values()):
        figures["kernels"] = kernel_pictures(found, rough=rough)
    figures["spectra"] = kernel_spectra(named(tables))
    return figures


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    first = table.iloc[0]
    height, width = int(first["height"]), int(first["width"])
    noise = 2 * ((height - 1) / height + (width - 1) / width)
    rough, beyond = first["kernel_roughness"], first["energy_beyond"]
    word = compared(rough - noise, 0.1 * noise, "smoother than", "like", "rougher than")
    count = table["filter"].nunique()
    filters = f"{count} filters" if count > 1 else "filter"
    return Reading(
        f"roughness {rough:.2f}",
        f"The {filters} of {height} x {width} in {first['layer']!r} "
        f"{'have' if count > 1 else 'has'} a roughness of {rough:.2f}, {word} white noise "
        f"({noise:.2f}); {beyond:.2f} of the energy lies above half of Nyquist.",
    )


SECTION = Section(
    key="first_layer",
    title="First layer",
    number="roughness of the kernels",
    question="What does its first layer look for?",
    method=(
        "Kernels of the first convolution: weights as pictures, and the power of each filter by "
        "frequency (cycles per pixel, 0.5 is Nyquist), relative to the filter's mean, so that 1 is "
        "white. Roughness is the sum of squared differences of adjacent weights over that of the "
        "weights: 0 for constant kernels. Smooth kernels pass low frequencies, but later layers "
        "have their say, too."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: 1.0,
    needs_skill=False,
    pictures=True,
)
