"""What needs PyTorch, in a process of its own, since it must be loaded before TensorFlow."""

# ruff: noqa: E402

import importlib.util
import sys

import pytest

if importlib.util.find_spec("torch") is None:
    pytest.skip("needs the extra `benchmark`", allow_module_level=True)
if "tensorflow" in sys.modules:
    pytest.skip("run by a test of test_benchmarks_peers.py", allow_module_level=True)

from benchmarks.peers import packages

packages.import_first()

import keras
import numpy as np
import pandas as pd

from benchmarks import gpu
from benchmarks.card import measuring
from benchmarks.card.work import TASKS
from benchmarks.peers import by_hand, pgd, sensitivity
from benchmarks.peers.options import Options
from benchmarks.peers.subjects import Subject
from hfc_keras import models

# Packages of others warn of each other.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]
FAST = Options(threads=1, repeats=1, fast=True)


@pytest.fixture
def subject(rng):
    model = models.build("resnet8", (8, 8, 3), 10, width=0.25, normalization="batch")
    images = rng.random((6, 8, 8, 3), "float32")
    # Untrained, it has the same answer to all images, which no attack changes.
    model.layers[-1].bias.assign(-np.asarray(model(images)).mean(axis=0))
    return Subject("small", model, images, np.asarray(model(images)).argmax(axis=1))


def test_packages_of_pytorch_do_the_same_work(subject, monkeypatch):
    for name in ("torch", "foolbox", "torchattacks", "art"):
        pytest.importorskip(name)
    for name, value in {"STEPS": 3, "EPSILON": 0.3, "STEP_SIZE": 0.15}.items():
        monkeypatch.setattr(pgd, name, value)
    # A compiler takes its time; what it makes is tested below.
    peers = {name: peer for name, peer in pgd.peers(subject).items() if "compile" not in name}
    monkeypatch.setattr(pgd, "peers", lambda _: peers)
    table = pd.DataFrame(pgd.comparison(subject, FAST).rows())
    assert table["comparable"].all() and len(table) == 2 + len(peers), table
    assert len(peers) == 4 + (keras.backend.backend() == "tensorflow")
    images = {name: peer.prepare()() for name, peer in peers.items()}
    for name, found in images.items():
        assert abs(found - images["PyTorch by hand"]).max() < 1e-3, name


def test_sensitivity_by_hand_is_the_same(subject):
    compared = sensitivity.comparison(subject, FAST)
    by_hand = compared.peers["PyTorch by hand"].prepare()()
    own = sensitivity._curve(compared.own["hfc_keras"]())
    assert abs(sensitivity._curve(by_hand) - own).max() < 1e-5


@pytest.mark.parametrize(
    ("name", "side", "options"),
    [
        ("resnet8", 32, {"normalization": "batch"}),
        ("resnet20", 33, {"mean": 0.5, "std": 0.25}),
        ("resnet18", 96, {"width": 0.1}),
        ("small_cnn", 9, {}),
    ],
)
def test_networks_are_equal_in_pytorch(name, side, options, rng):
    from benchmarks.peers.to_torch import to_images, to_tensor, to_torch

    model = models.build(name, (side, side, 3), 10, **options)
    for weight in model.weights:
        if weight.path.endswith(("gamma", "beta", "mean", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    images = rng.random((3, side, side, 3), "float32")
    module = to_torch(model, images)
    tensor = to_tensor(images)
    assert abs(module(tensor).detach().numpy() - np.asarray(model(images))).max() < 1e-4
    assert (to_images(tensor) == images).all()


def test_networks_that_differ_or_have_other_layers_are_refused(rng, monkeypatch):
    from benchmarks.peers import to_torch

    images = rng.random((2, 32, 32, 3), "float32")
    contextual = models.build("coresnet26", (32, 32, 3), 10, width=0.25)
    with pytest.raises(ValueError, match="Received: layer='ContextualConv2D"):
        to_torch.to_torch(contextual, images)
    model = models.build("resnet8", (32, 32, 3), 10, width=0.25)
    monkeypatch.setattr(to_torch, "TOLERANCE", -1.0)
    with pytest.raises(ValueError, match="logits in PyTorch must equal"):
        to_torch.to_torch(model, images)


@pytest.mark.slow_on_torch
def test_compiled_steps_find_what_plain_ones_find(subject):
    module, tensors = subject.fastest
    ways = [by_hand.pgd(module, 0.3, 0.15, 2, compiled) for compiled in (False, True)]
    plain, compiled = (way(*tensors) for way in ways)
    assert abs(plain - compiled).max() < 1e-3 and abs(plain - tensors[0]).max() > 0.1


@pytest.mark.parametrize(("name", "side"), [("resnet18", 32), ("resnet50", 96)])
def test_networks_by_hand_have_as_many_weights(name, side):
    import torch

    from benchmarks.card.network_by_hand import resnet

    model, module = (
        models.build(name, (side, side, 3), 10, width=0.1),
        resnet(name, side, width=0.1),
    )
    own = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert sum(weight.numel() for weight in module.parameters()) == own
    assert module(torch.zeros(2, 3, side, side)).shape == (2, 10)


@pytest.mark.slow_on_torch
def test_a_trial_of_the_card_has_both_columns(tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "REPEATS", 1)
    chosen = gpu.parsed(["--fast", "--only", *(task for task in TASKS if task != "standard")])
    measuring.run(chosen, tmp_path)
    table = pd.read_csv(tmp_path / "gpu.csv")
    assert len(table) == len(TASKS) - 1
    assert (table[["hfc_keras_seconds", "torch_seconds", "torch_share", "ratio"]] > 0).all(
        axis=None
    )
