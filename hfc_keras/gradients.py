"""Value and gradient of a function of the images: the one seam between Keras backends.

TensorFlow and JAX differ in how a gradient is taken and in how a function is compiled. Both
differences stand here; everything above works on ``keras.ops``.
"""

import dataclasses
import functools
import json

import keras
from keras import ops

from hfc_keras import checks, losses


def value_and_gradient(function, images, has_aux=False):
    r"""Value of a scalar function of images and its gradient, itself differentiable again.

    .. math:: (f(x),\ \nabla_x f(x))

    A model in training mode must be called inside ``function`` through
    ``model.stateless_call(trainable, non_trainable, images, training=True)``; its new
    non-trainable values then go out as auxiliary output and are assigned by the caller:

    .. code-block:: python

        def loss(x):
            logits, updated = model.stateless_call(
                model.trainable_variables, model.non_trainable_variables, x, training=True
            )
            return ops.mean(losses.sample_losses(logits, labels)), updated

        (value, updated), gradient = value_and_gradient(loss, images, has_aux=True)
        for variable, new in zip(model.non_trainable_variables, updated, strict=True):
            variable.assign(new)

    A plain call would leak values of JAX's tracing out of the function.

    Args:
        function: function of one tensor that returns a scalar tensor, or with ``has_aux`` a
            pair of it and anything else.
        images: tensor or array of any shape, usually ``(batch, height, width, channels)``, any
            finite numbers; integers are taken as float32.
        has_aux: bool, whether ``function`` returns a pair.

    Returns:
        ``(value, gradient)`` or ``((value, auxiliary), gradient)``; the gradient has the shape
        and dtype of ``images`` and is zero where the value does not depend on them.

    Raises:
        ValueError: if the value is no scalar, or the backend is neither TensorFlow nor JAX.

    Example:
        >>> import numpy as np
        >>> value, gradient = value_and_gradient(lambda x: ops.sum(x**2), np.ones((1, 2)))
        >>> float(value), np.asarray(gradient).tolist()
        (2.0, [[2.0, 2.0]])
    """
    images = ops.convert_to_tensor(images)
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(images.dtype)):
        images = ops.cast(images, "float32")

    def with_aux(x):
        value, aux = function(x) if has_aux else (function(x), None)
        value = ops.convert_to_tensor(value)
        checks.require(
            len(value.shape) == 0,
            "`function` must return a scalar, such as a sum over the images",
            shape=tuple(value.shape),
        )
        return value, aux

    value, aux, gradient = _backend().differentiate(with_aux, images)
    return ((value, aux) if has_aux else value), gradient


def input_gradient(model, images, labels, loss="cross_entropy"):
    r"""Gradient of each sample's own loss with respect to its pixels.

    .. math:: g_i = \nabla_{x_i} \ell(f(x_i), y_i)

    Taken in inference mode, so that a sample's gradient does not depend on its batch, and in
    one batch: for many images call it in a loop. No weight of the model changes.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        images: ``(batch, height, width, channels)``, any finite numbers, taken as float32.
        labels: int ``(batch,)`` or one-hot ``(batch, classes)``.
        loss: ``"cross_entropy"``, or ``"margin"``, the largest other logit minus the true one.

    Returns:
        float32 tensor of the shape of ``images``.

    Raises:
        ValueError: for another loss, images that do not fit the model, labels that do not fit
            the images or the classes.

    Reference:
        Goodfellow et al., Explaining and Harnessing Adversarial Examples, ICLR 2015.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> input_gradient(model, test.images[:4], test.labels[:4]).shape == (4, 8, 8, 1)
        True
    """
    checks.choice("loss", loss, losses.LOSSES)
    images = ops.cast(ops.convert_to_tensor(images), "float32")
    checks.image_shape(images)
    checks.model_input(model, images)
    classes = logit_count(model, images)
    labels = checks.class_indices(labels, len(images), classes).astype("int32")
    (gradient,) = compiled(model, SampleGradient(loss))(images, labels)
    return gradient


@dataclasses.dataclass(frozen=True)
class SampleGradient:
    """Gradient of each sample's own loss, for ``compiled``.

    Args:
        loss: str, one of ``losses.LOSSES``.

    Example:
        >>> SampleGradient("margin") == SampleGradient("margin")
        True
    """

    loss: str

    def __call__(self, predict, images, labels):
        """Return a tuple of the gradient."""

        def total(x):
            return ops.sum(losses.sample_losses(predict(x), labels, self.loss))

        return (value_and_gradient(total, images)[1],)


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
        kept[function] = _backend().compile(model, function)
    return kept[function]


def inference(model):
    """Function from images to the outputs of a model that leaves no trace in the model.

    A plain call in inference mode would still add the losses of its layers to a training step
    around it, and move on the seeds of layers that are random in every mode. Such a layer draws
    the same numbers in every call of the function.

    Args:
        model: keras.Model, built.

    Returns:
        Function of images ``(batch, height, width, channels)``.

    Example:
        >>> import numpy as np
        >>> from hfc_keras import models
        >>> predict = inference(models.build("small_cnn", (8, 8, 1), 10))
        >>> predict(np.zeros((2, 8, 8, 1), "float32")).shape == (2, 10)
        True
    """
    return lambda images: _stateless(model, [each.value for each in model.variables], images)


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


class _TensorFlow:
    @staticmethod
    def differentiate(function, images):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(images)
            value, aux = function(images)
        return value, aux, tape.gradient(value, images, unconnected_gradients="zero")

    @staticmethod
    def compile(model, function):
        import tensorflow as tf

        # XLA's convolution gradients are up to ten times slower on a processor.
        on_gpu = bool(tf.config.list_logical_devices("GPU"))

        @tf.function(jit_compile=on_gpu, autograph=False)
        def run(*tensors):
            return function(inference(model), *tensors)

        traced = {}

        def call(*tensors):
            tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
            _build(model, tensors[0])
            # Any number of images, so that a smaller last batch is not traced anew.
            shapes = [[None, *tensor.shape[1:]] if len(tensor.shape) else [] for tensor in tensors]
            key = tuple(
                tf.TensorSpec(shape, tensor.dtype)
                for shape, tensor in zip(shapes, tensors, strict=True)
            )
            if key not in traced:
                traced[key] = run.get_concrete_function(*key)
            return traced[key](*tensors)

        return _filled_up(call) if on_gpu else call


class _Jax:
    @staticmethod
    def differentiate(function, images):
        import jax

        (value, aux), gradient = jax.value_and_grad(function, has_aux=True)(images)
        return value, aux, gradient

    @staticmethod
    def compile(model, function):
        import jax

        @jax.jit
        def run(values, *tensors):
            return function(functools.partial(_stateless, model, values), *tensors)

        def call(*tensors):
            _build(model, tensors[0])
            values = [variable.value for variable in model.variables]
            return run(values, *map(ops.convert_to_tensor, tensors))

        return _filled_up(call)


def _stateless(model, values, images):
    """Call a model in inference mode with other values for its variables."""
    # Not `stateless_call`, which fails where `call` takes no `training`.
    with keras.StatelessScope(zip(model.variables, values, strict=True)):
        return model(images, training=False)


def _build(model, images):
    if not model.built:
        model(images[:1], training=False)


def _form(model):
    """What a model is made of, apart from its weights."""
    try:
        return json.dumps(model.get_config(), sort_keys=True, default=str)
    except NotImplementedError:
        return type(model).__name__


def _filled_up(function):
    """Call a function of batches on a power of two of images, the last one repeated."""

    def call(*tensors):
        tensors = [ops.convert_to_tensor(tensor) for tensor in tensors]
        size = next(tensor.shape[0] for tensor in tensors if len(tensor.shape))
        missing = (1 << (size - 1).bit_length()) - size
        if not missing:
            return function(*tensors)
        filled = [
            ops.concatenate([tensor, ops.repeat(tensor[-1:], missing, axis=0)])
            if len(tensor.shape)
            else tensor
            for tensor in tensors
        ]
        return tuple(output[:size] for output in function(*filled))

    return call


def _backend():
    backends = {"tensorflow": _TensorFlow, "jax": _Jax}
    name = keras.backend.backend()
    checks.require(
        name in backends,
        "gradients need KERAS_BACKEND=tensorflow or jax",
        backend=name,
    )
    return backends[name]
