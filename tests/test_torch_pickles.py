"""Pickles of PyTorch's files, and what would fill the memory or never end."""

import pickle

import numpy as np
import pytest
from own import torch_files

from hfc_keras.models.weight_files import read_weights

WRITERS = [torch_files.write, torch_files.write_old]
ARRAYS = {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.ones(2, "float16")}


@pytest.mark.parametrize("write", WRITERS)
def test_tensors_of_one_storage_share_its_numbers(write, tmp_path):
    options = {"view": b"N"} if write is torch_files.write_old else {}
    rows = [
        torch_files.text(str(row))
        + torch_files.tensor(ARRAYS["a"], "a", 3 * row, (3,), (1,), **options)
        for row in (0, 1)
    ]
    write(tmp_path / "own.pth", {"a": ARRAYS["a"]}, b"\x80\x02}(" + b"".join(rows) + b"u.")
    found = read_weights(tmp_path / "own.pth")
    assert [found[row].tolist() for row in "01"] == ARRAYS["a"].tolist()
    start = {name: each.__array_interface__["data"][0] for name, each in found.items()}
    assert start["1"] - start["0"] == 3 * 4


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_numbers_text_and_lists_are_read_in_every_protocol(protocol, tmp_path):
    content = {"a": [1, 2.5, -(10**20), 70_000], "own": {"b": ("ü" * 300, None, True), 3: ()}}
    content["many"] = [str(each) for each in range(300)] * 2
    content["again"] = content["a"]
    torch_files.write(tmp_path / "own.pth", {}, pickle.dumps(content, protocol))
    found = read_weights(tmp_path / "own.pth")
    assert found == content and found["again"] is found["a"]


def test_dictionaries_that_python_2_wrote_are_read(tmp_path):
    pair = b"](U\x01aK\x01e"
    ordered = b"ccollections\nOrderedDict\n(](" + pair + b"et"
    torch_files.write(tmp_path / "own.pth", {}, b"\x80\x02" + ordered + b"R}U\x01_K\x02sb.")
    assert read_weights(tmp_path / "own.pth") == {"a": 1}


DOUBLED = b")q\x00" + 60 * b"h\x00h\x00\x86q\x00"


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"}(" + DOUBLED + b"K\x01u.", "names are neither text nor numbers"),
        (b"})" + 100_000 * b"\x85" + b"K\x01s.", "names are neither text nor numbers"),
        (b"}(" + b"K\x01" * 3 + b"u.", "of tensors alone"),
        (b"\x96" + (1).to_bytes(8, "little") + b"a.", "not write .opcode BYTEARRAY8"),
        (b"\x96" + (2**40).to_bytes(8, "little") + b".", "of tensors alone"),
        (b"X" + (2**31).to_bytes(4, "little") + b"a.", "of tensors alone"),
        (b"K\x01Nb.", "sets attributes of what is no dictionary"),
        (b"](K\x01K\x02e" + b"2.", "not write .opcode DUP"),
        (b"}K\x01a.", "into what is no list"),
        (b"]K\x01K\x01s.", "into what is no dictionary"),
        (b"K\x01)R.", "calls what is no function"),
        (b"ccollections\nOrderedDict\n]R.", "calls what is no function"),
        (b"K\x01K\x01\x93.", "names a function by what is no text"),
        (b"K\x01\x86.", "its pickle ends within an object"),
    ],
)
def test_what_pytorch_does_not_write_is_refused(write, content, message, tmp_path):
    write(tmp_path / "own.pth", ARRAYS, b"\x80\x02" + content)
    with pytest.raises(ValueError, match=message):
        read_weights(tmp_path / "own.pth")


def test_places_in_the_memo_take_no_room(tmp_path):
    content = b"\x80\x02}r\xff\xff\xff\xff" + torch_files.text("a") + b"j\xff\xff\xff\xffs."
    torch_files.write(tmp_path / "own.pth", ARRAYS, content)
    found = read_weights(tmp_path / "own.pth")
    assert found["a"] is found


def test_a_dictionary_is_not_copied_many_times(tmp_path):
    pairs = b"](" + 100 * b"](U\x01aK\x01e" + b"e"
    copies = 100 * b"ccollections\nOrderedDict\nh\x00\x85R"
    content = b"\x80\x02" + pairs + b"q\x00" + copies + b"."
    torch_files.write(tmp_path / "own.pth", ARRAYS, content)
    with pytest.raises(ValueError, match="dictionaries of what are no pairs"):
        read_weights(tmp_path / "own.pth")
