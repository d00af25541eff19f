"""Measurements of many rows a seed, which every seed must have in the same number."""

from hfc_keras.reporting.effects import MissingMeasurementError


def complete_rows(rows, seeds, **named):
    """Return rows after proving that every seed has as many of them.

    Args:
        rows: DataFrame with the column seed.
        seeds: iterable of int, the seeds that must have rows.
        **named: what the rows are, for the message.

    Returns:
        ``rows``.

    Raises:
        MissingMeasurementError: if a seed has none or not as many as another, or there is no seed.

    Example:
        >>> import pandas as pd
        >>> len(complete_rows(pd.DataFrame({"seed": [0, 0, 1, 1]}), [0, 1]))
        4
    """
    counts = rows["seed"].value_counts().reindex(sorted(set(seeds)), fill_value=0)
    if not len(counts) or counts.min() == 0 or counts.nunique() > 1:
        told = ", ".join(f"{name}={value!r}" for name, value in named.items())
        raise MissingMeasurementError(
            "A table must hold the same measurements of every seed. "
            f"Received: {told}, rows by seed {counts.to_dict()}"
        )
    return rows
