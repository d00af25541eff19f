"""What holds of every pure function of images or kernels: dtypes, empty batches, refusals."""

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import kernels, losses, regularizers, singular_values, spectrum
from hfc_keras.layers import image_operations, reflection

pytestmark = pytest.mark.jax

SIZE = (8, 9, 3)
# Functions of images, and whether the result has the float dtype of the images.
OF_IMAGES = {
    "split": (lambda x: spectrum.split(x, 2)[0], True),
    "high": (lambda x: spectrum.split(x, 2, inclusive=False)[1], True),
    "low_components": (lambda x: spectrum.low_components(x, [1, 2])[1], True),
    "band": (lambda x: spectrum.band(x, 1, 3), True),
    "recombine": (lambda x: spectrum.recombine(x, x), True),
    "recombine_spatial": (lambda x: spectrum.recombine(x, x, "spatial"), True),
    "recombine_within": (lambda x: spectrum.recombine_within(x, np.arange(len(x))[::-1]), True),
    "leading": (lambda x: singular_values.split(x, np.full((len(x), 3), 9.0))[0], True),
    "ring_power": (spectrum.ring_power, True),
    "ring_shares": (spectrum.ring_shares, False),
    "ring_shares_mean": (lambda x: spectrum.ring_shares(x, "mean", "mean"), False),
    "reflect": (lambda x: reflection.reflect(ops.convert_to_tensor(x), 2, 1), True),
}
CHECKED = {name: call for name, (call, _) in OF_IMAGES.items() if name != "reflect"} | {
    "penalty": regularizers.sensitivity_penalty,
}
OF_KERNELS = {
    "smooth": (lambda kernel: kernels.smooth(kernel, 0.5), True),
    "roughness": (kernels.roughness, False),
    "energy_beyond": (lambda kernel: kernels.energy_beyond(kernel, 8), False),
    "limit_roughness": (lambda kernel: kernels.limit_roughness(kernel, 0.5), True),
    "penalty": (regularizers.KernelRoughness(1.0), False),
    "constraint": (regularizers.MaxRoughness(0.5), True),
}
FLOATS = ["float16", "bfloat16", "float32", "float64"]


def typed(values, dtype):
    if keras.backend.backend() != "tensorflow" and dtype == "float64":
        pytest.skip("JAX has no float64 unless it is told so")
    return ops.cast(ops.convert_to_tensor(values), dtype)


def numbers(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


@pytest.fixture
def images(rng):
    return rng.random((4, *SIZE), "float32")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", OF_IMAGES)
def test_images_of_every_float_dtype(name, dtype, images):
    call, keeps = OF_IMAGES[name]
    # Ones that every dtype holds exactly.
    images = np.round(16 * images) / 16
    result = call(typed(images, dtype))
    squared = name == "ring_power" and dtype == "float16"
    wide = "float32" if squared or not keeps else dtype
    assert keras.backend.standardize_dtype(result.dtype) == wide
    rounding = {"float16": 1e-3, "bfloat16": 1e-2}.get(wide, 1e-5)
    expected = numbers(call(images))
    np.testing.assert_allclose(numbers(result), expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", OF_KERNELS)
def test_kernels_of_every_float_dtype(name, dtype, rng):
    call, keeps = OF_KERNELS[name]
    kernel = np.round(16 * rng.normal(size=(3, 5, 2, 4))).astype("float32") / 16
    result = call(typed(kernel, dtype))
    wide = dtype if keeps or dtype == "float64" else "float32"
    assert keras.backend.standardize_dtype(result.dtype) == wide
    rounding = {"float16": 1e-3, "bfloat16": 1e-2}.get(wide, 1e-5)
    np.testing.assert_allclose(numbers(result), numbers(call(kernel)), rtol=rounding, atol=rounding)


@pytest.mark.parametrize("name", ["ring_power", "ring_shares", "ring_shares_mean"])
def test_squares_do_not_overflow(name, images):
    """300 squared is beyond float16, 1e25 squared is beyond float32."""
    call, _ = OF_IMAGES[name]
    power = {"ring_power": 2}.get(name, 0)
    np.testing.assert_allclose(
        numbers(call(typed(np.round(2000 * images), "float16"))),
        numbers(call(np.round(2000 * images))),
        rtol=1e-4,
    )
    large = ops.convert_to_numpy(call(typed(images.astype("float64") * 1e25, "float64")))
    np.testing.assert_allclose(large / 1e25**power, numbers(call(images)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1e22, 1e30])
@pytest.mark.parametrize("name", ["roughness", "energy_beyond", "limit_roughness", "penalty"])
def test_the_scale_of_a_kernel_plays_no_part(name, scale, rng):
    call, keeps = OF_KERNELS[name]
    kernel = rng.normal(size=(3, 3, 2, 4)).astype("float32")
    result = numbers(call(np.float32(scale) * kernel)) / np.float32(scale if keeps else 1)
    np.testing.assert_allclose(result, numbers(call(kernel)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OF_IMAGES)
def test_an_empty_batch_and_one_image(name, images):
    call, _ = OF_IMAGES[name]
    whole = call(images)
    for batch in (0, 1):
        assert tuple(call(images[:batch]).shape) == (batch, *whole.shape[1:])


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["float64", "channels_first", "mixed_float16"])
def test_settings_of_keras_change_nothing(name, images):
    expected = {each: numbers(call(images)) for each, (call, _) in OF_IMAGES.items()}
    kernel = np.random.default_rng(1).normal(size=(3, 3, 2, 2)).astype("float32")
    rough = {each: numbers(call(kernel)) for each, (call, _) in OF_KERNELS.items()}
    before = keras.config.dtype_policy()
    try:
        if name == "channels_first":
            keras.config.set_image_data_format(name)
        else:
            keras.config.set_dtype_policy(name)
            keras.config.set_floatx("float64" if name == "float64" else "float32")
        for each, (call, _) in OF_IMAGES.items():
            np.testing.assert_allclose(numbers(call(images)), expected[each], atol=1e-5)
        for each, (call, _) in OF_KERNELS.items():
            np.testing.assert_allclose(numbers(call(kernel)), rough[each], atol=1e-5)
        for loss in losses.LOSSES:
            assert losses.sample_losses(kernel[:, :, 0, 0], np.array([0, 1, 1]), loss).shape == (3,)
        assert np.isfinite(numbers(regularizers.sensitivity_penalty(images)))
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_image_data_format("channels_last")
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("name", CHECKED)
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 0, 8, 1), "at least 1 pixel per side"),
        ((2, 8, 0, 1), "at least 1 pixel per side"),
        ((2, 8, 8, 0), "and 1 channel"),
        ((8, 8), "expected ndim=4, found ndim=2"),
        ((1, 2, 8, 8, 1), "expected ndim=4, found ndim=5"),
    ],
)
def test_other_shapes_are_refused_by_name(name, shape, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: .*shape="):
        CHECKED[name](np.zeros(shape, "float32"))


@pytest.mark.parametrize("name", CHECKED)
@pytest.mark.parametrize("values", [1j, "x", None, object()], ids=["1j", "x", "None", "object"])
def test_what_are_no_real_numbers_is_refused_by_name(name, values):
    given = np.full((2, 8, 8, 3), values)
    with pytest.raises(ValueError, match="must be an array or tensor of real numbers. Received"):
        CHECKED[name](given)


def test_rows_of_several_lengths_are_refused():
    with pytest.raises(ValueError, match="`images` must be an array or tensor of real numbers"):
        spectrum.split([[[[1.0]], [[1.0], [2.0]]]], 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kernels.smooth(np.zeros((3, 3, 0, 1)), 1), r"each at least 1.*\(3, 3, 0, 1\)"),
        (lambda: kernels.roughness(np.zeros((0, 3, 1, 1))), "Received: kernel.shape"),
        (lambda: kernels.roughness(np.full((3, 3, 1, 1), 1j)), "Received: kernel.dtype"),
        (lambda: kernels.smooth(np.zeros((3, 3, 1, 1)), 1, "no"), "Received: normalize='no'"),
        (lambda: kernels.energy_beyond(np.ones((3, 3, 1, 1)), 8, 32, 1), "Received: inclusive=1"),
        (lambda: spectrum.radial_mask(8, 8, 2, "no"), "Received: inclusive='no'"),
        (lambda: spectrum.band_mask(8, 8, 1, 2, None), "Received: inclusive=None"),
        (lambda: spectrum.split(np.zeros((1, 8, 8, 1)), 2, "yes"), "Received: inclusive='yes'"),
        (
            lambda: spectrum.recombine_within(np.zeros((2, 8, 8, 1)), np.zeros(1, int)),
            r"index of a donor for each image.*donors.shape=\(1,\)",
        ),
        (
            lambda: spectrum.recombine_within(np.zeros((2, 8, 8, 1)), np.array([0.0, 1.0])),
            "must be .batch,. whole numbers",
        ),
        (
            lambda: singular_values.split(np.full((1, 4, 4, 1), np.nan), [[1.0]]),
            "`images` must be finite. Received: images=nan",
        ),
        (lambda: singular_values.split(np.ones((1, 4, 4, 1)), [["x"]]), "Received: energy.dtype"),
        (
            lambda: regularizers.sensitivity_penalty(np.zeros((0, 8, 8, 3))),
            "`gradients` must hold at least one image",
        ),
        (lambda: losses.sample_losses(np.zeros((0, 3)), np.zeros(0, int)), "at least one sample"),
        (
            lambda: losses.sample_losses(np.zeros((0, 3)), np.zeros((0, 3)), "margin"),
            r"at least one sample.*logits.shape=\(0, 3\)",
        ),
        (lambda: losses.sample_losses(np.zeros(3), np.zeros(3, int)), "must be .batch, classes"),
        (lambda: losses.sample_losses(np.zeros((2, 3)), np.zeros(1, int)), "as `logits` are"),
        (lambda: losses.sample_losses(np.zeros((2, 3)), np.eye(2)), r"labels.shape=\(2, 2\)"),
        (
            lambda: losses.sample_losses(np.zeros((2, 1)), np.zeros(2, int), "margin"),
            "2 or more classes",
        ),
    ],
)
def test_wrong_calls_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.tensorflow
def test_what_tensorflow_alone_has_is_refused_by_name():
    import tensorflow as tf

    ragged = tf.ragged.constant([[1.0], [2.0, 3.0]])
    with pytest.raises(ValueError, match="Received: images"):
        spectrum.split(ragged, 1)
    with pytest.raises(ValueError, match="known rank .set it with `tf.ensure_shape`"):
        tf.function(lambda x: spectrum.split(x, 1), input_signature=[tf.TensorSpec(None)])(
            tf.zeros((1, 8, 8, 1))
        )


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (2, 3)])
def test_reflection_is_that_of_numpy(before, after, images):
    margins = ((0, 0), (before, after), (before, after), (0, 0))
    expected = np.pad(images, margins, mode="reflect")
    result = reflection.reflect(ops.convert_to_tensor(images), before, after)
    np.testing.assert_array_equal(ops.convert_to_numpy(result), expected)


@pytest.mark.parametrize("index", range(9), ids=image_operations.OPERATIONS)
def test_operations_on_an_empty_batch(index):
    levels = np.zeros((0, 4, 5, 3), "int32")
    result = image_operations.apply(levels, np.full(0, index), np.zeros(0, "float32"))
    assert tuple(result.shape) == levels.shape
