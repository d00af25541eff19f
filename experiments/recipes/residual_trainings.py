"""Published trainings of residual networks, and what a profile makes of them."""

from hfc_keras.lab.profiles import DECAY, RESIDUAL, RESIDUAL_TRAINING
from hfc_keras.types import Record

# On CIFAR (Zagoruyko and Komodakis, 2016, as in APR).
CIFAR_TRAINING = {
    **RESIDUAL_TRAINING,
    "nesterov": True,
    "schedule": "step",
    "standardized": True,
    "batch_size": 128,
    "epochs": 200,
    "milestones": (60, 120, 160, 190),
    "step_factor": 0.2,
}
# On ImageNet, there with crops of random size, for which the recipe has those of CIFAR.
IMAGENET_TRAINING = {
    **RESIDUAL_TRAINING,
    "weight_decay": DECAY / 5,
    "schedule": "step",
    "batch_size": 256,
    "epochs": 90,
    "milestones": (30, 60),
}


def by_profile(paper: Record) -> dict[str, Record]:
    """What a profile changes in an experiment on residual networks, for its PROFILE_CHANGES.

    Args:
        paper: dict, the published training.

    Returns:
        dict from profile to dict.
    """
    return {**RESIDUAL, "paper": paper}
