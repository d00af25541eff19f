"""Error rate under a wave of each frequency."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis, thirds
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables, named
from hfc_keras.reporting.figures.heat_maps import heat_map_cells, heat_map_panels


def _step(subject: Inspected) -> int:
    """Spacing of the measured frequencies along rows and columns."""
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
    clean = float((subject.answers[subject.some_rows(subject.budget.waves)] != labels).mean())
    return heat_map_cells(errors, clean).assign(examples=len(images), side=subject.side)


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    chances = {subject.chance for subject in subjects.values()}
    chance = chances.pop() if len(chances) == 1 else None
    return {"": heat_map_panels(named(tables), rise=True, chance=chance)}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    distance = np.hypot(table["row"], table["column"])
    rise = table["error"] - table["clean_error"]
    low, mid = thirds.limits(subject.side)
    bands = {
        f"up to {low:.3g} cycles": (distance > 0) & (distance <= low),
        f"from {low:.3g} to {mid:.3g} cycles": (distance > low) & (distance <= mid),
        f"above {mid:.3g} cycles": distance > mid,
    }
    # Small images have no frequency in the first of them.
    rises = [_signed(rise[inside].mean()) if inside.any() else "–" for inside in bands.values()]
    worst = table.iloc[int(table["error"].argmax())]
    peak = float(np.hypot(worst["row"], worst["column"]))
    told = ", ".join(
        f"{value} {name}" for value, name in zip(rises, bands, strict=True) if value != "–"
    )
    ties = int((table["error"] == worst["error"]).sum())
    where = f"{peak:.3g} cycles" + " among others" * (ties > 1)
    sentence = f"A wave added to the images changes its error rate by {told} on average"
    if worst["error"] > worst["clean_error"]:
        sentence += (
            f"; it is highest at {where} ({worst['error']:.2f}, without a wave "
            f"{worst['clean_error']:.2f})"
        )
    else:
        sentence += f"; no wave raises it above that without one ({worst['clean_error']:.2f})"
    return Reading(" / ".join(rises), sentence + ".")


def _signed(value: float) -> str:
    """A change to two places, without a minus before what rounds to zero."""
    return f"{round(float(value), 2) + 0.0:+.2f}"


SECTION = Section(
    key="fourier_heat_map",
    title="Fourier heat map",
    number="rise of the error by low, middle and high waves",
    question="Which waves mislead it?",
    method=(
        "A wave of one frequency is added to every image, with the same norm for each frequency "
        "(4 at 32 pixels) and a random sign for each image and channel; pixels are clipped. Of "
        "large images, and in a fast profile, every second or n-th frequency is measured. Brighter "
        "means more errors than without a wave. The zero frequency is in the middle; the farther "
        "out, the finer the wave. Low, middle and high are thirds of the frequencies up to "
        "Nyquist. Yin et al., NeurIPS 2019."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: (
        np.prod(subject.images.shape[1:3]) / 2 / _step(subject) ** 2 * subject.budget.waves
    ),
    pictures=True,
)
