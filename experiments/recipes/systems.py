"""Trainings of other systems that several experiments compare: recombination and networks."""

from experiments.recipes import heuristics

RECOMBINED = ("apr_p", "apr_s", "apr_sp", "hybrid", "hybrid_plus")
ANTIALIASED = ("aligned", "critical", "blurpool", "flc", "asap")
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


def recombined(settings, probability=0.6):
    """Trainings on images whose amplitude or high frequencies are another's (ICCV 2021, 2023).

    Args:
        settings: settings.Settings.
        probability: float, of the second copy of a batch being recombined.

    Returns:
        dict from name to Recipe.
    """
    start = settings.residual_recipe()
    return {
        name: start.but(recombination=name, recombination_probability=probability)
        for name in RECOMBINED
    }


def antialiased(settings):
    """Networks that filter before they subsample, trained as the one that does not.

    Args:
        settings: settings.Settings.

    Returns:
        dict from name to Recipe.
    """
    start = settings.residual_recipe()
    return {name: heuristics.with_options(start, antialias=name) for name in ANTIALIASED}


def contextual(settings, width=None):
    """Bottleneck networks with and without dilated branches, each with and without a late norm.

    Args:
        settings: settings.Settings.
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


def anchored(settings, width=None):
    """Networks that use one kernel again and again, and the residual network they come from.

    Args:
        settings: settings.Settings.
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
