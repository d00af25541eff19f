"""Error rate under a wave of each frequency."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables, named
from hfc_keras.reporting.figures.heat_maps import heat_map_panels


def _step(subject: Inspected) -> int:
    """Step from one frequency of a row or a column that is measured to the next."""
    return max(1, round(subject.side / subject.budget.waves_a_side))


def _measure(subject: Inspected) -> pd.DataFrame:
    images, labels = subject.some(subject.budget.waves)
    step = _step(subject)
    errors = analysis.fourier_heat_map(
        subject.model,
        images,
        labels,
        seed=subject.seed,
        batch_size=subject.batch_size,
        step=step,
    )
    height, width = errors.shape
    rows, columns = np.indices(errors.shape)
    clean = float((subject.answers[subject.some_rows(subject.budget.waves)] != labels).mean())
    table = pd.DataFrame(
        {
            "row": (rows - height // 2).ravel(),
            "column": (columns - width // 2).ravel(),
            "error": errors.ravel(),
            "clean_error": clean,
            "examples": len(images),
            "side": subject.side,
        }
    )
    return table.dropna(subset="error").reset_index(drop=True)


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    return {"": heat_map_panels(named(tables))}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    distance = np.hypot(table["row"], table["column"])
    rise = table["error"] - table["clean_error"]
    quarter, half = subject.side / 8, subject.side / 4
    bands = {
        f"up to {quarter:g} cycles": (distance > 0) & (distance <= quarter),
        f"from {quarter:g} to {half:g} cycles": (distance > quarter) & (distance <= half),
        f"beyond {half:g} cycles": distance > half,
    }
    # Small images have no frequency in the first of them.
    rises = [f"{rise[inside].mean():+.2f}" if inside.any() else "–" for inside in bands.values()]
    worst = table.iloc[int(table["error"].argmax())]
    peak = float(np.hypot(worst["row"], worst["column"]))
    told = ", ".join(
        f"{value} {name}" for value, name in zip(rises, bands, strict=True) if value != "–"
    )
    sentence = (
        f"A wave added to the images raises its error rate by {told} on average; most at "
        f"{peak:.3g} cycles ({worst['error']:.2f}, without a wave {worst['clean_error']:.2f})."
    )
    return Reading(" / ".join(rises), sentence)


SECTION = Section(
    key="fourier_heat_map",
    title="Fourier heat map",
    number="rise of the error by low, middle, high waves",
    question="Which waves mislead it?",
    method=(
        "A wave of one frequency is added to every image, with the same norm for each frequency "
        "(4 at 32 pixels) and a random sign for each image and channel; pixels are clipped. With "
        "--fast, and of large images, every second or n-th frequency is measured. Bright is "
        "wrong. The zero frequency is in the middle, the farther out the finer the wave. "
        "Yin et al., NeurIPS 2019."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: (
        np.prod(subject.images.shape[1:3]) / 2 / _step(subject) ** 2 * subject.budget.waves
    ),
    pictures=True,
)
