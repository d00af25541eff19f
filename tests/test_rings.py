import keras
import numpy as np
import pytest
from keras import ops
from own import rings as reference

from hfc_keras import gradients, spectrum

pytestmark = pytest.mark.jax

SIZES = [(32, 32), (8, 8), (7, 9), (6, 11), (12, 5), (1, 4), (2, 2), (1, 1)]
# Coefficients on the rings from 1 on of a 32 x 32 image, and their number up to ring 5.
CIFAR = [8, 12, 16, 32, 28, 40, 40, 48, 68, 56, 72, 68, 88, 88, 84, 94, 64, 44, 32, 16, 20, 4, 1]


@pytest.fixture(params=[True, False], ids=["products", "fft"])
def transform(request, monkeypatch):
    monkeypatch.setattr(spectrum.rings, "uses_products", lambda height, width: request.param)


@pytest.mark.parametrize("size", SIZES)
def test_rings_are_rounded_distances_and_hold_every_coefficient_once(size):
    index = spectrum.ring_index(*size)
    assert np.issubdtype(index.dtype, np.integer) and index[0, 0] == 0
    np.testing.assert_array_equal(index, np.round(reference.distance(*size)))
    sizes = spectrum.ring_sizes(*size)
    assert sizes.tolist() == [(index == ring).sum() for ring in range(index.max() + 1)]
    assert sizes.sum() == size[0] * size[1] and sizes[0] == 1


def test_published_numbers_of_coefficients():
    assert spectrum.ring_sizes(32, 32).tolist() == [1, *CIFAR]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_power_agrees_with_numpy_and_adds_up(size, channels, transform, rng):
    images = rng.normal(size=(5, *size, *([channels] if channels else []))).astype("float32")
    found = ops.convert_to_numpy(spectrum.ring_power(images))
    planes = np.moveaxis(images, 3, 0) if channels else images[None]
    expected = sum(reference.power(plane) for plane in planes)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    squares = (images.astype("float64") ** 2).reshape(5, -1).sum(axis=1)
    np.testing.assert_allclose(found.sum(axis=1), squares, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "uint8"])
def test_power_keeps_float_dtypes_but_the_one_it_overflows(dtype, rng):
    images = ops.cast(rng.integers(0, 4, (2, 6, 6, 1)), dtype)
    found = spectrum.ring_power(images)
    assert keras.backend.standardize_dtype(found.dtype) == (
        dtype if dtype == "bfloat16" else "float32"
    )
    exact = spectrum.ring_power(ops.cast(images, "float32"))
    found = ops.convert_to_numpy(ops.cast(found, "float32"))
    np.testing.assert_allclose(found, ops.convert_to_numpy(exact), rtol=4e-3, atol=1e-5)


@pytest.mark.parametrize("rings", spectrum.RINGS)
@pytest.mark.parametrize("size", [(32, 32), (9, 6), (6, 13)])
@pytest.mark.parametrize(("offset", "scale"), [(0, 1), (0, 1e-30), (0, 1e15), (100, 1)])
def test_shares_agree_with_numpy_at_any_scale(rings, size, offset, scale, transform, rng):
    images = ((rng.normal(size=(6, *size)) + offset) * scale).astype("float32")
    found = ops.convert_to_numpy(spectrum.ring_shares(images, rings))
    np.testing.assert_allclose(found, reference.shares(images, rings), rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_shares_of_several_channels_are_those_of_the_summed_power(rng):
    images = rng.normal(size=(4, 8, 9, 3)).astype("float32") + np.float32([0, 5, -5])
    power = sum(reference.power(images[..., channel]) for channel in range(3))[:, 1:]
    found = ops.convert_to_numpy(spectrum.ring_shares(images))
    np.testing.assert_allclose(found, power / power.sum(axis=1, keepdims=True), rtol=1e-5)


@pytest.mark.slow_on_jax
@pytest.mark.parametrize("shape", [(4, 32, 32), (4, 7, 9, 3)])
def test_images_without_frequencies_have_no_shares_and_nan_stays(shape, transform, rng):
    images = rng.normal(size=shape).astype("float32")
    images[0], images[1], images[2, 1, 1] = 0, 0.1, np.nan
    found = ops.convert_to_numpy(spectrum.ring_shares(images))
    assert (found[:2] == 0).all() and np.isnan(found[2]).all()
    np.testing.assert_allclose(found[3].sum(), 1, rtol=1e-5)
    finite = images[[0, 1, 3]]
    _, gradient = gradients.value_and_gradient(
        lambda x: ops.sum(spectrum.ring_shares(x)[:, 0]), finite
    )
    gradient = ops.convert_to_numpy(gradient)
    assert np.isfinite(gradient).all() and (gradient[:2] == 0).all() and gradient[2].any()


@pytest.mark.parametrize("rings", spectrum.RINGS)
def test_shares_are_differentiable(rings, transform, rng):
    images = rng.normal(size=(3, 8, 7)).astype("float32")
    direction = rng.normal(size=images.shape)
    weights = rng.normal(size=spectrum.ring_sizes(8, 7).size - 1).astype("float32")
    _, gradient = gradients.value_and_gradient(
        lambda x: ops.sum(spectrum.ring_shares(x, rings) * ops.convert_to_tensor(weights)), images
    )
    ends = [
        (reference.shares(images + step * direction, rings) * weights).sum()
        for step in (1e-5, -1e-5)
    ]
    slope = (ops.convert_to_numpy(gradient) * direction).sum()
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-4)


@pytest.mark.parametrize("size", [(8, 8), (5, 4), (3, 7), (1, 6)])
@pytest.mark.parametrize("phase", [0.0, np.pi / 4, -2.0])
def test_basis_images_have_norm_1_and_one_frequency(size, phase):
    height, width = size
    for row, column in np.ndindex(height, width):
        wave = spectrum.fourier_basis(height, width, row, column, phase)
        assert wave.shape == size and np.isclose(np.linalg.norm(wave), 1)
        support = np.abs(np.fft.fft2(wave)) > 1e-9
        expected = np.zeros(size, bool)
        expected[row, column] = expected[-row % height, -column % width] = True
        np.testing.assert_array_equal(support, expected)
        negative = spectrum.fourier_basis(height, width, row - height, column - width, phase)
        np.testing.assert_allclose(negative, wave, atol=1e-12)


@pytest.mark.parametrize("size", [(6, 6), (5, 4), (3, 7)])
def test_cosines_and_sines_are_an_orthonormal_basis(size):
    """Of each pair of opposite frequencies one is taken; its own opposite has a cosine only."""
    images = []
    for row, column in np.ndindex(*size):
        opposite = -row % size[0], -column % size[1]
        phases = [0.0, -np.pi / 2] if (row, column) < opposite else [0.0]
        if (row, column) <= opposite:
            images += [spectrum.fourier_basis(*size, row, column, phase) for phase in phases]
    flat = np.reshape(images, (len(images), -1))
    np.testing.assert_allclose(flat @ flat.T, np.eye(size[0] * size[1]), atol=1e-12)


def test_a_phase_mixes_cosine_and_sine():
    cosine, sine = (spectrum.fourier_basis(6, 7, 2, -3, phase) for phase in (0, -np.pi / 2))
    mixed = spectrum.fourier_basis(6, 7, 2, -3, np.pi / 4)
    np.testing.assert_allclose(mixed, (cosine - sine) / np.sqrt(2), atol=1e-12)
    rows, columns = np.mgrid[:6, :7]
    wave = np.cos(2 * np.pi * (2 * rows / 6 - 3 * columns / 7))
    np.testing.assert_allclose(cosine, wave / np.linalg.norm(wave), atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectrum.ring_index(0, 4), "Received: height=0"),
        (lambda: spectrum.ring_sizes(4, 2.5), "Received: width=2.5"),
        (lambda: spectrum.ring_power(np.zeros((4, 4))), r"Received: images.shape=\(4, 4\)"),
        (lambda: spectrum.ring_power(keras.Input((None, 4, 1))), "must be .batch, height, width"),
        (lambda: spectrum.ring_shares(np.zeros((1, 4, 4)), "men"), "nearest: 'mean'.*rings='men'"),
        (lambda: spectrum.ring_shares(np.zeros((4, 4))), r"Received: images.shape=\(4, 4\)"),
        (lambda: spectrum.ring_shares(np.zeros(4)), r"Received: images.shape=\(4,\)"),
        (lambda: spectrum.fourier_basis(0, 4, 0, 0), "Received: height=0"),
        (lambda: spectrum.fourier_basis(4, 4, 4, 0), "from -4 up to 3. Received: row=4"),
        (lambda: spectrum.fourier_basis(4, 4, 0, -5), "Received: column=-5"),
        (lambda: spectrum.fourier_basis(4, 4, 1.5, 0), "`row` must be a whole number"),
        (lambda: spectrum.fourier_basis(4, 4, 0, 0, np.inf), "Received: phase=inf"),
        (lambda: spectrum.fourier_basis(4, 4, 2, 0, np.pi / 2), "a cosine only.*row=2, column=0"),
    ],
)
def test_wrong_calls_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
