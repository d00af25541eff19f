"""Weights of PyTorch in Keras layers."""

import keras
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from own import torch_networks

from hfc_keras import models


@pytest.mark.jax
@pytest.mark.parametrize("side", [8, 9])
def test_logits_are_those_of_the_paper_written_down_in_numpy(rng, side):
    model, arrays = models.torch_resnet(1, side=side), torch_networks.state_dict()
    models.set_state_dict(model, arrays)
    images = rng.uniform(size=(3, side, side, 3)).astype("float32")
    np.testing.assert_allclose(model(images), torch_networks.logits(images, arrays), atol=1e-4)


@pytest.mark.parametrize(("blocks", "weights"), [(3, 269_722), (9, 853_018)])
def test_trainable_weights_are_as_many_as_published(blocks, weights):
    model = models.torch_resnet(blocks)
    assert sum(np.prod(each.shape) for each in model.trainable_variables) == weights
    assert len(model.layers[-1].name) and model.layers[-1].name == "linear"


def test_counts_of_steps_are_passed_over_and_every_weight_is_set():
    model, arrays = models.torch_resnet(1), torch_networks.state_dict()
    models.set_state_dict(model, {**arrays, "bn1.num_batches_tracked": np.array(7)})
    for name, axes in (("layer3.0.conv2", (2, 3, 1, 0)), ("linear", (1, 0))):
        kernel = model.get_layer(name).kernel
        np.testing.assert_array_equal(kernel, arrays[f"{name}.weight"].transpose(axes))
    variance = model.get_layer("layer2.0.bn1").moving_variance
    np.testing.assert_array_equal(variance, arrays["layer2.0.bn1.running_var"])


@pytest.mark.parametrize("multiplier", [1, 2])
def test_filters_of_one_channel_keep_their_order(rng, multiplier):
    images = keras.Input((5, 5, 3))
    layer = keras.layers.DepthwiseConv2D(3, depth_multiplier=multiplier, name="deep")
    model = keras.Model(images, layer(images))
    weight = rng.normal(size=(3 * multiplier, 1, 3, 3)).astype("float32")
    models.set_state_dict(model, {"deep.weight": weight, "deep.bias": np.zeros(3 * multiplier)})
    pixels = rng.normal(size=(1, 5, 5, 3)).astype("float32")
    # PyTorch: output g * multiplier + m is input channel g by filter g * multiplier + m.
    windows = sliding_window_view(pixels[0], (3, 3), axis=(0, 1))
    expected = np.stack(
        [
            np.einsum("hwij,ij->hw", windows[:, :, at // multiplier], weight[at, 0])
            for at in range(3 * multiplier)
        ],
        axis=-1,
    )
    np.testing.assert_allclose(model(pixels)[0], expected, rtol=1e-4, atol=1e-5)


def changed(name, value):
    arrays = torch_networks.state_dict()
    if value is None:
        arrays.pop(name)
        arrays.pop("linear.bias")
    else:
        arrays[name] = value
    return arrays


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "layer1.0.conv2.weight",
            None,
            r"must hold 'layer1.0.conv2.weight' of shape \(16, 16, 3, 3\). "
            r"Received: names=\['layer1.0.conv1.weight'",
        ),
        (
            "conv1.weight",
            np.zeros((3, 3, 3, 16), "float32"),
            r"'conv1.weight' of shape \(16, 3, 3, 3\). Received: shape=\(3, 3, 3, 16\)",
        ),
        ("bn1.running_var", np.full(16, np.nan), "finite floats; 'bn1.running_var' does not"),
        ("bn1.running_var", np.full(16, -1e-3), "at least 0; 'bn1.running_var' .* lowest=-0.001"),
        ("linear.bias", np.zeros(10, "int64"), "'linear.bias' does not. Received: dtype='int64'"),
        (
            "layer4.0.conv1.weight",
            np.zeros((64, 64, 3, 3)),
            "no layer of the model takes. Received: first='layer4.0.conv1.weight', unused=1",
        ),
    ],
)
def test_the_first_difference_is_named_and_nothing_is_set(name, value, message):
    model = models.torch_resnet(1)
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        models.set_state_dict(model, changed(name, value))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_weights_in_other_layers_are_refused():
    model = keras.Sequential([keras.Input((4, 4)), keras.layers.LSTM(2, name="recurrent")])
    with pytest.raises(ValueError, match="BatchNormalization alone. Received: layer='recurrent'"):
        models.set_state_dict(model, {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": 0}, "`blocks` must be a whole number from 1"),
        ({"blocks": 1, "classes": 1}, "`classes`"),
        ({"blocks": 1, "side": 4}, "`side`"),
        ({"blocks": 1, "mean": (0.5,)}, "`mean` must be three numbers"),
        ({"blocks": 1, "std": (1, 1, 0)}, "`std` must be above 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        models.torch_resnet(**options)
