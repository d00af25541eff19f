import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import gradients, kernels

pytestmark = pytest.mark.jax

SHAPES = [(3, 3, 3, 16), (5, 5, 1, 4), (1, 1, 2, 3), (2, 7, 3, 1), (11, 4, 1, 2)]
RHOS = [0, 0.1, 0.25, 0.5, 1.0]


def random_kernel(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def slow_smooth(kernel, rho):
    """Equation 3 of the paper, weight by weight."""
    kernel = kernel.astype("float64")
    padded = np.pad(kernel, ((1, 1), (1, 1), (0, 0), (0, 0)), mode="edge")
    smoothed = kernel.copy()
    for i, j in np.ndindex(kernel.shape[:2]):
        window = padded[i : i + 3, j : j + 3].sum(axis=(0, 1))
        smoothed[i, j] += rho * (window - kernel[i, j])
    return smoothed


def smoothing_matrix(size, rho):
    """The operator itself: its columns are the smoothed unit kernels."""
    units = np.eye(size * size).reshape(size, size, 1, size * size)
    return slow_smooth(units, rho).reshape(size * size, size * size)


def slow_energy_beyond(kernel, radius, size, inclusive):
    spectrum = np.abs(np.fft.fft2(kernel.astype("float64"), (size, size), axes=(0, 1))) ** 2
    frequencies = np.abs(np.fft.fftfreq(size) * size)
    distance = np.hypot(frequencies[:, None], frequencies[None, :])
    beyond = distance > radius + 1e-9 if inclusive else distance >= radius - 1e-9
    return spectrum[beyond].sum() / spectrum.sum()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rho", RHOS)
def test_smooth_is_the_equation(shape, rho):
    kernel = random_kernel(shape)
    expected = slow_smooth(kernel, rho)
    np.testing.assert_allclose(numbers(kernels.smooth(kernel, rho)), expected, atol=1e-5)
    scaled = numbers(kernels.smooth(kernel, rho, normalize=True))
    np.testing.assert_allclose(scaled, expected / (1 + 8 * rho), atol=1e-6)
    constant = np.full(shape, 0.7, "float32")
    np.testing.assert_allclose(kernels.smooth(constant, rho, normalize=True), constant, rtol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("rho", RHOS)
def test_eigenvalues_are_those_of_the_formula(size, rho):
    matrix = smoothing_matrix(size, rho)
    factors = 1 + 2 * np.cos(np.pi * np.arange(size) / size)
    expected = np.sort((1 - rho + rho * np.outer(factors, factors)).ravel())
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "rho", "smallest"),
    [(3, 1.0, 0.0), (3, 0.5, 0.5), (5, 0.35, 0.001), (5, 0.36, -0.027), (5, 0.5, -0.427)]
    + [(5, 1.0, -1.854), (31, 0.25, 0.0077)],
)
def test_smallest_eigenvalue_is_the_documented_one(size, rho, smallest):
    values = np.linalg.eigvalsh(smoothing_matrix(size, rho))
    assert np.isclose(values.min(), smallest, atol=1e-3)


def test_full_smoothing_of_three_by_three_is_bilinear():
    planes = numbers(kernels.smooth(random_kernel((3, 3, 2, 5)), 1.0)).reshape(9, 10)
    y, x = (index.ravel() for index in np.indices((3, 3)))
    bilinear = np.stack([np.ones(9), x, y, x * y], axis=1)
    residual = np.linalg.lstsq(bilinear, planes, rcond=None)[1]
    np.testing.assert_allclose(residual, 0, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_roughness_is_the_sum_of_squared_differences(shape):
    kernel = random_kernel(shape).astype("float64")
    differences = sum((np.diff(kernel, axis=axis) ** 2).sum() for axis in (0, 1))
    expected = differences / (kernel**2).sum()
    for scale in (1.0, -3.0, 1e-6):
        assert np.isclose(float(kernels.roughness(kernel * scale)), expected, rtol=1e-5)
    assert float(kernels.roughness(np.full(shape, 2.0))) == 0


@pytest.mark.parametrize(("size", "expected"), [(3, 8 / 3), (5, 3.2), (1, 0)])
def test_roughness_of_white_noise(size, expected):
    kernel = random_kernel((size, size, 64, 128))
    assert np.isclose(float(kernels.roughness(kernel)), expected, rtol=0.01)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize(
    ("radius", "size"), [(0, 32), (8, 32), (np.sqrt(2), 11), (5, 13), (4.5, 28), (1e200, 32)]
)
def test_energy_beyond_agrees_with_the_padded_transform(shape, radius, size, inclusive):
    kernel = random_kernel(shape)
    expected = slow_energy_beyond(kernel, radius, size, inclusive)
    share = float(kernels.energy_beyond(kernel, radius, size, inclusive))
    assert np.isclose(share, expected, atol=1e-6)


@pytest.mark.slow
def test_energy_of_random_kernels_falls_as_documented():
    smoothed = [kernels.smooth(random_kernel((3, 3, 64, 128)), rho) for rho in RHOS]
    shares = [float(kernels.energy_beyond(kernel, 8)) for kernel in smoothed]
    np.testing.assert_allclose(shares, [0.81, 0.67, 0.55, 0.48, 0.45], atol=0.006)
    planes = [numbers(kernel)[..., :1, index] for kernel in smoothed for index in range(64)]
    shares = [float(kernels.energy_beyond(plane[..., None], 8)) for plane in planes]
    means = np.reshape(shares, (len(RHOS), 64)).mean(axis=1)
    np.testing.assert_allclose(means, [0.81, 0.70, 0.60, 0.53, 0.50], atol=0.04)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("limit", [0.05, 0.5, 1.0, 2.0])
def test_limit_holds_and_keeps_the_norm(shape, limit):
    kernel = random_kernel(shape) + 0.2
    limited = kernels.limit_roughness(kernel, limit)
    before, after = float(kernels.roughness(kernel)), float(kernels.roughness(limited))
    assert np.isclose(after, min(before, limit), rtol=5e-5)
    assert after <= limit
    assert np.isclose(np.linalg.norm(numbers(limited)), np.linalg.norm(kernel), rtol=1e-5)
    np.testing.assert_array_equal(numbers(kernels.limit_roughness(limited, limit)), limited)


@pytest.mark.parametrize("shape", [(3, 3, 3, 4), (5, 2, 1, 3)])
def test_limited_kernel_is_a_tikhonov_solution(shape):
    kernel = random_kernel(shape)
    height, width = shape[:2]
    rows = np.kron(np.diff(np.eye(height), axis=0), np.eye(width))
    columns = np.kron(np.eye(height), np.diff(np.eye(width), axis=0))
    laplacian = rows.T @ rows + columns.T @ columns
    flat = kernel.reshape(height * width, -1)
    limited = numbers(kernels.limit_roughness(kernel, 1.0)).reshape(flat.shape)

    def solution(parameter):
        solved = np.linalg.solve(np.eye(len(flat)) + parameter * laplacian, flat)
        return solved * np.linalg.norm(flat) / np.linalg.norm(solved)

    errors = [np.abs(solution(p) - limited).max() for p in np.geomspace(0.01, 10, 4000)]
    assert min(errors) < 2e-3 * np.abs(limited).max()


def test_a_kernel_within_the_limit_is_unchanged():
    for kernel in (random_kernel((3, 3, 2, 2)), np.zeros((3, 3, 1, 1), "float32")):
        np.testing.assert_array_equal(numbers(kernels.limit_roughness(kernel, 8)), kernel)


def test_a_kernel_without_mean_comes_as_near_as_it_can():
    first, second = np.array([1.0, 0.0, -1.0]), np.array([-1.0, 2.0, -1.0])
    kernel = (first + second).reshape(3, 1, 1, 1)
    limited = numbers(kernels.limit_roughness(kernel, 0.1)).ravel()
    # The eigenvalues are 1 and 3: the limit of large parameters divides the waves by them.
    expected = (first + second / 3) * np.sqrt(8 / (2 + 6 / 9))
    np.testing.assert_allclose(limited, expected, rtol=1e-3)


FUNCTIONS = {
    "smooth": lambda kernel: kernels.smooth(kernel, 0.5),
    "roughness": kernels.roughness,
    "energy_beyond": lambda kernel: kernels.energy_beyond(kernel, 8),
    "limit_roughness": lambda kernel: kernels.limit_roughness(kernel, 1.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "int32", "uint8"])
def test_dtypes_and_zeros(name, dtype):
    whole = np.random.default_rng(0).integers(0, 9, (3, 3, 2, 4))
    result = FUNCTIONS[name](ops.cast(ops.convert_to_tensor(whole.astype("float32")), dtype))
    like_kernel = len(result.shape) == 4 and "float" in dtype
    expected = dtype if like_kernel else "float32"
    assert keras.backend.standardize_dtype(result.dtype) == expected
    reference = numbers(FUNCTIONS[name](whole.astype("float32")))
    np.testing.assert_allclose(numbers(ops.cast(result, "float32")), reference, rtol=1e-2)
    assert not numbers(FUNCTIONS[name](np.zeros((3, 3, 1, 1)))).any()


def gradient(function, kernel):
    """Gradient of the sum of a function's values, compiled where the backend compiles."""
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.jit(jax.grad(lambda x: ops.sum(function(x))))(kernel))
    if keras.backend.backend() == "torch":
        return np.asarray(gradients.value_and_gradient(lambda x: ops.sum(function(x)), kernel)[1])
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def compiled(x):
        return tf.gradients(ops.sum(function(x)), x)[0]

    return compiled(tf.constant(kernel)).numpy()


@pytest.mark.few(2)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_finite_and_at_zero_as_the_functions_are(name):
    at_zero = gradient(FUNCTIONS[name], np.zeros((3, 3, 1, 2), "float32"))
    assert np.isfinite(at_zero).all()
    assert np.isfinite(gradient(FUNCTIONS[name], random_kernel((3, 3, 1, 2)))).all()
    assert at_zero.any() == (name in ("smooth", "limit_roughness"))


@pytest.mark.parametrize("name", ["roughness", "energy_beyond"])
def test_gradients_are_the_finite_differences(name):
    kernel, direction = random_kernel((3, 3, 1, 2)), random_kernel((3, 3, 1, 2), seed=1)
    step = 1e-2
    ends = [float(FUNCTIONS[name](kernel + sign * step * direction)) for sign in (1, -1)]
    slope = (gradient(FUNCTIONS[name], kernel) * direction).sum()
    assert np.isclose(slope, (ends[0] - ends[1]) / (2 * step), rtol=1e-2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: kernels.smooth(k, -0.1), "`rho` must be a finite number from 0.*rho=-0.1"),
        (lambda k: kernels.smooth(k, float("nan")), "Received: rho=nan"),
        (lambda k: kernels.smooth(k[0], 1), r"\(height, width, in, out\).*shape=\(3, 1, 2\)"),
        (lambda k: kernels.roughness(k[0]), "must be .height, width, in, out"),
        (lambda k: kernels.energy_beyond(k, -1), "Received: radius=-1"),
        (lambda k: kernels.energy_beyond(k, 1, size=2), "whole number from 3.*size=2"),
        (lambda k: kernels.limit_roughness(k, 0), "`limit` must be above 0. Received: limit=0"),
        (lambda k: kernels.limit_roughness(k, float("inf")), "Received: limit=inf"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((3, 3, 1, 2)))
