"""What is no Keras model, as one: functions, SavedModels, models of tf_keras."""

import inspect
import os
import pathlib
from collections.abc import Callable
from typing import Any

import keras

from hfc_keras import checks, contract, copying
from hfc_keras.types import Tensor


def as_model(model: Any) -> keras.Model:
    """Return a Keras model of what was given.

    Args:
        model: see ``models.as_classifier``.

    Returns:
        keras.Model.

    Raises:
        ValueError: for several inputs, or what cannot be called on images.

    Example:
        >>> as_model(keras.ops.relu)(keras.ops.ones((1, 2, 2, 1))).shape == (1, 2, 2, 1)
        True
    """
    if isinstance(model, keras.Model):
        inputs = getattr(model, "inputs", None) or []
        checks.require(
            len(inputs) <= 1,
            "`model` must take one batch of images; a function of images that calls it with fixed "
            "other inputs goes in, too (lambda images: model([images, others]))",
            inputs=len(inputs),
        )
        return model
    contract.refuse_torch_module(model)
    if isinstance(model, (str, os.PathLike)):
        return Function(_saved_model(pathlib.Path(model)))
    if callable(model):
        return Function(model)
    function: Any = getattr(model, "serve", None) or _signature(model)
    checks.require(
        callable(function),
        "`model` must be a keras.Model, a function of images, a SavedModel or its folder, or a "
        "model of tf_keras",
        model=model,
    )
    return Function(function)


def _signature(model: Any) -> Callable[..., Any] | None:
    """Function of the one signature of a loaded SavedModel; None if it is none."""
    signatures = dict(getattr(model, "signatures", None) or {})
    signature = signatures.get("serving_default") or next(iter(signatures.values()), None)
    if signature is None:
        return None
    (name,) = signature.structured_input_signature[1] or ("images",)

    def function(images: Any) -> Any:
        outputs = signature(**{name: images})
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    function.__dict__["model"] = model
    return function


def _saved_model(path: pathlib.Path) -> keras.Layer:
    """Layer of the SavedModel in a folder."""
    checks.require(
        (path / "saved_model.pb").is_file(),
        "`model` must be a keras.Model (keras.saving.load_model reads .keras files) or the folder "
        "of a SavedModel",
        model=str(path),
    )
    checks.require(
        keras.backend.backend() == "tensorflow",
        "`model` must be a keras.Model: a SavedModel needs KERAS_BACKEND=tensorflow",
        model=str(path),
    )
    for endpoint in ("serve", "serving_default"):
        try:
            return keras.layers.TFSMLayer(str(path), call_endpoint=endpoint)
        except ValueError as error:
            reason = error
    raise ValueError(
        f"`model` must be a SavedModel with an endpoint 'serve' or 'serving_default' ({reason}). "
        f"Received: model={str(path)!r}"
    ) from reason


def _layers_in_sight(function: Any) -> list[keras.Layer]:
    """Layers and models that a function closes over or finds in its module."""
    code = getattr(function, "__code__", None)
    names = [name for name in code.co_names if name in function.__globals__] if code else []
    held = [*copying.layers(function), *(function.__globals__[name] for name in names)]
    return [each for each in held if isinstance(each, keras.Layer)]


def _takes_training(function: Callable[..., Any]) -> bool:
    if isinstance(function, keras.layers.Layer):
        return False
    try:
        return "training" in inspect.signature(function).parameters
    # Built-in functions have no signature.
    except (TypeError, ValueError):
        return False


class Function(keras.Model):
    """A function of images as a model; its weights are out of sight.

    Args:
        function: callable of a tensor ``(batch, height, width, channels)``.
        **kwargs: see ``keras.Model``.
    """

    # Batch statistics cannot be reached in there.
    hfc_keras_opaque = True

    def __init__(self, function: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(**{"autocast": False, "dtype": "float32", **kwargs})
        self.function = function
        self.takes_training = _takes_training(function)
        # Tracked, so that their weights are followed under JAX, too.
        self.in_sight = _layers_in_sight(function)

    def call(self, images: Tensor) -> Any:
        """Return what the function does, in inference mode where it knows one."""
        return (
            self.function(images, training=False) if self.takes_training else self.function(images)
        )
