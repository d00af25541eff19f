"""Any image classification set of TensorFlow Datasets, by its name there."""

import contextlib
import os
import pathlib
import re
import socket
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from hfc_keras import checks
from hfc_keras.data.dataset import Dataset, MixedSizesError, Split, subset_rows
from hfc_keras.data.memory import pixel_array
from hfc_keras.data.nearest_names import WELL_KNOWN, nearest
from hfc_keras.types import Array, Integers, PathLike, Size, Tensor

BATCH = 256
CONNECT_SECONDS = 5
WITHOUT_NETWORK = ("digits", "synthetic")


def from_tfds(
    name: str,
    data_dir: str | None = None,
    examples: tuple[int, int] | None = None,
    seed: int = 0,
    image_size: Size | None = None,
) -> Dataset:
    """Return a data set of TensorFlow Datasets as uint8 arrays.

    It is downloaded if it is not yet on disk. Splits are ``train`` and ``test``, or
    ``validation`` where there is no ``test``. Only the chosen examples are decoded.

    Args:
        name: str as TFDS takes it, "cifar10", "name/config" or "name:version".
        data_dir: str or None, TFDS's folder; None is its default.
        examples: None or ``(train, test)``, images to read at most.
        seed: int, decides which images.
        image_size: ``(height, width)`` in pixels; needed if images differ in size.

    Returns:
        Dataset.

    Raises:
        ValueError: if TFDS is not installed, does not know the name, cannot fetch the
            data, or the set is not one of uint8 images with one class label each.

    Example:
        >>> from_tfds("cifar10").image_shape  # doctest: +SKIP
        (32, 32, 3)
    """
    tfds = _import_tfds(name)
    builder = _builder(tfds, name, data_dir)
    keys = _keys(tfds, builder, name)
    _prepare(builder, name)
    limits = examples or (None, None)
    train, test = (
        _read_split(tfds, builder, split, keys, limit, seed, image_size)
        for split, limit in zip(_split_names(builder, name), limits, strict=True)
    )
    return Dataset(name, train, test, builder.info.features[keys[1]].names)


def prepared_split(
    name: str,
    split: str = "test",
    data_dir: PathLike | None = None,
    examples: int | None = None,
    seed: int = 0,
) -> Split | None:
    """Return one split of a data set if TFDS has prepared it on disk; never download.

    Args:
        name: str, "name" or "name/config"; the newest version on disk is read.
        split: str.
        data_dir: str, path or None, TFDS's folder; None is ``TFDS_DATA_DIR`` or its own default.
        examples: None or int, images to read at most.
        seed: int, decides which images.

    Returns:
        Split, or None if it is not on disk.

    Raises:
        ValueError: if it is on disk and TFDS is not installed, or the set is not one of uint8
            images with one class label each and this split.

    Example:
        >>> prepared_split("cifar10_corrupted/fog_3", data_dir="/nowhere") is None
        True
    """
    if examples is not None:
        examples = checks.number("examples", examples, 1, whole=True)
    root = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    found = pathlib.Path(root, name).expanduser().glob("*/dataset_info.json")
    # A folder of a broken preparation has another name than a version.
    versions = [path.parent for path in found if re.fullmatch(r"\d+\.\d+\.\d+", path.parent.name)]
    if not versions:
        return None
    tfds = _import_tfds(name)
    newest = max(versions, key=lambda path: tuple(map(int, path.name.split("."))))
    builder = tfds.builder_from_directory(newest)
    keys = _keys(tfds, builder, name)
    splits = list(builder.info.splits)
    checks.require(split in splits, f"`name` must have a split {split!r}", name=name, splits=splits)
    return _read_split(tfds, builder, split, keys, examples, seed, None)


def _import_tfds(name: str) -> Any:
    """Import TFDS, keeping TensorFlow off the accelerator that another backend uses."""
    try:
        import tensorflow as tf
        import tensorflow_datasets as tfds
    except ImportError as error:
        message = (
            f"`name` must be {_listed(WITHOUT_NETWORK)}, an existing .npz file or folder"
            f"{_nearest(name, WELL_KNOWN)}; TensorFlow Datasets names need "
            f"`pip install tensorflow tensorflow-datasets`. Received: name={name!r} ({error})"
        )
        raise ValueError(message) from error
    if keras.backend.backend() != "tensorflow":
        # RuntimeError: TensorFlow has started already, so its memory is taken.
        with contextlib.suppress(RuntimeError):
            tf.config.set_visible_devices([], "GPU")
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    return tfds


def _builder(tfds: Any, name: str, data_dir: str | None) -> Any:
    """Return TFDS's builder, or name the nearest data sets."""
    first, *rest = re.split("[/:]", name)
    try:
        builder = tfds.builder(name, data_dir=data_dir)
        # TFDS takes other spellings for some names, and none for others.
        if builder.name in (first, *rest[:1]):
            return builder
        cause = None
    # TFDS raises AssertionError, ValueError, TypeError, ImportError and its own.
    except Exception as error:
        cause = error
    known = tfds.list_builders(with_community_datasets=False)
    if first in known and not isinstance(cause, tfds.core.DatasetNotFoundError):
        reason = str(cause).partition("\n")[0]
        expectation = f"`name` must be a TensorFlow Datasets name, config and version ({reason})"
    else:
        expectation = (
            f"`name` must be {_listed(WITHOUT_NETWORK)}, an existing .npz file or folder, or a "
            f"TensorFlow Datasets name{_nearest(name, known)}"
        )
    raise ValueError(f"{expectation}. Received: name={name!r}") from cause


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _nearest(name: str, known: Iterable[str]) -> str:
    close = nearest(name, [*WITHOUT_NETWORK, *known])
    return f"; nearest: {_listed(close)}" if close else ""


def _prepare(builder: Any, name: str) -> None:
    """Download and prepare what is not on disk; say plainly when that fails."""
    if builder.is_prepared():
        return
    try:
        _connect(builder)
        builder.download_and_prepare()
    except Exception as error:
        root = builder.data_dir_root
        message = (
            f"`name` must be on disk or within reach: it is not in {root} and could not be fetched "
            f"({type(error).__name__}: {error}). On a machine with a network run "
            f"python -c \"import tensorflow_datasets as tfds; tfds.load('{name}')\", copy its "
            "tensorflow_datasets folder here and pass it as --data-dir or TFDS_DATA_DIR; 'digits' "
            f"and 'synthetic' need no network. Received: name={name!r}"
        )
        raise ValueError(message) from error


def _connect(builder: Any) -> None:
    """Open one connection to the data's host: TFDS itself retries for minutes before it fails."""
    downloads = pathlib.Path(builder.data_dir_root, "downloads", builder.name)
    fetched = any(path.is_file() for path in downloads.rglob("*"))
    urls = sorted(builder.url_infos or ())
    by_hand = builder.MANUAL_DOWNLOAD_INSTRUCTIONS is not None
    if fetched or by_hand or not urls:
        return
    url = urllib.parse.urlsplit(urls[0])
    if {url.scheme, "all"} & set(urllib.request.getproxies()):
        return
    port = url.port or {"http": 80, "ftp": 21}.get(url.scheme, 443)
    socket.create_connection((url.hostname, port), timeout=CONNECT_SECONDS).close()


def _keys(tfds: Any, builder: Any, name: str) -> tuple[str, str]:
    """Return the features that hold image and label."""
    keys, features = builder.info.supervised_keys, builder.info.features
    expected = "`name` must be a data set whose supervised keys are an image and a class label"
    good = _are_image_and_label(tfds, features, keys)
    checks.require(good, expected, name=name, supervised_keys=keys)
    image = features[keys[0]]
    checks.require(
        image.np_dtype == np.uint8 and image.shape[-1] is not None,
        "`name` must be a data set of uint8 images with a fixed number of channels",
        name=name,
        image=image,
    )
    return keys


def _are_image_and_label(tfds: Any, features: Any, keys: Any) -> bool:
    return (
        keys is not None
        and len(keys) == 2
        and isinstance(features[keys[0]], tfds.features.Image)
        and isinstance(features[keys[1]], tfds.features.ClassLabel)
    )


def _split_names(builder: Any, name: str) -> tuple[str, str]:
    """Return the names of the splits to train on and to test."""
    splits = list(builder.info.splits)
    test = "test" if "test" in splits else "validation"
    checks.require(
        {"train", test} <= set(splits),
        "`name` must be a data set with a train split and a test or validation split",
        name=name,
        splits=splits,
    )
    return "train", test


def _read_split(
    tfds: Any,
    builder: Any,
    split: str,
    keys: tuple[str, str],
    limit: int | None,
    seed: int,
    image_size: Size | None,
) -> Split:
    """Decode the chosen rows of a split, a batch at a time, into a uint8 array."""
    image = builder.info.features[keys[0]]
    height, width = image_size or image.shape[:2]
    if None in (height, width):
        raise MixedSizesError(
            "`image_size` must be given (--image-size on a command line) for a data set whose "
            f"images differ in size. Received: image_size=None, name={builder.name!r}"
        )
    count = builder.info.splits[split].num_examples
    rows = subset_rows(count, limit, seed)
    shape = (len(rows), height, width, image.shape[-1])
    pixels = pixel_array(shape, name=builder.name)
    labels = np.empty(len(rows), "int64")
    start = 0
    for batch, batch_labels in _batches(tfds, builder, split, keys, rows, image_size):
        stop = start + len(batch)
        pixels[start:stop], labels[start:stop] = batch, batch_labels
        start = stop
    return Split(pixels, labels)


def _batches(
    tfds: Any,
    builder: Any,
    split: str,
    keys: tuple[str, str],
    rows: Integers,
    image_size: Size | None,
) -> Iterator[tuple[Array, Array]]:
    """Yield uint8 batches of the given rows, in order; other rows are never decoded."""
    import tensorflow as tf

    image = builder.info.features[keys[0]]
    keep = np.zeros(builder.info.splits[split].num_examples, bool)
    keep[rows] = True
    keep = tf.constant(keep)

    def decode(_: Tensor, example: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        pixels = image.decode_example(example[0])
        if image_size is not None:
            pixels = tf.image.resize(pixels, image_size, "bilinear", antialias=True)
            pixels = tf.cast(tf.round(pixels), "uint8")
        return pixels, example[1]

    encoded = builder.as_dataset(
        split=split,
        as_supervised=True,
        shuffle_files=False,
        decoders={keys[0]: tfds.decode.SkipDecoding()},
    )
    chosen = encoded.enumerate().filter(lambda row, _: keep[row])
    return chosen.map(decode, tf.data.AUTOTUNE).batch(BATCH).as_numpy_iterator()
