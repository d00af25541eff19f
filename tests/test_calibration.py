import keras
import numpy as np
import pytest
from own.linear import linear_logits, linear_model

from hfc_keras.analysis.calibration import calibration, calibration_errors, reliability
from hfc_keras.analysis.predictions import confidence, predicted_logits

SHAPE, CLASSES = (6, 5, 2), 4
WEIGHTS = np.random.default_rng(1).normal(size=(*SHAPE, CLASSES)).astype("float32")
COLUMNS = [
    "accuracy",
    "confidence",
    "expected_calibration_error",
    "rms_calibration_error",
    "examples",
]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).random((230, *SHAPE), "float32")


@pytest.fixture(scope="module")
def labels(images):
    """Right for all images but every fifth."""
    labels = linear_logits(images, WEIGHTS).argmax(axis=1)
    labels[::5] = (labels[::5] + 1) % CLASSES
    return labels


@pytest.fixture(scope="module")
def model():
    return linear_model(WEIGHTS)


def errors_by_definition(sure, right, bins, binning):
    """Example by example, as the formulas have it; no two confidences alike."""
    places = np.empty(len(sure), int)
    for rank, index in enumerate(np.argsort(sure)):
        wide = next(k for k in range(1, bins + 1) if sure[index] <= k / bins)
        places[index] = wide if binning == "width" else rank * bins // len(sure)
    members = [np.flatnonzero(places == k) for k in set(places)]
    gaps = [abs(np.mean(right[m]) - np.mean(sure[m])) for m in members]
    shares = [len(m) / len(sure) for m in members]
    return np.dot(shares, gaps), np.sqrt(np.dot(shares, np.square(gaps)))


@pytest.mark.parametrize("binning", ["width", "count"])
@pytest.mark.parametrize("bins", [1, 2, 15, 40])
def test_errors_are_those_of_the_definition(binning, bins, rng):
    sure = rng.uniform(0, 1, 83)
    right = rng.uniform(0, 1, 83) < sure**2
    found = calibration_errors(sure, right, bins, binning)
    np.testing.assert_allclose(found, errors_by_definition(sure, right, bins, binning), atol=1e-12)
    assert 0 < found[0] <= found[1]


@pytest.mark.parametrize(
    ("sure", "right", "bins", "mean", "rms"),
    [
        # Bins (0, 0.5] and (0.5, 1]: gaps -0.25 and 0.25.
        ([0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1], 2, 0.25, 0.25),
        # The edge 0.5 counts once, in the bin below: gaps 0.5 and -0.25, each of half the weight.
        ([0.5, 0.5, 0.75, 0.75], [1, 1, 1, 0], 2, 0.375, np.sqrt(0.15625)),
        # 0 is in the first bin and 1 in the last one.
        ([0.0, 1.0], [1, 0], 4, 1.0, 1.0),
        # Three of four in one bin, whose gap is 1/3 - 0.9.
        ([0.9, 0.9, 0.9, 0.1], [1, 0, 0, 0], 5, 1.8 / 4, np.sqrt((1.7**2 / 3 + 0.01) / 4)),
    ],
)
def test_bins_by_hand(sure, right, bins, mean, rms):
    found = calibration_errors(sure, np.array(right, bool), bins)
    np.testing.assert_allclose(found, (mean, rms), atol=1e-12)


@pytest.mark.parametrize("bins", [2, 3, 7, 10, 15, 100])
def test_an_edge_belongs_to_the_bin_below(bins):
    edges = np.array([k / bins for k in range(1, bins + 1)])
    between = edges - 0.5 / bins
    # Each edge is right and the middle below it is wrong: alone in its bin a pair has this gap.
    right = np.repeat([True, False], bins)
    pairs = np.abs((1 - edges - between) / 2)
    found = calibration_errors(np.concatenate([edges, between]), right, bins)
    np.testing.assert_allclose(found[0], pairs.mean(), atol=1e-12)


@pytest.mark.parametrize("binning", ["width", "count"])
def test_full_confidence_and_accuracy_of_a_share(binning):
    right = np.arange(40) % 8 < 5
    assert calibration_errors(np.ones(40), right, 7, binning) == (0.375, 0.375)


@pytest.mark.parametrize("binning", ["width", "count"])
def test_calibrated_answers_have_small_errors(binning, rng):
    sure = rng.uniform(0.1, 1, 40000)
    right = rng.uniform(0, 1, 40000) < sure
    found = calibration_errors(sure, right, 15, binning)
    # A bin of 2600 tells its accuracy to 0.01, one standard deviation.
    assert max(found) < 0.015
    assert min(calibration_errors(sure, ~right, 15, binning)) > 0.2


@pytest.mark.parametrize("binning", ["width", "count"])
def test_order_does_not_matter_and_equal_confidences_share_a_bin(binning, rng):
    sure = rng.choice([0.3, 0.6, 0.61, 1.0], 90)
    right = rng.uniform(0, 1, 90) < 0.5
    first = calibration_errors(sure, right, 6, binning)
    for _ in range(5):
        order = rng.permutation(90)
        other = calibration_errors(sure[order], right[order], 6, binning)
        np.testing.assert_allclose(other, first, atol=1e-12)


def test_confidence_is_the_largest_softmax(rng):
    logits = rng.normal(0, 5, (50, 7)).astype("float32")
    softmax = np.exp(logits.astype("float64"))
    softmax /= softmax.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(confidence(logits), softmax.max(axis=1), rtol=1e-12)
    huge = confidence(np.array([[3e38, 0.0], [-3e38, -3e38], [0.0, -np.inf]], "float32"))
    assert huge.tolist() == [1, 0.5, 1]
    with pytest.raises(ValueError, match="finite logits.*Received: images without=1"):
        confidence(np.array([[np.inf, 0.0], [1.0, 2.0]]))


def test_a_model_is_measured_as_its_logits_say(model, images, labels):
    table = calibration(model, images, labels, bins=10, examples_per_bin=50)
    assert list(table) == COLUMNS and len(table) == 1
    logits = linear_logits(images, WEIGHTS)
    sure, right = confidence(logits), logits.argmax(axis=1) == labels
    assert table["accuracy"][0] == right.mean() == 0.8 and table["examples"][0] == 230
    assert table["confidence"][0] == pytest.approx(sure.mean(), abs=1e-6)
    expected = errors_by_definition(sure, right, 10, "width")[0]
    assert table["expected_calibration_error"][0] == pytest.approx(expected, abs=1e-5)
    # 230 images make four bins of about 50.
    expected = errors_by_definition(sure, right, 4, "count")[1]
    assert table["rms_calibration_error"][0] == pytest.approx(expected, abs=1e-5)
    hot = calibration(model, images, np.eye(CLASSES)[labels], 10, 50, batch_size=7)
    np.testing.assert_allclose(hot, table, atol=1e-6)


def test_fewer_images_than_a_bin_holds_are_one_bin(model, images, labels):
    row = calibration(model, images[:30], labels[:30]).iloc[0]
    gap = abs(row["accuracy"] - row["confidence"])
    assert row["rms_calibration_error"] == pytest.approx(gap, abs=1e-12)


def test_logits_are_those_of_changed_batches(model, images):
    starts = []

    def change(batch, start):
        starts.append(start)
        return batch * 0.5

    found = predicted_logits(model, images[:20], change, batch_size=8)
    assert starts == [0, 8, 16] and found.dtype == "float32"
    np.testing.assert_allclose(found, linear_logits(images[:20], WEIGHTS) / 2, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bins": 0}, "Received: bins=0"),
        ({"examples_per_bin": 1.5}, "Received: examples_per_bin=1.5"),
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"images": np.full((2, *SHAPE), np.nan)}, "2 images hold NaN"),
        ({"images": np.zeros((0, *SHAPE))}, "at least one image"),
        ({"images": np.zeros((2, 5, 6, 2))}, "the model's input shape"),
        ({"labels": [0]}, "one label for each of 2 images"),
        ({"labels": [0, 4]}, "from 0 to 3"),
        ({"model": linear_model(WEIGHTS, keras.layers.Softmax())}, "must return logits"),
        ({"model": linear_model(WEIGHTS * np.nan)}, "finite logits.*images without=2"),
    ],
)
def test_wrong_calls_are_refused(changes, message, model):
    told = {"model": model, "images": np.zeros((2, *SHAPE)), "labels": [0, 1], **changes}
    with pytest.raises(ValueError, match=message):
        calibration(**told)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confidence": []}, "at least one example"),
        ({"correct": [True]}, r"correct.shape=\(1,\)"),
        ({"correct": [1, 0]}, "`correct` must be bool. Received: correct.dtype='int64'"),
        ({"confidence": [0.5, 1.5]}, r"`confidence` must be in .*confidence=\[1.5\]"),
        ({"confidence": [0.5, np.nan]}, r"confidence=\[nan\]"),
        ({"binning": "counts"}, "nearest: 'count'"),
        ({"bins": 0}, "Received: bins=0"),
    ],
)
def test_wrong_answers_are_refused(changes, message):
    told = {"confidence": [0.5, 0.6], "correct": [True, False], **changes}
    with pytest.raises(ValueError, match=message):
        calibration_errors(**told)


def test_bins_of_a_reliability_diagram(model, images, labels):
    table = reliability(model, images, labels, bins=4)
    logits = predicted_logits(model, images)
    sure, right = confidence(logits), logits.argmax(axis=1) == labels
    for _, row in table.iterrows():
        own = (sure > row["lower"]) & (sure <= row["upper"])
        assert own.sum() == row["examples"] > 0
        np.testing.assert_allclose(row["confidence"], sure[own].mean(), rtol=1e-6)
        np.testing.assert_allclose(row["accuracy"], right[own].mean())
    assert table["examples"].sum() == len(images)
    gaps = abs(table["accuracy"] - table["confidence"]) * table["examples"] / len(images)
    assert gaps.sum() == pytest.approx(calibration_errors(sure, right, 4)[0], rel=1e-5)
