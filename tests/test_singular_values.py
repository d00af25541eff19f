import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import singular_values, spectrum

pytestmark = pytest.mark.jax


@pytest.fixture
def images(rng):
    return rng.random((4, 8, 9, 3), "float32")


def energy_of(images):
    return np.square(images, dtype="float64").sum(axis=(1, 2))


def slow_split(plane, energy):
    """Leading part of one channel, from every cut there is."""
    left, values, right = np.linalg.svd(plane.astype("float64"))
    cuts = [
        sum((values[i] * np.outer(left[:, i], right[i]) for i in range(k)), np.zeros(plane.shape))
        for k in range(len(values) + 1)
    ]
    return min(cuts, key=lambda cut: abs(np.square(cut).sum() - energy))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8, 0.93, 0.99, 1.0, 2.0])
def test_split_equals_a_slow_reference(share, images):
    energy = share * energy_of(images)
    leading, trailing = map(ops.convert_to_numpy, singular_values.split(images, energy))
    np.testing.assert_allclose(leading + trailing, images, atol=1e-6)
    for image, channel in np.ndindex(4, 3):
        expected = slow_split(images[image, :, :, channel], energy[image, channel])
        np.testing.assert_allclose(leading[image, :, :, channel], expected, atol=1e-5)


def test_no_other_number_of_terms_is_nearer_to_the_low_component(images):
    low = energy_of(ops.convert_to_numpy(spectrum.split(images, 2)[0]))
    leading, trailing = singular_values.split(images, low)
    reached, rest = (energy_of(ops.convert_to_numpy(part)) for part in (leading, trailing))
    np.testing.assert_allclose(reached + rest, energy_of(images), rtol=1e-5)
    values = np.linalg.svd(images.transpose(0, 3, 1, 2), compute_uv=False)
    cuts = np.cumsum(values**2, axis=-1)
    assert (np.abs(reached - low) <= np.abs(cuts - low[..., None]).min(axis=-1) + 1e-4).all()
    assert (reached != low).all()


def test_several_energies_equal_one_at_a_time(images):
    energies = [share * energy_of(images) for share in (0.7, 0.95)]
    parts = singular_values.leading_components(images, energies)
    for part, energy in zip(parts, energies, strict=True):
        alone = singular_values.split(images, energy)[0]
        np.testing.assert_array_equal(ops.convert_to_numpy(part), ops.convert_to_numpy(alone))


@pytest.mark.parametrize(
    ("given", "returned"), [("float16", "float16"), ("float32", "float32"), ("uint8", "float32")]
)
def test_dtypes(given, returned, images):
    images = (255 * images).astype(given)
    for part in singular_values.split(images, 0.9 * energy_of(images)):
        assert keras.backend.standardize_dtype(part.dtype) == returned
        assert part.shape == images.shape


def test_an_image_of_zeros_has_empty_parts():
    parts = singular_values.split(np.zeros((1, 4, 4, 1)), [[0.0]])
    assert not any(ops.convert_to_numpy(part).any() for part in parts)


@pytest.mark.parametrize(
    ("shape", "energy", "message"),
    [
        ((4, 4, 1), [[1.0]], r"must be \(batch.*Received: images.shape=\(4, 4, 1\)"),
        ((2, 4, 4, 3), [[1.0]], r"one number for each.*Received: energy.shape=\(1, 1\)"),
        ((1, 4, 4, 1), 1.0, r"Received: energy.shape=\(\)"),
        ((1, 4, 4, 1), [[-1.0]], "at least 0. Received: energy=-1.0"),
        ((1, 4, 4, 1), [[np.nan]], "finite.*Received: energy=nan"),
    ],
)
def test_wrong_arguments_are_refused(shape, energy, message):
    with pytest.raises(ValueError, match=message):
        singular_values.split(np.ones(shape), np.asarray(energy))
