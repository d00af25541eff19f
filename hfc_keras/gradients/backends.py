"""What TensorFlow, JAX and PyTorch do differently."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import ops

from hfc_keras import checks, per_backend
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
    return lambda images: _stateless(model, _values(model), images)


def _values(model: keras.Model) -> list[Any]:
    values = [each.value for each in model.variables]
    # PyTorch would keep what the gradients of the weights need, too.
    return [*map(ops.stop_gradient, values)] if keras.backend.backend() == "torch" else values


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


class _Torch:
    @staticmethod
    def differentiate(
        function: Callable[[Any], tuple[Any, Any]], images: Any
    ) -> tuple[Tensor, Any, Tensor]:
        import torch  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

        recording = torch.is_grad_enabled()
        with torch.enable_grad():
            # A tensor of its own, as `function` may know these images from elsewhere.
            x = images.view_as(images) if recording else images.detach()
            x.requires_grad_()
            value, aux = function(x)
            again = recording and _depends_on_others(value, x)
            gradient = torch.zeros_like(images)
            if value.requires_grad:
                options = {"create_graph": again, "allow_unused": True, "materialize_grads": True}
                (gradient,) = torch.autograd.grad(value, x, **options)
        if not again:
            found: Any = keras.tree.map_structure(_detached, (value, aux, gradient))
            value, aux, gradient = found
        return value, aux, gradient

    @staticmethod
    def compile(model: keras.Model, function: Callable[..., Any]) -> Callable[..., Any]:
        # As it is: torch.compile traces Keras' layers one by one, which takes long.
        def call(*given: Any) -> Any:
            tensors: list[Any] = [*map(ops.convert_to_tensor, given)]
            with per_backend.without_gradients(), _traceable(RuntimeError):
                _build(model, tensors[0])
                return function(inference(model), *tensors)

        return call


def _depends_on_others(value: Any, x: Any) -> bool:
    """Whether a tensor of PyTorch can be differentiated by anything but ``x``."""
    waiting, seen = [value.grad_fn], {None}
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            if getattr(node, "variable", x) is not x:
                return True
            waiting.extend(each for each, _ in node.next_functions)
    return False


def _detached(value: Any) -> Any:
    return ops.stop_gradient(value) if ops.is_tensor(value) else value


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
    with keras.StatelessScope(zip(model.variables, values, strict=True)), _repeatable(model):
        return model(images, training=False)


@contextlib.contextmanager
def _repeatable(model: keras.Model) -> Iterator[None]:
    """Have layers that draw from PyTorch's own generator draw the same in every call."""
    if keras.backend.backend() != "torch" or not _draws_globally(model):
        yield
        return
    import torch  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

    on_gpu = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(on_gpu):
        torch.manual_seed(0)
        yield


def _draws_globally(model: keras.Model) -> bool:
    """Whether a layer has no seed: Keras' dropout then leaves out its state on PyTorch."""
    generators = (each for layer in model._flatten_layers() for each in layer._seed_generators)
    return any(each._initial_seed is None for each in generators)


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
            if len(tensor.shape) and tensor.shape[0] == size
            else tensor
            for tensor in tensors
        ]
        return tuple(output[:size] for output in function(*filled))

    return call


def chosen() -> type[_TensorFlow] | type[_Jax] | type[_Torch]:
    """Return the backend in use, with ``differentiate`` and ``compile``."""
    backends = {"tensorflow": _TensorFlow, "jax": _Jax, "torch": _Torch}
    name = keras.backend.backend()
    checks.require(
        name in backends,
        "gradients need KERAS_BACKEND=tensorflow, jax or torch",
        backend=name,
    )
    return backends[name]
