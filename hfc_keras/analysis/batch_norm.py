"""Whose mean and variance BatchNormalization uses when a model is tested."""

import keras
import numpy as np
from keras import ops

from hfc_keras import checks, contract

KINDS = ("moving", "batch", "population")
# Statistics of a population are gathered in batches of this size, whatever the test batch.
POPULATION_BATCH = 256


@keras.saving.register_keras_serializable(package="hfc_keras")
class _BatchStatistics(keras.layers.BatchNormalization):
    """Normalises by the statistics of the batch at hand in every mode."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=True, mask=mask)


@keras.saving.register_keras_serializable(package="hfc_keras")
class _Collector(_BatchStatistics):
    """Also keeps values a channel, mean and variance of every batch it sees, run eagerly."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, inputs, training=None, mask=None):
        channel = self.axis % len(inputs.shape)
        others = [axis for axis in range(len(inputs.shape)) if axis != channel]
        moments = ops.moments(ops.cast(inputs, "float32"), others)
        count = np.prod([inputs.shape[axis] for axis in others])
        self.seen.append((count, *(np.asarray(moment, "float64") for moment in moments)))
        return super().call(inputs, mask=mask)


def with_statistics(model, bn_statistics, train_images=None):
    r"""Model whose batch normalisation uses other statistics at test time.

    - ``"moving"``: the moving averages of training, as Keras does; the model itself.
    - ``"batch"``: mean and variance of the test batch, as the released code of the CVPR 2020
      paper does. The answer then depends on what else is in the batch, so shuffle images
      that are sorted by class.
    - ``"population"``: mean and variance over the training set after training, so that a slow
      or noisy moving average plays no part. From batches :math:`b` of 256 images, drawn in
      a fixed random order:

      .. math:: \mu = E_b[\mu_b], \qquad
                \sigma^2 = E_b[\sigma_b^2 + \mu_b^2] - \mu^2

    The model is never changed: the last two return a copy. A model without batch
    normalisation is returned as it is.

    Args:
        model: keras.Model, functional or sequential unless ``"moving"``.
        bn_statistics: ``"moving"``, ``"batch"`` or ``"population"``.
        train_images: ``(examples, height, width, channels)``, the images as the network saw
            them in training, any finite floats; needed for ``"population"``.

    Returns:
        keras.Model.

    Raises:
        ValueError: for another kind, missing training images, or a model that subclasses
            keras.Model and so cannot be copied layer by layer.

    Reference:
        Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021, section 3.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10, normalization="batch")
        >>> with_statistics(model, "batch") is model
        False
    """
    checks.choice("bn_statistics", bn_statistics, KINDS)
    needs_images = bn_statistics == "population" and train_images is None
    checks.require(
        not needs_images,
        "`train_images` must be given for population statistics",
        train_images=train_images,
    )
    if bn_statistics == "moving" or not _normalizations(model):
        return model
    if bn_statistics == "batch":
        return _copy(model, _BatchStatistics)
    train_images = checks.pixels(train_images, "train_images", bounded=False)
    contract.model_input(model, train_images, "train_images")
    return _with_population(model, train_images)


def _with_population(model, images):
    """Copy of a model with moments gathered by a twin that normalises by batch.

    Batches are drawn in a fixed random order, since images sorted by class would give batches
    that no training has seen.
    """
    twin = _copy(model, _Collector)
    for layer in _normalizations(twin):
        layer.seen.clear()
    order = np.random.default_rng(0).permutation(len(images))
    for start in range(0, len(images), POPULATION_BATCH):
        twin(images[order[start : start + POPULATION_BATCH]], training=False)
    copy = _copy(model, keras.layers.BatchNormalization)
    for layer, collector in zip(_normalizations(copy), _normalizations(twin), strict=True):
        counts, means, variances = zip(*collector.seen, strict=True)
        mean = np.average(means, axis=0, weights=counts)
        square = np.average(np.add(variances, np.square(means)), axis=0, weights=counts)
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(np.maximum(square - mean**2, 0.0))
    return copy


def _normalizations(model):
    """Batch-normalisation layers of a model, nested ones too, in a fixed order."""
    found = []
    for layer in getattr(model, "layers", []):
        if isinstance(layer, keras.layers.BatchNormalization):
            found.append(layer)
        found.extend(_normalizations(layer))
    return found


def _copy(model, normalization):
    """Copy of a model with its weights and another class of batch normalisation."""
    checks.require(
        isinstance(model, keras.Sequential) or hasattr(model, "operations"),
        "`model` must be functional or sequential for batch or population statistics",
        model=type(model).__name__,
    )

    def clone(layer):
        if isinstance(layer, keras.layers.BatchNormalization):
            copy = normalization.from_config(layer.get_config())
            # A frozen layer would use its moving averages even in training mode.
            copy.trainable = True
            return copy
        return layer.__class__.from_config(layer.get_config())

    copied = keras.models.clone_model(model, clone_function=clone, recursive=True)
    copied.set_weights(model.get_weights())
    return copied
