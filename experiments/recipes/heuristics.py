"""Trainings that several experiments compare: the same names, the same recipes, trained once."""

import dataclasses
from collections.abc import Iterable
from typing import Any, cast

from hfc_keras import training
from hfc_keras.lab.settings import AdversarialSettings, Settings
from hfc_keras.lab.variants import Variant, by_name
from hfc_keras.reporting.drawing import palette
from hfc_keras.training import Recipe

# The starting point of most, and what changes it. No two have a color or a marker in common;
# architectures are dashed and regularizers dash-dotted besides.
VARIANTS = by_name(
    Variant("vanilla", "vanilla", (palette.BLACK, "o")),
    Variant("dropout", "dropout", (palette.SKY, "v"), "vanilla"),
    Variant("mix_up", "mix-up", (palette.GREEN, "^"), "vanilla"),
    Variant("batch_norm", "BatchNorm", (palette.VERMILLION, "D"), "vanilla"),
    Variant("sgd_batch_norm", "BatchNorm, SGD, crops", (palette.BROWN, "d")),
    Variant("adversarial", "adversarial", (palette.BLUE, "s"), "vanilla"),
    Variant("noise", "Gaussian noise", (palette.ORANGE, "X"), "vanilla"),
    Variant("low_pass", "low-pass", (palette.PURPLE, "p"), "vanilla"),
    Variant("lenet", "LeNet-5", (palette.GREY, "h", "--")),
    Variant("alexnet", "AlexNet", (palette.INDIGO, "8", "--")),
    Variant("vgg", "VGG-11", (palette.FOREST, "*", "--")),
    Variant("lsf", "LSF (low)", (palette.VIOLET, "<", "-."), "vanilla"),
    Variant("msf", "MSF (mid)", (palette.LIME, "P", "-."), "vanilla"),
    Variant("hsf", "HSF (high)", (palette.WINE, ">", "-."), "vanilla"),
    Variant("asf", "ASF (all)", (palette.PINK, "H", "-."), "vanilla"),
    Variant("penalty", "roughness penalty", None, "vanilla"),
    Variant("constraint", "roughness bounded", None, "vanilla"),
    Variant("smooth_layer", "smoothed in every call", None, "vanilla"),
)
# Fourier regularizers by the paper's names: the frequencies that stay.
REGULARIZERS = {"lsf": "low", "msf": "mid", "hsf": "high", "asf": "all"}
# The residual network that others start from, where that is not the vanilla one.
RESIDUAL = "sgd_batch_norm"
HEURISTICS = ("vanilla", "dropout", "mix_up", "batch_norm", "adversarial")
SMOOTHED = ("penalty", "constraint", "smooth_layer")
ARCHITECTURES = ("lenet", "alexnet", "vgg")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Normalized(AdversarialSettings):
    """Settings of an experiment on batch normalization and adversarial training."""

    bn_momentum: float = 0.9
    """Momentum of the moving averages of the batch-norm recipe."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mixed(Normalized):
    """Settings of an experiment that also mixes images."""

    mix_up: float = 0.5
    """Alpha of mix-up's Beta distribution; one weight per batch, as in the released code."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heuristics(Mixed):
    """Settings of an experiment on the training heuristics of the CVPR 2020 paper."""

    dropout: float = 0.5
    """Rate of the dropout recipe, applied before the last layer."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noisy(Settings):
    """Settings of an experiment on training with noise."""

    noise: float = 0.1
    """Standard deviation of the noise recipe, pixels being in [0, 1]."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmented(Noisy):
    """Settings of an experiment on images without high frequencies, or with noise in them."""

    low_pass: float | None = None
    """Radius of the low-pass recipe in cycles per image. Default: a quarter of the width."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architectures(Settings):
    """Settings of an experiment on other networks."""

    large_width: float | None = None
    """Factor on the filters of AlexNet and VGG. Default: 1/4, or 1 for paper."""


def heuristics(settings: Normalized, names: Iterable[str] = HEURISTICS) -> dict[str, Recipe]:
    """Trainings of Fig. 5 of the CVPR 2020 paper.

    Args:
        settings: Heuristics, or those of the trainings that are named.
        names: sequence of str, which of them.

    Returns:
        dict from name to Recipe.
    """
    vanilla = settings.base_recipe()
    made = {
        "vanilla": lambda: vanilla,
        "dropout": lambda: vanilla.but(dropout=cast(Heuristics, settings).dropout),
        "mix_up": lambda: vanilla.but(mix_up=cast(Mixed, settings).mix_up, mix_up_weight="batch"),
        "batch_norm": lambda: settings.normalized().but(bn_momentum=settings.bn_momentum),
        "adversarial": lambda: settings.adversarial(vanilla),
    }
    return {name: made[name]() for name in names}


def noisy(settings: Noisy) -> dict[str, Recipe]:
    """Training on images with Gaussian noise.

    Args:
        settings: Noisy.

    Returns:
        dict from its name to its Recipe.
    """
    return {"noise": settings.base_recipe().but(noise=settings.noise)}


def augmented(settings: Augmented, inclusive: bool = True) -> dict[str, Recipe]:
    """Trainings on images that lack high frequencies, or whose high frequencies are noise.

    Args:
        settings: Augmented.
        inclusive: bool, whether the rim of the low-pass disc belongs to it.

    Returns:
        dict from name to Recipe.
    """
    vanilla, radius = settings.base_recipe(), settings.low_pass
    if radius is None:
        radius = training.load_data(vanilla, settings.data_dir).image_shape[1] / 4
    low_pass = vanilla.but(component="low", radius=radius, inclusive=inclusive)
    return {**noisy(settings), "low_pass": low_pass}


def architectures(settings: Architectures) -> dict[str, Recipe]:
    """Other networks, trained as vanilla is.

    Args:
        settings: settings with ``large_width``.

    Returns:
        dict from name to Recipe.
    """
    resnet, width = settings.base_recipe(), scaled(settings, settings.large_width, 1 / 4)
    return {
        "lenet": resnet.but(model="lenet5"),
        "alexnet": resnet.but(model="alexnet", width=width),
        "vgg": resnet.but(model="vgg11", width=width),
    }


def regularized(settings: Settings, weight: float) -> dict[str, Recipe]:
    """Trainings with each of the Fourier regularizers of the TMLR 2022 paper.

    Args:
        settings: Settings of an experiment.
        weight: float, of the penalty.

    Returns:
        dict from name to Recipe.
    """
    start = settings.residual_recipe()
    return {
        name: start.but(regularizer=kind, regularizer_weight=weight)
        for name, kind in REGULARIZERS.items()
    }


def smoothed(
    settings: Settings, penalty: float = 0.3, max_roughness: float = 0.3, rho: float = 1.0
) -> dict[str, Recipe]:
    """Trainings that keep the kernels of the first layer smooth.

    Args:
        settings: Settings of an experiment.
        penalty: float, weight of the roughness penalty.
        max_roughness: float, largest roughness that the constraint allows.
        rho: float, strength of the layer's own smoothing.

    Returns:
        dict from name to Recipe.
    """
    vanilla = settings.base_recipe()
    strengths = dict(zip(SMOOTHED, (penalty, max_roughness, rho), strict=True))
    return {
        name: with_options(
            vanilla, smoothing=name.removeprefix("smooth_"), smoothing_strength=strength
        )
        for name, strength in strengths.items()
    }


def with_options(recipe: Recipe, **options: Any) -> Recipe:
    """Recipe with further options of its network.

    Args:
        recipe: Recipe.
        **options: see ``models.build``.

    Returns:
        Recipe.
    """
    return recipe.but(options={**recipe.options, **options})


def residual(settings: Settings, always: bool = False) -> dict[str, Recipe]:
    """Residual network that the regularizers, recombinations and filters of a profile start from.

    Args:
        settings: Settings of an experiment.
        always: bool, whether also where that is the vanilla network with batch normalization.

    Returns:
        dict from its name to its Recipe; empty where it is another recipe's.
    """
    found = settings.residual_recipe()
    known = [settings.base_recipe(), *([] if always else [settings.normalized()])]
    return {} if found in known else {RESIDUAL: found}


def scaled(settings: Settings, width: float | None, default: float) -> float:
    """Factor on the filters of a large network: as given, 1 for paper, or a default.

    Args:
        settings: Settings of an experiment.
        width: float or None, what was given.
        default: float, of the other profiles.

    Returns:
        float.
    """
    if width is not None:
        return width
    return 1.0 if settings.profile == "paper" else default
