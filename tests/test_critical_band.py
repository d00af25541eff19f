import keras
import numpy as np
import pytest
from own.linear import threshold_model
from own.rings import distance

from hfc_keras.analysis.channel import fitted_channel, threshold
from hfc_keras.analysis.critical_band import critical_band

pytestmark = pytest.mark.jax
COLUMNS = "center noise accuracy criterion threshold sensitivity channel_center".split()
COLUMNS += "channel_bandwidth channel_peak original_accuracy examples".split()
HALVES = [2**octave for octave in (1.0, 1.5, 2.0, 2.5, 3.0, 3.5)]
UNKNOWN = "ignore:The critical band is not known"


def octave(center, size):
    # Whole numbers, which rounding of roots puts on either side of a limit.
    squared = np.round(distance(*size) ** 2)
    return (squared > center**2 / 2 + 1e-6) & (squared <= center**2 * 2 + 1e-6)


def pattern(rng, size, kept):
    """White noise of the frequencies that are kept, of root mean square 1."""
    plane = np.fft.ifft2(np.fft.fft2(rng.normal(size=size)) * kept).real
    return plane / np.sqrt((plane**2).mean())


def planted(rng, size, weights, count, share):
    """Gray images, labels: a share of each deviation is along the weights, for or against."""
    labels = rng.integers(0, 2, count)
    unit = weights / np.linalg.norm(weights)
    rest = rng.normal(size=(count, *size))
    rest -= rest.mean(axis=(1, 2), keepdims=True)
    rest -= np.einsum("nhw,hw->n", rest, unit)[:, None, None] * unit
    rest /= np.linalg.norm(rest, axis=(1, 2), keepdims=True)
    signal = (2 * labels - 1)[:, None, None] * unit
    both = share * signal + np.sqrt(1 - share**2) * rest
    images = 0.5 + 2 * both
    assert 0 <= images.min() and images.max() <= 1
    return images[..., None].astype("float32"), labels


def noisy(images, center, noise, seed=0):
    """What a model sees, by NumPy."""
    gray = images.astype("float64") @ [[0.299], [0.587], [0.114]]
    gray = gray[..., 0] - gray.mean(axis=(1, 2, 3))[:, None, None]
    gray = 0.449 + 0.2 * 0.449 * gray / gray.std(axis=(1, 2), keepdims=True)
    for index, image in enumerate(gray):
        white = np.random.default_rng([seed, index]).normal(size=image.shape)
        band = np.fft.ifft2(np.fft.fft2(white) * octave(center, image.shape)).real
        image += noise * band / np.sqrt((band**2).mean())
    return np.repeat(np.clip(gray, 0, 1)[..., None], 3, axis=3)


@pytest.mark.filterwarnings(UNKNOWN)
def test_accuracy_and_thresholds_equal_those_of_numpy(rng):
    weights = rng.normal(size=(12, 9, 3))
    weights -= weights.mean(axis=(0, 1))
    images = rng.uniform(0, 1, (80, 12, 9, 3)).astype("float32")
    clean = np.einsum("nhwc,hwc->n", noisy(images, 1, 0.0), weights)
    labels = (clean > 0).astype(int)
    labels[:4] = 1 - labels[:4]
    centers, noises = [1.5, 2.5, 4.0], [0.05, 0.2]
    table = critical_band(
        threshold_model(weights), images, labels, centers, noises, seed=3, batch_size=32
    )
    assert list(table.columns) == COLUMNS and len(table) == 7
    assert table["accuracy"][0] == 0.95 and np.isnan(table["center"][0])
    assert set(table["criterion"]) == {(0.95 + 0.5) / 2} and set(table["examples"]) == {80}
    colored = np.einsum("nhwc,hwc->n", images, weights) > 0
    assert set(table["original_accuracy"]) == {(colored == labels).mean()}
    for row in table.iloc[1:].itertuples():
        logits = np.einsum("nhwc,hwc->n", noisy(images, row.center, row.noise, 3), weights)
        assert np.abs(logits).min() > 1e-5
        assert row.accuracy == pytest.approx(((logits > 0) == labels).mean())
    assert table["accuracy"].nunique() > 3
    for center in centers:
        own = table[table["center"] == center]
        found = threshold(np.array([0, *noises]), np.array([0.95, *own["accuracy"]]), 0.725)
        np.testing.assert_allclose(own["threshold"], found)
        expected = 0 if np.isnan(found) else np.log2(0.2 / found)
        np.testing.assert_allclose(own["sensitivity"], expected)


def test_a_model_with_a_known_passband_shows_it(rng):
    size = (32, 32)
    weights = pattern(rng, size, (distance(*size) > 4) & (distance(*size) <= 8))
    images, labels = planted(rng, size, weights, 300, share=0.02)
    table = critical_band(threshold_model(weights[..., None]), images, labels, HALVES)
    own = table.drop_duplicates("center").set_index("center")["sensitivity"]
    # Octaves that touch (4, 8] are felt, and no other.
    amplitude = np.abs(np.fft.fft2(weights))
    read = amplitude > 1e-6 * amplitude.max()
    touching = [octave(center, size)[read].any() for center in HALVES]
    assert (own[HALVES] > 0).tolist() == touching and 3 <= sum(touching) < len(HALVES)
    assert table["channel_center"][0] == pytest.approx(np.sqrt(4 * 8), rel=0.1)
    # Noise and passband are an octave each, so that what is felt is at most two wide.
    assert 1 < table["channel_bandwidth"][0] < 2


def test_a_planted_channel_is_found(rng):
    """Weights of octaves that do not overlap, such that thresholds follow a Gaussian."""
    size, centers = (32, 32), [2, 4, 8, 16]
    peak, mean, spread = 3.0, 2.4, 0.9
    sensitivity = peak * np.exp(-((np.log2(centers) - mean) ** 2) / (2 * spread**2))
    # Noise of n coefficients moves the logit by a normal number of that standard deviation, which
    # flips a quarter of the answers where it is the margin divided by 0.6745.
    bands = [octave(center, size) for center in centers]
    gains = [2**s * np.sqrt(band.sum()) for s, band in zip(sensitivity, bands, strict=True)]
    planes = [pattern(rng, size, band) for band in bands]
    weights = sum(gain * plane for gain, plane in zip(gains, planes, strict=True))
    lengths = [np.linalg.norm(gain * plane) for gain, plane in zip(gains, planes, strict=True)]
    per_noise = lengths[0] / np.sqrt(bands[0].sum()) / 2 ** sensitivity[0] * size[0]
    # The margin at which the threshold of a center without sensitivity would be the level 0.16.
    margin = 0.6745 * per_noise * 0.16
    share = margin / (0.2 * 0.449 * size[0] * np.linalg.norm(weights))
    images, labels = planted(rng, size, weights, 500, share)
    table = critical_band(threshold_model(weights[..., None]), images, labels, centers)
    found = table.drop_duplicates("center")["sensitivity"].to_numpy()[1:]
    np.testing.assert_allclose(found, sensitivity, atol=0.3)
    assert np.log2(table["channel_center"][0]) == pytest.approx(mean, abs=0.15)
    width = 2 * np.sqrt(2 * np.log(2)) * spread
    assert table["channel_bandwidth"][0] == pytest.approx(width, rel=0.12)


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [([0.9, 0.7, 0.5], 0.15), ([0.9, 0.6, 0.7], 0.1), ([0.9, 0.3, 0.1], 0.05), ([0.9] * 3, None)],
)
def test_a_threshold_is_where_the_line_meets_the_criterion(accuracy, expected):
    found = threshold(np.array([0.0, 0.1, 0.2]), np.array(accuracy), 0.6)
    assert np.isnan(found) if expected is None else found == pytest.approx(expected)


@pytest.mark.parametrize("mean", [0.3, 2.5, 5.8])
@pytest.mark.parametrize("spread", [0.5, 1.2, 2.5])
def test_a_fit_finds_its_own_channel(mean, spread):
    octaves = np.arange(7.0)
    values = 3 * np.exp(-((octaves - mean) ** 2) / (2 * spread**2))
    (center, bandwidth, peak), reason = fitted_channel(1.75 * 2**octaves, values)
    assert reason == "" and peak == pytest.approx(3, rel=1e-3)
    assert center == pytest.approx(1.75 * 2**mean, rel=1e-3)
    assert bandwidth == pytest.approx(2.3548 * spread, rel=1e-3)


@pytest.mark.parametrize(
    ("sensitivity", "reason", "known"),
    [
        ([0, 0, 0, 0], "at no center", ()),
        ([0, 1], "at least three centers, and there are 2", ()),
        ([0, 0, 2, 0], "one center only", ("center", "peak")),
        ([0, 1, 1, 0], "two centers only", ("center", "peak")),
        ([1, 0, 1, 0], "apart from each other", ()),
        ([0.1, 0.5, 2, 8], "beyond the centers", ()),
        ([2, 2, 2, 2], "the same at all centers", ()),
    ],
)
def test_what_cannot_be_fitted_is_nan_with_a_reason(sensitivity, reason, known):
    centers = [2.0, 4.0, 8.0, 16.0][: len(sensitivity)]
    found, told = fitted_channel(centers, np.array(sensitivity, float))
    assert reason in told
    names = ("center", "bandwidth", "peak")
    assert tuple(name for name, value in zip(names, found, strict=True) if value == value) == known


def test_a_model_that_no_noise_disturbs_has_no_channel_and_says_so(rng):
    # It reads the mean of the pixels, which no octave holds, and images of one contrast do not.
    bright = np.zeros((16, 16, 1))
    bright[:8] = 1
    bright[8:] = -1
    images = 0.5 + 0.4 * (2 * rng.integers(0, 2, 60) - 1)[:, None, None, None] * bright
    labels = (images[:, 0, 0, 0] > 0.5).astype(int)
    with pytest.warns(UserWarning, match="not known in full: .*falls to the criterion at no"):
        table = critical_band(threshold_model(bright), images, labels, [2, 4, 8], [1e-4, 1e-3])
    assert table[["threshold", "channel_center", "channel_bandwidth"]].isna().all(axis=None)
    assert (table["sensitivity"][1:] == 0).all() and (table["accuracy"] == 1).all()


def test_a_model_at_chance_has_no_channel_and_says_so(rng):
    images = rng.uniform(0, 1, (40, 16, 16, 1))
    model = threshold_model(np.zeros((16, 16, 1)), threshold=1.0)
    with pytest.warns(UserWarning, match="0.5, could be chance"):
        table = critical_band(model, images, [0, 1] * 20, [2, 4, 8])
    assert table[["threshold", "channel_center"]].isna().all(axis=None)


@pytest.fixture(scope="module")
def given():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(16, 16, 1))
    weights -= weights.mean()
    images = rng.uniform(0, 1, (30, 16, 16, 1)).astype("float32")
    labels = (np.einsum("nhwc,hwc->n", images - 0.5, weights) > 0).astype(int)
    return threshold_model(weights), images, labels


@pytest.mark.filterwarnings(UNKNOWN)
def test_centers_above_the_nyquist_frequency_are_left_out_and_said(given):
    with pytest.warns(UserWarning, match="8 cycles per image, are left out: 14, 28, 56, 112"):
        table = critical_band(*given)
    assert sorted(set(table["center"].dropna())) == [1.75, 3.5, 7]


def test_a_threshold_below_the_smallest_noise_is_told(given):
    with pytest.warns(UserWarning) as told:
        critical_band(*given, centers=[2, 4], noises=[0.1])
    texts = " ".join(str(each.message) for each in told)
    assert "The thresholds at 4 cycles per image lie below the smallest noise, 0.1" in texts


@pytest.mark.filterwarnings(UNKNOWN, "ignore:The thresholds at")
def test_batch_size_and_one_hot_labels_change_nothing_and_the_seed_does(given):
    model, images, labels = given
    arguments = {"centers": [2, 4], "noises": [0.1]}
    first = critical_band(model, images, labels, **arguments)
    hot = np.eye(2)[labels]
    assert critical_band(model, images, hot, **arguments, batch_size=7).equals(first)
    assert not critical_band(model, images, labels, **arguments, seed=1).equals(first)


@pytest.mark.filterwarnings("ignore:Centers above")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"centers": [9, 20]}, "up to the Nyquist frequency, 8 cycles per image"),
        ({"centers": [0.2, 4]}, "octave around each holds a frequency. Received: centers=0.2"),
        ({"centers": [0.0, 4]}, "`centers` must be above 0"),
        ({"centers": [2, 2]}, "none twice"),
        ({"noises": []}, "`noises` must hold at least one"),
        ({"noises": [0.0, 0.1]}, "`noises` must be above 0"),
        ({"contrast": -0.1}, "Received: contrast=-0.1"),
        ({"seed": -1}, "Received: seed=-1"),
        ({"labels": [2] * 30}, "class indices from 0 to 1"),
    ],
)
def test_refusals(given, changes, message):
    model, images, labels = given
    with pytest.raises(ValueError, match=message):
        critical_band(model, **{"images": images, "labels": labels, **changes})


def test_images_of_two_channels_are_refused():
    layers = [keras.Input((8, 8, 2)), keras.layers.Flatten(), keras.layers.Dense(2)]
    with pytest.raises(ValueError, match="gray or of red, green and blue"):
        critical_band(keras.Sequential(layers), np.full((2, 8, 8, 2), 0.5), [0, 1])
