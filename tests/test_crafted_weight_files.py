"""Files that were made to have a reader look where nothing of theirs lies."""

import pickle

import numpy as np
import pytest
from own import torch_files

from hfc_keras.models.weight_files import read_weights

WRITERS = [torch_files.write, torch_files.write_old]
ARRAYS = {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.ones(2, "float16")}


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    "changes",
    [
        {"offset": 1},
        {"offset": -1},
        {"shape": (7,), "strides": (1,)},
        {"shape": (2, 3), "strides": (3, 2)},
        {"shape": (2,), "strides": (-1,)},
        {"shape": (10**9,), "strides": (0,)},
        {"shape": (-1,), "strides": (1,)},
        {"shape": (2, 3), "strides": (1,)},
        {"kind": "DoubleStorage"},
    ],
)
def test_a_tensor_reaches_no_further_than_its_numbers(write, changes, tmp_path):
    write(tmp_path / "own.pth", {"a": ARRAYS["a"]}, **changes)
    with pytest.raises(ValueError, match=r"must be a whole .pth file of tensors alone \(.+\)"):
        read_weights(tmp_path / "own.pth")


@pytest.mark.parametrize("write", WRITERS)
def test_numbers_of_another_kind_are_named(write, tmp_path):
    write(tmp_path / "own.pth", {"a": ARRAYS["a"]}, kind="ComplexFloatStorage")
    with pytest.raises(ValueError, match=r"of ComplexFloatStorage, .*; DoubleStorage, .* are\)"):
        read_weights(tmp_path / "own.pth")


def pickled(*parts):
    """Pickle of one object in a dict."""
    return b"\x80\x02}" + torch_files.text("a") + b"".join(parts) + b"s."


@pytest.mark.parametrize("write", WRITERS)
def test_a_tensor_lies_in_a_storage_and_in_no_other_tensor(write, tmp_path):
    # The inner one is four times the last number, the outer one what follows that.
    view = b"N" if write is torch_files.write_old else b""
    inner = torch_files.tensor(ARRAYS["a"], "a", 5, (4,), (0,), view=view)
    place = torch_files.number(0) + torch_files.numbers([4]) + torch_files.numbers([1])
    outer = torch_files.REBUILD + b"(" + inner + place + b"tR"
    write(tmp_path / "own.pth", {"a": ARRAYS["a"]}, pickled(inner))
    assert read_weights(tmp_path / "own.pth")["a"].tolist() == [5.0] * 4
    write(tmp_path / "own.pth", {"a": ARRAYS["a"]}, pickled(outer))
    with pytest.raises(ValueError, match="a tensor in something that is no storage"):
        read_weights(tmp_path / "own.pth")


@pytest.mark.parametrize("write", WRITERS)
def test_the_place_of_a_tensor_is_one_of_whole_numbers(write, tmp_path):
    # An offset that is itself a tensor: NumPy's integers overflow.
    view = b"N" if write is torch_files.write_old else b""
    tensor = torch_files.tensor(ARRAYS["a"], "a", 3, view=view)
    offset = torch_files.tensor(ARRAYS["a"], "a", 0, (), (), view=view)
    changed = tensor.replace(torch_files.number(3), offset, 1)
    assert changed != tensor
    write(tmp_path / "own.pth", {"a": ARRAYS["a"]}, pickled(changed))
    with pytest.raises(ValueError, match="whose place is not one of whole numbers"):
        read_weights(tmp_path / "own.pth")


@pytest.mark.parametrize("write", WRITERS)
def test_the_size_of_a_storage_is_one_number(write, tmp_path):
    # In an array of two axes the offset would count rows.
    content = torch_files.described(ARRAYS, view=b"N" if write is torch_files.write_old else b"")
    size, rows = torch_files.number(6), torch_files.numbers([2, 3])
    changed = content.replace(size, rows, 1)
    assert changed != content
    write(tmp_path / "own.pth", ARRAYS, changed)
    with pytest.raises(ValueError, match="the size of a storage in it is no whole number"):
        read_weights(tmp_path / "own.pth")


@pytest.mark.parametrize("slots", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        "collections OrderedDict",
        "torch FloatStorage",
    ],
)
def test_nothing_that_stands_for_code_is_changed_by_a_pickle(name, slots, tmp_path):
    state = b"}" + torch_files.text("numbers") + b"K\x01s"
    # The state of slots is the second of two.
    state = b"N" + state + b"\x86" if slots else state
    known = b"c" + name.replace(" ", "\n").encode() + b"\n"
    torch_files.write(tmp_path / "own.pth", ARRAYS, pickled(known, state, b"b"))
    with pytest.raises(ValueError, match=r"whole \.pth file of tensors alone"):
        read_weights(tmp_path / "own.pth")
    torch_files.write(tmp_path / "own.pth", ARRAYS)
    assert list(read_weights(tmp_path / "own.pth")) == ["a", "b"]


@pytest.mark.parametrize("slots", [False, True])
def test_no_pickle_changes_a_storage(slots, tmp_path):
    state = b"}" + torch_files.text("numbers") + b"K\x01s"
    state = b"N" + state + b"\x86" if slots else state
    tensor = torch_files.tensor(ARRAYS["a"], "a")
    changed = tensor.replace(b"tQ", b"tQ" + state + b"b", 1)
    assert changed != tensor
    torch_files.write(tmp_path / "own.pth", {"a": ARRAYS["a"]}, pickled(changed))
    with pytest.raises(ValueError, match="attribute"):
        read_weights(tmp_path / "own.pth")


def test_numbers_that_a_file_does_not_hold_are_missed(tmp_path):
    path = tmp_path / "own.pth"
    torch_files.write_old(path, ARRAYS)
    both, one = (pickle.dumps(names, 2) for names in (["a", "b"], ["a"]))
    whole = path.read_bytes()
    assert both in whole
    path.write_bytes(whole.replace(both, one, 1))
    with pytest.raises(ValueError, match="it is cut or damaged: it does not hold the numbers"):
        read_weights(path)


def test_a_storage_has_one_kind_and_size_and_no_more_than_its_file(tmp_path):
    path, array = tmp_path / "own.pth", ARRAYS["a"]
    ways = [torch_files.tensor(array, "a"), torch_files.tensor(array, "a", kind="IntStorage")]
    parts = [torch_files.text(name) + way for name, way in zip("ab", ways, strict=True)]
    torch_files.write(path, ARRAYS, b"\x80\x02}(" + b"".join(parts) + b"u.")
    with pytest.raises(ValueError, match="a storage of two kinds or sizes"):
        read_weights(path)
    large = torch_files.described({"a": array}, view=b"N").replace(
        torch_files.number(6), torch_files.number(2**40), 1
    )
    torch_files.write_old(path, ARRAYS, large)
    with pytest.raises(ValueError, match="a tensor in it claims to be larger than the file"):
        read_weights(path)
