"""Which frequencies a model lives on, in one sentence."""

from collections.abc import Mapping

import pandas as pd

from hfc_keras.inspection.half_radius import half_radius, rounded
from hfc_keras.inspection.inspected import Inspected

# Share of the Nyquist frequency up to which frequencies are called so.
WORDS = {0.25: "low", 0.5: "low and middle", 0.75: "middle"}


def headline(subject: Inspected, tables: Mapping[str, pd.DataFrame]) -> str:
    """Return which frequencies a model lives on, by its accuracy on low components.

    The number in it is ``half_radius``, as in the section on these components.

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
    table = tables["frequency_accuracy"]
    radius, nyquist = half_radius(table, subject), subject.side / 2
    half = f"half of its {'accuracy above chance' if subject.labelled else 'answers'}"
    if radius is None:
        return (
            f"{name} lives on high frequencies: {half} needs more than those up to "
            f"{table['radius'].max():g} of {nyquist:g} cycles per image."
        )
    word = next((word for part, word in WORDS.items() if radius <= part * nyquist), "high")
    return (
        f"{name} lives on {word} frequencies: {half} needs those up to about {rounded(radius)} "
        f"of {nyquist:g} cycles per image."
    )
