import numpy as np
import pytest

from hfc_keras import spectrum
from hfc_keras.analysis.perturbation_spectrum import perturbation_spectrum

COLUMNS = "ring mean std cumulative white relative examples unchanged".split()
SIZES = [(8, 8, 1), (7, 9, 3), (6, 5, 2)]


def pictures(rng, shape, count=12):
    """Images away from the limits of pixels, and the same with a perturbation."""
    images = rng.uniform(0.2, 0.8, (count, *shape)).astype("float32")
    return images, images + rng.uniform(-0.1, 0.1, images.shape).astype("float32")


def on_rings(values, shape):
    """Sum over channels and each ring, ring by ring."""
    index = spectrum.ring_index(*shape[:2])
    return np.stack(
        [values[:, index == ring].sum(axis=(1, 2)) for ring in range(index.max() + 1)], axis=1
    )


@pytest.mark.parametrize("shape", SIZES)
def test_shares_and_amplitudes_equal_those_of_numpy(shape, rng):
    images, perturbed = pictures(rng, shape)
    table = perturbation_spectrum(images, perturbed)
    assert list(table.columns) == COLUMNS
    difference, before, after = (
        np.abs(np.fft.fft2(each.astype("float64"), axes=(1, 2)))
        for each in (perturbed - images, images, perturbed)
    )
    power = on_rings(difference**2, shape)
    shares = power / power.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(table["mean"], shares.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(table["std"], shares.std(axis=0), rtol=1e-4)
    np.testing.assert_allclose(table["cumulative"], shares.mean(axis=0).cumsum(), rtol=1e-5)
    change = on_rings(after, shape) / on_rings(before, shape) - 1
    np.testing.assert_allclose(table["relative"], change.mean(axis=0), rtol=1e-4, atol=1e-6)
    assert table["ring"].tolist() == list(range(len(table)))
    assert table["cumulative"].iloc[-1] == pytest.approx(1)
    assert table["white"].sum() == pytest.approx(1)


@pytest.mark.parametrize("scale", [0.2, 1e-5])
def test_a_wave_has_its_power_on_its_ring_whatever_its_size(scale, rng):
    images = rng.uniform(0.3, 0.7, (4, 8, 10, 3))
    wave = spectrum.fourier_basis(8, 10, 3, 2)[None, :, :, None]
    table = perturbation_spectrum(images, images + scale * wave)
    # The rounding of float32 pixels beside a wave of amplitude 1e-6.
    tolerance = 1e-10 if scale == 0.2 else 0.02
    np.testing.assert_allclose(table["mean"], table["ring"] == 4, atol=tolerance)


def test_white_noise_is_white(rng):
    images = np.full((400, 8, 8, 1), 0.5)
    perturbed = images + np.clip(rng.normal(0, 0.1, images.shape), -0.5, 0.5)
    table = perturbation_spectrum(images, perturbed)
    np.testing.assert_allclose(table["mean"], table["white"], atol=0.01)
    # Constant images have no amplitude that a change could be relative to.
    assert np.isfinite(table["relative"][0]) and table["relative"][1:].isna().all()


def test_a_brighter_image_changes_in_ring_zero_alone(rng):
    images = rng.uniform(0.2, 0.4, (3, 6, 6, 1))
    table = perturbation_spectrum(images, images * 1.5)
    np.testing.assert_allclose(table["relative"], 0.5, atol=1e-5)
    lifted = perturbation_spectrum(images, images + 0.3)["relative"]
    assert lifted[0] == pytest.approx((0.3 / images.mean(axis=(1, 2, 3))).mean(), rel=1e-5)
    np.testing.assert_allclose(lifted[1:], 0, atol=1e-5)


def test_images_without_perturbation_are_counted_and_left_out(rng):
    images, perturbed = pictures(rng, (8, 8, 1))
    images[2, :, :] = 0.0
    perturbed[[0, 5]] = images[[0, 5]]
    table = perturbation_spectrum(images, perturbed)
    changed = np.delete(np.arange(12), [0, 5])
    alone = perturbation_spectrum(images[changed], perturbed[changed].clip(0, 1))
    assert set(table["unchanged"]) == {2} and set(table["examples"]) == {12}
    assert set(alone["unchanged"]) == {0}
    np.testing.assert_array_equal(table[COLUMNS[:6]], alone[COLUMNS[:6]])


@pytest.mark.parametrize("shape", SIZES)
def test_batch_size_changes_nothing(shape, rng):
    pair = pictures(rng, shape)
    first = perturbation_spectrum(*pair)
    for size in (1, 5, 12):
        np.testing.assert_allclose(perturbation_spectrum(*pair, batch_size=size), first, rtol=1e-5)
    one = perturbation_spectrum(pair[0][:1], pair[1][:1])
    assert (one["std"] == 0).all() and one["mean"].sum() == pytest.approx(1)


HALF = np.full((2, 4, 4, 1), 0.5)


@pytest.mark.parametrize(
    ("images", "perturbed", "message"),
    [
        (HALF, HALF, "must differ from `images` in at least one image"),
        (HALF, HALF[:1], r"must have the shape of `images`, \(2, 4, 4, 1\)"),
        (HALF, HALF + 1, "Received: perturbed.min=1.5"),
        (HALF - 1, HALF, "Received: images.min=-0.5"),
        (HALF, np.full_like(HALF, np.nan), "`perturbed` must be finite"),
        (HALF, np.ones((2, 4, 4, 1), "int32"), "perturbed.dtype='int32'"),
        (HALF[0], HALF, "images.shape"),
    ],
)
def test_refusals(images, perturbed, message):
    with pytest.raises(ValueError, match=message):
        perturbation_spectrum(images, perturbed)


def test_batch_size_is_checked():
    with pytest.raises(ValueError, match="Received: batch_size=0"):
        perturbation_spectrum(HALF, HALF + 0.1, batch_size=0)
