"""What is drawn at random in a training, each a function of seed, epoch and batch alone."""

import functools

import keras
import numpy as np

from hfc_keras import checks
from hfc_keras.types import Flags, Integers


@functools.lru_cache(maxsize=4)
def permutation(size: int, seed: int, epoch: int) -> Integers:
    """Order of the rows of a training set in an epoch.

    Args:
        size: int, number of rows.
        seed: int, at least 0.
        epoch: int, at least 0.

    Returns:
        Read-only int array ``(size,)``, every row once.

    Example:
        >>> sorted(permutation(4, seed=0, epoch=3).tolist())
        [0, 1, 2, 3]
    """
    order = np.random.default_rng([seed, epoch]).permutation(size)
    order.flags.writeable = False
    return order


@functools.lru_cache(maxsize=4)
def coin_tosses(size: int, seed: int) -> Flags:
    """Toss a coin for each row of a training set, once and for all for a seed.

    Args:
        size: int, number of rows.
        seed: int, at least 0.

    Returns:
        Read-only bool array ``(size,)``.

    Example:
        >>> bool(abs(coin_tosses(10_000, seed=0).mean() - 0.5) < 0.02)
        True
    """
    tosses = np.random.default_rng([seed, *b"flip"]).random(size) < 0.5
    tosses.flags.writeable = False
    return tosses


def shuffled_labels(labels: Integers, seed: int) -> Integers:
    """Labels dealt to other images at random, once and for all for a seed.

    Args:
        labels: int array ``(examples,)``.
        seed: int, at least 0.

    Returns:
        int array ``(examples,)`` with the same number of labels of each class.

    Reference:
        Zhang et al., Understanding Deep Learning Requires Rethinking Generalization, ICLR 2017.

    Example:
        >>> sorted(shuffled_labels(np.array([0, 0, 1, 2]), seed=0).tolist())
        [0, 0, 1, 2]
    """
    seed = checks.number("seed", seed, minimum=0, whole=True)
    return np.random.default_rng([seed, *b"labels"]).permutation(labels)


def seed_states(layer: keras.Layer) -> list[keras.Variable]:
    """Variables that hold the states of a layer's or model's random generators.

    Args:
        layer: keras.layers.Layer or keras.Model.

    Returns:
        List of variables of shape (2,).

    Example:
        >>> import keras
        >>> len(seed_states(keras.layers.Dropout(0.5, seed=0)))
        1
    """
    return [state for state in layer.variables if state.name == "seed_generator_state"]


def seed_keys(count: int, *numbers: int) -> Integers:
    """States for random generators, a function of a few whole numbers.

    Args:
        count: int, number of generators.
        *numbers: ints of at least 0, such as seed, epoch and batch.

    Returns:
        int64 array ``(count, 2)`` from 0 to 2**31 - 1.

    Example:
        >>> bool((seed_keys(2, 0, 1) == seed_keys(2, 0, 1)).all())
        True
    """
    words = np.random.SeedSequence(numbers).generate_state(2 * count)
    return (words >> 1).astype("int64").reshape(count, 2)
