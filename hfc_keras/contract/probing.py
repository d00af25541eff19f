"""What a model returns for probing images, and whether it does so reliably."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from hfc_keras import checks, error_texts, per_backend
from hfc_keras.contract.output_kinds import ending, is_graph
from hfc_keras.contract.pixel_range import takes_levels, untouched
from hfc_keras.types import Floats

# Factors on noise that drive logits out of [0, 1], and leave probabilities there.
EXTREMES = (1.0, 100.0, -100.0)
# Relative difference of two predictions of the same images that is no rounding.
RANDOM = 1e-4
# And of an image alone and among others, beyond what half precision rounds.
MIXING = 0.05


@dataclasses.dataclass(frozen=True)
class Classifier:
    """What is known of a model that takes a batch of images and returns ``(batch, classes)``.

    Args:
        classes: int.
        output: ``"logits"``, ``"softmax"``, ``"sigmoid"`` or ``"binary"``, what it returns.
        levels: bool, whether it was made for pixels in 0-255.
        difference: float, how much two predictions of the same images differ, relative to them.
        mixing: float, how much an image alone and among others differ, relative to them; 0 where
            two predictions differ anyway.
    """

    classes: int
    output: str
    levels: bool
    difference: float
    mixing: float = 0.0

    def remedy(self, **arguments: object) -> str:
        """Call that makes the model keep the contract, as text.

        Args:
            **arguments: of ``models.as_classifier``, besides the range of pixels if that is known.

        Returns:
            str.

        Example:
            >>> Classifier(10, "softmax", True, 0.0).remedy(output="softmax")
            "models.as_classifier(model, pixels=(0, 255), output='softmax')"
        """
        given = {"pixels": (0, 255), **arguments} if self.levels else arguments
        listed = ", ".join(f"{name}={value!r}" for name, value in given.items())
        return f"models.as_classifier(model, {listed})"


def inspected(model: keras.Model, shape: Sequence[int]) -> Classifier:
    """Return what predictions of probing images show of a model.

    Args:
        model: keras.Model.
        shape: ``(height, width, channels)`` of the images.

    Returns:
        Classifier.

    Raises:
        ValueError: if it cannot be called on them, or returns no ``(batch, classes)``.
    """
    first, second, alone = _predicted(model, _noise(shape))
    levels = takes_levels(model, shape)
    values = _single(model, first)
    classes = values.shape[1]
    kind = "binary" if classes == 1 else ending(model) or numeric_kind(values)
    difference = _relative(values, _single(model, second))
    mixing = 0.0 if difference > RANDOM else _relative(values[:1], _single(model, alone))
    return Classifier(classes, kind, levels, difference, mixing)


def _relative(values: Floats, others: Floats) -> float:
    """Largest difference, relative to the largest value from 1 on; 0 where there is no number."""
    with np.errstate(invalid="ignore"):
        size = max(1.0, float(np.nanmax(np.abs(values), initial=0.0)))
        off = float(np.nanmax(np.abs(values - others), initial=0.0))
    return off / size if np.isfinite(size) else 0.0


def probed(model: keras.Model, shape: Sequence[int]) -> Any:
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
    return _predicted(model, _noise(shape))[0]


def _noise(shape: Sequence[int]) -> Floats:
    noise = np.random.default_rng(0).random(shape, "float32")
    return np.stack([noise * np.float32(factor) for factor in EXTREMES])


def _predicted(model: keras.Model, probe: Floats) -> tuple[Any, Any, Any]:
    """Two calls in inference mode, and one of the first image alone.

    What a call changes, such as seeds or averages, it changes for the calls here alone.
    """
    try:
        if not model.built:
            model(probe[:1], training=False)
        # gradients.predicted comes above this room and takes one output; here there may be any.
        with untouched(model), per_backend.without_gradients():
            return tuple(model(each, training=False) for each in (probe, probe, probe[:1]))
    # Whatever a user's own code raises, of which Keras' message fills a page.
    except Exception as error:
        reason = error_texts.reason(error)
        raise ValueError(
            "`model` must be callable on a batch of images of this shape "
            f"({type(error).__name__}: {reason}). Received: images.shape={probe.shape}"
        ) from error


def _single(model: keras.Model, outputs: Any) -> Floats:
    """The output of a model as a float64 array ``(batch, classes)``."""
    if isinstance(outputs, (list, tuple, dict)):
        names = list(outputs) if isinstance(outputs, dict) else _output_names(model, len(outputs))
        checks.require(
            False,
            f"`model` must return one tensor of logits; models.as_classifier(model, "
            f"output_name={names[0]!r}) takes one of several",
            outputs=names,
        )
    checks.require(
        keras.ops.is_tensor(outputs),
        "`model` must return a tensor of the backend, so that it can be differentiated",
        output=type(outputs).__name__,
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


def _output_names(model: keras.Model, count: int) -> list[Any]:
    names = list(getattr(model, "output_names", None) or []) if is_graph(model) else []
    return names if len(set(names)) == count else list(range(count))


def numeric_kind(values: Floats) -> str:
    """Kind of output by its numbers on probing images, where the model does not say.

    Args:
        values: float array ``(3, classes)``, what ``probed`` returns.

    Returns:
        ``"logits"``, ``"softmax"`` or ``"sigmoid"``.

    Example:
        >>> numeric_kind(np.array([[0.25, 0.75], [1.0, 0.0]]))
        'softmax'
    """
    rows = values[np.isfinite(values).all(axis=1)]
    # All of them 0 are of a head that was never trained.
    if not rows.any() or rows.min() < 0 or rows.max() > 1:
        return "logits"
    # Half precision keeps three digits.
    return "softmax" if np.allclose(rows.sum(axis=1), 1, atol=2e-2) else "sigmoid"
