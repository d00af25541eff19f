"""Spectra of the feature maps, layer by layer."""

import os

import numpy as np
import pandas as pd
from keras import ops
from matplotlib.figure import Figure

from hfc_keras import analysis, gradients
from hfc_keras.analysis.feature_maps import FeatureMaps
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import (
    NotApplicableError,
    Reading,
    Section,
    Subjects,
    Tables,
    figure_name,
)
from hfc_keras.reporting.figures.feature_spectrum import (
    IMAGES,
    feature_spectrum_curves,
    high_frequency_table,
)

MOST_LAYERS = 32


def _measure(subject: Inspected) -> pd.DataFrame:
    images, _ = subject.some(subject.budget.spectra)
    layers = _chosen(subject)
    if not layers:
        raise NotApplicableError("no layer has maps of more than one pixel")
    table = analysis.feature_spectrum(subject.model, images, layers, subject.batch_size)
    return table.assign(layer=_without_common_path(table["layer"].tolist()))


def _without_common_path(names: list[str]) -> list[str]:
    """Names without the models that all layers are in."""
    paths = [name.split("/")[:-1] for name in names if name != IMAGES]
    common = os.path.commonprefix(paths)
    return [name if name == IMAGES else "/".join(name.split("/")[len(common) :]) for name in names]


def _chosen(subject: Inspected) -> list[str]:
    """Some layers of many, from the first to the last, that have maps of more than one pixel."""
    maps = FeatureMaps(subject.model)
    _, found = gradients.inference(maps)(ops.convert_to_tensor(subject.images[:1]))
    names = [name for name, each in found.items() if max(each.shape[1:3]) > 1]
    places = np.linspace(0, len(names) - 1, min(MOST_LAYERS, len(names)))
    return [names[place] for place in sorted(set(places.round().astype(int).tolist()))]


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    return {
        figure_name(name, subjects): feature_spectrum_curves(table)
        for name, table in tables.items()
    }


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    high = high_frequency_table(table).set_index("layer")["log_amplitude"].dropna()
    layers = high.drop(IMAGES, errors="ignore")
    if not len(layers):
        raise NotApplicableError("no layer has maps of more than one pixel")
    names, values = layers.index.tolist(), layers.to_numpy()
    top, bottom, last = int(values.argmax()), int(values.argmin()), values[-1]
    start = f" (the images {_rounded(high[IMAGES])})" if IMAGES in high else ""
    text = (
        f"At the Nyquist frequency the log amplitude relative to the mean ends at "
        f"{_rounded(last)} in {names[-1]!r}{start}"
    )
    if len(names) > 1:
        text += (
            f"; it is highest in {names[top]!r} ({_rounded(values[top])}) and lowest in "
            f"{names[bottom]!r} ({_rounded(values[bottom])})"
        )
    return Reading(_rounded(last), text + ".")


def _rounded(value: float) -> str:
    """A number to one place, without a minus before what rounds to zero."""
    return f"{round(float(value), 1) + 0.0:.1f}"


SECTION = Section(
    key="feature_spectrum",
    title="Feature maps",
    number="log amplitude at Nyquist, last layer",
    question="What do its layers do to the frequencies on the way?",
    method=(
        "Log amplitude of the feature maps of each layer by frequency, relative to their mean, "
        "colored in their order; on the right its value at each layer's own Nyquist frequency. "
        "A layer that smooths makes it fall, one that sharpens makes it rise. Of deep networks 32 "
        "layers are shown, from the first to the last. "
        "Park and Kim, ICLR 2022."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: 4 * subject.budget.spectra,
    needs_skill=False,
)
