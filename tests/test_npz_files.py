import io
import pathlib
import zipfile

import numpy as np
import pytest

from experiments import training_heuristics
from hfc_keras import data, files
from hfc_keras.data import npz

IMAGES = np.arange(4 * 8 * 8, dtype="uint8").reshape(4, 8, 8, 1)
LABELS = np.array([0, 1, 0, 1])
PLAIN = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS}


def header(shape, dtype="|u1"):
    stream = io.BytesIO()
    claim = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, claim)
    return stream.getvalue()


def write(path, method=zipfile.ZIP_STORED, listed=None, **claimed):
    """Write a file whose arrays claim other shapes than they have, in the archive's list too."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for key, array in PLAIN.items():
            values = (
                header(claimed[key]) if key in claimed else header(array.shape, array.dtype.str)
            )
            archive.writestr(f"{key}.npy", values + array.tobytes())
        for member in archive.filelist:
            if listed and member.filename.removesuffix(".npy") in claimed:
                member.file_size = listed
                if method == zipfile.ZIP_STORED:
                    member.compress_size = listed
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("listed", [None, 10**14])
@pytest.mark.parametrize("key", ["x_train", "x_test"])
@pytest.mark.parametrize("shape", [(10**13, 2, 2, 1), (5, 8, 8, 1000), (2**40, 2**40, 1, 1)])
def test_headers_that_claim_more_than_there_is_are_refused(method, listed, key, shape, tmp_path):
    path = write(tmp_path / "huge.npz", method, listed, **{key: shape})
    expected = f"huge.npz', .*({key} claims .* holds [0-9]+ bytes|EOF|zip bomb)"
    with pytest.raises(files.UnusableFileError, match=expected):
        data.load(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_honest_files_are_read(method, tmp_path):
    loaded = data.load(write(tmp_path / "own.npz", method))
    np.testing.assert_array_equal(loaded.train.pixels, IMAGES)


def test_arrays_that_shrink_well_are_read_where_there_is_room(tmp_path, monkeypatch):
    black = np.zeros((20_000, 16, 16, 3), "uint8")
    labels = np.arange(20_000) % 2
    np.savez_compressed(
        tmp_path / "black.npz", **{**PLAIN, "x_train": black, "y_train": labels}, x=1
    )
    assert (tmp_path / "black.npz").stat().st_size < black.nbytes / 300
    monkeypatch.setattr("hfc_keras.data.memory.physical", lambda: black.nbytes / 2)
    with pytest.raises(ValueError, match=r"must fit into memory \(0.0 GB of 0.0 GB\).*black.npz'"):
        npz.npz(tmp_path / "black.npz")
    monkeypatch.undo()
    np.savez_compressed(
        tmp_path / "black.npz", x_train=black, y_train=labels, x_test=black, y_test=labels
    )
    assert len(data.load(tmp_path / "black.npz").train) == 20_000


def test_a_file_with_a_password_is_refused(tmp_path):
    path = write(tmp_path / "own.npz")
    content = bytearray(path.read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(start)
        while place >= 0:
            content[place + flags] |= 1
            place = content.find(start, place + 4)
    path.write_bytes(content)
    with pytest.raises(files.UnusableFileError, match="own.npz', .*password"):
        data.load(path)


@pytest.mark.parametrize("ending", [".NPZ", ".Npz"])
def test_the_ending_may_be_in_capitals(ending, tmp_path):
    path = write(tmp_path / "own.npz").rename(tmp_path / f"own{ending}")
    assert data.load(path).name == "own"
    settings = training_heuristics.Settings(profile="quick", dataset=str(path))
    assert settings.folder == pathlib.Path("results/quick/own")


@pytest.mark.parametrize(
    "names", [["a", "b\n"], ["a\x00b", "c"], ["\x1b]0;x\x07", "b"], ["a", "\tb"]]
)
def test_names_with_control_characters_are_refused(names, tmp_path):
    np.savez(tmp_path / "own.npz", **PLAIN, class_names=names)
    with pytest.raises(ValueError, match="class names must be of characters.*Received: name="):
        data.load(tmp_path / "own.npz")
