"""Command line that all experiments share, and what a profile decides."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import keras
import tyro

from hfc_keras import attacks, checks
from hfc_keras.lab.profiles import (
    ADVERSARIES,
    ATTACKED,
    NORMALIZED,
    OTHER_SEEDS,
    PIXELS,
    PROFILES,
    RESIDUAL,
    SEEDS,
    Profile,
)
from hfc_keras.lab.spread import Spread
from hfc_keras.training import Recipe
from hfc_keras.types import Engine, Record

# An epoch of the 1,437 digits has 15 steps, one of 10,000 images 100.
DIGITS_EPOCHS = 40
FLAGS = ("publish", "fresh", "plan")
PATHS = ("data_dir", "store", "results", "networks", "table", *FLAGS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Asked:
    """What is asked of one experiment and of a run over all of them."""

    profile: Profile = "smoke"
    """smoke: takes seconds and checks that everything runs. quick: a small network on a subset of \
the images; minutes per recipe. standard: the small network on all images, 10 epochs. full: a \
wider one in half precision; half an hour per recipe. paper: the published protocol to the letter, \
for a GPU."""
    dataset: str | None = None
    """digits, synthetic, a TFDS image-classification set (cifar10, fashion_mnist, ...), an .npz \
file or a folder of class folders. Default: digits for smoke, cifar10 otherwise."""
    data_dir: Path | None = None
    """Where TFDS keeps its data sets. Default: TFDS_DATA_DIR, or TFDS' own default."""
    image_size: int | tuple[int, int] | None = None
    """Height and width in pixels to which images are resized, one number for both. Default: they \
stay as they are, and must have one size."""
    seeds: tuple[int, ...] | None = None
    """Seeds to repeat everything with. Default: 0 for smoke, 0 to 4 for standard, else 0 1 2."""
    store: Path = Path("results/.store")
    """Folder that keeps weights and unfinished trainings, so that a stopped run can be resumed."""
    results: Path = Path("results")
    """Folder for tables, figures and records: <results>/<profile>/<dataset>/."""
    publish: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Also write the trained models to <results>/models/."""
    fresh: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace tables that an earlier run made with other settings."""
    plan: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print what would be trained, in which order and how long it takes, and do nothing else."""


# The options of the last base come first.
@dataclasses.dataclass(frozen=True, kw_only=True)
class Common(Spread, _Asked):
    """Settings of one experiment and of a run over all of them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Common):
    """Settings that every experiment has; None lets the profile decide."""

    # Settings that rows depend on besides the recipe.
    MEASURED_WITH: ClassVar = ()
    # What an experiment changes in a profile, by profile.
    PROFILE_CHANGES: ClassVar = {}

    recipes: tuple[str, ...] | None = None
    """Which of the recipes to run (their names are above). Default: all."""
    examples: tuple[int, int] | None = None
    """Training and test images to use. Default: 10000 4000 for quick, else all."""
    epochs: int | None = None
    """Epochs of each training. Default: 4 for smoke, 12 (digits: 40) for quick, 10 for standard, \
16 for full, those of the paper for paper."""
    model: str | None = None
    """Network, one of hfc_keras.models.names(). Default: resnet8, or that of the paper for \
paper."""

    @property
    def dataset_name(self) -> str:
        """Data set, with the profile's default filled in."""
        return self.dataset or ("digits" if self.profile == "smoke" else "cifar10")

    @property
    def seed_list(self) -> tuple[int, ...]:
        """Seeds, with the profile's default filled in."""
        return self.seeds or SEEDS.get(self.profile, OTHER_SEEDS)

    @property
    def folder(self) -> Path:
        """Folder of this profile's and data set's results."""
        name = self.dataset_name
        if name.lower().endswith(".npz") or Path(name).is_dir():
            name = Path(name).resolve().stem
        return self.results / self.profile / re.sub("[/:]", "_", name)

    def check(self) -> None:
        """Refuse what cannot be trained or measured, once and before anything is.

        An experiment with more settings also checks these, after ``super().check()``.

        Raises:
            ValueError: naming the setting.
        """
        self.check_spread()
        for name in ("seeds", "recipes"):
            given = getattr(self, name)
            checks.require(given != (), f"`{name}` must hold at least one", **{name: given})
        seeds = self.seed_list
        checks.require(len(set(seeds)) == len(seeds), "`seeds` must differ", seeds=seeds)

    def base_recipe(self) -> Recipe:
        """Vanilla training of the profile, with what the command line overrides."""
        values = {**PROFILES[self.profile]}
        if self.profile == "quick" and self.dataset_name == "digits":
            values["epochs"] = DIGITS_EPOCHS
        values.update(self.PROFILE_CHANGES.get(self.profile, {}))
        return self._overridden(values)

    def normalized(self) -> Recipe:
        """Vanilla training with batch normalization, at the rate that it allows."""
        return self.base_recipe().but(normalization="batch", **NORMALIZED.get(self.profile, {}))

    def residual_recipe(self) -> Recipe:
        """Training of a residual network as the papers after the CVPR 2020 one have it.

        Returns:
            Recipe: that of the profile; the vanilla one where the profile has none, or where the
            experiment has one of its own.
        """
        if self.profile in self.PROFILE_CHANGES or self.profile not in RESIDUAL:
            return self.base_recipe()
        return self._overridden({**PROFILES[self.profile], **RESIDUAL[self.profile]})

    def _overridden(self, values: Mapping[str, Any]) -> Recipe:
        """Recipe with what the command line overrides."""
        values = dict(values)
        if values.pop("standardized", False):
            values["options"] = PIXELS.get(self.dataset_name.partition(":")[0], {})
        overridden = {
            name: getattr(self, name) for name in ("image_size", "examples", "epochs", "model")
        }
        epochs = values["epochs"]
        values.update({name: value for name, value in overridden.items() if value is not None})
        if "milestones" in values:
            # A shorter or longer training falls at the same shares of it; below seven
            # epochs some of the four fall together or away.
            scaled = {each * values["epochs"] // epochs for each in values["milestones"]}
            values["milestones"] = tuple(sorted(scaled - {0}))
        return Recipe(dataset=self.dataset_name, **values)

    def measured_with(self) -> Record:
        """Return what the rows of a cell depend on besides its recipe, if not at its default.

        Returns:
            dict from name to value.
        """
        values = {name: getattr(self, name) for name in self.MEASURED_WITH}
        return {name: value for name, value in values.items() if value != getattr(type(self), name)}

    def measured_epochs(self, epochs: int) -> list[int]:
        """Epochs whose components are measured: all for paper, else about six, spaced evenly.

        Args:
            epochs: int, length of the training.

        Returns:
            Ascending list of int that ends in ``epochs``.
        """
        if self.profile == "paper":
            return list(range(1, epochs + 1))
        parts = 2 if self.profile == "smoke" else 5
        return sorted({1, *(round(epochs * part / parts) or 1 for part in range(1, parts + 1))})

    def measured_examples(self) -> int | None:
        """Images for a measure of an epoch that is not the last; None is all of them."""
        return None if self.profile == "paper" else 1_000

    def final_examples(self, fewer: Mapping[str, int]) -> int | None:
        """Images for a measure of the last epoch; None is all.

        Args:
            fewer: dict from ``"smoke"`` and ``"quick"`` to int, for a measure that takes longer
                on all images than these profiles are meant to.

        Returns:
            int or None.
        """
        return fewer.get(self.profile)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Radii(Settings):
    """Settings of an experiment that filters images by radius."""

    MEASURED_WITH: ClassVar = ("radii", "inclusive")

    radii: tuple[float, ...] | None = None
    """Radii in cycles per image. Default: the width times 1/8, 1/4, 3/8 and 1/2."""
    inclusive: bool = True
    """Whether the rim of the disc belongs to it (<=, the paper) or not (<, its released code)."""

    def check(self) -> None:
        """Also reject invalid radii."""
        super().check()
        if self.radii is not None:
            checks.radii(self.radii)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Components(Radii):
    """Settings of an experiment that may also rescale what it filters."""

    MEASURED_WITH: ClassVar = (*Radii.MEASURED_WITH, "rescale")

    rescale: bool = False
    """Divide training images and tested components by their maximum, as the released code does; \
always so for paper."""

    def base_recipe(self) -> Recipe:
        """Vanilla training, on rescaled images where that is asked for."""
        vanilla = super().base_recipe()
        return vanilla.but(rescale=self.rescale or vanilla.rescale)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdversarialSettings(Settings):
    """Settings of an experiment that also trains on attacked images."""

    PAPER_EPSILON: ClassVar = 8 / 255

    adversary: Literal["pgd", "released", "fgsm"] | None = None
    """Adversary of the training. pgd: random start, 7 steps of 2.5 epsilon / 7 (2 for smoke). \
released: as the paper's released code, 10 steps of epsilon / 10 without random start. fgsm: one \
step of 1.25 epsilon from a random start. Default: fgsm for full, released for paper, else pgd."""
    epsilon: float | None = None
    """Radius of the adversary's L-inf ball, pixels being in [0, 1]. Default: 8/255, or as in the \
paper for paper."""

    @property
    def training_epsilon(self) -> float:
        """Epsilon of the adversary, with the profile's default filled in."""
        if self.epsilon is not None:
            return self.epsilon
        return self.PAPER_EPSILON if self.profile == "paper" else 8 / 255

    @property
    def engine(self) -> Engine:
        """CleverHans where there is TensorFlow, else our own."""
        return "cleverhans" if keras.backend.backend() == "tensorflow" else "native"

    def adversarial(self, recipe: Recipe) -> Recipe:
        """Return a recipe as it is trained on attacked images.

        Args:
            recipe: Recipe.

        Returns:
            Recipe. In the paper profile it also crops and flips as the released code does there,
            unless it did so before.
        """
        changes = ATTACKED.get(self.profile, {}) if recipe.augmentation == "none" else {}
        return recipe.but(adversary=self.attack(), **changes)

    def attack(self) -> attacks.Fgsm | attacks.Pgd:
        """Return the attack of the adversarial training.

        Returns:
            attacks.Fgsm or attacks.Pgd.
        """
        kind = self.adversary or ADVERSARIES.get(self.profile, "pgd")
        if kind == "fgsm":
            return attacks.Fgsm(self.training_epsilon, random_start=True, engine=self.engine)
        if kind == "pgd":
            steps = 2 if self.profile == "smoke" else 7
            return attacks.Pgd(self.training_epsilon, steps=steps, engine=self.engine)
        return attacks.Pgd(
            self.training_epsilon,
            step_size=self.training_epsilon / 10,
            random_start=False,
            engine=self.engine,
        )
