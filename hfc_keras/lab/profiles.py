"""What a profile decides: the recipe of its plain network, what others change in it, its seeds.

``smoke`` proves that all runs. ``quick`` is a small network on a subset. ``standard`` is the same
network on all images. ``full`` are networks above 0.90, or 0.85 without normalization, in half
precision. ``paper`` is the published protocol.
"""

from typing import Literal

Profile = Literal["smoke", "quick", "standard", "full", "paper"]

# Published decays add to the gradient, so that a momentum of 0.9 makes 1 / (1 - 0.9) = 10 of them;
# those of Keras multiply the weights by 1 - rate x decay and do not. This is 5e-4 of a paper.
DECAY = 5e-3
# The recipe of the full profile, in this one place. Its aim is 0.90 with batch normalization in
# half an hour on two cores that have bfloat16; others train in float32, and take longer.
FULL = {
    "model": "resnet8",
    "width": 3.0,
    "precision": "mixed_bfloat16",
    "optimizer": "sgd",
    "momentum": 0.9,
    "nesterov": True,
    "schedule": "one_cycle",
    "warmup": 0.25,
    "label_smoothing": 0.1,
    "weight_decay": DECAY,
    "augmentation": "crop_flip",
    "flip": "alternating",
    "batch_size": 128,
    "epochs": 16,
}
# Peaks of its cycle. Without normalization the logits start at zero and the steps must be shorter.
FULL_NORMALIZED = {"learning_rate": 0.2}
FULL_PLAIN = {"learning_rate": 0.05, "options": {"zero_logits": True}}

PROFILES = {
    "smoke": {"model": "resnet8", "learning_rate": 5e-3, "epochs": 4},
    "quick": {"model": "resnet8", "learning_rate": 2e-3, "epochs": 12, "examples": (10_000, 4_000)},
    "standard": {
        "model": "resnet8",
        "learning_rate": 3e-3,
        "schedule": "cosine",
        "epochs": 10,
        "batch_size": 128,
    },
    "full": {**FULL, **FULL_PLAIN},
    # Adam, batches of 100, constant rate, and training images divided by their maximum.
    "paper": {"model": "resnet32", "learning_rate": 1e-4, "epochs": 100, "rescale": True},
}
# What batch normalization changes besides the normalization.
NORMALIZED = {"full": {**FULL_NORMALIZED, "options": {}}}
# Seeds by default: accuracy on high frequencies varies so much between them that the plain networks
# of the standard profile need five.
SEEDS = {"smoke": (0,), "standard": (0, 1, 2, 3, 4)}
OTHER_SEEDS = (0, 1, 2)

# What published trainings of residual networks have in common.
RESIDUAL_TRAINING = {
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "momentum": 0.9,
    "weight_decay": DECAY,
    "normalization": "batch",
    "augmentation": "crop_flip",
    "rescale": False,
}
# The released code of the TMLR 2022 paper: ResNet-18 for small images, SGD without Nesterov.
TMLR_TRAINING = {
    **RESIDUAL_TRAINING,
    "model": "resnet18",
    "schedule": "step",
    "milestones": (50, 100),
    "step_factor": 0.1,
    "epochs": 150,
    "batch_size": 128,
    "standardized": True,
}
# By profile, residual networks as the papers on Fourier sensitivity, recombination and
# anti-aliasing train them: what is changed in the profile's plain recipe.
RESIDUAL = {
    "standard": {**RESIDUAL_TRAINING, "nesterov": True},
    "full": {"normalization": "batch", **NORMALIZED["full"]},
    "paper": TMLR_TRAINING,
}
# What a standardized network subtracts from its pixels and divides them by, on the data set that
# these are the means and standard deviations of.
PIXELS = {
    "cifar10": {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.2010)},
}
# The released code of the CVPR 2020 paper pads, crops and flips where it trains on attacks, and
# there does not divide images by their maximum.
ATTACKED = {
    "paper": {"augmentation": "crop_flip", "crop_padding": 2, "rescale": False},
}
# Adversary of a training by default; the one of full has to be cheap.
ADVERSARIES = {"full": "fgsm", "paper": "released"}
