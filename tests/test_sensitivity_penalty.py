import keras
import numpy as np
import pytest
from keras import ops
from own import rings as reference

from hfc_keras import gradients
from hfc_keras.regularizers import SensitivityBand, sensitivity_penalty
from hfc_keras.regularizers.sensitivity_penalty import check_kind

pytestmark = pytest.mark.jax

KINDS = ["low", "mid", "high", "all", (5, 10), (0.5, 1), (2.2, 1e9)]
SIZES = [(32, 32, 3), (6, 6, 1), (9, 13, 2), (20, 7, 3)]


def as_argument(kind):
    return kind if isinstance(kind, str) else SensitivityBand(*kind)


def value(gradients, kind):
    return float(sensitivity_penalty(gradients, as_argument(kind)))


def smooth_noise(rng, batch, size):
    """Noise with less power at high frequencies, and of another size in every image."""
    noise = np.fft.fft2(rng.normal(size=(batch, *size)), axes=(1, 2))
    fall = 1 / (1 + reference.distance(*size[:2]))[..., None]
    scale = 10.0 ** rng.integers(-12, 3, (batch, 1, 1, 1))
    return (scale * np.fft.ifft2(noise * fall, axes=(1, 2)).real).astype("float32")


def held(size, kind):
    """Whether a band leaves some rings of a size in and others out."""
    ring = np.arange(1, np.round(reference.distance(*size[:2])).max() + 1)
    inside = (ring > kind[0]) & (ring <= kind[1])
    return inside.any() and not inside.all()


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("batch", [1, 16])
def test_agrees_with_numpy(kind, size, batch, rng):
    gradients = smooth_noise(rng, batch, size)
    if not isinstance(kind, str) and not held(size, kind):
        with pytest.raises(ValueError, match="must hold some of the rings 1 to"):
            value(gradients, kind)
        return
    assert value(gradients, kind) == pytest.approx(reference.penalty(gradients, kind), rel=1e-5)


@pytest.mark.parametrize(
    ("size", "low", "mid"), [((32, 32), 5, 10), ((20, 7), 1, 2), ((6, 6), 1, 2)]
)
def test_kinds_are_bands_of_thirds_of_the_smaller_side(size, low, mid, rng):
    gradients = rng.normal(size=(4, *size, 1)).astype("float32")
    bands = {"low": (0, low), "mid": (low, mid), "high": (mid, 1e3)}
    for kind, band in bands.items():
        assert value(gradients, kind) == pytest.approx(value(gradients, band), rel=1e-6)
    # What one of three bands keeps, the two others penalize.
    assert sum(value(gradients, kind) for kind in bands) == pytest.approx(2, rel=1e-5)


def test_extreme_values():
    flat = np.zeros((1, 32, 32, 1), "float32")
    flat[0, 0, 0] = 1
    ring = {"low": 3, "mid": 8, "high": 14}
    for kind, frequency in ring.items():
        wave = np.cos(2 * np.pi * frequency * np.arange(32) / 32)
        gradients = np.tile(wave[None, :, None, None], (1, 1, 32, 1))
        assert value(gradients, kind) == pytest.approx(0, abs=1e-6)
        others = [value(gradients, other) for other in ring if other != kind]
        assert others == pytest.approx([1, 1])
        assert value(gradients, "all") == pytest.approx(0, abs=1e-4)
        assert -4 < value(flat, "all") < value(flat + 9 * gradients, "all")


@pytest.mark.parametrize("kind", KINDS[:5], ids=str)
def test_images_without_gradient_are_left_out(kind, rng):
    gradients = smooth_noise(rng, 6, (32, 32, 3))
    blind = gradients.copy()
    blind[1], blind[4] = 0, 0.3
    assert value(blind, kind) == pytest.approx(value(gradients[[0, 2, 3, 5]], kind), rel=1e-5)
    assert np.isnan(value(0 * gradients, kind))
    blind[2, 3, 3] = np.nan
    assert np.isnan(value(blind, kind))


@pytest.mark.parametrize("kind", KINDS[:5], ids=str)
def test_is_differentiable(kind, rng):
    images = rng.normal(size=(4, 12, 11, 2)).astype("float32")
    direction = rng.normal(size=images.shape)
    _, gradient = gradients.value_and_gradient(
        lambda x: sensitivity_penalty(x, as_argument(kind)), images
    )
    ends = [reference.penalty(images + step * direction, kind) for step in (1e-5, -1e-5)]
    slope = (ops.convert_to_numpy(gradient) * direction).sum()
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_widened(dtype, rng):
    half = ops.cast(rng.normal(size=(4, 8, 8, 2)), dtype)
    penalty = sensitivity_penalty(half, "mid")
    assert keras.backend.standardize_dtype(penalty.dtype) == "float32"
    exact = ops.convert_to_numpy(ops.cast(half, "float32"))
    assert float(penalty) == pytest.approx(reference.penalty(exact, "mid"), rel=1e-5)


def test_bands_are_values():
    band = SensitivityBand(5, 10)
    assert band == SensitivityBand(5.0, np.float32(10)) and hash(band) == hash(
        SensitivityBand(5, 10)
    )
    assert (np.flatnonzero(band.rings(9, 32)) + 1).tolist() == [6, 7, 8, 9, 10]


GRADIENTS = np.ones((2, 8, 8, 1), "float32")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SensitivityBand(10, 5), "above `inner`.*Received: inner=10.0, outer=5.0"),
        (lambda: SensitivityBand(5, 5), "above `inner`.*Received: inner=5.0, outer=5.0"),
        (lambda: SensitivityBand(5.1, 5.9), "with a whole number in"),
        (lambda: SensitivityBand(-1, 5), "`inner` must be .* from 0. Received: inner=-1"),
        (lambda: SensitivityBand(1, np.nan), "Received: outer=nan"),
        (lambda: SensitivityBand(1, "5"), "Received: outer='5'"),
        (lambda: value(GRADIENTS, (0, 6)), "some of the rings 1 to 6 and leave out others"),
        (lambda: value(GRADIENTS, (7, 9)), "some of the rings 1 to 6.*inner=7.0, outer=9.0"),
        (lambda: sensitivity_penalty(GRADIENTS, "lwo"), "nearest: 'low'. Received: kind='lwo'"),
        (lambda: sensitivity_penalty(GRADIENTS, None), "'low', 'mid', 'high', 'all'.*kind=None"),
        (lambda: sensitivity_penalty(GRADIENTS[:, :5], "all"), "6 pixels per side or more"),
        (lambda: sensitivity_penalty(GRADIENTS[..., 0]), r"gradients.shape=\(2, 8, 8\)"),
        (lambda: sensitivity_penalty(np.ones(3)), r"Received: gradients.shape=\(3,\)"),
        (lambda: check_kind("hi", (8, 8, 1), "regularizer"), "regularizer='hi'"),
        (lambda: check_kind("low", (5, 8, 1)), r"image_shape=\(5, 8, 1\)"),
    ],
)
def test_wrong_calls_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
