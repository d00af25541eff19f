"""How much each ring of frequencies contributes to what a model does: Shapley values."""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import pandas as pd
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, spectrum
from hfc_keras.analysis.batch_norm import with_statistics
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import checked, finite_logits
from hfc_keras.types import Array, ArrayLike, BnStatistics, Floats, Integers


def spectral_importance(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    value: str = "accuracy",
    permutations: int = 4,
    bands: int | None = None,
    bn_statistics: BnStatistics = "moving",
    train_images: Images | None = None,
    seed: int = 0,
    batch_size: int = 256,
) -> pd.DataFrame:
    r"""Shapley value of each ring of frequencies: its mean contribution over all orders of rings.

    With :math:`x_S` the image of the rings in :math:`S` and its mean, :math:`v` what the model
    makes of it, and :math:`R` all rings from 1 on:

    .. math:: \phi_k = \frac1n \sum_i E_\pi \left[ v_i(\pi_{<k} \cup \{k\}) - v_i(\pi_{<k})
              \right], \qquad \sum_k \phi_k = \frac1n \sum_i v_i(R) - v_i(\emptyset)

    :math:`\pi_{<k}` are the rings that stand before ``k`` in an order :math:`\pi`; orders are
    drawn for each image by itself. The second identity, efficiency, holds for every draw, not in
    the mean alone. Unlike accuracy without a ring, importance counts a ring whose work another one
    could do as well, and shares it between them.

    The value of an image of label ``y`` and logits ``z`` is

    - ``"accuracy"``: :math:`[\arg\max z = y]`;
    - ``"probability"``: :math:`\mathrm{softmax}(z)_y`;
    - ``"logit"``: :math:`z_y`, as in the paper, whose players are squares of the spectrum, the
      zero frequency included, and whose images are clipped. Here the mean stays, so that
      :math:`x_\emptyset` is an image of one color, and nothing is clipped.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        images: float ``(examples, height, width, channels)`` in [0, 1], larger than one pixel.
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes;
            None where the images bring theirs.
        value: ``"accuracy"``, ``"probability"`` or ``"logit"``.
        permutations: int from 1, orders for each image. An order costs a prediction of the image
            for each ring but one, 22 at 32 x 32 pixels.
        bands: int or None: how many groups of neighboring rings, as equal in number as can be,
            stand in place of single rings, for large images.
        bn_statistics: ``"moving"``, ``"batch"`` or ``"population"``, see
            ``analysis.with_statistics``.
        train_images: training images as the network saw them, for ``"population"``.
        seed: int from 0, of the orders.
        batch_size: int, images a prediction; changes the answer for ``"batch"`` only.

    Returns:
        DataFrame with a row per ring, or group of rings, and the columns

        - ring: the first one, from 1, cycles per image; rings: how many;
        - importance: :math:`\phi_k`; std_error: its standard error, of the images as a sample and
          of their orders together, NaN for one image;
        - full, none: mean value of the images as they are, and of their means alone;
        - value; permutations; examples; bn_statistics.

    Raises:
        ValueError: for another value, numbers out of range, images of one pixel, and as
            ``analysis.frequency_accuracy``.

    Reference:
        Chen, Ren and Yan, Rethinking and Improving Robustness of Convolutional Neural Networks:
        a Shapley Value-based Approach in Frequency Domain, NeurIPS 2022.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> table = spectral_importance(model, test.images[:20], test.labels[:20], permutations=1)
        >>> bool(np.isclose(table["importance"].sum(), table["full"][0] - table["none"][0]))
        True
    """
    images, labels = checked(model, images, labels, batch_size)
    valued = VALUES[checks.choice("value", value, VALUES)]
    permutations = checks.number("permutations", permutations, minimum=1, whole=True)
    seed = checks.number("seed", seed, minimum=0, whole=True)
    players = _players(images.shape[1:3], bands)
    tested = with_statistics(model, bn_statistics, train_images)
    each, full, none = _contributed(
        tested, images, labels, valued, players, permutations, seed, batch_size
    )
    error = each.std(axis=0, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
    return pd.DataFrame(
        {
            "ring": [own[0] for own in players],
            "rings": [len(own) for own in players],
            "importance": each.mean(axis=0),
            "std_error": error,
            "full": full.mean(),
            "none": none.mean(),
            "value": value,
            "permutations": permutations,
            "examples": len(images),
            "bn_statistics": bn_statistics,
        }
    )


def _contributed(
    model: keras.Model,
    images: Floats,
    labels: Integers,
    valued: Callable[[Floats, Integers], Floats],
    players: list[Integers],
    permutations: int,
    seed: int,
    batch_size: int,
) -> tuple[Floats, Floats, Floats]:
    """Mean contribution of each player to each image, and its value with all and with none."""
    starts, steps = range(0, len(images), batch_size), 1 + permutations * (len(players) - 1)
    parts, ends = [], []
    with tqdm(total=len(starts) * steps, desc="importance", leave=False, disable=None) as bar:
        for at in starts:
            rows = np.arange(at, min(at + batch_size, len(images)))
            orders = _orders(rows, permutations, len(players), seed)
            values = []
            for logits in finite_logits(model, _coalitions(images[rows], players, orders)):
                values.append(valued(logits.astype("float64"), labels[rows]))
                bar.update(len(values) > 1)
            contributions, full, none = _contributions(values, orders)
            parts.append(contributions)
            ends.append([full, none])
    return np.concatenate(parts), *np.concatenate(ends, axis=1)


def _accuracy(logits: Floats, labels: Integers) -> Floats:
    return (logits.argmax(axis=1) == labels).astype("float64")


def _probability(logits: Floats, labels: Integers) -> Floats:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return _logit(exponents, labels) / exponents.sum(axis=1)


def _logit(logits: Floats, labels: Integers) -> Floats:
    return logits[np.arange(len(labels)), labels]


VALUES: dict[str, Callable[[Floats, Integers], Floats]] = {
    "accuracy": _accuracy,
    "probability": _probability,
    "logit": _logit,
}


def _players(sides: tuple[int, int], bands: int | None) -> list[Integers]:
    """Rings of each player."""
    rings = np.arange(1, len(spectrum.ring_sizes(*sides)))
    checks.require(
        len(rings) > 0,
        "`images` must be larger than one pixel: that has no frequency but zero",
        **{"height and width": sides},
    )
    if bands is None:
        bands = len(rings)
    return np.array_split(rings, checks.number("bands", bands, 1, len(rings), whole=True))


def _orders(rows: Integers, permutations: int, players: int, seed: int) -> Integers:
    """Orders of each image, ``(permutations, batch, players)``."""
    each = np.tile(np.arange(players), (permutations, 1))
    drawn = [np.random.default_rng([seed, row]).permuted(each, axis=1) for row in rows]
    return np.stack(drawn, axis=1)


def _coalitions(images: Floats, players: list[Integers], orders: Integers) -> Iterator[Array]:
    """Yield the images, their means, then for each order all images of its first players."""
    yield images
    yield np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape)
    index = spectrum.ring_index(*images.shape[1:3])
    # The mean, ring 0, comes before every player.
    owner = np.zeros(index.max() + 1, int)
    for number, own in enumerate(players, start=1):
        owner[own] = number
    for order in orders:
        place = np.zeros((len(images), 1 + len(players)), "int16")
        np.put_along_axis(place, order + 1, np.arange(1, 1 + len(players))[None], axis=1)
        places = place[:, owner[index]]
        for size in range(1, len(players)):
            yield ops.convert_to_numpy(spectrum.masked(images, places <= size))


def _contributions(values: list[Floats], orders: Integers) -> tuple[Floats, Floats, Floats]:
    """Mean contribution of each player to each image, and its values with all and with none."""
    full, none, *between = values
    permutations, batch, players = orders.shape
    between = np.array(between).reshape(permutations, players - 1, batch)
    total = np.zeros((batch, players))
    for order, inner in zip(orders, between, strict=True):
        chain = np.stack([none, *inner, full], axis=1)
        np.put_along_axis(
            total, order, np.take_along_axis(total, order, 1) + np.diff(chain, axis=1), 1
        )
    return total / permutations, full, none
