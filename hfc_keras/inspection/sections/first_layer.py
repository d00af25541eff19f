"""Kernels of the first convolution, their roughness and their spectra."""

import keras
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import copying, kernels
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

# Side of the transform, at least; frequencies are parts of the sampling rate.
SIZE = 32


def _kernel(subject: Inspected) -> tuple[str, Floats]:
    """Name and kernel ``(height, width, in, out)`` of the first convolution of the images."""
    channels = subject.images.shape[3]
    for layer in copying.layers(subject.model):
        kind = isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D))
        kernel = np.asarray(layer.kernel, "float64") if kind and layer.built else None
        if kernel is not None and kernel.shape[2] == channels and max(kernel.shape[:2]) > 1:
            return layer.name, kernel
    raise NotApplicableError("the model has no convolution of the images that can be seen")


def _measure(subject: Inspected) -> pd.DataFrame:
    """A row per filter and frequency: power of the kernel, means over its channels."""
    layer, kernel = _kernel(subject)
    size = max(SIZE, *kernel.shape[:2])
    power = np.abs(np.fft.fft2(kernel, (size, size), axes=(0, 1))) ** 2
    # Mean over channels; each filter counts alike, however large its weights.
    power = power.mean(axis=2)
    total = power.sum(axis=(0, 1))
    frequency = np.abs(np.fft.fftfreq(size, 1 / size))
    ring = np.rint(np.hypot(frequency[:, None], frequency[None])).astype(int)
    rings = np.arange(size // 2 + 1)
    mean = np.stack([power[ring == each].mean(axis=0) for each in rings])
    share = np.divide(mean * size**2, total, out=np.zeros_like(mean), where=total > 0)
    quarter = float(np.asarray(kernels.energy_beyond(kernel, size / 4, size)))
    filters = range(kernel.shape[3])
    rough = [float(np.asarray(kernels.roughness(kernel[..., each : each + 1]))) for each in filters]
    rows = [
        {
            "layer": layer,
            "filter": index,
            "frequency": each / size,
            "relative_power": float(share[each, index]),
            "roughness": rough[index],
        }
        for index in filters
        for each in rings
    ]
    return pd.DataFrame(rows).assign(
        kernel_roughness=float(np.asarray(kernels.roughness(kernel))),
        energy_beyond=quarter,
        height=kernel.shape[0],
        width=kernel.shape[1],
    )


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
    filters = table["filter"].nunique()
    return Reading(
        f"roughness {rough:.2f}",
        f"The {filters} kernels of {height} x {width} in {first['layer']!r} have a roughness of "
        f"{rough:.2f}, {word} white noise ({noise:.2f}); {beyond:.2f} of their energy lies beyond "
        "half of Nyquist.",
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
