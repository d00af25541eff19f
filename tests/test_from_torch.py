"""Networks that were trained with PyTorch, as Keras models."""

import dataclasses
import importlib.util
import os
import pathlib
import types

import keras
import numpy as np
import pytest
from own import given, torch_files, torch_networks

from hfc_keras import data, models
from hfc_keras.analysis.predictions import accuracy
from hfc_keras.models.torch_architectures import CIFAR_MEAN, CIFAR_STD, by_name, looks_like
from hfc_keras.models.torch_residual import Form, residual_network

CIFAR = {"mean": CIFAR_MEAN, "std": CIFAR_STD}
ZERO = {"mean": (0, 0, 0), "std": (1, 1, 1)}
ROOT = pathlib.Path(__file__).parents[1]


def images(side, count=2, seed=0):
    return np.random.default_rng(seed).uniform(size=(count, side, side, 3)).astype("float32")


@pytest.mark.jax
@pytest.mark.slow_on_jax
@pytest.mark.parametrize(
    ("name", "form", "constants"),
    [
        ("resnet8", {}, {}),
        ("resnet8_b", {"shortcut": "shortcut"}, CIFAR),
        ("resnet8_b", {"shortcut": "downsample", "head": "fc"}, CIFAR),
        ("resnet14", {"stages": (2, 2, 2), "classes": 3}, {}),
        ("resnet18_cifar", {"stages": (2, 2, 2, 2), "shortcut": "shortcut"}, CIFAR),
    ],
)
def test_logits_are_those_of_the_papers_written_down_in_numpy(name, form, constants):
    arrays = torch_networks.state_dict(**form)
    model = models.from_torch(arrays, name, image_size=9)
    expected = torch_networks.logits(images(9), arrays, *constants.values())
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(model(images(9)), expected, atol=1e-4)


@pytest.mark.jax
@pytest.mark.slow_on_jax
@pytest.mark.parametrize("bottleneck", [True, False])
def test_large_stems_and_bottlenecks_are_those_of_numpy(bottleneck):
    form = {"bottleneck": bottleneck, "large_stem": True}
    arrays = torch_networks.state_dict((1, 1, 1, 1), "fc", shortcut="downsample", **form)
    names = "fc", "downsample"
    form = Form((1, 1, 1, 1), projection=True, **form)
    model = residual_network(form, 10, (33, 40), *ZERO.values(), names)
    models.set_state_dict(model, arrays)
    own = np.random.default_rng(0).normal(size=(2, 33, 40, 3)).astype("float32")
    expected = torch_networks.logits(own, arrays, *ZERO.values())
    np.testing.assert_allclose(model(own), expected, rtol=1e-4, atol=1e-4)


@pytest.fixture
def of_torch(tmp_path, new_python):
    """Have PyTorch save a network and its logits; not in this process, which has TensorFlow."""

    def of_torch(name, side, mean=torch_networks.MEAN, std=torch_networks.STD, ways="save"):
        # Networks with a large stem are torchvision's.
        needed = ["torch", "torchvision"] if by_name(name).form.large_stem else ["torch"]
        for package in needed:
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"needs {package}")
        np.save(tmp_path / "images.npy", (images(side) - np.array(mean)) / np.array(std))
        code = f"from own import torch_reference as own; own.{ways}({name!r}, {str(tmp_path)!r})"
        new_python(code, {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))})
        return np.load(tmp_path / "logits.npy")

    return of_torch


@pytest.mark.torch
@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("resnet20", 32),
        ("resnet50", 65),
        ("resnet110", 32),
        ("resnet20_b", 32),
        ("resnet18_cifar", 32),
        ("resnet18", 64),
    ],
)
def test_logits_are_those_of_pytorch(name, side, of_torch, tmp_path):
    known = by_name(name)
    expected = of_torch(name, side, known.mean, known.std)
    model = models.from_torch(tmp_path / "plain.pth", name, image_size=side)
    assert model.output_shape == (None, 5)
    np.testing.assert_allclose(model(images(side)), expected, atol=1e-4)


@pytest.mark.torch
@pytest.mark.slow_on_torch
def test_every_kind_of_file_is_taken(of_torch, tmp_path):
    expected = of_torch("resnet8", 32, ways="save_all")
    tolerances = {"float16": 0.01, "bfloat16": 0.1}
    paths = sorted(tmp_path.glob("*.pth"))
    assert len(paths) == 6
    for path in paths:
        model = models.from_torch(path, "resnet8")
        atol = tolerances.get(path.stem, 1e-4)
        np.testing.assert_allclose(model(images(32)), expected, atol=atol, err_msg=path.name)


@pytest.mark.torch
@pytest.mark.parametrize("half", [None, "float16", "bfloat16"])
def test_tensors_and_modules_are_taken(half):
    torch = pytest.importorskip("torch")
    arrays = torch_networks.state_dict()
    parameters = {name: torch.nn.Parameter(torch.tensor(each)) for name, each in arrays.items()}
    if half:
        parameters = {name: each.to(getattr(torch, half)) for name, each in parameters.items()}
    module = types.SimpleNamespace(state_dict=lambda: parameters)
    expected = np.asarray(models.from_torch(arrays, "resnet8")(images(32)))
    found = [
        np.asarray(models.from_torch(each, "resnet8")(images(32))) for each in (parameters, module)
    ]
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], expected, atol=0.3 if half else 0)


@pytest.mark.parametrize("suffix", [".npz", ".pth", ".th"])
def test_a_file_gives_the_logits_of_its_arrays(suffix, tmp_path):
    arrays, path = torch_networks.state_dict(), tmp_path / f"own{suffix}"
    if suffix == ".npz":
        np.savez(path, **arrays)
    else:
        write = torch_files.write if suffix == ".pth" else torch_files.write_old
        write(path, arrays)
    expected = models.from_torch(arrays, "resnet8")(images(32))
    np.testing.assert_array_equal(models.from_torch(path, "resnet8")(images(32)), expected)


def test_mean_std_and_size_are_those_that_are_told():
    arrays = torch_networks.state_dict()
    told = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}
    model = models.from_torch(arrays, "resnet8", image_size=(8, 12), **told)
    assert model.input_shape == (None, 8, 12, 3)
    pixels = images(12)[:, :8]
    expected = torch_networks.logits(pixels, arrays, *map(np.array, told.values()))
    np.testing.assert_allclose(model(pixels), expected, atol=1e-4)


def without(arrays, *names):
    return {name: array for name, array in arrays.items() if name not in names}


STATE = torch_networks.state_dict()


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        ("resnet20", STATE, "`architecture` must be 'resnet8', going by the blocks and the first"),
        ("resnet8_b", STATE, "must be 'resnet8', .* Received: architecture='resnet8_b'"),
        (
            "resnet8",
            without(STATE, "layer2.0.bn1.bias"),
            r"must be those of resnet8: `arrays` must hold 'layer2.0.bn1.bias' of shape \(32,\)",
        ),
        (
            "resnet8",
            {**STATE, "layer3.0.conv2.weight": np.zeros((64, 64, 1, 1), "float32")},
            r"'layer3.0.conv2.weight' of shape \(64, 64, 3, 3\). Received: shape=\(64, 64, 1, 1\)",
        ),
        (
            "resnet8",
            {**STATE, "bn1.weight": np.full(16, 1e39)},
            "finite floats; 'bn1.weight' does not",
        ),
        ("resnet8", {**STATE, "extra.bias": np.zeros(1)}, "no layer of the model takes. .*extra"),
        (
            "resnet8",
            without(STATE, "linear.weight"),
            r"must hold 'linear.weight' of shape \(classes, 64\). Received: names=\['conv1",
        ),
        ("resnet8", {**STATE, "linear.weight": np.zeros(3)}, r"Received: shape=\(3,\)"),
        # No layer of so many classes is built.
        ("resnet8", {**STATE, "linear.weight": np.zeros((2**40, 0))}, r"shape=\(10995.*, 0\)"),
        ("resnet8", {**STATE, "linear.weight": np.zeros((10, 1))}, r"Received: shape=\(10, 1\)"),
        (
            "resnet8",
            {**STATE, "linear.weight": np.zeros((1, 64)), "linear.bias": np.zeros(1)},
            "must be of at least 2 classes, which are the rows of 'linear.weight'. .*classes=1",
        ),
        ("resnet8", {"features.0.weight": np.zeros((64, 3, 3, 3))}, "Received: names=.'features"),
    ],
)
def test_the_first_difference_is_named(name, arrays, message):
    with pytest.raises(ValueError, match=message):
        models.from_torch(arrays, name)


def test_of_two_state_dicts_none_is_taken():
    with pytest.raises(ValueError, match=r"such as checkpoint\['state_dict'\]\. Received: names="):
        models.from_torch({"model": STATE, "state_dict": dict(STATE)}, "resnet8")


def test_a_file_of_two_state_dicts_is_named(tmp_path):
    path, name = tmp_path / "own.pth", torch_files.text("conv1.weight")
    tensor = torch_files.tensor(STATE["conv1.weight"], "a")
    entries = [torch_files.text(each) + b"}" + name + tensor + b"s" for each in ("net", "ema")]
    torch_files.write(path, {"a": STATE["conv1.weight"]}, b"\x80\x02}(" + b"".join(entries) + b"u.")
    with pytest.raises(ValueError, match=r"load\(path\)\['net'\], .*'ema'\], weights='.*own.pth'"):
        models.from_torch(path, "resnet8")


def test_an_error_names_the_file(tmp_path):
    np.savez(tmp_path / "own.npz", **without(STATE, "bn1.bias"))
    with pytest.raises(ValueError, match=r"'bn1.bias' of shape \(16,\).*, weights='.*own.npz'"):
        models.from_torch(tmp_path / "own.npz", "resnet8")


@pytest.mark.parametrize(
    "name", ["resnet", "resnet21", "resnet2", "resnet1208", "resnet20_cifar", "vgg16", 20]
)
def test_names_of_no_network_are_refused(name):
    with pytest.raises(ValueError, match=r"`architecture` must be resnet20, .*\(torchvision\)"):
        models.from_torch(STATE, name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": (0.5,)}, "`mean` must be three numbers"),
        ({"mean": 0.5}, "`mean` must be three numbers"),
        ({"mean": (0.5, np.nan, 0)}, "`mean` must be a finite number"),
        ({"std": (1, 0, 1)}, "`std` must be above 0"),
        ({"mean": (125.3, 123, 113.9)}, "`mean` must be from 0 to 1, .* divide that of 8-bit"),
        ({"std": (63, 62.1, 66.7)}, "`std` must be from 0 to 1, .* divide that of 8-bit"),
        ({"image_size": 7}, "`image_size` must be a whole number from 8"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        models.from_torch(STATE, "resnet8", **options)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
@pytest.mark.parametrize("kind", ["", "_cifar"])
def test_networks_of_four_stages_are_told_apart(depth, kind):
    form = dataclasses.asdict(by_name(f"resnet{depth}{kind}").form)
    form.pop("projection")
    convolutions = torch_networks.convolutions(shortcut="downsample", **form)
    arrays = {
        f"{name}.weight": np.lib.stride_tricks.as_strided(
            np.zeros(1), (out, own, side, side), [0] * 4
        )
        for name, _, own, out, side in convolutions
    }
    assert looks_like(arrays) == f"resnet{depth}{kind}"
    assert looks_like(without(arrays, "conv1.weight")) is None
    assert looks_like(without(arrays, "layer4.1.conv1.weight")) is None


@pytest.mark.parametrize(("depth", "blocks"), [(20, 3), (110, 18), (1202, 200)])
def test_a_name_of_6n_plus_2_layers_has_n_blocks(depth, blocks):
    assert by_name(f"resnet{depth}").form == Form((blocks,) * 3)
    assert by_name(f"resnet{depth}_b").form == Form((blocks,) * 3, projection=True)


def test_a_network_of_others_is_saved_and_loaded(tmp_path):
    model = models.from_torch(STATE, "resnet8")
    model.save(tmp_path / "own.keras")
    loaded = keras.saving.load_model(tmp_path / "own.keras")
    np.testing.assert_array_equal(loaded(images(32)), model(images(32)))


@pytest.fixture
def resnet20():
    """A published network."""
    path = given.NETWORKS / "resnet20_cifar10.npz"
    given.present(path)
    return models.from_torch(path, "resnet20")


def test_logits_of_a_published_network_are_those_that_pytorch_gave(resnet20):
    pixels = (np.arange(32 * 32 * 3).reshape(1, 32, 32, 3) * 37 % 256 / 255).astype("float32")
    # PyTorch 2.14, the network written down as in own/torch_reference.py.
    expected = "-13.4626 -0.8688 -5.4429 -1.6669 -4.2478 -4.6248 7.6526 -5.2628 21.4263 6.5333"
    expected = np.array(expected.split(), "float32")
    np.testing.assert_allclose(resnet20(pixels)[0], expected, atol=2e-4)


@pytest.mark.slow
def test_a_published_network_is_as_accurate_as_published(resnet20):
    given.present(given.CIFAR)
    test = data.load("cifar10", str(given.CIFAR.parent), examples=(10, 1000)).test
    # .9173 of all 10,000; three standard deviations of 1,000 are .026.
    assert abs(accuracy(resnet20, test.images, test.labels) - 0.9173) < 0.026
