"""What is wrapped around the weights of a checkpoint."""

import re

import numpy as np
import pytest

from hfc_keras.models.torch_checkpoints import arrays_of

STATE = {"conv1.weight": np.ones(1), "linear.bias": np.zeros(1)}


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "model."])
@pytest.mark.parametrize(
    "nested", [(), ("state_dict",), ("net",), ("model",), ("model", "state_dict")]
)
def test_what_is_wrapped_around_a_state_dict_is_taken_off(prefix, nested):
    content = {f"{prefix}{name}": array for name, array in STATE.items()}
    for name in reversed(nested):
        content = {name: content, "epoch": 3}
    assert list(arrays_of(content)) == list(STATE)


@pytest.mark.parametrize(
    ("content", "place", "names"),
    [
        ({"model": STATE, "state_dict": dict(STATE)}, "['state_dict']", ["model", "state_dict"]),
        ({"model_ema": dict(STATE), "model": STATE}, "['model']", ["model_ema", "model"]),
        ({"net": {"model": STATE}, "folds": [dict(STATE)]}, "['net']", ["net", "folds"]),
        ({"model": {"net": STATE, "ema": dict(STATE)}}, "['model']['net']", ["net", "ema"]),
        ({"state_dict": STATE, **STATE}, "['state_dict']", ["state_dict", "conv1.weight"]),
    ],
)
def test_weights_of_several_networks_are_not_chosen_from(content, place, names):
    message = re.escape(f"one alone, such as checkpoint{place}. Received: names={names}")
    with pytest.raises(ValueError, match=message):
        arrays_of(content)
    message = rf"torch\.load\(path\){re.escape(place)}, .*names=.*, weights='own\.pth'"
    with pytest.raises(ValueError, match=message):
        arrays_of(content, "own.pth")


def test_what_lies_beside_a_state_dict_and_is_none_is_left_out():
    moments = {"conv1.weight": {"exp_avg": np.ones(1)}, 0: {"exp_avg": np.ones(1)}}
    beside = {"optimizer": {"state": moments, "param_groups": [{"params": [0]}]}}
    beside["itself"] = beside
    beside |= {"class_weight": np.ones(2), "config": {"loss.weight": 0.5}, "history": [0.1]}
    assert list(arrays_of({"state_dict": STATE, "same": STATE, **beside})) == list(STATE)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["module.a", "b"], "'module.' before all .* first='module.a', without=['b']"),
        (["n_averaged", "module.model.a"], "'module.model.' before all"),
        (["module.net.a", "module.b"], "'net.' before all .* first='net.a', without=['b']"),
        (["module.a", "model.a"], "'module.' before all .* without=[]"),
    ],
)
def test_a_prefix_that_not_all_names_have_is_named(names, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        arrays_of(dict.fromkeys(names, 0.0))


@pytest.mark.parametrize("content", [{}, [1], None, {3: np.ones(1)}, {"state_dict": {}}])
def test_what_holds_no_arrays_by_name_is_refused(content):
    with pytest.raises(ValueError, match="must be arrays or tensors by name, or hold them as 'st"):
        arrays_of(content)


def test_lists_in_place_of_arrays_are_refused_and_not_unfolded():
    nested = [0.0]
    for _ in range(60):
        nested = [nested, nested]
    with pytest.raises(ValueError, match=r"arrays or tensors, no lists of numbers. Received: b="):
        arrays_of({"a": np.ones(1), "b": nested})
