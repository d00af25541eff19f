import itertools
import os
import pathlib
import re
import socket
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from hfc_keras import data
from hfc_keras.data import sources
from hfc_keras.data.digits import digits
from hfc_keras.data.resizing import resized
from hfc_keras.data.synthetic import shapes, texture_frequencies

pytestmark = pytest.mark.jax

SHARED = pathlib.Path(__file__).parents[1] / ".." / "shared" / "data"
TFDS = pathlib.Path(os.environ.get("TFDS_DATA_DIR", SHARED / "tfds"))
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (30, 8, 8, 3), dtype="uint8")
LABELS = np.arange(30) % 3
MADE = itertools.count()
SIZES = [(8, 8), (12, 9)]


def arrays(**changes):
    plain = {"x_train": PIXELS, "y_train": LABELS, "x_test": PIXELS[:12], "y_test": LABELS[:12]}
    return {key: value for key, value in {**plain, **changes}.items() if value is not None}


def write_npz(folder, **changes):
    np.savez(folder / "mine.npz", **arrays(**changes))
    return folder / "mine.npz"


def write_folder(root, splits=("train", "test"), pixels=PIXELS, ending="png"):
    for split in splits:
        for number, (image, label) in enumerate(zip(pixels, LABELS, strict=True)):
            place = root / split / f"class_{label}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.squeeze()).save(place / f"{number:03}.{ending}")
    return root


def write_tfds(folder, splits=("train", "test"), sizes=((8, 8),), label="label"):
    """Register and prepare a data set of TensorFlow Datasets' own kind."""
    tfds = pytest.importorskip("tensorflow_datasets")
    side = (8, 8) if len(sizes) == 1 else (None, None)

    class Pictures(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=(*side, 3)),
                "label": tfds.features.ClassLabel(names=["a", "b", "c"]),
                "depth": tfds.features.Scalar(np.int64),
            }
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                supervised_keys=("image", label),
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples() for split in splits}

        def _generate_examples(self):
            for row, (image, target) in enumerate(zip(PIXELS, LABELS, strict=True)):
                height, width = sizes[row % len(sizes)]
                image = np.resize(image, (height, width, 3))
                yield row, {"image": image, "label": target, "depth": 0}

    name = f"hfc_made_{next(MADE)}"
    builder = type(name, (Pictures,), {"name": name})(data_dir=folder)
    builder.download_and_prepare()
    return {"name": name, "data_dir": folder}


def source(kind, folder):
    if kind.startswith("npz"):
        scale = 255 if kind == "npz float" else 1
        stored = PIXELS if scale == 1 else (PIXELS / scale).astype("float32")
        return {"name": write_npz(folder, x_train=stored, x_test=stored[:12])}
    if kind == "folder":
        return {"name": write_folder(folder)}
    if kind == "classes alone":
        return {"name": write_folder(folder, [""])}
    if kind == "photos":
        if not (SHARED / "photos").is_dir():
            pytest.skip("no photographs here")
        return {"name": SHARED / "photos", "image_size": 32}
    if kind == "tfds":
        return write_tfds(folder)
    return {"name": kind}


KINDS = ["digits", "synthetic", "synthetic/low", "synthetic/high", "npz", "npz float"]
KINDS += ["folder", "classes alone", "photos", "tfds"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_source_keeps_the_contract(kind, tmp_path):
    asked = {**source(kind, tmp_path), "examples": (15, 6)}
    dataset = data.load(**asked)
    assert data.load(**asked) is dataset
    assert len(dataset.class_names) == dataset.classes
    assert all(isinstance(name, str) for name in dataset.class_names)
    for split, count in ((dataset.train, 15), (dataset.test, 6)):
        assert len(split) == count and split.labels.shape == (count,)
        assert split.images.shape == split.pixels.shape == (count, *dataset.image_shape)
        assert split.pixels.dtype == ("float32" if kind == "npz float" else "uint8")
        assert split.images.dtype == "float32" and split.labels.dtype == "int64"
        assert 0 <= split.images.min() < split.images.max() <= 1
        assert 0 <= split.labels.min() and split.labels.max() < dataset.classes
        for array in (split.pixels, split.labels, split.images):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
    sources._load.cache_clear()
    again, other = data.load(**asked), data.load(**asked, seed=1)
    assert again is not dataset
    np.testing.assert_array_equal(again.train.pixels, dataset.train.pixels)
    assert not np.array_equal(other.train.pixels, dataset.train.pixels)


@pytest.mark.parametrize("kind", ["npz", "npz float", "folder", "tfds"])
def test_what_was_written_is_what_is_read(kind, tmp_path):
    split = data.load(**source(kind, tmp_path)).train
    stored = np.rint(split.images * 255).astype("uint8")
    want = {(image.tobytes(), label) for image, label in zip(PIXELS, LABELS, strict=True)}
    assert {(i.tobytes(), label) for i, label in zip(stored, split.labels, strict=True)} == want


@pytest.mark.parametrize("kind", ["npz", "folder", "tfds"])
def test_a_subset_keeps_order_and_grows(kind, tmp_path):
    asked = source(kind, tmp_path)
    whole, some, fewer = (data.load(**asked, examples=n).train for n in (1000, 10, 4))
    rows = [
        [np.flatnonzero((whole.pixels == image).all(axis=(1, 2, 3)))[0] for image in part.pixels]
        for part in (some, fewer)
    ]
    assert len(whole) == 30 and rows[0] == sorted(set(rows[0]))
    assert len(rows[0]) == 10 and set(rows[1]) < set(rows[0])


def test_digits_are_split_evenly():
    dataset = digits()
    assert (len(dataset.train), len(dataset.test), dataset.image_shape) == (1437, 360, (8, 8, 1))
    share = [np.bincount(s.labels) / len(s) for s in (dataset.train, dataset.test)]
    np.testing.assert_allclose(share[0], share[1], atol=0.003)
    levels = np.unique(dataset.train.pixels)
    np.testing.assert_array_equal(levels, np.rint(np.arange(17) * 255 / 16))


@pytest.mark.slow
def test_cifar10_is_read_in_full_shape():
    pytest.importorskip("tensorflow_datasets")
    if not (TFDS / "cifar10").is_dir():
        pytest.skip("cifar10 is not prepared here")
    dataset = data.load("cifar10", data_dir=TFDS, examples=(400, 200))
    assert dataset.image_shape == (32, 32, 3) and dataset.class_names[3] == "cat"
    assert np.bincount(dataset.train.labels, minlength=10).min() > 15


@pytest.mark.parametrize("size", [(16, 16), (5, 12), (40, 24)])
def test_resizing_agrees_with_pillow(size):
    split = data.load("synthetic", examples=5, seed=3)
    got = resized(split, size).train.pixels.astype(int)
    want = [
        Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
        for image in split.train.pixels
    ]
    assert abs(got - np.stack(want).astype(int)).max() <= 1


def test_resizing_keeps_floats(tmp_path):
    path = write_npz(
        tmp_path, x_train=np.ones((30, 8, 8, 1), "float16"), x_test=PIXELS[:12, ..., :1]
    )
    dataset = data.load(path, image_size=5)
    assert dataset.train.pixels.dtype == "float32"
    np.testing.assert_allclose(dataset.train.images, 1, atol=1e-6)


def low_pass(images, radius):
    height, width = images.shape[1:3]
    distance = np.hypot(
        *np.meshgrid(*(np.fft.fftfreq(n) * n for n in (height, width)), indexing="ij")
    )
    spectrum = np.fft.fft2(images, axes=(1, 2)) * (distance <= radius)[..., None]
    return np.fft.ifft2(spectrum, axes=(1, 2)).real


@pytest.mark.parametrize("size", [16, 32, 33, (32, 48)])
@pytest.mark.parametrize("classes", [2, 8])
def test_a_filter_separates_shape_and_texture(size, classes):
    made = {"examples": (20, 1), "size": size, "classes": classes, "noise": 0, "seed": 4}
    both = data.synthetic(**made).train.images
    shape_alone = data.synthetic(**made, texture_contrast=0).train.images
    texture_alone = data.synthetic(**made, shape_contrast=0).train.images
    low = low_pass(both, np.min(size) / 4)
    np.testing.assert_allclose(low, shape_alone, atol=2.5 / 255)
    np.testing.assert_allclose(both - low, texture_alone - 0.5, atol=2.5 / 255)
    assert shape_alone.std() > 0.04 and texture_alone.std() > 0.06


def test_synthetic_values_are_never_clipped():
    pixels = data.synthetic(
        300, shape_contrast=0.3, texture_contrast=0.1, noise=0.1, size=16
    ).train.pixels
    assert 0 <= pixels.min() < 30 and 225 < pixels.max() <= 255
    assert (np.bincount(pixels.ravel(), minlength=256)[[0, 255]] < 5).all()


def shown_classes(dataset):
    """Tell the shape and the texture of each image by correlation at every shift."""
    images = dataset.train.images.mean(axis=3) - 0.5
    spectrum, size = np.fft.fft2(images), images.shape[1:]
    tables = shapes(dataset.classes, size)
    tables = tables / np.linalg.norm(tables, axis=(1, 2), keepdims=True)
    match = np.fft.ifft2(spectrum[:, None] * np.fft.fft2(tables).conj()).real
    down, across = texture_frequencies(dataset.classes, size).T
    gratings = np.maximum(abs(spectrum[:, down, across]), abs(spectrum[:, down, -across]))
    return match.max(axis=(2, 3)).argmax(axis=1), gratings.argmax(axis=1)


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "name, agreement",
    [
        ("synthetic", (1, 1)),
        ("synthetic/low", (1, 0)),
        ("synthetic/high", (0, 1)),
        (None, (0.5, 0.8)),
    ],
)
@pytest.mark.slow_on_torch
def test_cues_agree_with_the_label_as_often_as_asked(name, agreement):
    if name is None:
        dataset = data.synthetic(2000, shape_agreement=0.5, texture_agreement=0.8)
    else:
        dataset = data.load(name, examples=2000)
    assert dataset.name == (name or "synthetic")
    labels = dataset.train.labels
    for shown, share in zip(shown_classes(dataset), agreement, strict=True):
        assert np.mean(shown == labels) == pytest.approx(share + (1 - share) / 4, abs=0.035)
    np.testing.assert_array_equal(np.bincount(labels), [500] * 4)


@pytest.mark.slow_on_torch
def test_synthetic_classes_outlive_a_flip():
    images = data.synthetic(2000, classes=8, noise=0, seed=2)
    flipped = data.Split(images.train.pixels[:, :, ::-1], images.train.labels)
    mirrored = data.Dataset("flipped", flipped, images.test, images.class_names)
    for shown in shown_classes(mirrored):
        np.testing.assert_array_equal(shown, images.train.labels)
    down, across = texture_frequencies(8, (32, 32))[3]
    chosen = images.train.pixels[images.train.labels == 3].mean(axis=3)
    strength = abs(np.fft.fft2(chosen)[:, down, [across, -across]])
    assert np.mean(strength[:, 0] > strength[:, 1]) == pytest.approx(0.5, abs=0.1)


def test_synthetic_options_reach_the_images():
    dataset = data.load("synthetic/low", examples=(7, 3), image_size=(24, 20))
    assert dataset.image_shape == (24, 20, 3) and (len(dataset.train), len(dataset.test)) == (7, 3)
    assert (len(data.load("synthetic").train), len(data.load("synthetic").test)) == (2000, 500)
    equal = data.synthetic(8)
    assert not np.array_equal(equal.train.pixels, equal.test.pixels)
    first = data.synthetic((8, 4), seed=1).test.pixels
    np.testing.assert_array_equal(first, data.synthetic((9, 4), seed=1).test.pixels)
    assert not np.array_equal(first, data.synthetic((8, 4), seed=2).test.pixels)


def test_a_rewritten_file_is_read_again(tmp_path):
    path = write_npz(tmp_path)
    first = data.load(path)
    os.utime(write_npz(tmp_path, x_train=255 - PIXELS), ns=(1, 1))
    np.testing.assert_array_equal(data.load(path).train.pixels, 255 - first.train.pixels)
    folder = write_folder(tmp_path / "folder")
    first = data.load(folder)
    (folder / "train" / "class_0" / "000.png").unlink()
    assert len(data.load(folder).train) == len(first.train) - 1


@pytest.mark.parametrize(
    "names, want", [(["x", "y", "z"], ("x", "y", "z")), (None, ("0", "1", "2"))]
)
@pytest.mark.parametrize("one_hot", [False, True])
def test_npz_labels_and_names(names, want, one_hot, tmp_path):
    labels = np.eye(3)[LABELS] if one_hot else LABELS
    path = write_npz(tmp_path, y_train=labels, y_test=labels[:12], class_names=names)
    dataset = data.load(path)
    assert dataset.class_names == want and dataset.name == "mine"
    np.testing.assert_array_equal(dataset.train.labels, LABELS)


@pytest.mark.parametrize(
    "splits, counts",
    [(("train", "test"), (30, 30)), (("train", "val"), (30, 30)), ((".",), (24, 6))],
)
@pytest.mark.parametrize("channels, ending", [(1, "png"), (3, "bmp"), (3, "jpg")])
def test_folder_layouts(splits, counts, channels, ending, tmp_path, monkeypatch):
    write_folder(tmp_path, splits, PIXELS[..., :channels], ending)
    listed = pathlib.Path.iterdir
    monkeypatch.setattr(pathlib.Path, "iterdir", lambda self: sorted(listed(self), reverse=True))
    dataset = data.load(tmp_path)
    assert dataset.image_shape == (8, 8, channels)
    assert dataset.class_names == ("class_0", "class_1", "class_2")
    assert (len(dataset.train), len(dataset.test)) == counts
    for split in (dataset.train, dataset.test):
        np.testing.assert_array_equal(np.bincount(split.labels), [len(split) // 3] * 3)


def test_a_folder_of_mixed_sizes_and_colours_is_made_alike(tmp_path):
    write_folder(tmp_path)
    Image.new("L", (20, 10), 90).save(tmp_path / "train" / "class_0" / "grey.png")
    with pytest.raises(ValueError, match=r"one size, or `image_size` must be given.*\(10, 20\)"):
        data.load(tmp_path)
    dataset = data.load(tmp_path, image_size=(6, 7))
    assert dataset.image_shape == (6, 7, 3)
    assert (dataset.train.pixels == 90).all(axis=(1, 2, 3)).any()


def test_tfds_falls_back_on_validation_and_resizes(tmp_path):
    asked = write_tfds(tmp_path, splits=("train", "validation"), sizes=SIZES)
    with pytest.raises(ValueError, match="`image_size` must be given"):
        data.load(**asked)
    dataset = data.load(**asked, image_size=(8, 8), examples=(20, 30))
    assert dataset.image_shape == (8, 8, 3) and dataset.class_names == ("a", "b", "c")
    seen = {image.tobytes() for image in dataset.test.pixels}
    assert {image.tobytes() for image in PIXELS[::2]} < seen
    larger = Image.fromarray(np.resize(PIXELS[1], (*SIZES[1], 3)))
    want = np.asarray(larger.resize((8, 8), Image.Resampling.BILINEAR), int)
    assert abs(dataset.test.pixels - want).max(axis=(1, 2, 3)).min() <= 1


@pytest.mark.parametrize(
    "options, match",
    [
        ({"label": "depth"}, "an image and a class label.*supervised_keys=.*depth"),
        ({"splits": ("train", "extra")}, "a test or validation split.*splits=.*extra"),
    ],
)
def test_tfds_sets_of_another_kind_are_refused(options, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        data.load(**write_tfds(tmp_path, **options))


@pytest.mark.parametrize("broken", ["connection", "download"])
def test_offline_says_where_it_looked_and_what_to_do(broken, tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    def fail(*args, **kwargs):
        raise OSError("no route to host")

    def connect(*args, **kwargs):
        return socket.socket()

    monkeypatch.setattr(socket, "create_connection", fail if broken == "connection" else connect)
    downloads = []
    monkeypatch.setattr(
        tfds.core.DatasetBuilder,
        "download_and_prepare",
        lambda self: downloads.append(self.name) or fail(),
    )
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    where = re.escape(str(tmp_path))
    match = f"not in {where}.*no route.*tfds.load\\('mnist'\\).*--data-dir.*'digits' and 'synth"
    with pytest.raises(ValueError, match=match) as caught:
        data.load("mnist", data_dir=tmp_path)
    assert isinstance(caught.value.__cause__, OSError)
    assert downloads == ([] if broken == "connection" else ["mnist"])


def test_tensorflow_leaves_the_gpu_to_another_backend(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    hidden = []
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *asked: hidden.append(asked))
    for backend in ("jax", "tensorflow"):
        monkeypatch.setattr(keras.backend, "backend", lambda backend=backend: backend)
        with pytest.raises(ValueError, match="nearest: 'cifar10'"):
            data.load("cifar01")
    assert hidden == [([], "GPU")]


def test_without_tfds_the_message_names_what_needs_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ValueError, match="nearest: 'digits'.*pip install tensorflow"):
        data.load("digts")


@pytest.mark.parametrize(
    "name, match",
    [
        ("cifar01", "nearest: 'cifar10'"),
        ("sinthetic", "nearest: 'synthetic'"),
        ("cifar10:9.9.9", "config and version .*9.9.9"),
    ],
)
def test_unknown_tfds_names_are_refused(name, match):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(ValueError, match=match) as caught:
        data.load(name)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "asked, match",
    [
        ({"name": 3}, "`name` must be a str or a path. Received: name=3"),
        ({"name": "synthetic/lwo"}, "nearest: 'synthetic/low'"),
        ({"name": "digits/x"}, "`name` must be one of 'digits'"),
        ({"name": "./nowhere"}, "`name` must be an existing folder"),
        ({"name": "nowhere.npz"}, "`name` must be an .npz file .*nowhere.npz"),
        ({"name": "digits", "examples": 0}, "`examples` must be .* from 1. Received: examples=0"),
        ({"name": "digits", "examples": (5, -1)}, "`examples` .*examples=-1"),
        ({"name": "digits", "examples": (5, 5, 5)}, "or two of them"),
        ({"name": "digits", "examples": 2.5}, "`examples` must be a whole number"),
        ({"name": "digits", "image_size": 0}, "`image_size` .*image_size=0"),
        ({"name": "digits", "seed": -1}, "`seed` .*seed=-1"),
        ({"name": "synthetic", "image_size": 8}, "`size` must be .* from 16"),
    ],
)
def test_load_refuses(asked, match):
    with pytest.raises(ValueError, match=match):
        data.load(**asked)


@pytest.mark.parametrize(
    "changes, match",
    [
        ({"x_test": None, "y_test": None}, r"missing=\['x_test', 'y_test'\]"),
        ({"y_train": LABELS.astype(object)}, "without pickled objects"),
        ({"x_train": PIXELS[..., 0]}, r"x_train\[..., None\] adds the channel"),
        ({"x_train": PIXELS.astype("float32")}, r"`x_train` must be pixels in \[0, 1\]"),
        ({"x_test": np.full((12, 8, 8, 3), np.nan)}, "`x_test` must be finite; 12 images"),
        ({"x_train": PIXELS.astype("int64")}, "`x_train` must be uint8 .*int64"),
        ({"x_train": PIXELS.transpose(0, 3, 1, 2)}, "channels last"),
        ({"x_train": PIXELS[:0], "y_train": LABELS[:0]}, "at least one image"),
        ({"y_train": LABELS[:29]}, "one label for each of 30 images"),
        ({"y_test": LABELS[:12] - 1}, "`y_test` must be class indices.*min=-1"),
        ({"y_train": np.where(LABELS, LABELS, np.nan)}, "`y_train` must be whole numbers"),
        ({"y_train": LABELS.astype(str)}, "`y_train` must be whole numbers, by numpy.unique"),
        ({"y_train": LABELS > 0}, r"`y_train` must be whole numbers, by astype\(int\)"),
        ({"class_names": ["a", "b"]}, "`y_train` must be class indices from 0 to 1.*max=2"),
        ({"class_names": list("abcd"), "y_train": np.eye(3)[LABELS]}, "one-hot over 4 classes"),
        ({"x_test": PIXELS[:12, :6]}, "images of one shape"),
    ],
)
def test_npz_refuses(changes, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        data.load(write_npz(tmp_path, **changes))


@pytest.mark.parametrize("content", [b"", b"plain text", b"PK\x03\x04 torn"])
def test_a_file_that_is_no_npz_is_refused(content, tmp_path):
    (tmp_path / "torn.npz").write_bytes(content)
    with pytest.raises(ValueError, match="`name` must be an .npz file of plain arrays"):
        data.load(tmp_path / "torn.npz")


def spoil(root, how):
    place = root / "train" / "class_1"
    if how == "nothing":
        return root / "train" / "class_1"
    if how == "empty class":
        (root / "train" / "class_9").mkdir()
    if how == "one split":
        (root / "test").rename(root / "later")
    if how == "other classes":
        (root / "test" / "class_1").rename(root / "test" / "dogs")
    if how == "text":
        (place / "000.png").write_text("no picture")
    if how == "torn":
        file = place / "001.png"
        file.write_bytes(file.read_bytes()[:80])
    if how == "sixteen bits":
        Image.fromarray(np.zeros((8, 8), "uint16")).save(place / "000.png")
    return root


@pytest.mark.parametrize(
    "how, match",
    [
        ("nothing", "must hold one folder for each class"),
        ("empty class", "a class folder must hold images .*class_9"),
        ("one split", "must hold one of test, val, validation"),
        ("other classes", r"the same classes. Received: only_in_one=\['class_1', 'dogs'\]"),
        ("text", "that can be read. Received: file=.*000.png"),
        ("torn", "that can be read. Received: file=.*001.png"),
        ("sixteen bits", "8 bits per channel.*mode='I;16"),
    ],
)
def test_folder_refuses(how, match, tmp_path):
    root = write_folder(tmp_path)
    with pytest.raises(ValueError, match=match):
        data.load(spoil(root, how))


def test_a_class_of_one_image_cannot_be_divided(tmp_path):
    write_folder(tmp_path, ["."])
    (tmp_path / "rare").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "rare" / "1.png")
    with pytest.raises(ValueError, match="at least two images. Received: class='rare'"):
        data.load(tmp_path)


@pytest.mark.parametrize(
    "options, match",
    [
        ({"classes": 1}, "`classes` .*from 2 up to 8"),
        ({"classes": 9}, "`classes` .*from 2 up to 8"),
        ({"shape_agreement": 1.1}, "`shape_agreement`"),
        ({"texture_agreement": float("nan")}, "`texture_agreement`"),
        ({"noise": -0.1}, "`noise`"),
        ({"shape_contrast": 0.4}, "sum to at most 0.5. Received: sum=0.55"),
        ({"channels": 0}, "`channels`"),
        ({"size": (16, 15)}, "`size` .*size=15"),
        ({"examples": 0}, "`examples`"),
    ],
)
def test_synthetic_refuses(options, match):
    with pytest.raises(ValueError, match=match):
        data.synthetic(**options)


def test_a_split_leaves_the_callers_array_alone():
    pixels = PIXELS.copy()
    split = data.Split(pixels, np.eye(3)[LABELS])
    assert pixels.flags.writeable and not split.pixels.flags.writeable
    np.testing.assert_array_equal(split.labels, LABELS)
    with pytest.raises(AttributeError, match="cannot assign"):
        split.pixels = pixels
    with pytest.raises(ValueError, match="`test.labels` must be class indices from 0 to 2"):
        data.Dataset("x", split, data.Split(pixels, LABELS + 1), "abc")
