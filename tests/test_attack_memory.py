"""Attacks keep some batches beside the images, and their batches stay full."""

import collections
import itertools
import tracemalloc

import keras
import numpy as np
import pytest

from hfc_keras import analysis, attacks
from hfc_keras.attacks import Fgsm, Pgd, flow, search

EXAMPLES, BATCH = 800, 16


def linear(bias):
    """A network of two classes, about as often the one as the other without a bias."""
    network = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten()])
    network.add(keras.layers.Dense(2))
    weights = np.random.default_rng(1).normal(0, 0.05, (768, 2))
    network.set_weights([weights - weights.mean(axis=0), np.array([bias, 0.0])])
    return network


@pytest.fixture(scope="module")
def certain():
    """A network that small perturbations never fool."""
    return linear(8.0)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((EXAMPLES, 16, 16, 3), "float32")


def beside(function, images, count):
    """Largest memory that Python and NumPy hold during a call, relative to the images given."""
    function(images[: 2 * BATCH], np.zeros(2 * BATCH, int))
    labels = np.zeros(count, int)
    tracemalloc.start()
    try:
        kept = function(images, labels)
        return tracemalloc.get_traced_memory()[1] / images.nbytes, kept
    finally:
        tracemalloc.stop()


def beyond(images):
    """Pixels that rounding has put outside [0, 1]."""
    return np.where(images < 0.01, np.float32(-1e-7), images)


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("attack", "form", "limit"),
    [
        (Fgsm(0.01), np.asarray, 1.4),
        (Pgd(0.01, steps=2, restarts=2), np.asarray, 1.4),
        (Pgd(0.01, steps=2, momentum=0.5), np.asarray, 1.4),
        (Pgd(0.1, steps=2, norm="l2"), lambda images: images.astype("float64"), 1.4),
        (Pgd(0.01, steps=2, restarts=2, loss="margin"), beyond, 1.4),
    ],
)
def test_attacks_hold_what_they_return_and_little_else(certain, images, attack, form, limit):
    def run(part, labels):
        return attacks.run(certain, part, labels, attack, BATCH)

    held, result = beside(run, form(images), EXAMPLES)
    assert held < limit and result.withstood.all() and result.images.shape == images.shape
    assert 0 < result.diagnostics["max_norm"] <= attack.epsilon + 1e-6


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("chosen", "form", "limit"),
    [
        (Fgsm(0.01), np.asarray, 0.5),
        (Pgd(0.01, steps=7), np.asarray, 0.5),
        ([Pgd(0.01, steps=3, momentum=0.5), Fgsm(0.1, norm="l2")], np.asarray, 0.5),
        (Pgd(0.01, steps=2, restarts=2), lambda images: images.astype("float64"), 0.8),
    ],
)
def test_robust_accuracy_holds_only_batches(certain, images, chosen, form, limit):
    def run(part, labels):
        return analysis.robust_accuracy(certain, part, labels, chosen, batch_size=BATCH)

    held, table = beside(run, form(images), EXAMPLES)
    assert held < limit and (table["accuracy"] == 1).all()


def test_neither_copies_nor_changes_what_it_is_given(certain, images):
    part = images[:40].copy()
    part.flags.writeable = False
    result = attacks.pgd(certain, part, np.zeros(40, int), 0.01, steps=2, batch_size=16)
    assert np.array_equal(part, images[:40]) and result.images.flags.writeable


@pytest.mark.parametrize("stop_early", [False, True])
def test_batches_are_full_but_one_of_each_stage(images, monkeypatch, stop_early):
    """And they hold the images in their order, whatever the stages before have left."""
    batches, advance = collections.defaultdict(list), search.Search.advance

    def noted(self, batch, images, labels, state, number, steps):
        batches[len(steps)].append(batch)
        return advance(self, batch, images, labels, state, number, steps)

    monkeypatch.setattr(search.Search, "advance", noted)
    network, part = linear(0.0), images[:400]
    labels = np.asarray(network.predict_on_batch(part)).argmax(axis=1)
    result = attacks.run(network, part, labels, Pgd(0.006, steps=40), 32, stop_early=stop_early)
    assert 0.2 < result.withstood.mean() < 0.8
    assert list(batches) == ([1, 2, 4, 8, 16, 9] if stop_early else [40])
    for rows in batches.values():
        assert all(len(batch) == 32 for batch in rows[:-1])
        joined = np.concatenate(rows)
        assert np.array_equal(joined, np.unique(joined))
        assert np.isin(np.flatnonzero(result.withstood), joined).all()


@pytest.mark.parametrize("lengths", [[5], [4, 4], [1, 0, 2, 7, 3], [9, 1, 0], [0, 0], []])
@pytest.mark.parametrize("size", [1, 4, 20])
def test_parts_of_any_length_become_full_batches(lengths, size):
    bounds = list(itertools.accumulate(lengths, initial=0))
    parts = [
        [np.arange(low, high), np.arange(low, high) * 2.0]
        for low, high in itertools.pairwise(bounds)
    ]
    found = list(flow.full_batches(parts, size))
    total = bounds[-1]
    assert [len(batch[0]) for batch in found[:-1]] == [size] * (
        -(-total // size) - 1 if total else 0
    )
    assert all(np.array_equal(batch[0] * 2.0, batch[1]) for batch in found)
    assert [row for batch in found for row in batch[0]] == list(range(total))


def test_what_predicts_nothing_comes_back_as_it_was():
    """A target is not reached by logits that are not numbers."""
    network = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    network.add(keras.layers.Dense(3, kernel_initializer="ones"))
    network.add(keras.layers.Lambda(lambda x: keras.ops.log(x - 1.0)))
    images = np.full((3, 2, 2, 1), [[[[0.1]]], [[[0.6]]], [[[0.1]]]], "float32")
    with np.errstate(invalid="ignore"), pytest.warns(UserWarning, match="not finite"):
        result = attacks.pgd(network, images, [1, 1, 1], 0.05, steps=2, targeted=True)
    assert np.array_equal(result.images[[0, 2]], images[[0, 2]]) and result.withstood.all()
    assert result.diagnostics["unchanged_share"] >= 2 / 3
