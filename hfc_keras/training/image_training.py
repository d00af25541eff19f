"""What trainings share that need the labels beside the images before the loss."""

from typing import Any

import keras
import numpy as np
from keras import ops

from hfc_keras import checks, contract, gradients
from hfc_keras.arrays import as_array
from hfc_keras.gradients.differentiation import SampleGradient
from hfc_keras.training import replicas
from hfc_keras.training.finite import StopAtNonFinite
from hfc_keras.training.first_batch import first_batch, one_array
from hfc_keras.training.step import Step, current, within
from hfc_keras.types import Array, ArrayLike, PathLike, Tensor

# How far the sum of a soft label may be from 1: half precision, mixed twice.
SUM_SLACK = 1e-2


def _of_network(name: str) -> Any:
    """Property that is the network's."""
    return property(lambda self: getattr(self.model, name), doc=f"``{name}`` of the network.")


class ImageTraining(keras.Model):
    """A model round the trained one that is the trained one to everybody but ``fit``.

    While training, ``training_call`` gets the labels beside the images. A call, ``evaluate``,
    ``predict``, ``export``, ``summary`` and SavedModels are those of the network itself.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        **kwargs: see ``keras.Model``.

    Raises:
        ValueError: for a model that is not a Keras model; by ``fit`` for pixels outside [0, 1],
            missing labels, labels out of range, a model that returns probabilities, or no batch.
            Of a data set or a generator the first batch is looked at.
        FloatingPointError: by ``fit`` (not ``train_on_batch``), as soon as the loss, and after
            an epoch a weight, is not finite.
    """

    # Loss whose gradient in the images a training needs.
    GRADIENT_OF = "cross_entropy"
    # What shows a server or a tool how the network is called.
    input, output = _of_network("input"), _of_network("output")
    inputs, outputs = _of_network("inputs"), _of_network("outputs")
    input_shape, output_shape = _of_network("input_shape"), _of_network("output_shape")

    def __init__(self, model: keras.Model, **kwargs: Any) -> None:
        contract.keras_model(model)
        checks.require(
            not isinstance(model, ImageTraining),
            "`model` must be the network itself, such as `.model` of a training round it",
            model=type(model).__name__,
        )
        # Without autocast a half-precision policy leaves the pixels as they are.
        super().__init__(**{"autocast": False, "dtype": model.dtype_policy, **kwargs})
        self.model = model

    def build_like_model(self) -> None:
        """Build as the network was, so that it can be saved and served without a call."""
        shape = getattr(self.model, "input_shape", None) if self.model.built else None
        if self.model.built and shape is None:
            shape = (self.model.get_build_config() or {}).get("input_shape")
        if shape and not isinstance(shape[0], (tuple, list)):
            # A network that was built by a call has the number of images of that call.
            self.build((None, *shape[1:]))

    def build(self, input_shape: Any) -> None:
        """Build the network for images of a shape, or leave that to the call that follows."""
        if isinstance(self.model, keras.Sequential) and not self.model.built:
            self.model.build(input_shape)

    def build_from_config(self, config: Any) -> None:
        """Build as saved, unless the network brings its shape itself."""
        if not self.built:
            super().build_from_config(config)

    def __call__(self, images: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the logits of images, or what is trained on of a pair ``(images, labels)``."""
        if isinstance(images, (tuple, list)) and len(images) == 2:
            first, labels = images
            with within(self, labels):
                return super().__call__(first, *args, **kwargs)
        shape = getattr(images, "shape", ())
        if not self.built and len(shape):
            # For any number of images, not that of this call.
            self.build((None, *shape[1:]))
        return super().__call__(images, *args, **kwargs)

    def call(self, images: Any, training: bool | None = None) -> Any:
        """Return the logits of images, in a training step those that are trained on."""
        if current().model is not self:
            return self.model(images, training=training)
        labels = self.step.labels
        checks.require(labels is not None, "`y` must hold the labels of the images", y=labels)
        labels = ops.convert_to_tensor(labels)
        labels = labels[:, 0] if labels.shape[1:] == (1,) else labels
        return self.training_call(self._sized(one_array(images)), labels, training)

    def training_call(self, images: Tensor, labels: Tensor, training: bool | None) -> Any:
        """Return the logits that are trained on, which a subclass makes of images and labels.

        Args:
            images: float32 tensor ``(batch, height, width, channels)``.
            labels: tensor, class indices ``(batch,)`` or dense ``(batch, classes)``.
            training: bool.

        Returns:
            Tensor ``(batch, classes)``.
        """
        raise NotImplementedError

    @property
    def step(self) -> Step:
        """Training step around this call, or an empty one."""
        step = current()
        return step if step.model is self else Step()

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """Return the loss of ``compile``, of layers and, while training, of the step."""
        loss: Any = super().compute_loss(*args, **kwargs)
        for each in self.step.losses:
            loss = loss + self._aggregate_additional_loss(each)
        return loss

    @property
    def input_spec(self) -> Any:
        """``input_spec`` of the network."""
        return self.model.input_spec

    @input_spec.setter
    def input_spec(self, value: Any) -> None:
        """Leave the network's as it is: Keras' constructor gives every layer an empty one."""

    @property
    def input_dtype(self) -> str:
        """Type that a served network takes, float32 with half precision inside, too."""
        inputs = getattr(self.model, "inputs", None)
        return keras.backend.standardize_dtype(inputs[0].dtype) if inputs else "float32"

    def export(self, filepath: PathLike, *args: Any, **kwargs: Any) -> Any:
        """Export the network, as ``keras.Model.export``."""
        return self.model.export(filepath, *args, **kwargs)

    def summary(self, *args: Any, **kwargs: Any) -> Any:
        """Print the layers of the network, as ``keras.Model.summary``."""
        return self.model.summary(*args, **kwargs)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Train, after a look at the images, as ``keras.Model.fit``."""
        _check_loss(getattr(self, "loss", None))
        replicas.tell_unsynchronized(self)
        x, images, labels = first_batch(x, y)
        if images is not None:
            self.check(images, labels)
        if validation_data is not None and not isinstance(validation_data, (list, tuple)):
            validation_data, _, _ = first_batch(validation_data, name="validation_data")
        callbacks = _with_stop(callbacks, self)
        validation = validation_split, validation_data
        return super().fit(
            x, y, batch_size, epochs, verbose, callbacks, *validation, *args, **kwargs
        )

    def train_step(self, *arguments: Any) -> Any:
        """Lay the labels ready for ``call``; both backends' steps do the rest."""
        _, labels, _ = keras.utils.unpack_x_y_sample_weight(arguments[-1])
        with within(self, labels):
            return super().train_step(*arguments)

    def check(self, images: Any, labels: Any) -> None:
        """Refuse images and labels that cannot be trained on.

        Args:
            images: array ``(batch, height, width, channels)``.
            labels: array, int or one-hot or soft.

        Raises:
            ValueError: as the class says.
        """
        images = checks.pixels(images, "x")
        classes = contract.classifier(self.model, images, "x", stacklevel=6).classes
        checks.require(labels is not None, "`y` must hold the labels of the images", y=labels)
        check_labels(labels, len(images), classes)
        bad = int(np.isnan(gradients.predicted(self.model, images[:32])).any(axis=1).sum())
        checks.require(not bad, "`model` must return no NaN", **{"images with NaN": bad})
        self._check_gradient(images[:32], as_array(labels)[:32])

    def _check_gradient(self, images: Array, labels: Array) -> None:
        """Refuse a model whose images, the first of them, have no gradient."""
        soft = labels.ndim == 2 and labels.shape[1] > 1
        labels = labels.argmax(axis=1) if soft else labels.reshape(-1)
        measure = gradients.compiled(self.model, SampleGradient(self.GRADIENT_OF))
        (gradient,) = measure(images, labels.astype("int32"))
        checks.require(
            bool(ops.any(gradient != 0)),
            "`model` must be differentiable in its images (no argmax, rounding or integers) and "
            "its loss not saturated",
            gradient="zero for the first images",
        )

    def _sized(self, images: Any) -> Tensor:
        """Images as float32, of the sizes that the network fixes where a data set states none."""
        images = ops.cast(images, "float32")
        shape = getattr(self.model, "input_shape", None)
        unknown = None in tuple(images.shape[1:])
        if not unknown or not isinstance(shape, tuple) or None in shape[1:]:
            return images
        return ops.reshape(images, (ops.shape(images)[0], *shape[1:]))


def check_labels(labels: ArrayLike, examples: int, classes: int) -> None:
    """Refuse labels that are neither class indices nor distributions over the classes.

    Args:
        labels: array, int ``(batch,)`` or ``(batch, 1)``, one-hot or soft ``(batch, classes)``.
        examples: int, number of images.
        classes: int.

    Raises:
        ValueError: as said.

    Example:
        >>> check_labels([[0.25, 0.75]], 1, 2)
    """
    labels = as_array(labels)
    if labels.ndim != 2 or labels.shape[1] == 1:
        checks.class_indices(labels, examples, classes, "y")
        return
    checks.require(
        labels.shape == (examples, classes),
        f"`y` must be class indices or ({examples}, {classes}), a column for each class",
        **{"y.shape": labels.shape},
    )
    checks.require(
        np.issubdtype(labels.dtype, np.number) or labels.dtype.name in ("bool", "bfloat16"),
        "`y` must be numbers",
        **{"y.dtype": str(labels.dtype)},
    )
    rows = labels.astype("float32")
    good = (rows >= 0).all(axis=1) & (np.abs(rows.sum(axis=1) - 1) < SUM_SLACK)
    checks.require(
        bool(good.all()),
        "`y` of rank 2 must be one-hot or soft labels, no row below 0 and each with the sum 1",
        y=labels[~good][:1].tolist(),
    )


def _check_loss(loss: Any) -> None:
    """Refuse a compiled loss that takes logits for probabilities."""
    own = isinstance(loss, keras.losses.Loss)
    name = loss if isinstance(loss, str) else getattr(loss, "name" if own else "__name__", "")
    of_keras = isinstance(loss, str) or type(loss).__module__.startswith("keras.")
    of_keras = of_keras or getattr(loss, "__module__", "").startswith("keras.")
    entropy = of_keras and name.lower().endswith("crossentropy")
    checks.require(
        not entropy or (own and loss.get_config().get("from_logits", True)),
        "`loss` must take logits: keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        loss=name,
    )


def _with_stop(callbacks: Any, model: keras.Model) -> Any:
    """Callbacks with a stop at numbers that are not finite, before another one keeps them."""
    stop = StopAtNonFinite()
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        return [stop, *keras.tree.flatten(callbacks or [])]
    if not any(isinstance(each, StopAtNonFinite) for each in callbacks.callbacks):
        stop.set_model(model)
        callbacks.callbacks.insert(0, stop)
    return callbacks
