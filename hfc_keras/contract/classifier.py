"""Whether a model keeps the contract, with the remedy where it does not."""

import contextlib
import dataclasses
import re
import warnings

import keras
import numpy as np

from hfc_keras import checks
from hfc_keras.contract.endings import ending, is_graph
from hfc_keras.contract.makeup import makeup
from hfc_keras.contract.pixel_range import takes_levels

# Factors on noise that drive logits out of [0, 1], and leave probabilities there.
EXTREMES = (1.0, 100.0, -100.0)
# Relative difference of two predictions of the same images that is no rounding.
RANDOM = 1e-4


@dataclasses.dataclass(frozen=True)
class Classifier:
    """What is known of a model that takes a batch of images and returns ``(batch, classes)``.

    Args:
        classes: int.
        output: ``"logits"``, ``"softmax"``, ``"sigmoid"`` or ``"binary"``, what it returns.
        levels: bool, whether it was made for pixels in 0-255.
        difference: float, how much two predictions of the same images differ, relative to them.
    """

    classes: int
    output: str
    levels: bool
    difference: float

    def remedy(self, **arguments):
        """Call that makes the model keep the contract, as text.

        Args:
            **arguments: of ``models.as_classifier``, besides the range of pixels if that is known.

        Returns:
            str.

        Example:
            >>> Classifier(10, "softmax", True, 0.0).remedy(output="softmax")
            "models.as_classifier(model, pixels=(0, 255), output='softmax')"
        """
        told = {"pixels": (0, 255), **arguments} if self.levels else arguments
        listed = ", ".join(f"{name}={value!r}" for name, value in told.items())
        return f"models.as_classifier(model, {listed})"


def classifier(model, images, name="images", stacklevel=3):
    """Refuse a model that does not keep the contract, and warn of one that may mislead.

    Args:
        model: object.
        images: array ``(batch, height, width, channels)`` in [0, 1], at least one image.
        name: str, the argument's name.
        stacklevel: int, as of ``warnings.warn``, 2 being the caller.

    Returns:
        Classifier.

    Raises:
        ValueError: for what is no keras.Model; several inputs or outputs; images of another
            shape; an output that is not ``(batch, classes)``; probabilities in place of logits.

    Warns:
        UserWarning: if the model was made for pixels in 0-255, or is random in inference.

    Example:
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
            "The model is random in inference: two predictions of the same images differ by "
            f"{found.difference:.2g} of the largest output. A measure or an attack sees one draw "
            "of it, so that its robust accuracy means little; take the random layer out to test.",
            stacklevel=stacklevel,
        )
    return found


def keras_model(model, name="model"):
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
    checks.require(
        isinstance(model, keras.Model),
        f"`{name}` must be a keras.Model; models.as_classifier makes one of a function of images, "
        "a SavedModel or a model of tf_keras",
        **{name: model},
    )


def form_of(model, images, name="images"):
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
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Softmax()]
        >>> form_of(keras.Sequential(layers), np.zeros((3, 8, 8, 1))).output
        'softmax'
    """
    keras_model(model)
    shape = tuple(images.shape[1:])
    model_input(model, images, name)
    made_of = makeup(model), shape
    kept = vars(model).get("_hfc_keras_form")
    if not (kept and kept[0] == made_of):
        found = _looked_at(model, shape)
        # Taken anew: a model without a shape is built by the look at it.
        kept = vars(model)["_hfc_keras_form"] = (makeup(model), shape), found
    return kept[1]


def require_logits(found):
    """Refuse a model that returns anything but logits.

    Args:
        found: Classifier.

    Raises:
        ValueError: naming the call that makes logits of it.

    Example:
        >>> require_logits(Classifier(10, "logits", False, 0.0))
    """
    ends = {
        "softmax": "not probabilities: its rows sum to 1",
        "sigmoid": "not probabilities: all of its outputs lie in [0, 1], as those of one sigmoid a "
        "class (output='logits' if they are logits)",
        "binary": "one for each of at least two classes, and has a single output",
    }
    checks.require(
        found.output == "logits",
        f"`model` must return logits, {ends.get(found.output)}; use "
        f"{found.remedy(output=found.output)}",
        output=found.output,
    )


def model_input(model, images, name="images"):
    """Refuse images whose shape is not the one a model was built for.

    Args:
        model: keras.Model.
        images: array ``(batch, height, width, channels)``.
        name: str, the argument's name.

    Raises:
        ValueError: if a side that the model fixes differs, or it takes something else than one
            batch of images.

    Example:
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
    sides = zip(shape[1:], images.shape[1:], strict=True)
    checks.require(
        all(want in (None, got) for want, got in sides),
        f"`{name}` must have the model's input shape {shape}; load them with image_size=..., or "
        "use models.as_classifier(model, image_size=...) to have them resized",
        **{f"{name}.shape": tuple(images.shape)},
    )


def _looked_at(model, shape):
    """What two predictions of probing images tell."""
    with _seeds_kept(model):
        first, second = _predicted_twice(model, _probe(shape))
        levels = _looks_for_levels(model, shape)
    values = _single(model, first)
    classes = values.shape[1]
    kind = "binary" if classes == 1 else ending(model) or _numeric_kind(values)
    with np.errstate(invalid="ignore"):
        size = max(1.0, float(np.nanmax(np.abs(values), initial=0.0)))
        off = np.abs(values - _single(model, second))
    difference = float(np.nanmax(off, initial=0.0)) / size if np.isfinite(size) else 0.0
    return Classifier(classes, kind, levels, difference)


def _looks_for_levels(model, shape):
    told = getattr(model, "hfc_keras_pixels", None) is not None
    return not told and takes_levels(model, shape)


@contextlib.contextmanager
def _seeds_kept(model):
    """Undo what a block draws from the seeds of a model that is random in inference."""
    before = [(each, np.array(each)) for each in _seeds(model)]
    yield
    for state, value in before:
        state.assign(value)


def _seeds(model):
    return [each for each in model.variables if each.name == "seed_generator_state"]


def probed(model, shape):
    """Outputs of a model for noise that drives logits out of [0, 1], and leaves probabilities.

    Args:
        model: keras.Model.
        shape: ``(height, width, channels)`` of the images.

    Returns:
        What the model returns for three images.

    Raises:
        ValueError: if it cannot be called on them.

    Example:
        >>> layers = [keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
        >>> probed(keras.Sequential(layers), (2, 2, 1)).shape == (3, 2)
        True
    """
    return _predicted_twice(model, _probe(shape))[0]


def _probe(shape):
    noise = np.random.default_rng(0).random(shape, "float32")
    return np.stack([noise * np.float32(factor) for factor in EXTREMES])


def _predicted_twice(model, probe):
    """Two plain calls in inference mode."""
    try:
        return model(probe, training=False), model(probe, training=False)
    # Whatever a user's own code raises, of which Keras' message fills a page.
    except Exception as error:
        raise ValueError(
            "`model` must be callable on a batch of images of this shape "
            f"({type(error).__name__}: {_reason(error)}). Received: images.shape={probe.shape}"
        ) from error


def _reason(error):
    """First line of what went wrong, which Keras sets in bold within a page of its own."""
    bold = re.search(r"\x1b\[1m(.+?)(?:\x1b|\n|$)", str(error))
    return (bold[1] if bold else str(error).strip().partition("\n")[0]).strip().rstrip(".")


def _single(model, outputs):
    """The output of a model as a float64 array ``(batch, classes)``."""
    if isinstance(outputs, (list, tuple, dict)):
        names = list(outputs) if isinstance(outputs, dict) else _output_names(model, len(outputs))
        checks.require(
            False,
            f"`model` must return one tensor of logits; models.as_classifier(model, "
            f"output_name={names[0]!r}) takes one of several",
            outputs=names,
        )
    shape = tuple(outputs.shape)
    checks.require(
        len(shape) == 2 and shape[1] > 0,
        "`model` must return logits of shape (batch, classes)",
        **{"output shape": shape},
    )
    dtype = keras.backend.standardize_dtype(outputs.dtype)
    checks.require(
        keras.backend.is_float_dtype(dtype), "`model` must return logits as floats", dtype=dtype
    )
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32")), "float64")


def _output_names(model, count):
    names = list(getattr(model, "output_names", None) or []) if is_graph(model) else []
    return names if len(names) == count else list(range(count))


def _numeric_kind(values):
    """Kind of output by its numbers on probing images, where the model does not say."""
    rows = values[np.isfinite(values).all(axis=1)]
    if not len(rows) or rows.min() < 0 or rows.max() > 1:
        return "logits"
    # Half precision keeps three digits.
    return "softmax" if np.allclose(rows.sum(axis=1), 1, atol=2e-2) else "sigmoid"
