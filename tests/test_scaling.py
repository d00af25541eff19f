import keras
import numpy as np
import pytest

from hfc_keras import analysis, layers, spectrum
from hfc_keras.analysis.scaling import scaled_components

pytestmark = pytest.mark.jax


def parts_of(images, radii, **options):
    """All parts of all images, batches joined: the images, then low and high for each radius."""
    batches = [list(parts) for _, parts in scaled_components(images, radii, **options)]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


@pytest.fixture
def images(rng):
    # Channels of different mean and spread.
    scale = np.array([0.2, 0.5, 0.9], "float32")
    return rng.random((7, 9, 12, 3), "float32") * scale


@pytest.mark.parametrize("batch_size", [2, 7, 100])
def test_components_as_they_are(images, batch_size):
    original, low, high = parts_of(images, [2], batch_size=batch_size)
    np.testing.assert_array_equal(original, images)
    for part, expected in zip((low, high), spectrum.split(images, 2), strict=True):
        np.testing.assert_allclose(part, np.asarray(expected), atol=1e-5)


@pytest.mark.parametrize("batch_size", [2, 7])
def test_matched_components_have_mean_and_spread_of_the_images(images, batch_size):
    plain = parts_of(images, [1, 3])
    matched = parts_of(images, [1, 3], scaling="matched", batch_size=batch_size)
    np.testing.assert_array_equal(matched[0], images)
    axes = (0, 1, 2)
    for before, after in zip(plain[1:], matched[1:], strict=True):
        np.testing.assert_allclose(after.mean(axes), images.mean(axes), atol=1e-5)
        np.testing.assert_allclose(after.std(axes), images.std(axes), atol=1e-5)
        standard = (before - before.mean(axes)) / before.std(axes)
        expected = standard * images.std(axes) + images.mean(axes)
        np.testing.assert_allclose(after, expected, atol=1e-4)
        assert after.dtype == images.dtype


def test_spread_alone_keeps_the_mean(images):
    axes = (0, 1, 2)
    plain, spread = (parts_of(images, [2], scaling=scaling) for scaling in ("none", "spread"))
    np.testing.assert_array_equal(spread[0], images)
    for before, after in zip(plain[1:], spread[1:], strict=True):
        np.testing.assert_allclose(after.mean(axes), before.mean(axes), atol=1e-5)
        np.testing.assert_allclose(after.std(axes), images.std(axes), atol=1e-5)


def test_what_remains_outside_is_that_of_the_filter(images):
    _, low, high = parts_of(images, [2], outside_gain=0.5)
    for part, component in ((low, "low"), (high, "high")):
        filtered = layers.RadialFilter(2, component, outside_gain=0.5)(images)
        np.testing.assert_allclose(part, np.asarray(filtered), atol=1e-5)


def test_clipping_comes_last(images):
    told = {"mask": "square", "unit": "nyquist", "scaling": "spread"}
    free, clipped = (parts_of(images, [0.4], clip=clip, **told) for clip in (None, (0.1, 0.6)))
    np.testing.assert_array_equal(clipped[0], images)
    for before, after in zip(free[1:], clipped[1:], strict=True):
        np.testing.assert_array_equal(after, np.clip(before, 0.1, 0.6))
        assert (before != after).any()
    (_, low, high) = parts_of(images, [0.4], mask="square", unit="nyquist")
    expected = spectrum.split(images, 0.4, mask="square", unit="nyquist")
    for part, wanted in zip((low, high), expected, strict=True):
        np.testing.assert_allclose(part, np.asarray(wanted), atol=1e-5)


def test_components_without_spread_stay(images):
    # Beyond the corner there are no high frequencies, and of flat images there are none at all.
    *_, high = parts_of(images, [99], scaling="matched")
    np.testing.assert_allclose(high, 0, atol=1e-5)
    flat = np.full((3, 8, 8, 1), 0.5, "float32")
    for part, expected in zip(parts_of(flat, [2], scaling="matched"), (0.5, 0.5, 0), strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-5)


def test_maximum_of_each_component(images):
    for part in parts_of(images, [2], scaling="max")[1:]:
        np.testing.assert_allclose(part.max(axis=(1, 2, 3)), 1, atol=1e-5)


def test_another_scaling_is_refused_by_name(images):
    with pytest.raises(ValueError, match="'matched'.*Received: scaling='match'"):
        parts_of(images, [2], scaling="match")


def test_a_network_that_ignores_mean_and_spread_is_not_changed_by_matching(rng):
    images, labels = rng.random((40, 8, 8, 1), "float32"), rng.integers(0, 3, 40)
    # Differences of pixels against zero: neither shift nor positive scale changes the answer.
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    weights = rng.normal(size=(64, 3)).astype("float32")
    model.set_weights([weights - weights.mean(axis=0), np.zeros(3, "float32")])
    tables = [
        analysis.frequency_accuracy(model, images, labels, [1, 3], scaling=scaling)
        for scaling in ("none", "max", "spread", "matched")
    ]
    assert tables[0]["accuracy"].nunique() > 1
    for table in tables[1:]:
        assert table.equals(tables[0])
