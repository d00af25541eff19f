import keras
import numpy as np
import pytest
from own.linear import linear_logits, linear_model

from hfc_keras import data
from hfc_keras.analysis.out_of_distribution import out_of_distribution, separation
from hfc_keras.data.resizing import resized_pixels

SHAPE = (6, 6, 1)
WEIGHTS = np.random.default_rng(1).normal(size=(*SHAPE, 3)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return linear_model(WEIGHTS)


def by_counting(inside, outside):
    """Every pair and every threshold."""
    pairs = [(s > t) + 0.5 * (s == t) for s in inside for t in outside]
    limits = sorted({*inside, *outside})
    kept = max(c for c in limits if np.mean(inside >= c) >= 0.95)
    both = [(np.mean(inside >= d) + np.mean(outside < d)) / 2 for d in [*limits, np.inf]]
    return {
        "auroc": np.mean(pairs),
        "tnr_at_95_tpr": np.mean(outside < kept),
        "detection_accuracy": max(both),
    }


@pytest.mark.parametrize("sizes", [(1, 1), (19, 7), (20, 30), (21, 30), (40, 3), (60, 100)])
@pytest.mark.parametrize("ties", [False, True])
def test_measures_are_those_of_counting(sizes, ties, rng):
    inside, outside = rng.normal(1, 1, sizes[0]), rng.normal(0, 1, sizes[1])
    if ties:
        inside, outside = np.round(inside), np.round(outside)
    assert separation(inside, outside) == pytest.approx(by_counting(inside, outside), abs=1e-12)


@pytest.mark.parametrize(
    ("inside", "outside", "expected"),
    [
        ([2, 3, 4], [0, 1], (1, 1, 1)),
        ([0, 1], [2, 3, 4], (0, 0, 0.5)),
        ([1, 2, 3], [1, 2, 3], (0.5, 0, 0.5)),
        ([1, 1], [1, 1, 1], (0.5, 0, 0.5)),
        # 19 of 20 is 95 %, so the lowest score inside is given up.
        ([0, *range(2, 21)], [1], (0.95, 1, 0.975)),
        ([0, *range(2, 20)], [1], (18 / 19, 0, (18 / 19 + 1) / 2)),
    ],
)
def test_measures_by_hand(inside, outside, expected):
    assert tuple(separation(inside, outside).values()) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("score", ["max_logit", "max_probability"])
def test_a_model_is_measured_by_its_logits(score, model, rng):
    inside = rng.random((45, *SHAPE), "float32")
    outside = data.noise_images(70, SHAPE, seed=1)
    table = out_of_distribution(model, inside, outside, score)

    def scores(images):
        logits = linear_logits(images, WEIGHTS)
        powers = np.exp(logits)
        return logits.max(1) if score == "max_logit" else powers.max(1) / powers.sum(1)

    expected = by_counting(scores(inside), scores(outside))
    assert list(table) == ["score", *expected, "inside_examples", "outside_examples"]
    row = table.iloc[0].to_dict()
    assert (row["score"], row["inside_examples"], row["outside_examples"]) == (score, 45, 70)
    assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    other = out_of_distribution(model, inside, outside, score, batch_size=16)
    assert other.equals(table)


def test_the_same_images_are_chance_and_the_default_is_the_logit(model, rng):
    images = rng.random((20, *SHAPE), "float32")
    table = out_of_distribution(model, images, images)
    assert table["score"][0] == "max_logit" and table["auroc"][0] == pytest.approx(0.5)
    bright = linear_model(np.full((*SHAPE, 2), [0.0, 1.0]))
    table = out_of_distribution(bright, 0.5 + images / 2, images / 4)
    assert table["auroc"][0] == table["tnr_at_95_tpr"][0] == table["detection_accuracy"][0] == 1


GOOD = np.zeros((2, *SHAPE))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": "max_logits"}, "nearest: 'max_logit'"),
        ({"inside": np.zeros((2, 8, 8, 1))}, "`inside` must have the model's input shape"),
        ({"outside": np.zeros((2, 6, 6, 3))}, "`outside` must have the model's input shape"),
        ({"inside": GOOD[:0]}, "`inside` must hold at least one image"),
        ({"outside": GOOD[:0]}, "`outside` must hold at least one image"),
        ({"outside": GOOD * np.nan}, "`outside` must be finite; 2 images hold NaN"),
        ({"inside": GOOD.astype("int32")}, "`inside` must be float pixels"),
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"model": linear_model(WEIGHTS, keras.layers.Softmax())}, "must return logits"),
        ({"model": linear_model(WEIGHTS * np.nan)}, "must return finite logits"),
    ],
)
def test_wrong_calls_are_refused(changes, message, model):
    with pytest.raises(ValueError, match=message):
        out_of_distribution(**{"model": model, "inside": GOOD, "outside": GOOD, **changes})


@pytest.mark.parametrize(("inside", "outside"), [([], [1.0]), ([1.0], [np.nan]), ([[1.0]], [1.0])])
def test_wrong_scores_are_refused(inside, outside):
    with pytest.raises(ValueError, match="at least one score, all of them finite"):
        separation(inside, outside)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [((8, 8, 1), (8, 8, 3)), ((8, 8, 1), (12, 6, 1)), ((9, 8, 3), (4, 4, 3)), ((4, 4, 1),) * 2],
)
def test_images_in_another_shape(shape, wanted, rng):
    images = rng.random((5, *shape), "float32")
    found = data.as_images_like(images, wanted)
    assert found.shape == (5, *wanted) and found.dtype == "float32"
    expected = images if shape[:2] == wanted[:2] else resized_pixels(images, wanted[:2])
    np.testing.assert_array_equal(found, np.broadcast_to(expected, found.shape))
    assert 0 <= found.min() and found.max() <= 1


@pytest.mark.parametrize(
    ("kind", "mean", "spread", "clipped"),
    # Of a normal variable z the share 0.3829 lies within 0.5 of its mean, with E[z^2] = 0.0308
    # there; all else is 0.5 away from it.
    [("uniform", 0.5, 12**-0.5, 0.0), ("gaussian", 0.5, (0.6171 / 4 + 0.0308) ** 0.5, 0.6171)],
)
def test_noise_has_its_moments(kind, mean, spread, clipped):
    noise = data.noise_images(40, (16, 16, 3), kind, seed=3)
    assert noise.dtype == "float32" and 0 <= noise.min() and noise.max() <= 1
    assert noise.mean() == pytest.approx(mean, abs=0.01)
    assert noise.std() == pytest.approx(spread, abs=0.01)
    assert np.isin(noise, (0, 1)).mean() == pytest.approx(clipped, abs=0.01)
    assert abs(np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]) < 0.03
    np.testing.assert_array_equal(noise[:7], data.noise_images(7, (16, 16, 3), kind, seed=3))
    assert (noise != data.noise_images(40, (16, 16, 3), kind, seed=4)).any()


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (data.as_images_like, (np.zeros((2, 4, 4, 3)), (4, 4, 1)), "one channel or 1"),
        (data.as_images_like, (GOOD, (6, 6)), r"Received: image_shape=\(6, 6\)"),
        (data.as_images_like, (GOOD, (6, 0, 1)), "Received: image_shape=0"),
        (data.as_images_like, (GOOD - 1, (6, 6, 1)), "Received: images.min=-1.0"),
        (data.noise_images, (0, SHAPE), "Received: count=0"),
        (data.noise_images, (2, 8), "Received: image_shape=8"),
        (data.noise_images, (2, SHAPE, "normal"), "Received: kind='normal'"),
        (data.noise_images, (2, SHAPE, "uniform", -1), "Received: seed=-1"),
    ],
)
def test_wrong_images_and_shapes_are_refused(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(*arguments)
