"""What commands say of image files and models that are not what they seem."""

import keras
import numpy as np
import pytest
from PIL import Image

from hfc_keras import __main__ as command_line
from hfc_keras import files
from hfc_keras.commands import filtering, model_source
from hfc_keras.data.given_images import given_images

LEVELS = np.random.default_rng(0).integers(0, 256, (6, 6), "uint8")


@pytest.fixture
def photos(tmp_path):
    for name in ("a/1", "a/2", "b/1", "b/2"):
        file = tmp_path / "photos" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(LEVELS).save(file)
    return tmp_path / "photos"


def deep(file):
    Image.fromarray(LEVELS.astype("uint16") * 257).save(file)


def text(file):
    file.write_text("no image")


@pytest.mark.parametrize(
    ("write", "reason"),
    [(deep, "8 bits per channel: mode='I;16'"), (text, "cannot identify image file")],
)
def test_why_a_file_cannot_be_read_is_said(write, reason, photos):
    write(photos / "a" / "odd.png")
    with pytest.raises(files.UnusableFileError, match="1 of 5 cannot be read") as refused:
        given_images(photos)
    assert reason in str(refused.value)
    (note,) = given_images(photos, skip_unreadable=True).notes
    assert note.startswith("1 file (.png 1) that cannot be read: left out (a/odd.png; ")
    assert reason in note
    notes = filtering.write([photos / "a"], 2, photos / "out", skip_unreadable=True).notes
    assert len(notes) == 1 and reason in notes[0]


def test_a_folder_of_images_in_a_folder_of_images_is_taken_for_a_class(photos):
    assert given_images(photos).notes == ()
    (photos / "a" / "more").mkdir()
    Image.fromarray(LEVELS).save(photos / "a" / "more" / "3.png")
    found = given_images(photos / "a")
    assert found.class_names == ("more",)
    (note,) = found.notes
    assert "ignored: not images of a class (1.png, 2.png)" in note


def test_filter_tells_of_what_it_takes_of_an_image(tmp_path):
    frames = [Image.fromarray(LEVELS), Image.fromarray(255 - LEVELS)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(LEVELS).convert("RGBA").save(tmp_path / "whole.png")
    Image.new("LA", (6, 6), (9, 0)).save(tmp_path / "seen_through.png")
    notes = filtering.write([tmp_path], 2, tmp_path / "out").notes
    assert [note.split(": ")[0].rsplit("/")[-1] for note in notes] == [
        "moving.gif",
        "seen_through.png",
        "1 of 3 images have no frequency beyond r = 2",  # The one of a single color.
    ]
    notes = filtering.write([tmp_path / "whole.png"], 9, tmp_path / "out").notes
    assert "1 of 1 images have no frequency beyond r = 9" in notes[0]


def test_filter_says_that_it_looks_into_no_folders_of_a_folder(photos, capsys):
    assert command_line.main(["filter", str(photos), "--radius", "2"]) == 2
    assert "FOLDER/* names them all" in capsys.readouterr().err


def test_filter_refuses_a_folder_that_cannot_be_listed(photos, monkeypatch):
    def refuse(place):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(photos), "iterdir", refuse)
    with pytest.raises(files.UnusableFileError, match="Permission denied"):
        filtering.write([photos], 2, photos / "out")


@pytest.fixture
def models(tmp_path):
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential(layers).save_weights(tmp_path / "own.weights.h5")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").touch()
    (tmp_path / "unpacked.keras").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("own.weights.h5", "model.load_weights"),
        ("saved", "hfc_keras.inspect"),
        ("unpacked.keras", "a file, not a folder"),
    ],
)
def test_what_is_no_whole_model_is_named(name, remedy, models):
    with pytest.raises(ValueError, match="Received: model=") as refused:
        model_source.load(models / name)
    assert remedy in str(refused.value)


def test_a_model_that_may_not_be_read_is_not_called_damaged(models, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(model_source, "open", refuse, raising=False)
    with pytest.raises(ValueError, match="Permission denied"):
        model_source.found(models / "own.weights.h5")
