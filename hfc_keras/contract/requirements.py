"""Whether a model keeps the contract, with the remedy where it does not."""

import warnings
from typing import Any

import keras

from hfc_keras import checks
from hfc_keras.contract.makeup import makeup, weights
from hfc_keras.contract.probing import MIXING, RANDOM, Classifier, inspected


def classifier(model: object, images: Any, name: str = "images", stacklevel: int = 3) -> Classifier:
    """Refuse a model that does not keep the contract, and warn of one that may mislead.

    Args:
        model: object.
        images: array ``(batch, height, width, channels)`` in [0, 1], at least one image.
        name: str, the argument's name.
        stacklevel: int, see ``warnings.warn``, 2 being the caller.

    Returns:
        Classifier.

    Raises:
        ValueError: for what is no keras.Model; several inputs or outputs; images of another
            shape; an output that is not ``(batch, classes)``; probabilities in place of logits.

    Warns:
        UserWarning: if the model was made for pixels in 0-255, is random in inference, or gives an
            image an output that depends on the other images in the batch.

    Example:
        >>> import numpy as np
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
        >>> classifier(keras.Sequential(layers), np.zeros((3, 8, 8, 1))).classes
        2
    """
    found = form_of(model, images, name)
    require_logits(found)
    if found.levels:
        warnings.warn(
            "The model seems to be made for pixels in 0-255 (there is something like "
            "Rescaling(1/255) or Normalization before its first weights), so that it sees next to "
            f"nothing of images in [0, 1]. Use {found.remedy()}; if it was trained on [0, 1] as it "
            "is, models.as_classifier(model, pixels=(0, 1)) says so.",
            stacklevel=stacklevel,
        )
    if found.difference > RANDOM:
        warnings.warn(
            "The model is random in inference, or changes itself: two predictions of the same "
            "images differ by "
            f"{found.difference:.2g} of the largest output. A measure or an attack sees one draw "
            "of it, so that its robust accuracy means little; take the random layer out to test.",
            stacklevel=stacklevel,
        )
    if found.mixing > MIXING and not getattr(model, "needs_whole_batches", False):
        warnings.warn(
            "The model's output for an image depends on the other images in the batch (batch "
            "statistics in inference?), so that every number depends on batch_size and on the "
            "order of the images. For batch normalization leave it in inference mode, and have "
            "measures take bn_statistics='batch' or 'population'.",
            stacklevel=stacklevel,
        )
    return found


def keras_model(model: object, name: str = "model") -> None:
    """Refuse what is no keras.Model.

    Args:
        model: object.
        name: str, the argument's name.

    Raises:
        ValueError: naming what can be wrapped.

    Example:
        >>> keras_model(print)
        Traceback (most recent call last):
        ...
        ValueError: `model` must be a keras.Model; models.as_classifier makes one of a function of images, a SavedModel or a model of tf_keras. Received: model=<built-in function print>
    """  # noqa: E501
    refuse_torch_module(model, name)
    checks.require(
        isinstance(model, keras.Model),
        f"`{name}` must be a keras.Model; models.as_classifier makes one of a function of images, "
        "a SavedModel or a model of tf_keras",
        **{name: model},
    )


def refuse_torch_module(model: object, name: str = "model") -> None:
    """Refuse a module of PyTorch that is no layer of Keras: it takes channels first.

    Args:
        model: object.
        name: str, the argument's name.

    Raises:
        ValueError: saying how to put it into a Keras model.

    Example:
        >>> refuse_torch_module(keras.layers.Dense(1))
    """
    names = [f"{base.__module__}.{base.__name__}" for base in type(model).__mro__]
    checks.require(
        isinstance(model, keras.Layer) or "torch.nn.modules.module.Module" not in names,
        f"`{name}` must be a keras.Model; with KERAS_BACKEND=torch a module goes in as "
        "keras.Sequential([keras.Input((height, width, 3)), keras.layers.Permute((3, 1, 2)), "
        "keras.layers.TorchModuleWrapper(module, output_shape=(None, classes))])",
        **{name: type(model).__name__},
    )


def form_of(model: Any, images: Any, name: str = "images") -> Classifier:
    """Refuse a model that does not take a batch of these images and return one of outputs.

    Args:
        model: object.
        images: array ``(batch, height, width, channels)``, at least one image.
        name: str, the argument's name.

    Returns:
        Classifier, also of a model that returns probabilities.

    Raises:
        ValueError: as ``classifier``, but for probabilities.

    Example:
        >>> import numpy as np
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Softmax()]
        >>> form_of(keras.Sequential(layers), np.zeros((3, 8, 8, 1))).output
        'softmax'
    """
    keras_model(model)
    shape = tuple(images.shape[1:])
    model_input(model, images, name)
    kept = vars(model).get("_hfc_keras_form")
    if not (kept and kept[0] == (makeup(model), weights(model), shape)):
        found = inspected(model, shape)
        # Taken anew: a model without a shape is built when it is inspected.
        now = makeup(model), weights(model), shape
        kept = vars(model)["_hfc_keras_form"] = now, found
        # For `gradients.compiled`, which would else fill up batches with repeated images.
        vars(model)["_hfc_keras_mixing"] = found.mixing > MIXING
    return kept[1]


def require_logits(found: Classifier) -> None:
    """Refuse a model that returns anything but logits.

    Args:
        found: Classifier.

    Raises:
        ValueError: naming the call that makes logits of it.

    Example:
        >>> from hfc_keras.contract.probing import Classifier
        >>> require_logits(Classifier(10, "logits", False, 0.0))
    """
    ends = {
        "softmax": "not probabilities: its rows sum to 1 (output='logits' if they are logits)",
        "sigmoid": "not probabilities: all of its outputs lie in [0, 1], as those of one sigmoid "
        "per class (output='logits' if they are logits)",
        "binary": "one for each of at least two classes, and has a single output",
    }
    checks.require(
        found.output == "logits",
        f"`model` must return logits, {ends.get(found.output)}; use "
        f"{found.remedy(output=found.output)}",
        output=found.output,
    )


def model_input(model: Any, images: Any, name: str = "images") -> None:
    """Refuse images whose shape is not the one a model was built for.

    Args:
        model: keras.Model.
        images: array ``(batch, height, width, channels)``.
        name: str, the argument's name.

    Raises:
        ValueError: if a side that the model fixes differs, or it takes something else than one
            batch of images.

    Example:
        >>> import numpy as np
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
        >>> model_input(keras.Sequential(layers), np.zeros((2, 8, 8, 1)))
    """
    inputs = getattr(model, "inputs", None) or []
    shape = getattr(model, "input_shape", None) if model.built else None
    one = len(inputs) <= 1 and not isinstance(shape, (dict, list))
    checks.require(
        one and (not isinstance(shape, tuple) or len(shape) == 4),
        "`model` must take one batch of images (batch, height, width, channels)",
        input_shape=shape,
    )
    if not isinstance(shape, tuple):
        return
    own, given = shape[1:], tuple(images.shape[1:])
    fits = all(want in (None, got) for want, got in zip(own, given, strict=True))
    checks.require(
        fits,
        f"`{name}` must have the model's input shape {shape}; {_remedy_of_shape(own, given)}",
        **{f"{name}.shape": tuple(images.shape)},
    )


def _remedy_of_shape(own: tuple[Any, ...], given: tuple[int, ...]) -> str:
    """What to do with images whose shape is not the model's own."""
    if own == (given[2], *given[:2]) and own[0] != given[0]:
        return (
            "a model that is channels first goes in as models.as_classifier(lambda images: "
            "model(keras.ops.transpose(images, (0, 3, 1, 2))))"
        )
    if own[2] not in (None, given[2]):
        return f"data.as_images_like(images, {own}) makes them of gray images"
    return (
        "load them with image_size=..., or use models.as_classifier(model, image_size=...) to have "
        "them resized"
    )
