import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import kernels, regularizers

pytestmark = pytest.mark.jax

OPTIONS = {
    "kernel_regularizer": regularizers.KernelRoughness(0.5),
    "kernel_constraint": regularizers.MaxRoughness(0.75),
}
LOAD = """
import sys, keras
import hfc_keras.regularizers
layer = keras.models.load_model(sys.argv[1] + "/model.keras").get_layer("conv")
print(layer.kernel_regularizer.weight, layer.kernel_constraint.limit)
"""


def network(**options):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3, name="conv", **options)(inputs)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    return keras.Model(inputs, keras.layers.Flatten()(x))


def trained(model, rng, **options):
    images, targets = rng.random((10, 6, 6, 1), "float32"), rng.random((10, 16), "float32")
    model.compile(keras.optimizers.SGD(0.1), "mse", **options)
    history = model.fit(images, targets, batch_size=4, epochs=3, verbose=0)
    return float(kernels.roughness(np.asarray(model.get_layer("conv").kernel))), history.history[
        "loss"
    ]


def test_penalty_is_the_weighted_roughness_of_the_kernel():
    model = network(kernel_regularizer=regularizers.KernelRoughness(0.5))
    (loss,) = model.losses
    kernel = model.get_layer("conv").kernel
    expected = 0.5 * kernels.roughness(kernel)
    assert np.allclose(*map(ops.convert_to_numpy, (loss, expected)))
    assert float(regularizers.KernelRoughness(0)(np.asarray(kernel))) == 0


@pytest.mark.slow
def test_penalty_smooths_in_training(rng):
    plain, _ = trained(network(), np.random.default_rng(1))
    penalty = regularizers.KernelRoughness(0.5)
    smoothed, losses = trained(network(kernel_regularizer=penalty), np.random.default_rng(1))
    assert smoothed < 0.9 * plain
    assert np.isfinite(losses).all()


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [True, False])
@pytest.mark.parametrize("limit", [0.3, 1.0])
def test_constraint_holds_in_training(jit_compile, limit, rng):
    model = network(kernel_constraint=regularizers.MaxRoughness(limit))
    before = float(kernels.roughness(np.asarray(model.get_layer("conv").kernel)))
    after, losses = trained(model, rng, jit_compile=jit_compile)
    assert before > limit >= after
    assert np.isfinite(losses).all()


def test_both_apply_to_depthwise_kernels(rng):
    layer = keras.layers.DepthwiseConv2D(
        3,
        depthwise_constraint=regularizers.MaxRoughness(0.5),
        depthwise_regularizer=regularizers.KernelRoughness(),
    )
    model = keras.Sequential([keras.Input((6, 6, 2)), layer])
    model.compile("sgd", "mse")
    model.fit(rng.random((4, 6, 6, 2)), rng.random((4, 4, 4, 2)), verbose=0)
    assert float(kernels.roughness(np.asarray(layer.kernel))) <= 0.5
    assert len(model.losses) == 1


@pytest.mark.parametrize("part", OPTIONS.values(), ids=["penalty", "constraint"])
def test_config_round_trip(part):
    package = keras.regularizers if hasattr(part, "weight") else keras.constraints
    copy = package.deserialize(package.serialize(part))
    assert type(copy) is type(part)
    assert copy.get_config() == part.get_config()


@pytest.mark.slow
def test_a_trained_model_loads_in_a_fresh_process_and_trains_on(tmp_path, rng, fresh_python):
    model = network(**OPTIONS)
    trained(model, rng)
    model.save(tmp_path / "model.keras")
    assert fresh_python(LOAD, tmp_path).splitlines()[-1] == "0.5 0.75"
    roughness, _ = trained(keras.models.load_model(tmp_path / "model.keras"), rng)
    assert roughness <= 0.75


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: regularizers.KernelRoughness(-1), "`weight` must be .* from 0.*weight=-1"),
        (lambda: regularizers.KernelRoughness("1"), "Received: weight='1'"),
        (lambda: regularizers.MaxRoughness(0), "`limit` must be above 0. Received: limit=0"),
        (lambda: regularizers.MaxRoughness(float("nan")), "Received: limit=nan"),
        (lambda: regularizers.MaxRoughness(1)(np.ones((3, 3))), "height, width, in, out"),
        (lambda: regularizers.KernelRoughness()(np.ones((3, 3))), "height, width, in, out"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
