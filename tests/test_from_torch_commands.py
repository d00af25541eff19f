"""Files of PyTorch's weights on the command line."""

import numpy as np
import pandas as pd
import pytest
from own import torch_files, torch_networks

from hfc_keras import models
from hfc_keras.__main__ import main
from hfc_keras.commands import models_and_images, torch_source
from hfc_keras.commands.inspect import Inspect

STATE = torch_networks.state_dict()


@pytest.fixture
def folder(tmp_path):
    """Weights in several files, and images."""
    np.savez(tmp_path / "a.npz", **STATE)
    torch_files.write(tmp_path / "b.pth", STATE)
    np.savez(tmp_path / "large.npz", **torch_networks.state_dict((2, 2, 2)))
    levels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype="uint8")
    np.savez(tmp_path / "images.npz", x_test=levels, y_test=np.arange(20) % 10)
    models.from_torch(STATE, "resnet8").save(tmp_path / "own.keras")
    return tmp_path


def called(folder, command, files, *options):
    paths = [str(folder / each) for each in files.split()]
    return main([command, *paths, "--data", str(folder / "images.npz"), *options])


def test_a_command_takes_weights_with_their_network(folder, only, capsys):
    only("answers")
    told = ["--architecture", "resnet8", "--mean", "0.5", "0.4", "0.3"]
    options = [*told, "--fast", "--out", str(folder / "page")]
    assert called(folder, "inspect", "a.npz b.pth own.keras", *options) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("a, b, own on 20 images of images (32 x 32 x 3)\n")
    assert "note: Pixels go into resnet8 minus (0.5, 0.4, 0.3), divided by (0.229, 0." in printed
    table = pd.read_csv(folder / "page" / "answers.csv").groupby("model")["right"].sum()
    assert table["a"] == table["b"]
    page = (folder / "page" / "profile.html").read_text()
    assert "--architecture resnet8 --mean 0.5 0.4 0.3" in page


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ("a.npz", [], "--architecture resnet8, going by their names; --help lists"),
        ("missing.pth", [], "must be a file that exists"),
        ("a.npz b.pth large.npz", ["--architecture", "resnet8", "resnet8"], "each of 3 files"),
        ("a.npz large.npz", ["--architecture", "resnet8"], "must be 'resnet14', going by"),
        ("own.keras", ["--architecture", "resnet8"], "must be left out: they are of files of"),
        ("own.keras", ["--std", "1", "1", "1"], "must be left out: they are of files of weights"),
        ("a.npz", ["--architecture", "resnet8", "--pixels", "0", "255"], "minus --mean, divided"),
        ("a.npz", ["--architecture", "resnet8", "--std", "1"], "`std` must be three numbers"),
        ("a.npz", ["--architecture", "resnet9"], "`architecture` must be resnet20, resnet32"),
    ],
)
def test_weights_that_a_command_cannot_use_are_refused_in_a_line(
    files, options, message, folder, capsys
):
    assert called(folder, "inspect", files, *options) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error


def test_each_file_may_have_its_own_network_and_size(folder):
    asked = Inspect(models=(), architecture=("resnet8", "resnet14"), image_size=(16, 20))
    sources = [str(folder / name) for name in ("a.npz", "large.npz")]
    found = models_and_images.loaded(sources, asked)
    assert [each.name for each in found.values()] == ["torch_resnet8", "torch_resnet14"]
    assert {each.input_shape for each in found.values()} == {(None, 16, 20, 3)}


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({}, "; if it was trained with other numbers, add --mean and --std."),
        ({"mean": (0.5, 0.5, 0.5)}, "; if it was trained with other numbers, add --std."),
        ({"std": (0.5, 0.5, 0.5)}, "; if it was trained with other numbers, add --mean."),
        ({"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2)}, "divided by (0.2, 0.2, 0.2)."),
    ],
)
def test_only_what_was_not_told_is_asked_for(given, advice):
    asked = Inspect(models=(), architecture=("resnet20",), **given)
    (sentence,) = torch_source.standardizations(asked)
    assert sentence.endswith(advice)
