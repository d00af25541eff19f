"""Which frequencies a model lives on, in one sentence."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hfc_keras.inspection.inspected import Inspected

# Share of the Nyquist frequency up to which frequencies are called so.
WORDS = {0.25: "low", 0.5: "low and middle", 0.75: "middle"}


def headline(subject: Inspected, tables: Mapping[str, pd.DataFrame]) -> str:
    """Return which frequencies a model lives on, by its accuracy on low components.

    That is the smallest radius up to which frequencies are enough for half of its accuracy above
    chance, interpolated between the radii that were measured.

    Args:
        subject: Inspected.
        tables: dict from section to DataFrame.

    Returns:
        str, a sentence.
    """
    name = subject.name
    if "frequency_accuracy" not in tables:
        return f"{name}: which frequencies it lives on could not be measured."
    if not subject.beyond_luck:
        return f"{name} is near chance on these images: first see that it is fed as it was trained."
    own = tables["frequency_accuracy"]
    own = own[own["bn_statistics"] == "moving"].set_index("component")
    clean = float(own["accuracy"].to_numpy()[0])
    low = own.loc[["low"]]
    radius = crossing(low.set_index("radius")["accuracy"], (clean + subject.chance) / 2)
    nyquist = subject.side / 2
    what = "answers" if not subject.labelled else "accuracy above chance"
    if radius is None:
        return (
            f"{name} lives on high frequencies: half of its {what} needs more than those up to "
            f"{low['radius'].max():g} of {nyquist:g} cycles per image."
        )
    word = next((word for part, word in WORDS.items() if radius <= part * nyquist), "high")
    at = f"{radius:.0f}" if radius >= 2 else f"{radius:.1f}"
    return (
        f"{name} lives on {word} frequencies: half of its {what} needs those up to about "
        f"{at} of {nyquist:g} cycles per image."
    )


def crossing(values: pd.Series, level: float) -> float | None:
    """Return the first radius at which values reach a level, linear between radii; None if never.

    Args:
        values: Series of floats by radius, ascending.
        level: float.

    Returns:
        float or None.

    Example:
        >>> crossing(pd.Series([0.2, 0.6], index=[2.0, 4.0]), 0.4)
        3.0
    """
    x, y = values.index.to_numpy(), values.to_numpy()
    reached = np.flatnonzero(y >= level)
    if not len(reached):
        return None
    first = reached[0]
    if first == 0:
        return float(x[0])
    part = (level - y[first - 1]) / (y[first] - y[first - 1])
    return float(x[first - 1] + part * (x[first] - x[first - 1]))
