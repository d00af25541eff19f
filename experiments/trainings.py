"""Trainings that several experiments compare: the same names, the same recipes, trained once."""

import dataclasses

from experiments import settings

TITLES = {
    "vanilla": "vanilla",
    "dropout": "dropout",
    "mix_up": "mix-up",
    "batch_norm": "BatchNorm",
    "adversarial": "adversarial",
    "noise": "Gaussian noise",
    "low_pass": "low-pass",
    "lenet": "LeNet-5",
    "alexnet": "AlexNet",
    "vgg": "VGG-11",
    "lsf": "LSF (low)",
    "msf": "MSF (mid)",
    "hsf": "HSF (high)",
    "asf": "ASF (all)",
}
# Fourier regularizers by the paper's names: the frequencies that stay.
REGULARIZERS = {"lsf": "low", "msf": "mid", "hsf": "high", "asf": "all"}
ARCHITECTURES = ("lenet", "alexnet", "vgg")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heuristics(settings.AdversarialSettings):
    """Settings of an experiment on the training heuristics of the CVPR 2020 paper."""

    dropout: float = 0.5
    """Rate of the dropout recipe, before the last layer."""
    mix_up: float = 0.5
    """Alpha of the mix-up recipe's Beta distribution; one weight a batch, as the released code."""
    bn_momentum: float = 0.9
    """Momentum of the moving averages of the batch-norm recipe."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Heuristics):
    """Settings of an experiment on all these trainings."""

    noise: float = 0.1
    """Standard deviation of the noise recipe, pixels being in [0, 1]."""
    low_pass: float | None = None
    """Radius of the low-pass recipe in cycles per image. Left out: a quarter of the width."""
    large_width: float | None = None
    """Factor on the filters of AlexNet and VGG. Left out: 1/4, or 1 for paper."""


def heuristics(settings):
    """Trainings of Fig. 5 of the CVPR 2020 paper.

    Args:
        settings: Heuristics.

    Returns:
        dict from name to Recipe.
    """
    vanilla = settings.base_recipe()
    return {
        "vanilla": vanilla,
        "dropout": vanilla.but(dropout=settings.dropout),
        "mix_up": vanilla.but(mix_up=settings.mix_up, mix_up_weight="batch"),
        "batch_norm": vanilla.but(normalization="batch", bn_momentum=settings.bn_momentum),
        "adversarial": vanilla.but(adversary=settings.attack()),
    }


def augmented(settings, width, inclusive=True):
    """Trainings on images that lack high frequencies, or whose high frequencies are noise.

    Args:
        settings: Settings.
        width: int, pixels of an image.
        inclusive: bool, whether the rim of the low-pass disc belongs to it.

    Returns:
        dict from name to Recipe.
    """
    vanilla = settings.base_recipe()
    radius = width / 4 if settings.low_pass is None else settings.low_pass
    return {
        "noise": vanilla.but(noise=settings.noise),
        "low_pass": vanilla.but(component="low", radius=radius, inclusive=inclusive),
    }


def architectures(settings):
    """Other networks, trained as vanilla is.

    Args:
        settings: settings with ``large_width``.

    Returns:
        dict from name to Recipe.
    """
    resnet, width = settings.base_recipe(), settings.large_width
    if width is None:
        width = 1.0 if settings.profile == "paper" else 0.25
    return {
        "lenet": resnet.but(model="lenet5"),
        "alexnet": resnet.but(model="alexnet", width=width),
        "vgg": resnet.but(model="vgg11", width=width),
    }


def regularized(settings, weight):
    """Trainings with each of the Fourier regularizers of the TMLR 2022 paper.

    Args:
        settings: settings.Settings.
        weight: float, of the penalty.

    Returns:
        dict from name to Recipe.
    """
    vanilla = settings.base_recipe()
    return {
        name: vanilla.but(regularizer=kind, regularizer_weight=weight)
        for name, kind in REGULARIZERS.items()
    }
