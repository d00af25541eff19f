"""Numbers on another data set than the table's own, for claims that are made of several."""

from collections.abc import Callable

import pandas as pd

from hfc_keras import reporting
from hfc_keras.reporting.claims.claim import Effects
from hfc_keras.reporting.claims.statements import Measure

# One of the data sets of the paper's appendix.
FASHION = "fashion_mnist"
APPENDIX = "on Fashion-MNIST, too (the paper's appendix)"


def on_fashion(measure: Measure) -> Measure:
    """Measure of the rows of Fashion-MNIST, for a Statement with ``other_dataset=FASHION``.

    Args:
        measure: Measure of the rows of one data set.

    Returns:
        Measure.
    """
    words = f"Fashion-MNIST: {measure.words}"
    return Measure(words, _rows_of(FASHION, measure.number), measure.unit)


def _rows_of(
    name: str, number: Callable[[pd.DataFrame, str], Effects]
) -> Callable[[pd.DataFrame, str], Effects]:
    def chosen(table: pd.DataFrame, recipe: str) -> Effects:
        if "dataset" not in table:
            raise reporting.MissingMeasurementError(
                f"A claim on another data set needs its rows. Received: dataset={name!r}"
            )
        return number(table[table["dataset"] == name], recipe)

    return chosen
