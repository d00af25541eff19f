import os
import pathlib
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, features

from hfc_keras import data, files
from hfc_keras.data import image_files

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (24, 8, 8, 3), dtype="uint8")
ORIENTATION = 0x0112
# What a viewer does to the stored pixels, by orientation.
UPRIGHT = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    8: lambda image: np.rot90(image),
}


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(path, **options)


def two_classes(root, count=4, pixels=PIXELS, ending="png"):
    for name in ("cat", "dog"):
        for number in range(count):
            save(root / name / f"{number}.{ending}", pixels[number])
    return root


def every_image(dataset):
    return np.concatenate([dataset.train.pixels, dataset.test.pixels])


def exif(orientation):
    made = Image.Exif()
    made[ORIENTATION] = orientation
    return made


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("ending, loss", [("png", 0), ("tif", 0), ("webp", 0), ("jpg", 12)])
def test_images_come_in_upright(orientation, ending, loss, tmp_path):
    if ending == "webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    ramp = np.linspace(0, 255, 16 * 24 * 3).reshape(16, 24, 3).astype("uint8")
    ramp[:8, :8] = 255
    options = {"lossless": True} if ending == "webp" else {"quality": 100, "subsampling": 0}
    for name in ("cat", "dog"):
        for number in range(2):
            path = tmp_path / name / f"{number}.{ending}"
            save(path, ramp, exif=exif(orientation), **(options if ending != "tif" else {}))
    want = UPRIGHT[orientation](ramp)
    for image in every_image(data.load(tmp_path)):
        assert image.shape == want.shape
        assert abs(image.astype(int) - want).max() <= loss


def test_sizes_are_compared_once_upright(tmp_path):
    scene = PIXELS[:2].reshape(8, 16, 3)
    for name in ("cat", "dog"):
        save(tmp_path / name / "1.png", scene)
        save(tmp_path / name / "2.png", np.rot90(scene), exif=exif(6))
    for image in every_image(data.load(tmp_path)):
        np.testing.assert_array_equal(image, scene)
    save(tmp_path / "dog" / "3.png", scene, exif=exif(6))
    with pytest.raises(data.MixedSizesError, match=r"must have one size.*\(16, 8\)"):
        data.load(tmp_path)


def test_orientation_behind_the_pixels_of_a_png_counts(tmp_path):
    scene = PIXELS[:2].reshape(8, 16, 3)
    two_classes(tmp_path, 2, [scene, scene])
    path = tmp_path / "cat" / "0.png"
    content = b"eXIf" + exif(8).tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    stored = path.read_bytes()
    path.write_bytes(stored[:-12] + chunk + stored[-12:])
    assert image_files.header(path).size == (16, 8)
    pixels, _ = image_files.read(path, grey=False, size=(16, 8))
    np.testing.assert_array_equal(pixels, np.rot90(scene))


@pytest.mark.parametrize("content", [b"Exif\0\0garbage!", b"Exif\0\0II*\0\x08\0\0\0\x05\0"])
def test_exif_data_that_cannot_be_read_are_told(content, tmp_path):
    two_classes(tmp_path, 3, ending="jpg")
    save(tmp_path / "cat" / "0.jpg", PIXELS[0], exif=content)
    with pytest.warns(UserWarning, match=r"1 file \(.jpg 1\) with EXIF data that cannot be read"):
        assert len(every_image(data.load(tmp_path))) == 6


@pytest.mark.parametrize(
    "ending", ["png", "bmp", "tif", "tiff", "gif", "ppm", "webp", "jp2", "tga", "pcx", "TIF", "PNG"]
)
def test_every_format_of_pillow_is_read(ending, tmp_path):
    if ending == "jp2" and not features.check("jpg_2000"):
        pytest.skip("this Pillow has no JPEG 2000")
    few_colours = np.where(PIXELS > 127, 255, 0).astype("uint8")
    for name in ("cat", "dog"):
        for number in range(2):
            path = tmp_path / name / f"{number}.{ending}"
            options = {"lossless": True} if ending == "webp" else {}
            save(path, few_colours[number], **options)
    got = {image.tobytes() for image in every_image(data.load(tmp_path))}
    assert got == {image.tobytes() for image in few_colours[:2]}


def test_what_is_left_aside_is_told_at_once(tmp_path):
    two_classes(tmp_path)
    for name in (
        "cat/notes.txt",
        "dog/a.TXT",
        "cat/list",
        "labels.csv",
        "cat/.DS_Store",
        ".hidden",
    ):
        (tmp_path / name).write_text("no picture")
    save(tmp_path / "cat" / "more" / "1.png", PIXELS[0])
    with pytest.warns(UserWarning) as caught:
        dataset = data.load(tmp_path)
    assert len(every_image(dataset)) == 8 and len(caught) == 1
    told = str(caught[0].message)
    assert "4 files (.txt 2, " in told and ".csv 1" in told and "no ending 1" in told
    assert "not images of a class (labels.csv, cat/list, cat/notes.txt, dog/a.TXT)" in told
    assert "1 folder ignored: neither class nor split (cat/more)" in told and "DS_Store" not in told
    assert caught[0].filename == __file__


@pytest.mark.parametrize("ending", ["gif", "tif", "webp", "png"])
def test_the_first_of_several_frames_is_taken_and_told(ending, tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    two_classes(tmp_path)
    path, options = tmp_path / "cat" / f"moving.{ending}", {"lossless": True}
    save(path, frames[0], save_all=True, append_images=frames[1:], **options)
    with pytest.warns(UserWarning, match=rf"1 file \(.{ending} 1\) of several frames or pages"):
        images = every_image(data.load(tmp_path))
    assert (images == [255, 0, 0]).all(axis=(1, 2, 3)).sum() == 1 and len(images) == 9


def see_through(mode):
    """An image of one color, half of it transparent."""
    if mode == "palette":
        image = Image.fromarray(np.arange(64, dtype="uint8").reshape(8, 8) % 2, "P")
        image.putpalette([10, 20, 30, 10, 20, 30])
        return image, {"transparency": b"\x00\xff"}
    grey = mode in ("LA", "L")
    image = Image.new(
        mode, (8, 8), {"LA": (90, 255), "L": 90}.get(mode, (10, 20, 30, 255)[: len(mode)])
    )
    if mode in ("L", "RGB"):
        return image, {"transparency": 90 if grey else (10, 20, 30)}
    image.putpixel((0, 0), (90, 0) if grey else (10, 20, 30, 0))
    return image, {}


@pytest.mark.parametrize("mode", ["palette", "RGBA", "RGB", "LA", "L"])
def test_transparent_pixels_keep_their_colour_and_are_told(mode, tmp_path):
    image, options = see_through(mode)
    colour = [90] if mode in ("LA", "L") else [10, 20, 30]
    for name in ("cat", "dog"):
        for number in range(2):
            save(tmp_path / name / f"{number}.png", image, **options)
    with pytest.warns(UserWarning, match=r"4 files \(.png 4\) with transparent pixels") as caught:
        images = every_image(data.load(tmp_path))
    assert images.shape == (4, 8, 8, len(colour)) and (images == colour).all() and len(caught) == 1


def test_an_opaque_alpha_channel_is_nothing_to_tell(tmp_path):
    opaque = np.full((2, 8, 8, 1), 255, "uint8")
    two_classes(tmp_path, 2, np.concatenate([PIXELS[:2], opaque], axis=3))
    assert data.load(tmp_path).image_shape == (8, 8, 3)


def test_sixteen_bits_of_colour_are_refused(tmp_path):
    two_classes(tmp_path, 2)
    values = np.zeros((8, 1 + 8 * 6), "uint8")
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(values)),
    )
    written = b"\x89PNG\r\n\x1a\n"
    for kind, content in (*parts, (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        written += struct.pack(">I", len(content)) + kind + content + checksum
    (tmp_path / "cat" / "0.png").write_bytes(written)
    with pytest.raises(
        files.UnusableFileError, match="8 bits per channel.*cat/0.png', mode='RGB;16"
    ):
        data.load(tmp_path)


@pytest.mark.parametrize("dtype, mode", [("uint16", "I;16"), ("int32", "I"), ("float32", "F")])
def test_grey_of_more_than_eight_bits_is_refused(dtype, mode, tmp_path):
    two_classes(tmp_path, 2)
    save(tmp_path / "dog" / "0.tif", np.zeros((8, 8), dtype))
    with pytest.raises(
        files.UnusableFileError, match=f"8 bits per channel.*dog/0.tif', mode='{mode}"
    ):
        data.load(tmp_path)


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_pictures_beyond_pillows_limit_are_refused_by_name(factor, ending, tmp_path, monkeypatch):
    two_classes(tmp_path, 2)
    save(tmp_path / "dog" / f"huge.{ending}", Image.new("1", (90, 30)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2500 // factor)
    with pytest.raises(files.UnusableFileError, match=r"must have at most.*huge.*(2700 pixels)"):
        data.load(tmp_path, image_size=8)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2700)
    assert data.load(tmp_path, image_size=8).image_shape == (8, 8, 3)


def damage(path, how):
    if how == "pipe":
        path.unlink()
        os.mkfifo(path)
    elif how == "link to nowhere":
        path.unlink()
        path.symlink_to("nowhere.png")
    elif how == "link to itself":
        path.unlink()
        path.symlink_to(path.name)
    else:
        content = {"empty": b"", "text": b"no picture", "cut": path.read_bytes()[:-40]}
        path.write_bytes(content[how])


@pytest.mark.parametrize(
    "how", ["empty", "text", "cut", "pipe", "link to nowhere", "link to itself"]
)
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_damaged_images_are_refused_by_name(how, ending, tmp_path):
    two_classes(tmp_path, 2, ending=ending)
    damage(tmp_path / "dog" / f"1.{ending}", how)
    with pytest.raises(
        files.UnusableFileError, match=f"can be read. Received: file='.*dog/1.{ending}"
    ):
        data.load(tmp_path)


LAYOUTS = {
    "train as a class": ("train/1 train/2 plane/1 plane/2", ("plane", "train"), None),
    "train and test as classes": (
        "train/1 train/2 test/1 test/2 car/1 car/2",
        ("car", "test", "train"),
        None,
    ),
    "splits": ("train/a/1 train/b/1 test/a/1 test/b/1", ("a", "b"), None),
    "unlabelled test": (
        "train/a/1 train/b/1 test/1 val/a/1 val/b/1",
        ("a", "b"),
        r"1 folder ignored: neither class nor split \(test\)",
    ),
    "three splits": (
        "train/a/1 train/b/1 test/a/1 test/b/1 val/a/1 val/b/1",
        ("a", "b"),
        r"1 folder ignored: neither class nor split \(val\)",
    ),
    "a class called test": ("train/test/1 train/b/1 val/test/1 val/b/1", ("b", "test"), None),
}


@pytest.mark.parametrize("which", LAYOUTS)
def test_what_folders_hold_decides_what_they_are(which, tmp_path):
    paths, classes, told = LAYOUTS[which]
    for number, path in enumerate(paths.split()):
        save(tmp_path / f"{path}.png", PIXELS[number])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert data.load(tmp_path).class_names == classes
    if told is None:
        assert not caught
    else:
        with pytest.warns(UserWarning, match=told):
            warnings.warn(str(caught[0].message), stacklevel=1)


FLAT = r"one folder for each class, two or more \(<class>/\*\), or train/<class>/\* beside"


@pytest.mark.parametrize(
    "paths, match",
    [
        ("1 2 3", FLAT + r".*Received: name=.*, classes=\[\]"),
        ("images/1 images/2", FLAT + r".*Received: name=.*classes=\['images'\]"),
        ("train/1 train/2", FLAT),
        ("train/1 test/1", FLAT + r".*folders=\['test', 'train'\]"),
        ("train/1 test/a/1", FLAT),
        ("train/a/1 test/a/1", FLAT + r".*/train', classes=\['a'\]"),
        ("train/a/1 train/b/1", "must hold one of test, val, validation"),
        ("train/a/1 train/b/1 test/1", "must hold one of test, val, validation"),
        ("train/a/1 train/1 test/a/1", "a split, which holds class folders and no .*/train'"),
        ("train/a/1 test/a/1 test/1", "a split, which holds class folders and no .*/test'"),
        ("train/a/1 test/a/1 plane/1", "a split, which holds class folders and no .*/plane'"),
        ("cat/1 cat/2 dog/more/1", r"must hold images .*/dog', holds=\['more'\]"),
    ],
)
def test_folders_of_another_layout_are_refused_unread(paths, match, tmp_path, monkeypatch):
    for path in paths.split():
        save(tmp_path / f"{path}.png", PIXELS[0])
    monkeypatch.setattr(Image, "open", lambda *args, **options: pytest.fail("was read"))
    with pytest.raises(ValueError, match=match):
        data.load(tmp_path)


def test_a_folder_of_files_that_pillow_cannot_read_says_which(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "bird").mkdir()
    (tmp_path / "bird" / "1.heic7").touch()
    with pytest.raises(ValueError, match=r"must hold images .*bird', holds=\['.heic7'\]"):
        data.load(tmp_path)


@pytest.mark.parametrize("depth", ["class", "split", "root"])
def test_files_behind_a_link_are_seen_when_they_change(depth, tmp_path):
    place = tmp_path / "elsewhere"
    if depth == "split":
        two_classes(place)
        two_classes(tmp_path / "top" / "test")
        (tmp_path / "top" / "train").symlink_to(place)
        added = place / "cat"
    elif depth == "class":
        two_classes(tmp_path / "top")
        (tmp_path / "elsewhere").mkdir()
        for number in range(4):
            save(place / f"{number}.png", PIXELS[number])
        (tmp_path / "top" / "fox").symlink_to(place)
        added = place
    else:
        two_classes(place)
        (tmp_path / "top").symlink_to(place)
        added = place / "cat"
    before = every_image(data.load(tmp_path / "top"))
    assert data.load(tmp_path / "top") is data.load(tmp_path / "top")
    save(added / "new.png", PIXELS[9])
    after = every_image(data.load(tmp_path / "top"))
    assert len(after) == len(before) + 1 and (after == PIXELS[9]).all(axis=(1, 2, 3)).any()


@pytest.mark.parametrize("target", [".", "..", "loop"])
def test_loops_of_links_end(target, tmp_path):
    two_classes(tmp_path / "top")
    (tmp_path / "top" / "cat" / "loop").symlink_to(target)
    kind = "file" if target == "loop" else "folder"
    with pytest.warns(UserWarning, match=rf"1 {kind} .*ignored: .* \(cat/loop\)"):
        assert len(every_image(data.load(tmp_path / "top"))) == 8


@pytest.mark.parametrize(
    "bad", ["do\ng", "do\tg", "\x1b[31mdog", "do\x7fg", "do\u2028g", "\u202egod"]
)
def test_names_with_control_characters_are_refused(bad, tmp_path):
    two_classes(tmp_path)
    (tmp_path / "dog").rename(tmp_path / bad)
    with pytest.raises(
        ValueError, match="class names must be of characters.*Received: name="
    ) as no:
        data.load(tmp_path)
    assert str(no.value).isprintable()
    split = data.Split(PIXELS, np.arange(24) % 2)
    for names in ({"class_names": ["a", bad]}, {"name": bad, "class_names": "ab"}):
        with pytest.raises(ValueError, match="names must be of characters"):
            data.Dataset(**{"name": "x", "train": split, "test": split, **names})


@pytest.mark.parametrize("good", ["$x$", "a b", "a_b%&#", "größe", "猫", "👩\u200d🔬", r"\alpha"])
def test_names_of_other_characters_stay_as_they_are(good, tmp_path):
    two_classes(tmp_path)
    (tmp_path / "dog").rename(tmp_path / good)
    assert set(data.load(tmp_path).class_names) == {"cat", good}


def test_images_beyond_the_memory_are_refused(tmp_path, monkeypatch):
    two_classes(tmp_path)
    monkeypatch.setattr("hfc_keras.data.memory.physical", lambda: 10_000.0)
    with pytest.raises(ValueError, match=r"must fit into memory .*shape=\(6, 100, 100, 3\)"):
        data.load(tmp_path, image_size=100)


def test_files_are_closed(tmp_path):
    two_classes(tmp_path, ending="tif")
    before = len(os.listdir("/proc/self/fd")) if pathlib.Path("/proc/self/fd").is_dir() else None
    data.load(tmp_path)
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) == before
