r"""Effects of claims with seeds and test images drawn anew, whatever the effect is made of.

A claim's effect is a function of a table, and an accuracy in the table is a share of ``examples``
images. With other images the table would hold other accuracies, and the same function of them is
the effect on those images. All replicates are the seeds of one large table, so that the function
is called once.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hfc_keras.reporting.statistics.bootstrap import bootstrap_interval, drawn_seeds
from hfc_keras.types import Floats

# Sets of images, and draws of seeds with each of them.
IMAGES, SEEDS = 100, 20
NEEDED = ("recipe", "seed", "accuracy", "examples")


def redrawn(table: pd.DataFrame, rng: np.random.Generator, images: int = IMAGES) -> pd.DataFrame:
    r"""Table whose accuracies are those on other sets of test images.

    .. math:: a^* = a + z \sqrt{a (1 - a) / m}, \quad z \sim N(0, 1)

    the normal limit of a binomial share of ``m`` images, held within [0, 1]. One z for all
    seeds of a measurement, since all are tested on the same images: an image that is hard for one
    is hard for all. Other measurements have a z of their own, as if their images were others: a
    table does not say which images were right. So the interval of a difference between two
    networks is too wide rather than too narrow.

    Args:
        table: DataFrame with the columns recipe, seed, accuracy and examples; a row without the
            last two stays as it is.
        rng: numpy.random.Generator.
        images: int, number of sets.

    Returns:
        DataFrame with ``images`` times as many rows; the seed of row ``i`` of set ``k`` is
        ``images * s + k`` for the table's ``s``-th seed in ascending order.

    Example:
        >>> rows = {"recipe": "a", "seed": [3, 5], "accuracy": [0.5, 0.5], "examples": [100, 100]}
        >>> drawn = redrawn(pd.DataFrame(rows), np.random.default_rng(0), images=2)
        >>> drawn["seed"].tolist(), drawn["accuracy"].nunique()
        ([0, 2, 1, 3], 2)
    """
    table = table.reset_index(drop=True)
    texts = table.select_dtypes(["object", "string"]).columns
    table = table.astype(dict.fromkeys(texts, "category"))
    places = table.groupby(["recipe", "seed"], observed=True).cumcount()
    groups = pd.DataFrame({"recipe": table["recipe"], "place": places})
    measurement = groups.groupby(["recipe", "place"], observed=True).ngroup().to_numpy()
    accuracy = table["accuracy"].to_numpy("float64")
    spread = np.sqrt(np.clip(accuracy * (1 - accuracy), 0, None) / table["examples"].to_numpy())
    levels = rng.standard_normal((images, measurement.max() + 1))
    drawn = np.clip(accuracy + levels[:, measurement] * np.nan_to_num(spread), 0, 1)
    seeds = np.unique(table["seed"], return_inverse=True)[1]
    rows = pd.concat([table] * images, ignore_index=True)
    rows["accuracy"] = drawn.ravel()
    rows["seed"] = (images * seeds + np.arange(images)[:, None]).ravel()
    return rows


def combined(
    effects: Sequence[tuple[float, Floats]], rng: np.random.Generator, draws: int = SEEDS
) -> Floats:
    r"""Mean effect over seeds that are drawn anew, on each set of images.

    .. math:: \bar e^* = \frac{1}{n - 1} \sum_{i = 1}^{n - 1}
              \left( e_{s_i} + e^{(k)}_{s_i} - \bar e^{(\cdot)}_{s_i} \right)

    Centered, so that an effect that noise makes larger, such as a maximum, is not shifted.

    Args:
        effects: list of (float, float array ``(images,)``), a seed each: the effect as measured,
            and on each set of images.
        rng: numpy.random.Generator.
        draws: int, of ``n - 1`` of the seeds with each set of images.

    Returns:
        float array ``(draws * images,)``.

    Example:
        >>> others = np.array([0.25, 0.75])
        >>> combined([(0.5, others)], np.random.default_rng(0), draws=1).tolist()
        [0.25, 0.75]
    """
    observed = np.array([value for value, _ in effects])
    others = np.stack([values for _, values in effects])
    others = observed[:, None] + others - others.mean(axis=1, keepdims=True)
    count, images = others.shape
    seeds = drawn_seeds(count, rng, draws * images)
    sets = np.tile(np.arange(images), draws)[:, None]
    return others[seeds, sets].mean(axis=1)


def seeds_and_images(
    effect: Callable[[pd.DataFrame], Any],
    table: pd.DataFrame,
    against: str,
    confidence: float,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Interval of an effect over seeds and test images together.

    Args:
        effect: function of a claim, from a table to a Series by seed or a dict of them.
        table: DataFrame, the claim's.
        against: str, key of the dict; empty without one.
        confidence: float in (0, 1).
        rng: numpy.random.Generator.

    Returns:
        (low, high), floats; NaN where the table has no accuracies and examples, or the
        effect is not made of them.

    Example:
        >>> rows = {"recipe": "a", "seed": [0, 1, 2], "accuracy": [0.5, 0.6, 0.7], "examples": 400}
        >>> ends = seeds_and_images(lambda table: table.set_index("seed")["accuracy"],
        ...                         pd.DataFrame(rows), "", 0.95, np.random.default_rng(0))
        >>> [round(end, 1) for end in ends]
        [0.5, 0.7]
    """
    if not set(NEEDED) <= set(table.columns) or table["examples"].isna().all():
        return np.nan, np.nan
    observed, drawn = effect(table), effect(redrawn(table, rng))
    if against:
        observed, drawn = observed[against], drawn[against]
    seeds = {seed: place for place, seed in enumerate(np.unique(table["seed"]))}
    whole = [seed for seed in observed.index if _of(drawn, seeds[seed]).shape == (IMAGES,)]
    values = [(observed[seed], _of(drawn, seeds[seed])) for seed in whole]
    if len(whole) < len(observed) or not any(np.ptp(others) for _, others in values):
        return np.nan, np.nan
    return bootstrap_interval(combined(values, rng), confidence)


def _of(drawn: pd.Series, place: int) -> Floats:
    """Effects of one seed on all sets of images."""
    return drawn[drawn.index // IMAGES == place].sort_index().to_numpy("float64")
