import warnings

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import analysis, attacks
from hfc_keras.attacks import Apgd, Fgsm, Square, search
from hfc_keras.attacks.square_iteration import SquareIteration, covered

pytestmark = pytest.mark.jax

SHAPE = (9, 8, 2)


@pytest.fixture(scope="module")
def linear():
    """A network whose logits are pixels times a matrix."""
    model = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten()])
    model.add(keras.layers.Dense(3, use_bias=False))
    weights = np.random.default_rng(2).normal(size=(np.prod(SHAPE), 3)).astype("float32")
    model.set_weights([weights - weights.mean(axis=0)])
    return model


@pytest.fixture(scope="module")
def images(linear):
    pixels = (0.3 + 0.4 * np.random.default_rng(0).random((20, *SHAPE))).astype("float32")
    return pixels, np.asarray(linear.predict_on_batch(pixels)).argmax(axis=1)


@keras.saving.register_keras_serializable(package="tests")
class Steps(keras.layers.Layer):
    """Rounds to steps, which takes the gradient away."""

    def call(self, x):
        return ops.round(x * 40) / 40


def change_of(found, images):
    return (found.images - images).reshape(len(images), -1)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_what_it_finds_lies_in_the_ball_and_raises_the_margin(linear, images, norm):
    epsilon = 0.02 if norm == "linf" else 0.15
    found = attacks.run(linear, *images, Square(epsilon, queries=60, norm=norm))
    sizes = np.linalg.norm(change_of(found, images[0]), np.inf if norm == "linf" else 2, axis=1)
    assert sizes.max() == pytest.approx(epsilon, rel=1e-4)
    assert found.diagnostics["loss_after"] > found.diagnostics["loss_before"]
    assert np.isnan(found.diagnostics["zero_gradient_share"])
    assert 0 <= found.images.min() <= found.images.max() <= 1


def test_more_queries_find_more(linear, images):
    left = [
        attacks.run(linear, *images, Square(0.04, queries=queries)).withstood.mean()
        for queries in (1, 20, 300)
    ]
    assert left[0] > left[1] > left[2]
    aimed = attacks.run(linear, *images, Apgd(0.04, steps=20, loss="margin", targets=2))
    assert left[2] >= aimed.withstood.mean()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_batches_do_not_matter(linear, images, norm):
    attack = Square(0.05, queries=12, norm=norm, seed=4)
    whole = attacks.run(linear, *images, attack)
    parts = attacks.run(linear, *images, attack, batch_size=7)
    np.testing.assert_allclose(whole.images, parts.images, atol=1e-6)
    other = attacks.run(linear, *images, Square(0.05, queries=12, norm=norm, seed=5))
    assert abs(whole.images - other.images).max() > 0.01


def test_as_many_answers_as_queries(linear, images, monkeypatch):
    counts, advance = [], search.Search.advance

    def noted(self, batch, given, labels, state, number, steps):
        counts.append(len(steps))
        return advance(self, batch, given, labels, state, number, steps)

    monkeypatch.setattr(search.Search, "advance", noted)
    attacks.run(linear, *images, Square(1e-4, queries=300), stop_early=True)
    assert sum(counts) == 300
    assert max(counts) == 64


@pytest.mark.parametrize(
    ("query", "expected"),
    [(0, 0.8), (10, 0.8), (11, 0.4), (51, 0.2), (501, 0.05), (8001, 0.8 / 512)],
)
def test_the_share_of_a_square_falls_by_halves(query, expected):
    assert covered(0.8, query, 10_000) == pytest.approx(expected)
    assert covered(0.8, query // 2 + query % 2, 5_000) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(3, 32, 32, 3), (2, 8, 8, 1), (1, 1, 1, 1), (1, 2, 5, 1)])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_squares_of_any_image(shape, norm):
    """One square a query, with one sign a channel or a pattern of norm 1; also of few pixels."""
    attack = Square(0.1, norm=norm)
    iteration = SquareIteration.of(attack)
    for step in (0, 1, 100, 4999):
        epsilon, change, *others = iteration.arguments(attack, 0, step, shape)
        assert epsilon == np.float32(0.1)
        assert change.shape == (1, *shape[1:])
        assert [other.shape for other in others] == (
            [] if norm == "linf" else [(1, *shape[1:3], 1)] * 2
        )
        rows = np.flatnonzero(change[0].any(axis=(1, 2)))
        assert len(rows) == (0 if step == 0 else rows[-1] - rows[0] + 1)
        if step and norm == "linf":
            assert set(np.unique(np.abs(change[0]))) <= {np.float32(0), np.float32(0.2)}
        if step and norm == "l2":
            length = np.sqrt((change[0] ** 2).sum(axis=(0, 1)))
            np.testing.assert_allclose(length, 1, atol=1e-5)


def numpy_query(image, best, epsilon, parts):
    """One query in words of the paper and its code, with the square as a slice."""
    change = (best - image).astype("float64")
    if len(parts) == 1:
        return np.clip(image + np.clip(change + parts[0], -epsilon, epsilon), 0, 1)
    pattern, to, away = (part.astype("float64") for part in parts)
    if not to.any():
        return best
    rows, columns = (np.flatnonzero(to[..., 0].any(axis=axis)) for axis in (1, 0))
    square = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    both = (to + away)[..., 0] > 0
    freed = (change[both] ** 2).sum()
    fresh = np.zeros_like(pattern[square])
    for channel in range(fresh.shape[-1]):
        old = change[square][..., channel]
        fresh[..., channel] = pattern[square][..., channel] + old / np.linalg.norm(old)
        fresh[..., channel] /= np.linalg.norm(fresh[..., channel])
    unused = max(epsilon**2 - (change**2).sum(), 0) / fresh.shape[-1]
    change[away[..., 0] > 0] = 0
    change[square] = fresh * np.sqrt(unused + freed)
    return np.clip(image + epsilon * change / np.linalg.norm(change), 0, 1)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_queries_are_those_of_the_paper(linear, images, norm):
    attack = Square(0.03 if norm == "linf" else 0.3, queries=400, norm=norm)
    iteration = SquareIteration.of(attack)
    pixels, labels = images[0][:4], images[1][:4].astype("int32")
    generators = [np.random.default_rng(row) for row in range(4)]
    state = iteration.state(iteration.start(attack, pixels, generators), attack.epsilon)
    moved = 0
    for step in range(12):
        given = iteration.arguments(attack, 0, step, pixels.shape)
        tensors = map(ops.convert_to_tensor, (pixels, labels, *given, *state))
        found = iteration(lambda x: linear(x), *tensors)
        best, margins, tried, *_ = map(ops.convert_to_numpy, found)
        for row in range(4):
            parts = [part[0] for part in given[1:]]
            expected = numpy_query(pixels[row], state[0][row], attack.epsilon, parts)
            expected = state[0][row] if step == 0 else expected
            kept = tried[row] > state[1][row]
            moved += kept
            chosen = expected if kept else state[0][row]
            np.testing.assert_allclose(best[row], chosen, atol=2e-5)
            logits = np.asarray(linear.predict_on_batch(best[row][None]))[0]
            others = np.delete(logits, labels[row]).max()
            assert margins[row] == pytest.approx(others - logits[labels[row]], abs=1e-4)
        state = [best, margins]
    assert 4 < moved < 48


def test_squares_reach_every_pixel():
    iteration, attack = SquareIteration.of(Square(0.1)), Square(0.1, queries=200)
    reached = sum(
        iteration.arguments(attack, 0, step, (1, 6, 5, 1))[1][0] != 0 for step in range(1, 200)
    )
    assert reached.min() > 0


@pytest.mark.slow_on_jax
def test_masked_gradients_are_told_from_what_only_a_search_breaks(linear, images):
    model = keras.Sequential([keras.Input(SHAPE), Steps(), linear])
    labels = np.asarray(model.predict_on_batch(images[0])).argmax(axis=1)
    chosen = [Apgd(0.06, steps=20), Square(0.06, queries=100)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = analysis.robust_accuracy(model, images[0], labels, chosen)
    said = [str(each.message) for each in caught]
    assert any(each.startswith("The gradient of 100.0% of the images is zero") for each in said)
    assert any(
        "A search without gradients broke" in each and "may be masked" in each for each in said
    )
    assert table["knowledge"].tolist()[1:3] == ["white-box", "black-box"]
    assert table["accuracy"][2] < table["accuracy"][1] - 0.2
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="A search without gradients")
        analysis.robust_accuracy(linear, *images, [Apgd(0.06, steps=30), chosen[1]])


@pytest.mark.slow_on_jax
@pytest.mark.parametrize("before", [Fgsm(0.06), Square(0.06, queries=5, seed=1)])
def test_what_is_no_search_along_the_gradient_shows_no_masking(before, linear, images):
    labels = np.asarray(linear.predict_on_batch(images[0])).argmax(axis=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        analysis.robust_accuracy(linear, images[0], labels, [before, Square(0.06, queries=100)])
    assert not [each for each in caught if "without gradients" in str(each.message)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"queries": 0}, "queries=0"),
        ({"p_init": 0.0}, "`p_init` must be above 0"),
        ({"p_init": 1.5}, "p_init=1.5"),
        ({"queries": 2.5}, "queries=2.5"),
        ({"norm": "l1"}, "norm='l1'"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Square(0.1, **settings)
