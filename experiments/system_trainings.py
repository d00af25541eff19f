"""Trainings of other systems that several experiments compare: recombination and networks."""

from experiments import trainings

RECOMBINED = ("apr_p", "apr_s", "apr_sp", "hybrid", "hybrid_plus")
ANTIALIASED = ("aligned", "critical", "blurpool", "flc", "asap")
# The first network of each is what the others start from.
CONTEXTUAL = ("bottleneck", "bottleneck_end_norm", "coconv", "coresnet")
ANCHORED = (
    "resnet18",
    "unshared",
    "anchored",
    "anchored_regulator",
    "mix",
    "mix_regulator",
    "mix_rotation",
)


def recombined(settings, probability=0.6):
    """Trainings on images whose amplitude or high frequencies are another's (ICCV 2021, 2023).

    Args:
        settings: settings.Settings.
        probability: float, of the second copy of a batch being recombined.

    Returns:
        dict from name to Recipe.
    """
    vanilla = settings.base_recipe()
    return {
        name: vanilla.but(recombination=name, recombination_probability=probability)
        for name in RECOMBINED
    }


def antialiased(settings):
    """Networks that filter before they subsample, trained as vanilla is.

    Args:
        settings: settings.Settings.

    Returns:
        dict from name to Recipe.
    """
    vanilla = settings.base_recipe()
    return {name: vanilla.but(options={"antialias": name}) for name in ANTIALIASED}


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
    width = trainings.scaled(settings, width, 1 / 8)
    depth = 50 if settings.profile == "paper" else 14
    base = settings.base_recipe().but(normalization="batch", width=width)

    def network(kind, late):
        # Contextual convolutions keep these pixels, and so must the network without them.
        options = {"end_stage_norm": late, "antialias": "aligned"}
        return base.but(model=f"{kind}{depth}", options=options)

    return {
        "bottleneck": network("resnet", False),
        "bottleneck_end_norm": network("resnet", True),
        "coconv": network("coresnet", False),
        "coresnet": network("coresnet", True),
    }


def anchored(settings, width=None):
    """Networks that use one kernel again and again, and the residual network they come from.

    Args:
        settings: settings.Settings.
        width: float, factor on the filters; None is 1/8, or 1 for paper.

    Returns:
        dict from name to Recipe.
    """
    width = trainings.scaled(settings, width, 1 / 8)
    base = settings.base_recipe().but(normalization="batch", width=width)

    def network(**options):
        return base.but(model="dacnn18", options=options)

    return {
        "resnet18": base.but(model="resnet18"),
        "unshared": network(shared=False),
        "anchored": network(),
        "anchored_regulator": network(regulator="convolution"),
        "mix": network(mix=True),
        "mix_regulator": network(mix=True, regulator="convolution"),
        "mix_rotation": network(mix=True, regulator="rotation"),
    }
