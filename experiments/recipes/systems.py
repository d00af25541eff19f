"""Trainings of other systems that several experiments compare: recombination and networks."""

from experiments.recipes import heuristics
from hfc_keras.lab.settings import Settings
from hfc_keras.lab.variants import Variant, by_name
from hfc_keras.reporting.drawing import palette
from hfc_keras.training import Recipe

RECOMBINED = ("apr_p", "apr_s", "apr_sp", "hybrid", "hybrid_plus")
ANTIALIASED = ("aligned", "critical", "blurpool", "flc", "asap")
VARIANTS = by_name(
    Variant("apr_p", "APR-P", (palette.BLUE, "s"), "vanilla"),
    Variant("apr_s", "APR-S", (palette.SKY, "^"), "vanilla"),
    Variant("apr_sp", "APR-SP", (palette.PURPLE, "D"), "vanilla"),
    Variant("hybrid", "HybridAugment", (palette.ORANGE, "v"), "vanilla"),
    Variant("hybrid_plus", "HybridAugment++", (palette.VERMILLION, "P"), "vanilla"),
    Variant("aligned", "same pixels, no filter", (palette.GREY, "X"), "vanilla"),
    Variant("critical", "critical paths", (palette.BLUE, "s"), "vanilla"),
    Variant("blurpool", "BlurPool", (palette.ORANGE, "D"), "vanilla"),
    Variant("flc", "FLC pooling", (palette.GREEN, "^"), "vanilla"),
    Variant("asap", "ASAP", (palette.VERMILLION, "v"), "vanilla"),
    Variant("bottleneck", "bottleneck ResNet", (palette.BLACK, "o")),
    Variant("bottleneck_end_norm", "bottleneck, late norm", (palette.GREY, "X"), "bottleneck"),
    Variant("coconv", "CoConv, early norm", (palette.BLUE, "s"), "bottleneck"),
    Variant("coresnet", "CoResNet", (palette.ORANGE, "D"), "bottleneck"),
    Variant("resnet18", "ResNet-18", (palette.BLACK, "o")),
    Variant("unshared", "kernels of their own", (palette.GREY, "X"), "resnet18"),
    Variant("anchored", "anchored", (palette.VERMILLION, "s"), "resnet18"),
    Variant("anchored_regulator", "anchored, regulator", (palette.ORANGE, "^"), "resnet18"),
    Variant("mix", "anchored by width", (palette.SKY, "v"), "resnet18"),
    Variant("mix_regulator", "by width, regulator", (palette.BLUE, "D"), "resnet18"),
    Variant("mix_rotation", "by width, rotation", (palette.GREEN, "P"), "resnet18"),
)
ALL = {**heuristics.VARIANTS, **VARIANTS}
# By network, its kind and whether the last normalization of a stage stands behind the addition.
_CONTEXTUAL = {
    "bottleneck": ("resnet", False),
    "bottleneck_end_norm": ("resnet", True),
    "coconv": ("coresnet", False),
    "coresnet": ("coresnet", True),
}
# By network, options of an anchored one.
_ANCHORED = {
    "unshared": {"shared": False},
    "anchored": {},
    "anchored_regulator": {"regulator": "convolution"},
    "mix": {"mix": True},
    "mix_regulator": {"mix": True, "regulator": "convolution"},
    "mix_rotation": {"mix": True, "regulator": "rotation"},
}
# The first network of each is what the others start from.
CONTEXTUAL = tuple(_CONTEXTUAL)
ANCHORED = ("resnet18", *_ANCHORED)


def recombined(settings: Settings, probability: float = 0.6) -> dict[str, Recipe]:
    """Trainings on images whose amplitude or high frequencies are another's (ICCV 2021, 2023).

    Args:
        settings: Settings of an experiment.
        probability: float, of the second copy of a batch being recombined.

    Returns:
        dict from name to Recipe.
    """
    start = settings.residual_recipe()
    return {
        name: start.but(recombination=name, recombination_probability=probability)
        for name in RECOMBINED
    }


def antialiased(settings: Settings) -> dict[str, Recipe]:
    """Networks that filter before they subsample, trained as the one that does not.

    Args:
        settings: Settings of an experiment.

    Returns:
        dict from name to Recipe.
    """
    start = settings.residual_recipe()
    return {name: heuristics.with_options(start, antialias=name) for name in ANTIALIASED}


def contextual(settings: Settings, width: float | None = None) -> dict[str, Recipe]:
    """Bottleneck networks with and without dilated branches, each with and without a late norm.

    Args:
        settings: Settings of an experiment.
        width: float, factor on the filters; None is 1/8, or 1 for paper.

    Returns:
        dict from name to Recipe, networks of 14 layers, or 50 for paper: ``coresnet`` is that of
        the paper, ``bottleneck`` its plain twin, the other two differ from them in where the last
        normalization of a stage stands.
    """
    width = heuristics.scaled(settings, width, 1 / 8)
    depth = 50 if settings.profile == "paper" else 14
    base = settings.residual_recipe().but(normalization="batch", width=width)

    # Contextual convolutions keep the aligned pixels, and so must the network without them.
    return {
        name: heuristics.with_options(
            base.but(model=f"{kind}{depth}"), end_stage_norm=late, antialias="aligned"
        )
        for name, (kind, late) in _CONTEXTUAL.items()
    }


def anchored(settings: Settings, width: float | None = None) -> dict[str, Recipe]:
    """Networks that use one kernel again and again, and the residual network they come from.

    Args:
        settings: Settings of an experiment.
        width: float, factor on the filters; None is 1/8, or 1 for paper.

    Returns:
        dict from name to Recipe.
    """
    width = heuristics.scaled(settings, width, 1 / 8)
    base = settings.residual_recipe().but(normalization="batch", width=width)

    shared = {
        name: heuristics.with_options(base.but(model="dacnn18"), **kind)
        for name, kind in _ANCHORED.items()
    }
    return {"resnet18": base.but(model="resnet18"), **shared}
