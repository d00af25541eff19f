"""What the experiments on robustness share: settings, attacks, rows, summary."""

import dataclasses
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, cast

import keras
import numpy as np
import pandas as pd

from hfc_keras import analysis, attacks, checks, kernels, models
from hfc_keras.data.dataset import Split
from hfc_keras.lab import tested_networks
from hfc_keras.lab.runner import Cell
from hfc_keras.lab.settings import AdversarialSettings
from hfc_keras.reporting.figures.kernels import kernel_table
from hfc_keras.reporting.figures.robustness import robustness_table
from hfc_keras.reporting.statistics.accuracy_intervals import intervals_in_words
from hfc_keras.types import Engine, Record

KEYS = "recipe seed rho normalized attack epsilon loss steps restarts".split()
# By profile: images attacked (None is all) and steps of PGD; the same and restarts of the long one.
# The three attacks at three epsilons take 370 passes with 20 steps, for each strength of smoothing.
SIZES = {
    "smoke": {"attacked": 40, "steps": 4, "long": (20, 10, 2)},
    "quick": {"attacked": 1000, "steps": 20, "long": (200, 100, 3)},
    "paper": {"attacked": None, "steps": 40, "long": (1000, 100, 3)},
}
USUAL_SIZES = {"attacked": 2000, "steps": 20, "long": (500, 100, 3)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(tested_networks.Settings, AdversarialSettings):
    """Settings of an experiment that attacks its networks."""

    PAPER_EPSILON: ClassVar = 0.03
    MEASURED_WITH: ClassVar = ("epsilons", "long_epsilons", "attacked", "steps")

    epsilons: tuple[float, ...] = (0.03, 0.06, 0.09)
    """Radii of the L-inf balls of FGSM and PGD, tested with cross-entropy and with margin loss."""
    long_epsilons: tuple[float, ...] = (0.03, 0.06)
    """Radii at which what survives PGD is attacked again, with many steps and restarts."""
    attacked: int | None = None
    """Test images to attack. Default: 40 for smoke, 1000 for quick, all for paper, else 2000."""
    steps: int | None = None
    """Steps of PGD. Default: 4 for smoke, 40 for paper, else 20."""

    def check(self) -> None:
        """Also reject invalid attacks."""
        super().check()
        for epsilon in (*self.epsilons, *self.long_epsilons):
            attacks.Pgd(epsilon, steps=self.sizes["steps"])
        if self.attacked is not None:
            checks.number("attacked", self.attacked, minimum=1, whole=True)

    def measured_with(self) -> Record:
        """Return what rows depend on besides the recipe: also the engine, if not CleverHans."""
        other = {} if self.engine == "cleverhans" else {"engine": self.engine}
        return {**super().measured_with(), "clean": "all", **other}

    @property
    def sizes(self) -> Record:
        """Images and steps, with the profile's defaults filled in."""
        chosen = {"attacked": self.attacked, "steps": self.steps}
        chosen = {name: value for name, value in chosen.items() if value is not None}
        return {**SIZES.get(self.profile, USUAL_SIZES), **chosen}


def measure(cell: Cell) -> pd.DataFrame:
    """Rows of a network as it was trained.

    Args:
        cell: runner.Cell whose settings are Settings.

    Returns:
        DataFrame of ``rows``.
    """
    return rows(tested_networks.Network(cell))


def rows(
    network: tested_networks.Network,
    model: keras.Model | None = None,
    rho: float = 0.0,
    normalized: bool = False,
) -> pd.DataFrame:
    """Accuracy of a model on images as they are and attacked, and how rough its kernels are.

    Args:
        network: tested_networks.Network.
        model: keras.Model, the network with its first layer smoothed; None is as it is.
        rho: float, how much its first layer was smoothed.
        normalized: bool, whether the smoothed kernel was divided by its sum.

    Returns:
        DataFrame of ``analysis.robust_accuracy`` with the columns rho, normalized, roughness
        and energy_beyond; each attack by itself, but the long ones only on what survives PGD.
        Images as they are are all test images.
    """
    cell, layer = network.cell, models.first_convolution(model or network.trained)
    kernel = cast(Any, getattr(layer, "smoothed_kernel", layer.kernel))
    width = cell.dataset().image_shape[1]
    shared = {
        "rho": rho,
        "normalized": normalized,
        "roughness": float(np.asarray(kernels.roughness(kernel))),
        "energy_beyond": float(
            np.asarray(kernels.energy_beyond(kernel, radius=width / 4, size=width))
        ),
    }
    sizes, balls = cell.settings.sizes, (cell.settings.epsilons, cell.settings.long_epsilons)
    chosen = cell.settings.measured_with()
    arguments = {"rho": rho, "normalized": normalized, "balls": balls, "clean": "all", **sizes}
    arguments.update({"engine": chosen["engine"]} if "engine" in chosen else {})

    def compute(own: keras.Model, resume: Path) -> pd.DataFrame:
        return _attacked(cell, model or own, sizes, *balls, resume)

    table = network.measured("robust_accuracy", arguments, compute, in_parts=True)
    # The column is the seed of the attack.
    return table.drop(columns="seed").assign(**shared)


def summary(table: pd.DataFrame) -> str:
    """Accuracies in words, kernels, and how often an attack had no gradient.

    Args:
        table: DataFrame of ``rows`` with recipe and seed.

    Returns:
        str of several lines.
    """
    attacked = table["examples"][table["attack"] != "none"]
    parts = [
        f"Accuracy on {table['examples'].max()} images as they are, on {attacked.max()} attacked "
        f"(mean +- standard deviation over seeds; attacks with restarts on {attacked.min()})",
        robustness_table(table).to_string(),
        intervals_in_words(table[table["attack"] == "none"], ["recipe", "rho", "normalized"]),
        "First-layer kernels as trained (radius: a quarter of the width)",
        kernel_table(table).to_string(),
    ]
    masked = table[table["zero_gradient_share"] > 0]
    if len(masked):
        worst = masked.loc[cast(Any, masked["zero_gradient_share"].idxmax())]
        parts.append(
            f"In {len(masked)} of {len(table)} rows some gradients are zero, so that the attack "
            f"leaves those images alone: at most {worst['zero_gradient_share']:.1%} "
            f"({worst['recipe']}, rho {worst['rho']:g}, {worst['attack']}, {worst['loss']})."
        )
    return "\n\n".join(parts)


def _attacked(
    cell: Cell,
    model: keras.Model,
    sizes: Record,
    epsilons: Iterable[float],
    long_epsilons: Iterable[float],
    resume: Path,
) -> pd.DataFrame:
    test, steps = cell.test_images(sizes["attacked"]), sizes["steps"]
    engine = cell.settings.engine
    tables = []
    with warnings.catch_warnings():
        # The shares are a column of the table and a line of the summary.
        warnings.filterwarnings("ignore", "The gradient of .* of the images")
        for epsilon in epsilons:
            for attack in (
                attacks.Fgsm(epsilon, engine=engine),
                attacks.Pgd(epsilon, steps=steps, engine=engine),
                attacks.Pgd(epsilon, steps=steps, loss="margin", engine=engine),
            ):
                tables.append(_alone(model, test, attack, resume))
        for epsilon in long_epsilons:
            few = cell.test_images(sizes["long"][0])
            tables.append(_long(model, few, epsilon, sizes, engine, resume))
    whole = cell.test_images()
    accuracy = analysis.changed_accuracy(model, whole.images, whole.labels)
    clean = tables[0].iloc[:1].assign(accuracy=accuracy, examples=len(whole))
    return pd.concat([clean, *(table.iloc[1:] for table in tables)], ignore_index=True)


def _alone(
    model: keras.Model, split: Split, attack: attacks.Fgsm | attacks.Pgd, resume: Path
) -> pd.DataFrame:
    """Rows ``none`` and of one attack."""
    table = analysis.robust_accuracy(model, split.images, split.labels, attack, resume=resume)
    return cast(pd.DataFrame, table).iloc[:2]


def _long(
    model: keras.Model, split: Split, epsilon: float, sizes: Record, engine: Engine, resume: Path
) -> pd.DataFrame:
    """Rows ``none`` and of an attack with many steps and restarts on what survives PGD."""
    _, steps, restarts = sizes["long"]
    short = [
        attacks.Pgd(epsilon, steps=sizes["steps"], loss=loss, engine=engine)
        for loss in ("cross_entropy", "margin")
    ]
    long = attacks.Pgd(epsilon, steps=steps, restarts=restarts, loss="margin", engine=engine)
    chosen = [*short, long]
    table = analysis.robust_accuracy(model, split.images, split.labels, chosen, resume=resume)
    return cast(pd.DataFrame, table).iloc[[0, len(short) + 1]]
