"""What the experiments share that measure several ways of training a network alike."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.effects import changes, sensitivity
from experiments.measures import changed_images, fourier_sensitivity
from hfc_keras import attacks, checks, data, reporting, training
from hfc_keras.lab import tested_networks, variants
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.lab.variants import Variant
from hfc_keras.reporting.statistics.accuracy_intervals import intervals_in_words
from hfc_keras.types import ImageShape

KEYS = "recipe seed measure condition level ring".split()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Changed(tested_networks.Settings):
    """Settings of an experiment that measures networks on corrupted and attacked images."""

    MEASURED_WITH: ClassVar = ("epsilons", "severities")

    epsilons: tuple[float, ...] = (2 / 255, 8 / 255)
    """Radii of the L-inf balls of FGSM and PGD."""
    severities: tuple[int, ...] = (1, 3, 5)
    """Severities of the corruptions, 1 to 5."""

    def check(self) -> None:
        """Also reject invalid epsilons and severities."""
        super().check()
        for epsilon in self.epsilons:
            attacks.Pgd(epsilon)
        image = np.zeros((1, *self.image_shape()), "float32")
        for severity in self.severities:
            data.corrupt(image, "contrast", severity)
        for name in ("epsilons", "severities"):
            distinct(name, getattr(self, name))

    def image_shape(self) -> ImageShape:
        """(height, width, channels) of the data set."""
        return training.load_data(self.base_recipe(), self.data_dir).image_shape


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Changed):
    """Settings of such an experiment."""

    MEASURED_WITH: ClassVar = (*Changed.MEASURED_WITH, "shift")

    shift: int | None = None
    """Largest shift of the images in pixels. Default: an eighth of the smaller side."""

    def check(self) -> None:
        """Also reject a shift larger than the image."""
        super().check()
        if self.shift is not None:
            checks.number("shift", self.shift, 1, min(self.image_shape()[:2]) - 1, whole=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Given(Settings):
    """Settings of such an experiment whose networks are given, but for their width."""

    width: float | None = None
    """Factor on the filters of the networks. Default: one at which a quick training takes \
minutes, or 1 for paper."""

    def check(self) -> None:
        """Also reject another network."""
        checks.require(
            self.model is None,
            "`model` must be left out: the networks of this experiment are given",
            model=self.model,
        )
        super().check()


def distinct(name: str, values: Collection[object]) -> None:
    """Refuse a setting that holds no value, or one twice.

    Args:
        name: str, the setting's name.
        values: tuple.
    """
    checks.require(
        values and len(set(values)) == len(values),
        f"`{name}` must hold at least one value and none twice",
        **{name: values},
    )


def measure(cell: Cell) -> pd.DataFrame:
    """Everything that is measured, of one cell.

    Args:
        cell: runner.Cell whose settings are Settings.

    Returns:
        DataFrame of ``rows``.
    """
    return rows(tested_networks.Network(cell))


def rows(network: tested_networks.Network) -> pd.DataFrame:
    """Everything that is measured of every network.

    Args:
        network: tested_networks.Network of a cell whose settings are Settings.

    Returns:
        DataFrame with the columns measure, condition, level, ring, accuracy, value, examples,
        bn_statistics and others:
        the Fourier sensitivity, accuracy on test images as they are, by thirds of the frequencies,
        under corruptions and attacks, and how often a shift changes the class.
    """
    settings, side = network.cell.settings, min(network.cell.dataset().image_shape[:2])
    return pd.concat(
        [
            fourier_sensitivity.rows(network).assign(measure="sensitivity"),
            changed_images.clean(network),
            changed_images.filtered(network),
            changed_images.corrupted(network, settings.severities),
            changed_images.attacked(network, settings.epsilons),
            changed_images.shifted(network, settings.shift or side // 8),
        ],
        ignore_index=True,
    )


def source(table: pd.DataFrame) -> str:
    """Who made the corrupted images."""
    return ", ".join(sorted(set(table["source"].dropna()) - {"images"}))


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies and other shares in one column, accuracy; errors of calibration are left out."""
    left_out = ("sensitivity", "calibration", "calibration_corrupted", "uncorrupted")
    return changes.filled(table[~table["measure"].isin(left_out)])


def corruptions(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies on corrupted images, and on the same ones as they are, as rows of corruptions.

    The latter are missing in tables of version 0.4.
    """
    cells = ["recipe", "seed"]
    corrupted, uncorrupted = (
        table[table["measure"] == name] for name in ("corrupted", "uncorrupted")
    )
    whole = len(corrupted[cells].drop_duplicates()) == len(uncorrupted[cells].drop_duplicates())
    chosen = pd.concat([uncorrupted, corrupted]) if whole else corrupted
    return chosen.assign(corruption=chosen["condition"], severity=chosen["level"].fillna(0))


def spectra(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers of each spectrum, see ``reporting.sensitivity_table``."""
    return reporting.sensitivity_table(sensitivity.rings(table))


def by_condition(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies and other shares, see ``reporting.condition_table``."""
    return reporting.condition_table(shares(table))


def by_corruption(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies under corruptions, see ``reporting.corruption_table``."""
    return reporting.corruption_table(corruptions(table))


TABLES = (spectra, by_condition, by_corruption)


def summary(table: pd.DataFrame) -> str:
    """Spectra and accuracies in a few numbers."""
    return f"{spectra_in_words(table)}\n\n{accuracies_in_words(table)}"


def spectra_in_words(table: pd.DataFrame) -> str:
    """Numbers of each spectrum, with a heading."""
    return (
        "Fourier sensitivity (mean +- standard deviation over seeds; low, mid, high: share of the\n"
        "rings up to a third of Nyquist, two thirds, beyond; peak, centre: cycles per image)\n\n"
        f"{spectra(table).to_string()}"
    )


def accuracies_in_words(table: pd.DataFrame) -> str:
    """Accuracies and other shares, and accuracy by corruption, with headings."""
    whole = intervals_in_words(table[table["measure"] == "clean"], ["recipe"])
    return (
        f"Accuracy, and other shares\n\n{by_condition(table).to_string()}\n\n{whole}\n\n"
        f"Accuracy under corruptions ({source(table)}), mean over severities\n\n"
        f"{by_corruption(table).to_string()}"
    )


def figures(
    table: pd.DataFrame,
    plan: Plan,
    ways: Mapping[str, Variant],
    heading: str,
    label: str = "accuracy or share",
) -> dict[str, Figure]:
    """Draw accuracies and shares, spectra, and accuracy by corruption.

    Args:
        table: DataFrame of ``rows`` with recipe and seed.
        plan: runner.Plan.
        ways: dict from name to variants.Variant.
        heading: str, of the spectra.
        label: str, what stands below the axis of accuracies and shares.

    Returns:
        dict from what is added to the file's name to the figure.
    """
    named = variants.drawn(ways)
    rings = sensitivity.rings(table)
    return {
        "": reporting.condition_points(shares(table), **named, label=label, chance=plan.chance),
        "_sensitivity": reporting.sensitivity_curves(rings, {heading: ways}, **named),
        "_corruptions": reporting.corruption_points(
            corruptions(table), **named, chance=plan.chance
        ),
    }
