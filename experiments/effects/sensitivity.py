"""Effects on the Fourier sensitivity: numbers of a spectrum by seed; measures for claims."""

import functools

import pandas as pd

from hfc_keras import reporting
from hfc_keras.reporting.claims.statements import Measure
from hfc_keras.reporting.effects.fourier_sensitivity import sensitivity_effect

PAPER = "Krishnamachari et al. 2022"


def rings(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the spectra, of a table that may also hold other measures."""
    return table[table["measure"] == "sensitivity"] if "measure" in table else table


def number(table: pd.DataFrame, recipe: str, name: str) -> pd.Series:
    """One number of ``sensitivity_numbers`` of a recipe, Series by seed.

    Args:
        table: DataFrame of ``fourier_sensitivity.rows`` with recipe and seed.
        recipe: str.
        name: str.
    """
    return sensitivity_effect(rings(table), name, recipe=recipe)


def moved(table: pd.DataFrame, recipe: str, name: str, over: str = "vanilla") -> pd.Series:
    """A recipe's number minus that of another, Series by seed."""
    return reporting.difference(number(table, recipe, name), number(table, over, name))


def of(words: str, name: str, unit: str = "share") -> Measure:
    """Return the Measure of a number."""
    return Measure(words, functools.partial(number, name=name), unit)


CENTRE = of("mean frequency of the spectrum in cycles per image", "centre", "cycles")
LOW = of("share up to a third of Nyquist", "low")
HIGH = of("share beyond two thirds of Nyquist", "high")
