"""Spectra of the feature maps, layer by layer."""

import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis
from hfc_keras.contract import is_graph
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import NotApplicableError, Reading, Section
from hfc_keras.reporting.figures.feature_spectrum import (
    IMAGES,
    feature_spectrum_curves,
    high_frequency_table,
)


def _measure(subject: Inspected) -> pd.DataFrame:
    if not is_graph(subject.model):
        raise NotApplicableError("the layers of a model that is no graph of layers are not seen")
    images, _ = subject.some(subject.budget.spectra)
    return analysis.feature_spectrum(subject.model, images, batch_size=subject.batch_size)


def _draw(tables: dict[str, pd.DataFrame], subjects: dict[str, Inspected]) -> dict[str, Figure]:
    several = len(tables) > 1
    return {name if several else "": feature_spectrum_curves(each) for name, each in tables.items()}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    high = high_frequency_table(table).set_index("layer")["log_amplitude"].dropna()
    layers = high.drop(IMAGES, errors="ignore")
    if not len(layers):
        raise NotApplicableError("no layer has maps of more than one pixel")
    top, bottom, last = layers.idxmax(), layers.idxmin(), layers.iloc[-1]
    start = f" (the images {high[IMAGES]:.1f})" if IMAGES in high else ""
    text = (
        f"At the Nyquist frequency the log amplitude relative to the mean ends at {last:.1f} in "
        f"{layers.index[-1]!r}{start}; it is highest in {top!r} ({layers[top]:.1f}) and lowest in "
        f"{bottom!r} ({layers[bottom]:.1f})"
    )
    return Reading(f"{last:.1f}", text + ".")


SECTION = Section(
    key="feature_spectrum",
    title="Feature maps",
    question="What do its layers do to the frequencies on the way?",
    method=(
        "Log amplitude of the feature maps of each layer by frequency, relative to their mean, "
        "from first (dark) to last; on the right its value at each layer's own Nyquist frequency. "
        "A layer that smooths makes it fall, one that sharpens makes it rise. "
        "Park and Kim, ICLR 2022."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: 4 * subject.budget.spectra,
    needs_skill=False,
)
