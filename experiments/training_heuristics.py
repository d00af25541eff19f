"""Fig. 5 of the CVPR 2020 paper: training heuristics and the frequencies a CNN uses.

Trains the same network by the recipes vanilla, dropout, mix_up, batch_norm and adversarial, and
measures its accuracy on the test images and on their low- and high-frequency components. The paper
finds that dropout changes little, that mix-up makes the network use more of the high frequencies,
and batch normalisation even more, while adversarial training leaves it with the low ones. Batch
normalisation is tested with three kinds of statistics, because the released code tests with those
of each test batch while Keras tests with moving averages, and the answers differ.
"""

import dataclasses
import sys

from experiments import curves, runner, settings
from hfc_keras import reporting

KEYS = curves.KEYS
TITLES = {
    "vanilla": "Vanilla",
    "dropout": "Dropout",
    "mix_up": "Mix-up",
    "batch_norm (moving)": "BatchNorm, moving averages",
    "batch_norm (batch)": "BatchNorm, batch statistics",
    "batch_norm (population)": "BatchNorm, population",
    "adversarial": "Adversarial training",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.AdversarialSettings):
    """Settings of this experiment."""

    dropout: float = 0.5
    """Rate of the dropout recipe, before the last layer."""
    mix_up: float = 0.5
    """Alpha of the mix-up recipe's Beta distribution; one weight a batch, as the released code."""
    bn_momentum: float = 0.9
    """Momentum of the moving averages of the batch-norm recipe."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    vanilla = settings.base_recipe()
    return {
        "vanilla": vanilla,
        "dropout": vanilla.but(dropout=settings.dropout),
        "mix_up": vanilla.but(mix_up=settings.mix_up, mix_up_weight="batch"),
        "batch_norm": vanilla.but(normalization="batch", bn_momentum=settings.bn_momentum),
        "adversarial": vanilla.but(adversary=settings.attack()),
    }


def measure(cell):
    """Return the rows of one training."""
    return curves.frequency_curves(cell)


def summary(table):
    """Return the accuracies after the last epoch in words."""
    return curves.summary(table)


def figures(table, plan):
    """Draw a panel a recipe."""
    return {"": reporting.frequency_panels(table, TITLES)}


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
