"""Functions of a model's predictions, compiled once and kept with the model."""

import json

from keras import ops

from hfc_keras.gradients.backends import chosen


def compiled(model, function):
    """Compile a function of a model's predictions once and keep it with the model.

    The weights are those of the moment of each call, and a model whose configuration has changed
    is compiled anew (one that subclasses keras.Model without ``get_config`` cannot tell). The
    model runs as ``inference`` has it. Where every new shape is compiled anew, batches are filled
    up to a power of two and cut again.

    Args:
        model: keras.Model.
        function: hashable function ``function(predict, *tensors)`` that returns a tuple of
            tensors; ``predict`` takes images to the model's output. Functions that are equal
            (frozen dataclasses, module-level functions) are compiled once.

    Returns:
        Function of the tensors, which all have the batch as first axis or are scalars.

    Raises:
        ValueError: if the backend is neither TensorFlow nor JAX.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> compiled(model, outputs) is compiled(model, outputs)
        True
    """
    form, kept = vars(model).get("_hfc_keras_compiled", (None, {}))
    if form != _form(model):
        form, kept = _form(model), {}
        vars(model)["_hfc_keras_compiled"] = form, kept
    if function not in kept:
        kept[function] = chosen().compile(model, function)
    return kept[function]


def outputs(predict, images):
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


def logit_count(model, images):
    """Number of classes of a model.

    Args:
        model: keras.Model.
        images: tensor ``(batch, height, width, channels)``, looked at if the model does not say.

    Returns:
        int.

    Example:
        >>> from hfc_keras import models
        >>> logit_count(models.build("small_cnn", (8, 8, 1), 10), None)
        10
    """
    shape = getattr(model, "output_shape", None) if model.built else None
    if not (isinstance(shape, tuple) and shape and isinstance(shape[-1], int)):
        shape = model(ops.convert_to_tensor(images)[:1], training=False).shape
    return int(shape[-1])


def _form(model):
    """What a model is made of, apart from its weights."""
    try:
        return json.dumps(model.get_config(), sort_keys=True, default=str)
    except NotImplementedError:
        return type(model).__name__
