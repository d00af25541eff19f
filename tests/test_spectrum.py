from fractions import Fraction

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import spectrum
from hfc_keras.spectrum import components, masks

pytestmark = pytest.mark.jax

SHAPES = [(2, 32, 32, 3), (1, 9, 7, 1), (3, 8, 13, 2), (1, 1, 1, 1), (2, 2, 5, 1), (1, 28, 28, 4)]
RADII = [0, 1, 2.5, 4, 8, 1e200]


def numpy_filter(images, mask):
    """The definition: complex transform of each channel, mask, inverse, real part."""
    images = np.asarray(images, "float64")
    parts = np.zeros_like(images)
    for index in np.ndindex(images.shape[0], images.shape[3]):
        plane = images[index[0], :, :, index[1]]
        parts[index[0], :, :, index[1]] = np.fft.ifft2(np.fft.fft2(plane) * mask).real
    return parts


def other_mask(height, width, radius, inclusive, mask, unit):
    """Frequency by frequency, whole numbers alone where the unit is cycles."""
    keep = np.zeros((height, width), bool)
    for row, column in np.ndindex(height, width):
        u, v = min(row, height - row), min(column, width - column)
        if unit == "nyquist":
            u, v = Fraction(2 * u, height), Fraction(2 * v, width)
        far = max(u, v) ** 2 if mask == "square" else u**2 + v**2
        keep[row, column] = far <= radius**2 if inclusive else far < radius**2
    return keep


@pytest.mark.parametrize("mask", ["disc", "square"])
@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize(
    ("unit", "radius"),
    [
        ("cycles", 3),
        ("cycles", Fraction(5, 2)),
        *(("nyquist", Fraction(1, denominator)) for denominator in (1, 2, 3, 7)),
        ("nyquist", Fraction(6, 7)),
        ("nyquist", Fraction(5, 3)),
    ],
)
@pytest.mark.parametrize("shape", [(14, 14), (21, 14), (9, 12)])
def test_squares_and_shares_of_nyquist(mask, inclusive, unit, radius, shape, rng):
    expected = other_mask(*shape, radius, inclusive, mask, unit)
    told = {"inclusive": inclusive, "mask": mask, "unit": unit}
    np.testing.assert_array_equal(spectrum.radial_mask(*shape, float(radius), **told), expected)
    images = rng.random((1, *shape, 2), "float32")
    low, high = map(ops.convert_to_numpy, spectrum.split(images, float(radius), **told))
    np.testing.assert_allclose(low, numpy_filter(images, expected), atol=1e-5)
    np.testing.assert_allclose(low + high, images, atol=1e-6)
    (together,) = spectrum.low_components(images, [float(radius)], **told)
    np.testing.assert_allclose(ops.convert_to_numpy(together), low, atol=1e-6)


def test_clipped_components_keep_to_the_range(rng):
    images = rng.random((2, 8, 8, 1), "float32")
    parts = [
        map(ops.convert_to_numpy, spectrum.split(images, 1, clip=clip))
        for clip in (None, (0, 1), [-0.1, 0.2])
    ]
    for free, pixels, narrow in zip(*parts, strict=True):
        np.testing.assert_allclose(pixels, np.clip(free, 0, 1), atol=1e-6)
        np.testing.assert_allclose(narrow, np.clip(free, -0.1, 0.2), atol=1e-6)
        assert (free != pixels).any() or free.min() >= 0


def test_a_crop_of_others_lies_between_the_squares_with_and_without_rim(rng):
    """It takes -r to r - 1, so that the rim has half its weight once the real part is left."""
    images, share = rng.random((1, 16, 16, 1), "float32"), 0.5
    crop = np.zeros((16, 16))
    crop[8 - 4 : 8 + 4, 8 - 4 : 8 + 4] = 1
    plane = np.fft.ifft2(np.fft.fft2(images[0, ..., 0]) * np.fft.ifftshift(crop)).real
    told = {"mask": "square", "unit": "nyquist"}
    whole, inner = (
        ops.convert_to_numpy(spectrum.split(images, share, inclusive, **told)[0])[0, ..., 0]
        for inclusive in (True, False)
    )
    wider, narrower = (
        spectrum.radial_mask(16, 16, share, inclusive, **told) for inclusive in (True, False)
    )
    weights = np.fft.fft2(plane) / np.fft.fft2(images[0, ..., 0])
    np.testing.assert_allclose(weights[narrower], 1, atol=1e-4)
    np.testing.assert_allclose(weights[~wider], 0, atol=1e-4)
    assert np.abs(plane - (whole + inner) / 2).mean() < 0.2 * np.abs(whole - inner).mean()


def slow_mask(height, width, radius, inclusive):
    rows = np.fft.fftfreq(height) * height
    columns = np.fft.fftfreq(width) * width
    distance = np.array([[np.hypot(u, v) for v in columns] for u in rows])
    return distance <= radius + 1e-9 if inclusive else distance < radius - 1e-9


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("inclusive", [True, False])
def test_split_agrees_with_numpy_and_adds_up(shape, radius, inclusive, rng):
    images = rng.random(shape, "float32")
    mask = slow_mask(*shape[1:3], radius, inclusive)
    np.testing.assert_array_equal(spectrum.radial_mask(*shape[1:3], radius, inclusive), mask)
    low, high = map(ops.convert_to_numpy, spectrum.split(images, radius, inclusive))
    np.testing.assert_allclose(low, numpy_filter(images, mask), atol=1e-5)
    np.testing.assert_allclose(low + high, images, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_both_transforms_agree(shape, rng):
    planes = ops.convert_to_tensor(rng.random((2, shape[3], *shape[1:3]), "float32"))
    predicates = [
        masks.within(2.5, True),
        masks.within(0.6, True, "square", "nyquist"),
        lambda rows, columns, height, width: (rows > 1) & (columns <= 9),
    ]
    pairs = zip(
        components._by_products(planes, predicates),
        components._by_fft(planes, predicates),
        strict=True,
    )
    for products, transform in pairs:
        np.testing.assert_allclose(
            ops.convert_to_numpy(products), ops.convert_to_numpy(transform), atol=1e-5
        )


@pytest.mark.parametrize("row", range(0, 17, 3))
@pytest.mark.parametrize("column", range(1, 17, 4))
def test_the_rim_is_in_or_out_as_asked_whatever_the_rounding(row, column):
    radius = np.hypot(row, column)
    assert spectrum.radial_mask(40, 40, radius)[row, column]
    assert not spectrum.radial_mask(40, 40, radius, inclusive=False)[row, column]
    assert not spectrum.band_mask(40, 40, radius, 99)[row, column]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 5e-4), ("bfloat16", 4e-3)])
def test_half_precision_is_rounded_once(dtype, tolerance, rng):
    images = ops.cast(rng.random((2, 16, 16, 1), "float32"), dtype)
    exact = ops.convert_to_numpy(ops.cast(images, "float32"))
    for part, expected in zip(spectrum.split(images, 7), spectrum.split(exact, 7), strict=True):
        part = ops.convert_to_numpy(ops.cast(part, "float32"))
        error = np.abs(part - ops.convert_to_numpy(expected))
        assert (error <= tolerance * np.abs(ops.convert_to_numpy(expected)) + 1e-6).all()


def test_large_images_agree_with_numpy(rng):
    images = rng.random((1, 260, 40, 1), "float32")
    low = ops.convert_to_numpy(spectrum.split(images, 9)[0])
    mask = spectrum.radial_mask(260, 40, 9)
    np.testing.assert_allclose(low, numpy_filter(images, mask), atol=1e-5)


# Counts of the paper's disc on a 32 x 32 spectrum, with <= and with <.
@pytest.mark.parametrize(
    ("radius", "inclusive", "exclusive"),
    [(4, 49, 45), (8, 197, 193), (12, 441, 437), (16, 795, 793), (20, 999, 995), (24, 1024, 1024)],
)
def test_mask_keeps_the_published_number_of_coefficients(radius, inclusive, exclusive):
    assert spectrum.radial_mask(32, 32, radius).sum() == inclusive
    assert spectrum.radial_mask(32, 32, radius, inclusive=False).sum() == exclusive


@pytest.mark.parametrize("inclusive", [True, False])
def test_bands_and_disc_add_up_to_the_image(inclusive, rng):
    images = rng.random((2, 9, 12, 3), "float32")
    edges = [0.5, 2, 3.7, 20]
    parts = [spectrum.band(images, a, b, inclusive) for a, b in zip(edges, edges[1:], strict=False)]
    parts.append(spectrum.split(images, edges[0], inclusive)[0])
    total = sum(ops.convert_to_numpy(part) for part in parts)
    np.testing.assert_allclose(total, images, atol=1e-5)
    mask = spectrum.band_mask(9, 12, 2, 3.7, inclusive)
    np.testing.assert_allclose(
        ops.convert_to_numpy(parts[1]), numpy_filter(images, mask), atol=1e-5
    )


def test_all_radii_from_one_transform_equal_single_ones(rng):
    images = rng.random((2, 16, 10, 3), "float32")
    together = spectrum.low_components(images, [1, 3, 6])
    for radius, low in zip([1, 3, 6], together, strict=True):
        alone = spectrum.split(images, radius)[0]
        np.testing.assert_allclose(
            ops.convert_to_numpy(low), ops.convert_to_numpy(alone), atol=1e-6
        )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "uint8", "int32"])
def test_dtype_is_kept_and_integers_become_float32(dtype, rng):
    images = ops.cast(rng.integers(0, 255, (1, 8, 8, 1)), dtype)
    low, high = spectrum.split(images, 2)
    expected = dtype if "float" in dtype else "float32"
    if dtype == "float64" and keras.backend.backend() == "jax":
        expected = "float32"
    assert keras.backend.standardize_dtype(low.dtype) == expected
    assert keras.backend.standardize_dtype(high.dtype) == expected


@pytest.mark.tensorflow
@pytest.mark.parametrize("jit", [False, True])
def test_works_in_graphs_of_unknown_size(jit, rng):
    import tensorflow as tf

    signature = [tf.TensorSpec([None, None, None, None] if not jit else [None, 9, 12, 3])]
    function = tf.function(
        lambda images: spectrum.split(images, 2.5), input_signature=signature, jit_compile=jit
    )
    images = rng.random((2, 9, 12, 3), "float32")
    np.testing.assert_allclose(function(images)[0], spectrum.split(images, 2.5)[0], atol=1e-6)


@pytest.mark.tensorflow
def test_gradient_of_a_linear_filter_is_the_filter(rng):
    import tensorflow as tf

    images, weights = tf.constant(rng.random((2, 1, 8, 9, 2), "float32"))
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = tf.reduce_sum(spectrum.split(images, 2)[0] * weights)
    gradient = tape.gradient(value, images)
    np.testing.assert_allclose(gradient, spectrum.split(weights, 2)[0], atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="needs the JAX backend")
def test_works_under_jit_and_differentiates(rng):
    import jax

    images, weights = rng.random((2, 1, 8, 9, 2), "float32")
    gradient = jax.jit(jax.grad(lambda x: (spectrum.split(x, 2)[0] * weights).sum()))(images)
    np.testing.assert_allclose(gradient, spectrum.split(weights, 2)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectrum.split(np.zeros((1, 4, 4, 1)), -1), r"`radius` .*Received: radius=-1"),
        (lambda: spectrum.split(np.zeros((1, 4, 4, 1)), np.nan), "Received: radius=nan"),
        (lambda: spectrum.radial_mask(4, 4, 1, mask="box"), "`mask` must be one of.*mask='box'"),
        (lambda: spectrum.radial_mask(4, 4, 1, unit="cycle"), "nearest: 'cycles'.*unit='cycle'"),
        (lambda: spectrum.split(np.zeros((1, 4, 4, 1)), 1, clip=(1, 0)), r"clip=\(1, 0\)"),
        (lambda: spectrum.split(np.zeros((1, 4, 4, 1)), 1, clip=1), "Received: clip=1"),
        (lambda: spectrum.split(np.zeros((1, 4, 4, 1)), 1, clip=(0, np.nan)), "clip=nan"),
        (lambda: spectrum.split(np.zeros((1, 4, 4, 1)), "4"), "Received: radius='4'"),
        (lambda: spectrum.split(np.zeros((4, 4, 1)), 1), r"Received: images.shape=\(4, 4, 1\)"),
        (lambda: spectrum.low_components(np.zeros((1, 4, 4, 1)), []), "at least one number"),
        (lambda: spectrum.low_components(np.zeros((1, 4, 4, 1)), 4), "Received: radii=4"),
        (lambda: spectrum.radial_mask(0, 4, 1), "Received: height=0"),
        (lambda: spectrum.radial_mask(4, 2.5, 1), "Received: width=2.5"),
        (lambda: spectrum.band_mask(4, 4, 3, 2), "Received: inner=3, outer=2"),
        (lambda: spectrum.band(np.zeros((1, 4, 4, 1)), 1, 1), "Received: inner=1, outer=1"),
    ],
)
def test_wrong_calls_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
