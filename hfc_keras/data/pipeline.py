"""The one way from a training set to batches.

A NumPy permutation drawn from (seed, epoch) orders the rows, and every random layer is keyed
by (seed, epoch, batch) before it runs. A batch is thus a function of those numbers alone:
an interrupted training goes on with the batches it would have had.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.data.dataset import Split
from hfc_keras.data.draws import coin_tosses, permutation, seed_keys, seed_states
from hfc_keras.types import Array, ArrayLike, Flags, Integers, Tensor


class TrainingBatches:
    """Shuffled, augmented batches of a training set, for ``keras.Model.fit``.

    Set ``epoch`` before an epoch starts (``epoch_marker()`` is the callback that does); the
    same (seed, epoch) gives the same batches. The last batch may be smaller. Images are float32
    until the network has them: a layer of half precision, as a mixed dtype policy makes them, is
    set to compute in float32.

    Args:
        split: ``data.Split``, the training set.
        batch_size: int, images per batch, at least 1.
        classes: int, length of the one-hot labels.
        seed: int, seed of the order and of the random layers, at least 0.
        image_layers: Keras layers applied to the images, in this order.
        pair_layers: Keras layers applied to ``{"images": ..., "labels": ...}`` after them,
            such as ``keras.layers.MixUp``.
        alternating_flip: bool, whether images are mirrored left-right before all layers: in the
            first epoch half of them, at random, in each later one those that were not in the
            epoch before.

    Raises:
        ValueError: for a batch size below 1 or a negative seed.

    Reference:
        Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024, arXiv:2404.00498, section
        3.6 (the alternating flip).

    Example:
        >>> from hfc_keras import data
        >>> digits = data.load("digits")
        >>> batches = TrainingBatches(digits.train, batch_size=100, classes=10)
        >>> len(batches), batches.rows(0).shape
        (15, (100,))
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        classes: int,
        seed: int = 0,
        image_layers: Iterable[keras.Layer] = (),
        pair_layers: Iterable[keras.Layer] = (),
        alternating_flip: bool = False,
    ) -> None:
        self.split = split
        self.batch_size = checks.number("batch_size", batch_size, minimum=1, whole=True)
        self.classes = checks.number("classes", classes, minimum=2, whole=True)
        self.seed = checks.number("seed", seed, minimum=0, whole=True)
        self.image_layers = list(image_layers)
        self.pair_layers = list(pair_layers)
        self.alternating_flip = tensors.flag("alternating_flip", alternating_flip)
        self.epoch = 0
        for layer in self.image_layers + self.pair_layers:
            compute_in_full(layer)
        self._states = [
            state for layer in self.image_layers + self.pair_layers for state in seed_states(layer)
        ]

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.split) // self.batch_size)

    def rows(self, step: int) -> Integers:
        """Rows of the training set in a batch of the current epoch.

        Args:
            step: int, which batch, from 0.

        Returns:
            int array, at most ``batch_size`` long.
        """
        order = permutation(len(self.split), self.seed, self.epoch)
        return order[step * self.batch_size : (step + 1) * self.batch_size]

    def keys(self, step: int) -> Integers:
        """Seeds of the random layers for a batch of the current epoch.

        Args:
            step: int, which batch, from 0.

        Returns:
            int64 array ``(random layers, 2)``.
        """
        return seed_keys(len(self._states), self.seed, self.epoch, step)

    def mirrored(self, step: int) -> Flags:
        """Which images of a batch of the current epoch the alternating flip mirrors.

        Args:
            step: int, which batch, from 0.

        Returns:
            bool array, an entry for each of ``rows``.
        """
        first = coin_tosses(len(self.split), self.seed)
        return first[self.rows(step)] ^ bool(self.epoch % 2)

    def draws(self, step: int) -> tuple[Array, ...]:
        """What makes a batch of the current epoch: rows, keys and flips.

        Args:
            step: int, which batch, from 0.

        Returns:
            ``(rows, keys)``, with an alternating flip ``(rows, keys, mirrored)``.
        """
        flips = [self.mirrored(step)] if self.alternating_flip else []
        return self.rows(step), self.keys(step), *flips

    def dataset(self) -> Any:
        """What ``fit`` takes: a ``tf.data.Dataset`` under TensorFlow, else a ``PyDataset``."""
        if keras.backend.backend() == "tensorflow":
            return self._tensorflow_dataset()
        return _IndexedBatches(self)

    def epoch_marker(self) -> keras.callbacks.Callback:
        """Keras callback that keeps ``epoch`` in step with ``fit``."""
        return keras.callbacks.LambdaCallback(on_epoch_begin=self._start)

    def transform(
        self, images: ArrayLike, labels: ArrayLike, keys: Array, mirrored: Array | None = None
    ) -> tuple[Tensor, Tensor]:
        """Batch as the network sees it.

        Args:
            images: uint8 or float ``(batch, height, width, channels)``.
            labels: int ``(batch,)``.
            keys: int ``(random layers, 2)``, from ``keys``.
            mirrored: bool ``(batch,)``, from ``mirrored``, or None.

        Returns:
            ``(images, labels)``: float32, and one-hot ``(batch, classes)``.
        """
        for index, state in enumerate(self._states):
            state.assign(keys[index])
        if mirrored is not None:
            images = partly_mirrored(images, mirrored)
        images = as_floats(images)
        for layer in self.image_layers:
            images = augmented(layer, images)
        labels = ops.one_hot(labels, self.classes, dtype="float32")
        for layer in self.pair_layers:
            mixed = augmented(layer, {"images": images, "labels": labels})
            images, labels = mixed["images"], mixed["labels"]
        return ops.cast(images, "float32"), ops.cast(labels, "float32")

    def _start(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.epoch = epoch

    def _tensorflow_dataset(self) -> Any:
        import tensorflow as tf

        pixels, labels = tf.constant(self.split.pixels), tf.constant(self.split.labels)
        shape = (None, *self.split.pixels.shape[1:])

        def steps() -> Iterator[tuple[Array, ...]]:
            for step in range(len(self)):
                yield self.draws(step)

        def gather(rows: Tensor, *draws: Any) -> tuple[Tensor, Tensor]:
            images, one_hot = self.transform(
                tf.gather(pixels, rows), tf.gather(labels, rows), *draws
            )
            return tf.ensure_shape(images, shape), one_hot

        signature = (
            tf.TensorSpec([None], "int64"),
            tf.TensorSpec([len(self._states), 2], "int64"),
            *([tf.TensorSpec([None], "bool")] if self.alternating_flip else []),
        )
        batches = tf.data.Dataset.from_generator(steps, output_signature=signature)
        batches = batches.map(gather).apply(tf.data.experimental.assert_cardinality(len(self)))
        return batches.prefetch(tf.data.AUTOTUNE)


class _IndexedBatches(keras.utils.PyDataset):
    """The same batches where there is no TensorFlow; the layers run on the device."""

    def __init__(self, batches: TrainingBatches) -> None:
        super().__init__()
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        (rows, *draws), split = self.batches.draws(step), self.batches.split
        with warnings.catch_warnings():
            # keras.layers.MixUp asks for int64, which JAX narrows with a warning each time.
            warnings.filterwarnings("ignore", "Explicitly requested dtype int64")
            return self.batches.transform(
                split.pixels[rows], split.labels[rows].astype("int32"), *draws
            )


def augmented(layer: keras.layers.Layer, batch: Any) -> Any:
    """Output of a layer in training mode, where it has one.

    Args:
        layer: keras.layers.Layer.
        batch: images, or dict of images and labels.

    Returns:
        What the layer returns.

    Example:
        >>> import numpy as np
        >>> noise = keras.layers.GaussianNoise(0.5, seed=0)
        >>> bool(ops.any(augmented(noise, np.zeros((1, 2, 2, 1), "float32")) != 0))
        True
    """
    options = {"training": True} if "training" in layer.call_signature_parameters else {}
    return layer(batch, **options)


def partly_mirrored(images: ArrayLike, mirrored: Array) -> Tensor:
    """Images, some of them mirrored left-right.

    Args:
        images: tensor ``(batch, height, width, channels)``.
        mirrored: bool ``(batch,)``, which ones.

    Returns:
        Tensor like ``images``.

    Example:
        >>> import numpy as np
        >>> images = np.array([[1, 2], [3, 4]]).reshape(2, 1, 2, 1)
        >>> np.ravel(partly_mirrored(images, np.array([False, True]))).tolist()
        [1, 2, 4, 3]
    """
    images = ops.convert_to_tensor(images)
    both = ops.concatenate([images, ops.flip(images, axis=2)])
    count = ops.shape(images)[0]
    # Whole images are copied, in a third of the time of a choice pixel by pixel.
    rows = ops.arange(count, dtype="int32") + count * ops.cast(mirrored, "int32")
    return ops.take(both, rows, axis=0)


def as_floats(images: ArrayLike) -> Tensor:
    """Pixels as float32 in [0, 1].

    Args:
        images: tensor, uint8 in 0-255 or floats in [0, 1].

    Returns:
        float32 tensor of the same shape.

    Example:
        >>> import numpy as np
        >>> float(as_floats(np.array([255], "uint8"))[0])
        1.0
    """
    images = ops.convert_to_tensor(images)
    scale = 255.0 if keras.backend.is_int_dtype(images.dtype) else 1.0
    return ops.cast(images, "float32") / scale


def compute_in_full(layer: keras.Layer) -> None:
    """Have a layer, and those inside it, compute in float32 where it would in half precision.

    Where ``floatx`` is float64 it is that, the dtype of the weights of ``keras.layers.MixUp``.

    Args:
        layer: keras.layers.Layer, changed in place.

    Example:
        >>> noise = keras.layers.GaussianNoise(0.5, dtype="mixed_bfloat16")
        >>> compute_in_full(noise)
        >>> noise.compute_dtype
        'float32'
    """
    wide = "float64" if keras.config.floatx() == "float64" else "float32"
    for part in layer._flatten_layers():
        if part.compute_dtype not in ("float32", wide):
            part.dtype_policy = wide
