import numpy as np
import pytest

from hfc_keras import spectrum

pytestmark = pytest.mark.jax


def symmetric(rng, *shape):
    """Masks that hold the negative of each frequency they hold."""
    half = rng.random(shape) < 0.4
    return half | np.roll(np.flip(half, (-2, -1)), 1, axis=(-2, -1))


@pytest.mark.parametrize("size", [(8, 6), (7, 9), (1, 4)])
@pytest.mark.parametrize("each", [False, True])
def test_it_equals_that_of_numpy(size, each, rng):
    images = rng.normal(size=(3, *size, 2)).astype("float32")
    mask = symmetric(rng, 3, *size) if each else symmetric(rng, *size)
    planes = np.fft.fft2(np.moveaxis(images.astype("float64"), 3, 1))
    kept = np.fft.ifft2(planes * (mask[:, None] if each else mask))
    assert np.abs(kept.imag).max() < 1e-12
    found = spectrum.masked(images, mask)
    np.testing.assert_allclose(found, np.moveaxis(kept.real, 1, 3), atol=1e-5)


def test_a_mask_and_what_it_leaves_out_add_up_to_the_image_and_a_disc_is_low(rng):
    images = rng.normal(size=(2, 8, 8, 3)).astype("float32")
    mask = spectrum.radial_mask(8, 8, 2)
    low, high = spectrum.masked(images, mask), spectrum.masked(images, ~mask)
    np.testing.assert_allclose(np.asarray(low) + np.asarray(high), images, atol=1e-5)
    np.testing.assert_allclose(low, spectrum.split(images, 2)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((8, 8)), "`mask` must be a bool array"),
        (np.ones((8, 7), bool), r"Received: .*mask.shape=\(8, 7\)"),
        (np.ones((3, 8, 8), bool), r"mask.shape=\(3, 8, 8\)"),
        (np.eye(8, dtype=bool)[::-1], r"hold the frequency \(-u, -v\).*frequencies without=8"),
    ],
)
def test_refusals(mask, message):
    with pytest.raises(ValueError, match=message):
        spectrum.masked(np.zeros((2, 8, 8, 1)), mask)
