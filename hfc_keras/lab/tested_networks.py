"""A trained network as the experiments test it: batch normalization by population statistics.

Moving averages are poor after a short training, and follow its last batches; the statistics of a
test batch let an image's answer depend on its neighbors. So every measure of a last epoch that
does not compare the three takes mean and variance over the images trained on, for attacks and
gradients as well as for answers.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import pandas as pd

from hfc_keras import analysis, training
from hfc_keras.lab import settings
from hfc_keras.lab.runner import Cell
from hfc_keras.types import Floats, Record


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """Settings of an experiment whose networks are tested so."""

    def measured_with(self) -> Record:
        """Return what rows depend on besides the recipe: also the statistics."""
        return {**super().measured_with(), "bn_statistics": "population"}


class Network:
    """Trained network of a cell, with population statistics where it has batch normalization.

    Args:
        cell: runner.Cell; trained here, or fetched.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.trained, self.history = cell.fit()
        self.bn_statistics = "population" if analysis.has_batch_norm(self.trained) else "none"

    @functools.cached_property
    def model(self) -> keras.Model:
        """keras.Model that is tested, made at the first use."""
        if self.bn_statistics == "none":
            return self.trained
        images = population(self.cell, self.trained)
        return analysis.with_statistics(self.trained, "population", images)

    def measured(
        self,
        measure: str,
        arguments: Record,
        compute: Callable[..., pd.DataFrame],
        in_parts: bool = False,
    ) -> pd.DataFrame:
        """Rows of a measure from the store, or computed and kept there.

        Args:
            measure: str.
            arguments: dict for JSON, what the rows depend on besides the network.
            compute: function of the model that returns the DataFrame.
            in_parts: bool, whether it also takes a folder ``resume``, see ``Store.measured``.

        Returns:
            DataFrame with the column bn_statistics.
        """
        tested = {} if self.bn_statistics == "none" else {"bn_statistics": self.bn_statistics}

        def computed(**folder: Any) -> pd.DataFrame:
            return compute(self.model, **folder)

        rows = self.cell.measured(measure, {**arguments, **tested}, computed, in_parts)
        return rows.assign(bn_statistics=self.bn_statistics)


def marked(model: keras.Model, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a model, which say ``none`` in bn_statistics where it has no batch normalization."""
    return table if analysis.has_batch_norm(model) else table.assign(bn_statistics="none")


def population(cell: Cell, model: keras.Model) -> Floats:
    """Images of the population statistics of a cell's network, see ``population_images``."""
    return training.population_images(cell.recipe, cell.dataset(), model)


def measured(
    cell: Cell,
    model: keras.Model,
    measure: str,
    arguments: Record,
    compute: Callable[..., pd.DataFrame],
) -> pd.DataFrame:
    """Rows of a measure with one kind of statistics, from the store or computed and kept there.

    Args:
        cell: runner.Cell, trained.
        model: its keras.Model.
        measure: str.
        arguments: dict for JSON, what the rows depend on besides the network, with bn_statistics.
        compute: function that returns the DataFrame; it is given ``train_images`` where the
            statistics are those of the population.

    Returns:
        DataFrame.
    """
    whole = arguments["bn_statistics"] == "population"
    # A population of augmented images is another one than that of earlier versions.
    drawn = whole and training.is_augmented(cell.recipe, cell.dataset())
    told = {**arguments, "population": "augmented"} if drawn else arguments

    def computed() -> pd.DataFrame:
        return compute(train_images=population(cell, model)) if whole else compute()

    return cell.measured(measure, told, computed)
