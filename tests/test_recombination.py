import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import spectrum
from hfc_keras.spectrum import recombination

pytestmark = pytest.mark.jax

SHAPES = [
    (2, 32, 32, 3),
    (1, 9, 7, 1),
    (3, 8, 13, 2),
    (2, 1, 1, 1),
    (1, 1, 6, 3),
    (1, 2, 5, 4),
    (1, 66, 20, 3),
    (2, 6, 5, 7),
]


def over(axes):
    return (1, 2, 3) if axes == "spatial_channel" else (1, 2)


def numpy_recombine(anchor, donor, axes):
    """The definition by angles, in double precision."""
    phase, amplitude = (
        np.fft.fftn(np.asarray(x, "float64"), axes=over(axes)) for x in (anchor, donor)
    )
    mixed = np.abs(amplitude) * np.exp(1j * np.angle(phase))
    return np.fft.ifftn(mixed, axes=over(axes)).real


def recombined(*arguments, **options):
    return ops.convert_to_numpy(spectrum.recombine(*arguments, **options))


@pytest.fixture
def pair(rng):
    return rng.random((2, 4, 9, 12, 3), "float32")


def falling(power, rng, size=224):
    """Image of 8 bits whose amplitude falls with a power of the frequency."""
    spectra = np.fft.rfft2(rng.normal(0, 1, (1, size, size, 3)), axes=(1, 2))
    rows, columns = np.ix_(size * np.fft.fftfreq(size), np.arange(size // 2 + 1))
    weights = (1 + rows**2 + columns**2) ** (power / 2)
    images = np.fft.irfft2(spectra / weights[None, :, :, None], axes=(1, 2))
    images = np.round(255 * np.clip(0.5 + 0.2 * images / images.std(), 0, 1)) / 255
    return images.astype("float32")


@pytest.mark.parametrize("axes", spectrum.AXES)
class TestBothAxes:
    """What holds with and without the colors in the transform."""

    @pytest.mark.parametrize("shape", SHAPES)
    def test_agrees_with_numpy(self, axes, shape, rng):
        anchor, donor = rng.normal(0.3, 1, (2, *shape)).astype("float32")
        expected = numpy_recombine(anchor, donor, axes)
        np.testing.assert_allclose(recombined(anchor, donor, axes), expected, atol=1e-5)
        order = rng.permutation(shape[0])
        within = spectrum.recombine_within(anchor, order, axes)
        expected = numpy_recombine(anchor, anchor[order], axes)
        np.testing.assert_allclose(ops.convert_to_numpy(within), expected, atol=1e-5)

    def test_both_transforms_agree_and_invert(self, axes, pair):
        images = ops.convert_to_tensor(pair[0])
        ways = [
            recombination._transform(images.shape, axes),
            recombination._transform([None] * 4, axes),
        ]
        for forward, inverse, _ in ways:
            again = ops.convert_to_numpy(inverse(forward(images)))
            np.testing.assert_allclose(again, pair[0], atol=1e-6)
        powers = [recombination._power(forward(images)) for forward, *_ in ways]
        half = ops.convert_to_numpy(powers[1])[:, :, :7]
        np.testing.assert_allclose(
            ops.convert_to_numpy(powers[0])[:, :, :7], half, rtol=1e-4, atol=1e-3
        )

    def test_an_image_with_itself_is_itself(self, axes, pair):
        np.testing.assert_allclose(recombined(pair[0], pair[0], axes), pair[0], atol=1e-6)

    def test_a_large_smooth_image_keeps_its_phases(self, axes, rng):
        """Most of its coefficients are far below that of the mean, and 8 bits bound them."""
        images, donors = falling(2, rng), falling(1, rng)
        np.testing.assert_allclose(recombined(images, images, axes), images, atol=1e-5)
        spectra = [np.fft.fftn(one.astype("float64"), axes=over(axes)) for one in (images, donors)]
        phase = np.exp(1j * np.angle(spectra[0]))
        expected = np.fft.ifftn(np.abs(spectra[1]) * phase, axes=over(axes)).real
        np.testing.assert_allclose(recombined(images, donors, axes), expected, atol=2e-3)

    def test_amplitude_is_that_of_the_donor(self, axes, pair):
        mixed = np.fft.fftn(recombined(*pair, axes), axes=over(axes))
        expected = np.abs(np.fft.fftn(pair[1], axes=over(axes)))
        np.testing.assert_allclose(np.abs(mixed), expected, rtol=1e-4, atol=1e-4)

    def test_a_point_gives_the_image_of_phase_alone(self, axes, pair):
        point = np.zeros_like(pair[1])
        point[:, 2, 3] = [1, 0, 0] if axes == "spatial_channel" else 1
        mixed = np.fft.fftn(recombined(pair[0], point, axes), axes=over(axes))
        np.testing.assert_allclose(np.abs(mixed), 1, atol=1e-5)

    @pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -0.7, 1e-25])
    @pytest.mark.parametrize("size", [(9, 12), (65, 70), (224, 224)])
    def test_a_constant_anchor_has_phase_zero(self, axes, value, size, rng):
        donor = rng.normal(0, 1, (2, *size, 3)).astype("float32")
        amplitude = np.abs(np.fft.fftn(donor.astype("float64"), axes=over(axes)))
        mean = (slice(None), 0, 0, 0) if axes == "spatial_channel" else (slice(None), 0, 0)
        amplitude[mean] *= -1 if value < 0 else 1
        expected = np.fft.ifftn(amplitude, axes=over(axes)).real
        mixed = recombined(np.full_like(donor, value), donor, axes)
        np.testing.assert_allclose(mixed, expected, atol=1e-5 + 1e-7 * expected.max())

    def test_scale_of_the_anchor_is_nothing_and_of_the_donor_linear(self, axes, pair):
        plain = recombined(*pair, axes)
        scaled = recombined(pair[0] * np.float32(1e-30), pair[1] * np.float32(1e25), axes)
        np.testing.assert_allclose(scaled / 1e25, plain, atol=1e-5)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "uint8"])
    def test_dtype_of_the_anchor_is_kept_and_integers_become_float32(self, axes, dtype, pair):
        images = ops.cast(255 * pair, dtype)
        exact = ops.convert_to_numpy(ops.cast(images, "float32"))
        mixed = spectrum.recombine(*images, axes=axes)
        assert keras.backend.standardize_dtype(mixed.dtype) == dtype.replace("uint8", "float32")
        mixed = ops.convert_to_numpy(ops.cast(mixed, "float32"))
        np.testing.assert_allclose(mixed, numpy_recombine(*exact, axes), rtol=1e-2, atol=1e-2)

    @pytest.mark.tensorflow
    @pytest.mark.parametrize("jit", [False, True])
    def test_works_in_graphs_of_unknown_size(self, axes, jit, pair):
        import tensorflow as tf

        shape = [None, 9, 12, 3] if jit else [None, None, None, None]
        mix = tf.function(
            lambda a, d: spectrum.recombine(a, d, axes),
            input_signature=[tf.TensorSpec(shape)] * 2,
            jit_compile=jit,
        )
        np.testing.assert_allclose(mix(*pair), numpy_recombine(*pair, axes), atol=1e-5)

    @pytest.mark.parametrize("flat", [False, True])
    def test_gradients_are_finite_and_right(self, axes, flat, pair, rng):
        anchor, donor = pair[:, :1, :4, :5]
        if flat:
            anchor, donor = np.zeros_like(anchor), np.ones_like(donor)
        weights = rng.random(anchor.shape, "float32")
        gradients = gradient_of(
            lambda a, d: ops.sum(spectrum.recombine(a, d, axes) * ops.convert_to_tensor(weights)),
            anchor,
            donor,
        )
        assert all(np.isfinite(np.asarray(gradient)).all() for gradient in gradients)
        if flat:
            return
        for which, gradient in enumerate(gradients):
            step = rng.normal(0, 1, anchor.shape) * 1e-5
            ends = [
                [anchor + sign * step, donor] if which == 0 else [anchor, donor + sign * step]
                for sign in (1, -1)
            ]
            up, down = ((numpy_recombine(*end, axes) * weights).sum() for end in ends)
            assert (np.asarray(gradient) * step).sum() == pytest.approx(
                (up - down) / 2, rel=1e-2, abs=1e-8
            )


def gradient_of(function, *arguments):
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(jax.grad(function, argnums=(0, 1)))(*arguments)
    if keras.backend.backend() == "torch":
        import torch

        arguments = [torch.tensor(argument, requires_grad=True) for argument in arguments]
        return torch.autograd.grad(function(*arguments), arguments)
    import tensorflow as tf

    arguments = [tf.constant(argument) for argument in arguments]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = function(*arguments)
    return [gradient.numpy() for gradient in tape.gradient(value, arguments)]


def test_means_tell_the_two_axes_apart(pair):
    means = {axes: recombined(*pair, axes).mean(axis=(1, 2)) for axes in spectrum.AXES}
    donor = pair[1].mean(axis=(1, 2))
    np.testing.assert_allclose(means["spatial"], donor, atol=1e-5)
    np.testing.assert_allclose(means["spatial_channel"].mean(axis=1), donor.mean(axis=1), atol=1e-5)
    assert (np.abs(means["spatial_channel"] - donor).max(axis=1) > 1e-3).all()


def test_a_grey_anchor_gets_no_random_colours(pair):
    grey = np.repeat(pair[0][..., :1], 3, axis=-1)
    amplitude = np.abs(np.fft.fftn(pair[1].astype("float64"), axes=(1, 2, 3)))
    phase = np.angle(np.fft.fftn(grey[..., 0].astype("float64"), axes=(1, 2)))
    amplitude = amplitude.astype("complex128")
    amplitude[..., 0] *= np.exp(1j * phase)
    expected = np.fft.ifftn(amplitude, axes=(1, 2, 3)).real
    np.testing.assert_allclose(recombined(grey, pair[1]), expected, atol=1e-5)


def test_one_channel_knows_no_colours(pair):
    one = [recombined(*pair[..., :1], axes) for axes in spectrum.AXES]
    np.testing.assert_allclose(*one, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: spectrum.recombine(x, x[:, :, :3]),
            r"the shape of `anchor`. Received: anchor.shape=\(2, 4, 4, 3\), donor.shape=\(2, 4, 3",
        ),
        (lambda x: spectrum.recombine(x, x[:1]), "the shape of `anchor`"),
        (lambda x: spectrum.recombine(x[0], x[0]), r"Received: anchor.shape=\(4, 4, 3\)"),
        (lambda x: spectrum.recombine(x, x[0]), r"Received: donor.shape=\(4, 4, 3\)"),
        (lambda x: spectrum.recombine(x, x, "spatal"), "nearest: 'spatial'.*axes='spatal'"),
        (lambda x: spectrum.recombine_within(x[0], [0]), r"Received: images.shape=\(4, 4, 3\)"),
        (lambda x: spectrum.recombine_within(x, [0, 1], None), "Received: axes=None"),
    ],
)
def test_wrong_calls_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.zeros((2, 4, 4, 3), "float32"))
