import keras
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from keras import ops

from hfc_keras import layers
from hfc_keras.layers import fourier_pool2d

pytestmark = pytest.mark.jax

RAMP = np.arange(36.0, dtype="float32").reshape(1, 6, 6, 1)
# First row of the ramp, halved by a kernel of each size; sums of halves, so exact.
HALVED = {
    1: [0, 2, 4],
    2: [3.5, 5.5, 7.5],
    3: [3.5, 5, 7],
    4: [5.25, 7, 8.75],
    5: [5.25, 6.5, 8.375],
    6: [6.5625, 8.125, 9.6875],
    7: [6.5625, 7.65625, 9.375],
}
LAYERS = {
    "blur": layers.BlurPool2D(4),
    "blur_by_3": layers.BlurPool2D(5, strides=3),
    "blur_alone": layers.BlurPool2D(2, strides=1),
    "max_blur": layers.MaxBlurPool2D(),
    "max_blur_same": layers.MaxBlurPool2D(3, 2, padding="same"),
    "flc": layers.FourierPool2D(),
    "asap": layers.FourierPool2D("hamming"),
}


def numpy_of(tensor):
    return ops.convert_to_numpy(tensor)


def binomial(images, size, strides):
    """Filter that SciPy convolves with, of taps that NumPy convolves together."""
    taps = np.ones(1)
    for _ in range(size - 1):
        taps = np.convolve(taps, [0.5, 0.5])
    images = images.astype("float64")
    for axis in (1, 2):
        # SciPy centers even kernels a pixel further on than floor((k - 1) / 2).
        origin = 0 if size % 2 else -1
        images = scipy.ndimage.correlate1d(images, taps, axis, mode="mirror", origin=origin)
    return images[:, ::strides, ::strides]


@pytest.fixture
def images(rng):
    return rng.standard_normal((3, 8, 9, 2)).astype("float32")


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_constants_stay(layer):
    np.testing.assert_allclose(numpy_of(layer(np.ones((1, 8, 9, 1)))), 1, atol=1e-6)


@pytest.mark.parametrize("size", HALVED)
def test_the_halved_ramp_is_exact(size):
    assert numpy_of(layers.BlurPool2D(size)(RAMP))[0, 0, :, 0].tolist() == HALVED[size]


@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("size", range(1, 8))
def test_blur_is_scipys_at_any_side(size, strides, rng):
    for shape in ((8, 9), (7, 4), (66, 5)):
        images = rng.standard_normal((2, *shape, 3)).astype("float32")
        layer = layers.BlurPool2D(size, strides)
        expected = binomial(images, size, strides)
        np.testing.assert_allclose(numpy_of(layer(images)), expected, atol=1e-6)


@pytest.mark.parametrize("size", range(1, 8))
def test_blur_has_the_response_of_its_formula(size):
    impulse = np.zeros((1, 32, 32, 1), "float32")
    impulse[0, 16, 16] = 1
    response = np.fft.fft2(numpy_of(layers.BlurPool2D(size, strides=1)(impulse))[0, :, :, 0])
    along = np.abs(np.cos(np.pi * np.fft.fftfreq(32))) ** (size - 1)
    np.testing.assert_allclose(np.abs(response), np.outer(along, along), atol=1e-6)


@pytest.mark.parametrize("size", range(2, 8))
def test_blur_does_not_see_a_checkerboard(size):
    board = np.indices((8, 8)).sum(axis=0) % 2 * 2.0 - 1
    output = numpy_of(layers.BlurPool2D(size)(board[None, :, :, None]))
    np.testing.assert_allclose(output, 0, atol=1e-7)
    assert layers.BlurPool2D(size)(np.ones((1, 7, 7, 1))).shape == (1, 4, 4, 1)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("pool_size", [1, 2, 3])
def test_max_blur_is_scipys_maximum_and_the_filter(pool_size, padding, images):
    output = numpy_of(layers.MaxBlurPool2D(pool_size, 3, padding=padding)(images))
    before = (pool_size - 1) // 2 if padding == "same" else 0
    padded = np.pad(
        images, [(0, 0), *[(before, pool_size - 1)] * 2, (0, 0)], constant_values=-np.inf
    )
    windows = np.lib.stride_tricks.sliding_window_view(padded, (pool_size, pool_size), (1, 2))
    maxima = windows.max(axis=(-2, -1))
    sides = [side - (pool_size - 1 if padding == "valid" else 0) for side in (8, 9)]
    expected = binomial(maxima[:, : sides[0], : sides[1]], 3, 2)
    np.testing.assert_allclose(output, expected, atol=1e-6)


@pytest.mark.parametrize("window", ["none", "hamming"])
@pytest.mark.parametrize("shape", [(8, 16), (7, 9), (6, 3), (1, 2), (4, 5)])
def test_fourier_pool_is_scipys_resampling(shape, window, rng):
    images = rng.standard_normal((2, *shape, 3)).astype("float32")
    expected = images.astype("float64")
    for axis in (1, 2):
        size = expected.shape[axis]
        gain = np.sqrt(0.54 + 0.46 * np.cos(2 * np.pi * np.fft.fftfreq(size)))
        gain = gain if window == "hamming" else None
        expected = scipy.signal.resample(expected, -(-size // 2), axis=axis, window=gain)
    output = numpy_of(layers.FourierPool2D(window)(images))
    np.testing.assert_allclose(output, expected, atol=1e-6)
    planes = ops.convert_to_tensor(images)
    by_fft = numpy_of(fourier_pool2d._by_fft(planes, window))
    np.testing.assert_allclose(by_fft, output, atol=1e-6)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize(("tone", "kept"), [(0, 1), (1, 1), (3, 1), (4, 1), (5, 0), (7, 0), (8, 0)])
def test_fourier_pool_keeps_tones_up_to_the_cut(tone, kept, axis):
    wave = np.moveaxis(np.cos(2 * np.pi * tone * np.arange(16) / 16)[None, :, None, None], 1, axis)
    wave = np.broadcast_to(wave, (1, 16, 16, 1))
    output = numpy_of(layers.FourierPool2D()(wave))
    np.testing.assert_allclose(output, kept * wave[:, ::2, ::2], atol=1e-6)
    power = np.abs(np.fft.fft(output, axis=axis))
    assert not kept or power.max(axis=(0, 3 - axis, 3)).argmax() == tone


def test_asap_weights_tones_by_the_root_of_hamming():
    # DFT-even: of length N + 1 without its last value, so that its maximum is at a whole bin.
    hamming = np.fft.ifftshift(np.hamming(17)[:16])
    for row, column in ((0, 0), (0, 3), (2, 1), (3, 3)):
        turns = np.add.outer(row * np.arange(16), column * np.arange(16)) / 16
        wave = np.cos(2 * np.pi * turns)[None, :, :, None]
        output = numpy_of(layers.FourierPool2D("hamming")(wave))
        gain = np.sqrt(np.outer(hamming, hamming))[row, column]
        np.testing.assert_allclose(output, gain * wave[:, ::2, ::2], atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.BlurPool2D(0), "from 1 up to 7. Received: pool_size=0"),
        (lambda: layers.BlurPool2D(8), "from 1 up to 7. Received: pool_size=8"),
        (lambda: layers.BlurPool2D(2.5), "a whole number .*Received: pool_size=2.5"),
        (lambda: layers.BlurPool2D(strides=0), "from 1. Received: strides=0"),
        (lambda: layers.BlurPool2D(strides=(2, 2)), r"Received: strides=\(2, 2\)"),
        (lambda: layers.BlurPool2D(3)(RAMP[0]), "expected ndim=4, found ndim=3"),
        (lambda: layers.BlurPool2D(7)(RAMP[:, :3]), "more than 3 pixels .*height.*=.3, 6"),
        (lambda: layers.BlurPool2D(2).build((None, 1, 8, 3)), "more than 1 pixels"),
        (lambda: layers.BlurPool2D(2)(keras.Input((8, 1, 3))), "more than 1 pixels"),
        (lambda: layers.MaxBlurPool2D(0), "Received: pool_size=0"),
        (lambda: layers.MaxBlurPool2D(2, 9), "Received: blur_size=9"),
        (lambda: layers.MaxBlurPool2D(strides=-1), "Received: strides=-1"),
        (lambda: layers.MaxBlurPool2D(padding="full"), "'valid', 'same'.*padding='full'"),
        (lambda: layers.MaxBlurPool2D(7)(RAMP), "more than 1 pixels per side.*7|at least 7 pixels"),
        (lambda: layers.MaxBlurPool2D(2, 3)(RAMP[:, :2]), "more than 1 pixels"),
        (lambda: layers.FourierPool2D("hann"), "'none', 'hamming'.*Received: window='hann'"),
        (lambda: layers.FourierPool2D()(RAMP[0]), "expected ndim=4, found ndim=3"),
    ],
)
def test_wrong_calls_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_later_map_that_is_too_small_is_refused():
    layer = layers.BlurPool2D(5)
    layer(RAMP)
    with pytest.raises(ValueError, match="more than 2 pixels"):
        layer(RAMP[:, :, :2])
