"""Files of safetensors."""

import json
import struct

import numpy as np
import pytest

from hfc_keras.models.torch_checkpoints import arrays_of
from hfc_keras.models.weight_files import read_weights

ARRAYS = {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.ones(2, "float16")}


def safe(path, arrays, **changes):
    """Write a file of safetensors."""
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, (kind, array) in arrays.items():
        first, body = len(body), body + array.tobytes()
        place = {"dtype": kind, "shape": array.shape, "data_offsets": [first, len(body)]}
        header[name] = {**place, **changes}
    described = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(described)) + described + body)


def test_files_of_safetensors(tmp_path):
    path = tmp_path / "own.safetensors"
    brain = np.array([0x3FC0, 0xC000], "<u2")
    safe(path, {"a": ("F32", ARRAYS["a"]), "b": ("F16", ARRAYS["b"]), "brain": ("BF16", brain)})
    arrays = arrays_of(read_weights(path))
    np.testing.assert_array_equal(arrays["a"], ARRAYS["a"])
    np.testing.assert_array_equal(arrays["b"], ARRAYS["b"])
    np.testing.assert_array_equal(arrays["brain"], [1.5, -2.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data_offsets": [0, 25]}, "'a' has other numbers than its shape says"),
        ({"data_offsets": [8, 4]}, "'a' has other numbers"),
        ({"shape": (2, 4)}, "'a' has other numbers"),
        ({"shape": (2, 2), "data_offsets": [0, 16]}, "its tensors do not end where it does"),
        ({"data_offsets": [24, 48]}, "its tensors overlap, or leave numbers out"),
        ({"data_offsets": [-24, 0]}, "shape or place of 'a' are no whole numbers from 0"),
        ({"shape": (-1, 3)}, "shape or place of 'a'"),
        ({"shape": (2.0, 3)}, "shape or place of 'a'"),
        ({"shape": None}, "shape or place of 'a'"),
        ({"shape": [1] * 65 + [6]}, "shape or place of 'a'"),
        ({"shape": [0, 2**70], "data_offsets": [0, 0]}, "shape or place of 'a'"),
        ({"data_offsets": [24]}, "shape or place of 'a'"),
        ({"dtype": "F8_E4M3"}, "'a' is of F8_E4M3, which is not supported; F64, F32, .*BOOL are"),
        ({"dtype": ["F32"]}, "'a' is of .*, which is not supported"),
    ],
)
def test_a_header_that_claims_other_numbers_is_refused(changes, message, tmp_path):
    path = tmp_path / "own.safetensors"
    safe(path, {"a": ("F32", ARRAYS["a"])}, **changes)
    with pytest.raises(ValueError, match=rf"whole .safetensors .*{message}.*own\.safetensors"):
        read_weights(path)


def test_every_number_belongs_to_one_tensor(tmp_path):
    path = tmp_path / "own.safetensors"
    empty = np.zeros((0, 3), "float32")
    three = {name: ("F32", ARRAYS["a"]) for name in "abc"}
    safe(path, {**three, "empty": ("F32", empty)})
    assert read_weights(path)["empty"].shape == (0, 3)
    whole = path.read_bytes()
    for place in (b"[ 0, 24]", b"[12, 36]", b"[48, 72]"):
        changed = whole.replace(b"[24, 48]", place)
        assert changed != whole
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="it is damaged: its tensors overlap, or leave"):
            read_weights(path)


def headed(path, header, length=None):
    length = len(header) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + header)


@pytest.mark.parametrize(
    ("header", "length", "message"),
    [
        (b"{}", 10**6, "it is cut or damaged: it ends within its header"),
        (b"", 2, "it ends within its header"),
        (b"[" * 10**6, None, "its header is no JSON that names each tensor once"),
        (b"{", None, "its header is no JSON"),
        (b"\xff\xfe{", None, "its header is no JSON"),
        (b'{"a": {}, "a": {}}', None, "its header is no JSON that names each tensor once"),
        (b'{"a": 1}', None, "'a' is of None, which is not supported"),
    ],
)
def test_a_header_that_is_none_is_refused(header, length, message, tmp_path):
    headed(tmp_path / "own.safetensors", header, length)
    with pytest.raises(ValueError, match=rf"whole .safetensors file .*{message}"):
        read_weights(tmp_path / "own.safetensors")


def test_a_file_without_a_length_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="it ends within its header"):
        read_weights(path)


def test_a_header_that_names_nothing_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    headed(path, b"[]")
    with pytest.raises(ValueError, match=r"of tensors alone \(its header names no tensors\)"):
        read_weights(path)
