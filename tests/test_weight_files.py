"""Files of weights, and what no file may do."""

import io
import os
import pathlib
import pickle
import struct
import zipfile

import numpy as np
import pytest
from own import torch_files

from hfc_keras import models
from hfc_keras.models import weight_files
from hfc_keras.models.torch_checkpoints import arrays_of
from hfc_keras.models.torch_files import read_torch
from hfc_keras.models.weight_files import read_weights

# torch.save wrote these two, in the format of today and in that from before PyTorch 1.6.
SAVED = [
    pathlib.Path(__file__).parent / "files" / name
    for name in ("checkpoint.pth", "checkpoint_old.pth")
]
WRITERS = [torch_files.write, torch_files.write_old]
ARRAYS = {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.ones(2, "float16")}


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.name)
def test_a_file_of_pytorch_is_read_without_it(path):
    content = read_torch(path)
    told = {name: content[name] for name in ("epoch", "accuracy", "name", "best", "lr")}
    assert told == {"epoch": 3, "accuracy": 0.5, "name": "own", "best": None, "lr": [0.1]}
    arrays = arrays_of(content)
    rows = np.arange(12, dtype="float32").reshape(3, 4)
    expected = {
        "rows": rows,
        # A view of the same numbers.
        "columns": rows.T[1:3],
        "brain": [1.5, -2.0],
        "half": [0.25],
        "double": [[3.0]],
        "steps": 7,
        "parameter": [1, 1],
        "flags": [True, False],
    }
    assert list(arrays) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(arrays[name], value)
    kinds = {name: array.dtype.kind for name, array in arrays.items()}
    assert kinds == {**dict.fromkeys(expected, "f"), "steps": "i", "flags": "b"}
    assert {array.dtype.itemsize for array in arrays.values() if array.dtype.kind == "f"} == {4}


@pytest.mark.torch
@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.name)
def test_pytorch_reads_the_same_from_its_files(path):
    torch = pytest.importorskip("torch")
    expected = torch.load(path, weights_only=True)["state_dict"]
    for name, array in arrays_of(read_torch(path)).items():
        np.testing.assert_array_equal(array, expected[name].detach().float().numpy())


@pytest.mark.torch
@pytest.mark.parametrize("write", WRITERS)
def test_what_the_tests_write_is_a_file_of_pytorch(write, tmp_path):
    torch = pytest.importorskip("torch")
    write(tmp_path / "own.pth", ARRAYS)
    for name, value in torch.load(tmp_path / "own.pth", weights_only=True).items():
        np.testing.assert_array_equal(value, ARRAYS[name])


class Opens:
    """What makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


class Runs(Opens):
    """What runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, (f"echo > {self.path}",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("kind", [Opens, Runs])
def test_no_code_of_a_file_is_run(kind, protocol, tmp_path):
    mark = tmp_path / "mark"
    content = pickle.dumps({"conv1.weight": kind(mark)}, protocol)
    opened = pickle.loads(content)["conv1.weight"]
    if isinstance(opened, io.IOBase):
        opened.close()
    assert mark.exists()
    mark.unlink()
    bad = {}
    for write in WRITERS:
        bad[write.__name__] = tmp_path / f"{write.__name__}.pth"
        write(bad[write.__name__], ARRAYS, content)
    # The pickles of the older format that stand before the tensors.
    whole = bad["write_old"].read_bytes()
    bad["first"] = tmp_path / "first.pth"
    bad["first"].write_bytes(content)
    bad["second"] = tmp_path / "second.pth"
    magic = pickle.dumps(torch_files.MAGIC, 2)
    bad["second"].write_bytes(whole.replace(magic, magic + content, 1))
    for path in bad.values():
        with pytest.raises(ValueError, match=path.name) as refused:
            models.from_torch(path, "resnet20")
        if protocol:
            assert "which is code and is not run; in PyTorch, torch.save" in str(refused.value)
            assert ("io.open" if kind is Opens else f"{os.name}.system") in str(refused.value)
        elif path.stem != "first":
            assert "what torch.save does not write (opcode DICT)" in str(refused.value)
        assert not mark.exists()


def test_code_hidden_in_arrays_of_numpy_is_not_run(tmp_path):
    mark = tmp_path / "mark"
    np.savez(tmp_path / "bad.npz", **{"conv1.weight": np.array([Opens(mark)], object)})
    with pytest.raises(
        ValueError,
        match=r"whole .npz file of tensors alone .'conv1.weight' in it is no plain array",
    ):
        models.from_torch(tmp_path / "bad.npz", "resnet20")
    assert not mark.exists()


def test_a_member_that_is_no_array_is_named(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, **ARRAYS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("own/data.pkl", pickle.dumps(ARRAYS))
    message = r"'own/data\.pkl' in it is no plain array of numbers; np\.savez\(path, \*\*arrays\)"
    with pytest.raises(ValueError, match=rf"{message}.*weights='.*own\.npz'"):
        read_weights(path)


class Network:
    """A whole network, as torch.save(model) writes it."""


def test_a_pickled_network_is_refused_by_its_class(tmp_path):
    torch_files.write(tmp_path / "own.pth", {}, pickle.dumps(Network(), 2))
    with pytest.raises(ValueError, match=r"torch\.save\(model\.state_dict\(\), path\) writes"):
        read_weights(tmp_path / "own.pth")


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


def of_numpy(path):
    with path.open("wb") as stream:
        np.savez(stream, a=1)


def big_endian(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("own/data.pkl", torch_files.described({}))
        archive.writestr("own/byteorder", "big")


def compressed(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("own/data.pkl", torch_files.described({"a": np.zeros(1000, "float32")}))
        archive.writestr("own/data/a", bytes(4000))


def compressed_unseen(path):
    """Its list says that what is compressed takes as much room as what it becomes."""
    compressed(path)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("own/data/a")
    sizes = struct.pack("<II", member.compress_size, member.file_size)
    changed = content.replace(sizes, 2 * struct.pack("<I", member.file_size))
    assert changed != content
    path.write_bytes(changed)


def overlapping(path):
    """Many members are the same bytes."""
    torch_files.write(path, {"a": np.zeros(1000, "float32")})
    with zipfile.ZipFile(path, "a") as archive:
        member = archive.getinfo("own/data/a")
        archive.filelist.extend(100 * [member])
        archive._didModify = True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut, "whole .pth file"),
        (compressed, "its members are compressed"),
        (compressed_unseen, "its members are compressed"),
        (overlapping, "its members claim to be larger than the file"),
        (lambda path: path.write_bytes(b""), "neither an archive nor an older file of PyTorch"),
        (lambda path: path.write_text("<html>"), "neither an archive nor an older file"),
        (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "neither an archive nor"),
        (of_numpy, "an archive, but none of PyTorch"),
        (big_endian, "its numbers are big-endian"),
    ],
)
@pytest.mark.parametrize("write", WRITERS)
def test_a_damaged_file_is_named(write, change, message, tmp_path):
    path = tmp_path / "own.pth"
    write(path, ARRAYS)
    change(path)
    with pytest.raises(ValueError, match=rf"{message}.* Received: weights='.*own\.pth'"):
        read_weights(path)


@pytest.mark.parametrize("count", [1, 3])
def test_an_archive_does_not_unpack_to_more_than_weights_do(count, tmp_path, monkeypatch):
    path = tmp_path / "own.npz"
    arrays = {f"a{each}": np.zeros(100_000, "float32") for each in range(count)}
    np.savez_compressed(path, **arrays)
    assert sum(each.nbytes for each in arrays.values()) > 200 * path.stat().st_size
    assert list(read_weights(path)) == list(arrays)
    monkeypatch.setattr(weight_files, "UNPACKED", 0)
    with pytest.raises(ValueError, match=r"its arrays would take 0.0 GB.*own\.npz"):
        read_weights(path)
    monkeypatch.setattr(weight_files, "TIMES", 1000)
    assert list(read_weights(path)) == list(arrays)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "a file, not a folder"),
        ("missing.pth", "a file that exists"),
        ("missing.onnx", r"a file that ends in \.npz, \.safetensors, \.pth"),
    ],
)
def test_what_is_no_file_of_weights_is_refused(name, message, tmp_path):
    with pytest.raises(ValueError, match=f"`weights` must be {message}.*weights="):
        read_weights(tmp_path / name)
