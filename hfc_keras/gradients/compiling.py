"""Functions of a model's predictions, compiled once and kept with the model."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np

from hfc_keras import contract, full_memory
from hfc_keras.gradients.backends import chosen
from hfc_keras.types import Array, Predict, Tensor


def compiled(model: keras.Model, function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of a model's predictions once and keep it with the model.

    The weights are those of the moment of each call, and a model of which a layer or a setting of
    one has changed is compiled anew, as ``contract.makeup`` shows. The model runs as
    ``inference`` has it. Where every new shape is compiled anew, batches are filled
    up to a power of two and cut again.

    Args:
        model: keras.Model.
        function: hashable function ``function(predict, *tensors)`` that returns a tuple of
            tensors; ``predict`` takes images to the model's output. Functions that are equal
            (frozen dataclasses, module-level functions) are compiled once.

    Returns:
        Function of the tensors, which all have the batch as first axis or are scalars.

    Raises:
        ValueError: for another backend than TensorFlow, JAX and PyTorch, which runs it as it is.
        MemoryError: by the function, for a batch that the device's memory does not hold.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> compiled(model, outputs) is compiled(model, outputs)
        True
    """
    now = contract.makeup(model)
    before, kept = vars(model).get("_hfc_keras_compiled", (None, {}))
    if before != now:
        kept = {}
        model.__dict__["_hfc_keras_compiled"] = now, kept
    if function not in kept:
        kept[function] = _within_memory(chosen().compile(model, function))
    return kept[function]


def _within_memory(run: Callable[..., Any]) -> Callable[..., Any]:
    """Function of batches that says which size to try where one is too large."""

    def call(*tensors: Any) -> Any:
        sizes = (tensor.shape[0] for tensor in tensors if len(getattr(tensor, "shape", ())))
        with full_memory.told(next(sizes, 1)):
            return run(*tensors)

    return call


def outputs(predict: Predict, images: Tensor) -> tuple[Any]:
    """Outputs of a model, for ``compiled``.

    Args:
        predict: function from images to outputs.
        images: tensor ``(batch, height, width, channels)``.

    Returns:
        Tuple of the outputs.

    Example:
        >>> outputs(lambda images: 2 * images, 3)
        (6,)
    """
    return (predict(images),)


def predicted(model: keras.Model, images: Array, batch_size: int = 256) -> Array:
    """Outputs of a model in inference mode, batch by batch, as it is now.

    ``keras.Model.predict`` goes on with what it compiled before a layer was changed. Values outside
    of the model, such as a global that the ``call`` of a layer reads, are those of the first call
    here, too: make them attributes of the layer.

    Args:
        model: keras.Model with a single output.
        images: array ``(examples, height, width, channels)``, at least one image.
        batch_size: int, images at once.

    Returns:
        Array ``(examples, ...)``.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> predicted(model, np.zeros((5, 8, 8, 1), "float32"), batch_size=2).shape
        (5, 10)
    """
    starts = range(0, len(images), batch_size)
    batches = (images[start : start + batch_size] for start in starts)
    return np.concatenate(list(predicted_batches(model, batches)))


def predicted_batches(model: keras.Model, batches: Iterable[Array]) -> Iterator[Array]:
    """Yield the outputs of a model in inference mode for each of some batches.

    The one loop in which a model is run: ``predicted`` joins what it yields, and measures take
    their logits from it, see ``analysis.predictions.finite_logits``.

    Args:
        model: keras.Model with a single output.
        batches: iterable of arrays ``(batch, height, width, channels)``.

    Yields:
        Arrays ``(batch, ...)``.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> sizes = (np.zeros((size, 8, 8, 1), "float32") for size in (3, 2))
        >>> [batch.shape for batch in predicted_batches(model, sizes)]
        [(3, 10), (2, 10)]
    """
    predict = compiled(model, outputs)
    for batch in batches:
        yield keras.ops.convert_to_numpy(predict(batch)[0])
