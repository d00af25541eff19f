"""Whose mean and variance BatchNormalization uses when a model is tested."""

import re
from typing import Any, cast

import keras
import numpy as np

from hfc_keras import checks, contract, copying, per_backend
from hfc_keras.analysis import normalization
from hfc_keras.analysis.inputs import Images, given
from hfc_keras.types import BnStatistics, Floats

KINDS = ("moving", "batch", "population")
# Statistics of a population are gathered in batches of this size, whatever the test batch; of
# images beyond so many pixels in fewer, since all maps of a batch are in memory at once.
POPULATION_BATCH, ALL_UP_TO, FEWEST = 256, 64 * 64, 8
# Layers that run what is not made of Keras layers, by name, since not every backend has each.
_WRAPPERS = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
_AVERAGE = re.compile(r"(moving|running|ema|population)_?(mean|avg|average|var|std)", re.IGNORECASE)


def with_statistics(
    model: keras.Model, bn_statistics: BnStatistics, train_images: Images | None = None
) -> keras.Model:
    r"""Model whose batch normalization uses other statistics at test time.

    - ``"moving"``: the moving averages of training, as Keras does; the model itself.
    - ``"batch"``: mean and variance of the test batch, as the released code of the CVPR 2020
      paper does. The answer then depends on what else is in the batch, so shuffle images
      that are sorted by class.
    - ``"population"``: mean and variance over the training set after training, so that a slow
      or noisy moving average plays no part. From batches :math:`b` of 256 images, drawn in
      a fixed random order:

      .. math:: \mu = E_b[\mu_b], \qquad
                \sigma^2 = E_b[\sigma_b^2 + \mu_b^2] - \mu^2

    The model is never changed: the last two return a copy with weights of its own, not compiled.
    A model without batch normalization is returned as it is.

    BatchNormalization is found wherever it is, in custom layers, wrappers and models that
    subclass keras.Model too, frozen or not, and uses these statistics whatever ``training`` it
    is called with. Within TimeDistributed each step is a batch of its own, as in training.

    Args:
        model: keras.Model, built.
        bn_statistics: ``"moving"``, ``"batch"`` or ``"population"``.
        train_images: ``(examples, height, width, channels)``, the images as the network saw
            them in training, any finite floats, or uint8, a split or a data set as measures take
            them; needed for ``"population"``.

    Returns:
        keras.Model.

    Raises:
        ValueError: for another kind, missing training images, a model that is not built, or
            normalization that cannot be reached: in a layer that wraps another framework, in a
            layer of one's own that is no BatchNormalization or does not call its ``call``, or
            for a population in a compiled part of a model.

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
    if bn_statistics == "moving":
        return model
    checks.require(
        isinstance(model, keras.Model) and _is_built(model),
        "`model` must be a keras.Model and built (call it on a batch of images once) for batch "
        "or population statistics",
        model=type(model).__name__,
    )
    _require_reachable(model, bn_statistics)
    if not has_batch_norm(model):
        return model
    if bn_statistics == "batch":
        copy = _copy(model, normalization.BatchStatistics)[0]
        # For `gradients.compiled`, which would else fill up batches with repeated images.
        copy.needs_whole_batches = True
        return copy
    seen, _ = given(cast(Images, train_images), name="train_images")
    seen = checks.pixels(seen, "train_images", bounded=False)
    contract.model_input(model, seen, "train_images")
    return _with_population(model, seen)


def has_batch_norm(model: keras.Model) -> bool:
    """Whether a model has batch normalization, in whatever layer it is.

    Args:
        model: keras.Model.

    Returns:
        bool.

    Example:
        >>> has_batch_norm(keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()]))
        False
    """
    return bool(_normalizations(model))


def _is_built(model: keras.Model) -> bool:
    """Whether a model has its weights; a sequential one may not know that yet."""
    parts = model.layers if isinstance(model, keras.Sequential) else []
    return model.built or (bool(parts) and all(layer.built for layer in parts))


def _normalizations(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Batch-normalization layers of a model, wherever they are, in a fixed order."""
    kind = keras.layers.BatchNormalization
    return [layer for layer in copying.layers(model) if isinstance(layer, kind)]


def _require_reachable(model: keras.Model, bn_statistics: str) -> None:
    """Refuse layers that may normalize by moving averages nobody here can exchange."""
    wrappers = tuple(getattr(keras.layers, name, ()) for name in _WRAPPERS)
    for layer in reversed(copying.layers(model)):
        is_wrapper = isinstance(layer, wrappers) or copying.holds_foreign(layer)
        is_wrapper = is_wrapper or getattr(layer, "hfc_keras_opaque", False)
        checks.require(
            not is_wrapper,
            f"`{layer.name}` must be made of Keras layers, so that batch normalization in it is "
            "seen; rebuild it of them, or use bn_statistics='moving'",
            layer=type(layer).__name__,
            bn_statistics=bn_statistics,
        )
        average = _average(layer)
        checks.require(
            isinstance(layer, keras.layers.BatchNormalization) or not average,
            f"`{layer.name}` must be a keras.layers.BatchNormalization (or subclass it), as it has "
            "moving averages; make it one, or use bn_statistics='moving'",
            layer=type(layer).__name__,
            weight=average,
        )


def _average(layer: Any) -> str | None:
    """Name of a moving average among a layer's own weights, or nothing."""
    named = [(name, each) for name, each in vars(layer).items() if hasattr(each, "shape")]
    own = (*layer._trainable_variables, *layer._non_trainable_variables)
    named += [(weight.name, weight) for weight in own]
    return next((name for name, _ in named if _AVERAGE.search(name)), None)


def _with_population(model: keras.Model, images: Floats) -> keras.Model:
    """Copy of a model with moments gathered by a twin that normalizes by batch.

    Batches are drawn in a fixed random order, since images sorted by class would give batches
    that no training has seen.
    """
    twin, collectors = _copy(model, normalization.Collector)
    order = np.random.default_rng(0).permutation(len(images))
    fitting = POPULATION_BATCH * (ALL_UP_TO / (images.shape[1] * images.shape[2])) ** 1.5
    size = min(POPULATION_BATCH, max(FEWEST, int(fitting)))
    with per_backend.without_gradients():
        for start in range(0, len(images), size):
            twin(images[order[start : start + size]], training=False)
    copy, layers = _copy(model, normalization.FixedStatistics)
    for layer, collector in zip(layers, collectors, strict=True):
        # One that no test reaches, such as that of an auxiliary head, has seen nothing.
        if collector.seen:
            mean, variance = normalization.pooled(collector.seen)
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance)
    return copy


def _copy(model: keras.Model, kind: type[Any]) -> tuple[keras.Model, list[Any]]:
    """Copy of a model and its layers of batch normalization, which are of another kind now."""
    copier = copying.Copier()
    copy = copier.twin(model)
    if kind is normalization.Collector:
        for layer in copying.layers(copy):
            normalization.step_by_step(layer)
    found = [copier.twin(layer) for layer in _normalizations(model)]
    for layer in found:
        normalization.switch(layer, kind)
    return copy, found
