"""What TensorFlow and JAX do differently."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import ops

from hfc_keras import checks
from hfc_keras.types import Predict, Tensor


def inference(model: keras.Model) -> Predict:
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


# What errors of a model say that leaves the tensors of the backend; the last one is that of
# Keras, which fails to make JAX's error again.
LEAVING = ("numpy", "NumPy", "_error_repr")


class _TensorFlow:
    @staticmethod
    def differentiate(
        function: Callable[[Any], tuple[Any, Any]], images: Any
    ) -> tuple[Tensor, Any, Tensor]:
        import tensorflow as tf

        unconnected = tf.UnconnectedGradients.ZERO
        with tf.GradientTape() as tape:
            tape.watch(images)
            value, aux = function(images)
        return value, aux, tape.gradient(value, images, unconnected_gradients=unconnected)

    @staticmethod
    def compile(model: keras.Model, function: Callable[..., Any]) -> Callable[..., Any]:
        import tensorflow as tf

        # XLA's convolution gradients are up to ten times slower on a processor.
        on_gpu = bool(tf.config.list_logical_devices("GPU"))

        def whole(*tensors: Any) -> Any:
            return function(inference(model), *tensors)

        run: Any = tf.function(whole, jit_compile=on_gpu, autograph=False)
        traced = {}

        def call(*given: Any) -> Any:
            tensors: list[Any] = [tf.convert_to_tensor(tensor) for tensor in given]
            _build(model, tensors[0])
            # Any number of images, so that a smaller last batch is not traced anew.
            shapes = [[None, *tensor.shape[1:]] if len(tensor.shape) else [] for tensor in tensors]
            key = tuple(
                tf.TensorSpec(shape, tensor.dtype)
                for shape, tensor in zip(shapes, tensors, strict=True)
            )
            if key not in traced:
                with _traceable(NotImplementedError):
                    traced[key] = run.get_concrete_function(*key)
            return traced[key](*tensors)

        return _filled_up(call) if on_gpu and not _needs_whole_batches(model) else call


class _Jax:
    @staticmethod
    def differentiate(
        function: Callable[[Any], tuple[Any, Any]], images: Any
    ) -> tuple[Tensor, Any, Tensor]:
        import jax  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

        (value, aux), gradient = jax.value_and_grad(function, has_aux=True)(images)
        return value, aux, gradient

    @staticmethod
    def compile(model: keras.Model, function: Callable[..., Any]) -> Callable[..., Any]:
        import jax  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

        @jax.jit
        def run(values: Sequence[Any], *tensors: Any) -> Any:
            return function(functools.partial(_stateless, model, values), *tensors)

        def call(*tensors: Any) -> Any:
            _build(model, tensors[0])
            values = [variable.value for variable in model.variables]
            with _traceable(jax.errors.TracerArrayConversionError, AttributeError):
                return run(values, *map(ops.convert_to_tensor, tensors))

        return call if _needs_whole_batches(model) else _filled_up(call)


@contextlib.contextmanager
def _traceable(*kinds: type[BaseException]) -> Iterator[None]:
    """Refuse a model that leaves the tensors of the backend; Keras' own error fills a page."""
    try:
        yield
    except kinds as error:
        if not any(sign in str(error) for sign in LEAVING):
            raise
        raise ValueError(
            "`model` must be made of operations of the backend, so that it can be compiled and "
            f"differentiated; NumPy cannot. Received: error={type(error).__name__}"
        ) from error


def _stateless(model: keras.Model, values: Sequence[Any], images: Any) -> Any:
    """Call a model in inference mode with other values for its variables."""
    # Not `stateless_call`, which fails where `call` takes no `training`.
    with keras.StatelessScope(zip(model.variables, values, strict=True)):
        return model(images, training=False)


def _build(model: keras.Model, images: Any) -> None:
    if not model.built:
        model(images[:1], training=False)


def _needs_whole_batches(model: keras.Model) -> bool:
    """Whether an answer depends on the rest of the batch, which repeated images would change."""
    declared = getattr(model, "needs_whole_batches", False)
    return declared or vars(model).get("_hfc_keras_mixing", False)


def _filled_up(function: Callable[..., Any]) -> Callable[..., Any]:
    """Call a function of batches on a power of two of images, the last one repeated."""

    def call(*given: Any) -> Any:
        tensors: list[Any] = [ops.convert_to_tensor(tensor) for tensor in given]
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


def chosen() -> type[_TensorFlow] | type[_Jax]:
    """Return the backend in use, with ``differentiate`` and ``compile``."""
    backends = {"tensorflow": _TensorFlow, "jax": _Jax}
    name = keras.backend.backend()
    checks.require(
        name in backends,
        "gradients need KERAS_BACKEND=tensorflow or jax",
        backend=name,
    )
    return backends[name]
