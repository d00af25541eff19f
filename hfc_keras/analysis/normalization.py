"""Batch normalization by other statistics than its moving averages, put into layers there are."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from hfc_keras import checks, copying
from hfc_keras.types import Array, Floats, Tensor

_REACHED = "_hfc_keras_reached"


class _Switched(keras.layers.BatchNormalization):
    """Normalizes by the statistics of its kind in every mode, frozen or not."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Return the inputs, normalized; note that it was asked."""
        self.__dict__[_REACHED] = True
        moments = self._chosen(inputs, mask)
        return self._normalized(inputs, *moments)

    def _of_batch(self, inputs: Any, mask: Any) -> tuple[Tensor, Tensor]:
        """Mean and variance of what is at hand, one number per channel."""
        inputs = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        middle: Any = 0.0
        if keras.backend.backend() != "tensorflow":
            # The others take the mean of squares minus the mean squared: exact about 0 alone.
            axes = [*range(len(inputs.shape))]
            axes.pop(self.axis)
            middle = ops.mean(inputs, axis=axes, keepdims=True)
            inputs = inputs - middle
        moments: Any = self._moments(inputs, mask)
        mean, variance = (ops.reshape(moment, (-1,)) for moment in moments)
        return mean + ops.reshape(middle, (-1,)), variance

    def _normalized(self, inputs: Any, mean: Any, variance: Any) -> Tensor:
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        outputs = ops.batch_normalization(
            x=ops.cast(inputs, dtype),
            mean=ops.cast(mean, dtype),
            variance=ops.cast(variance, dtype),
            axis=self.axis,
            offset=ops.cast(self.beta, dtype) if self.center else None,
            scale=ops.cast(self.gamma, dtype) if self.scale else None,
            epsilon=self.epsilon,
        )
        return ops.cast(outputs, self.compute_dtype)


@keras.saving.register_keras_serializable(package="hfc_keras", name="_BatchStatistics")
class BatchStatistics(_Switched):
    """Normalizes by the statistics of the batch at hand."""

    def _chosen(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        return self._of_batch(inputs, mask)


@keras.saving.register_keras_serializable(package="hfc_keras", name="_FixedStatistics")
class FixedStatistics(_Switched):
    """Normalizes by the mean and variance it holds, in training mode too."""

    def _chosen(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        return self.moving_mean, self.moving_variance


class Collector(BatchStatistics):
    """Also keeps values per channel, mean and variance of every batch it sees, run eagerly."""

    def _chosen(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        moments = self._of_batch(inputs, mask)
        values = np.prod(inputs.shape) / inputs.shape[self.axis]
        if mask is not None:
            shown = ops.broadcast_to(mask, inputs.shape[:-1])
            values = values * ops.mean(ops.cast(shown, "float32"))
        try:
            self.seen.append([ops.convert_to_numpy(each) for each in (values, *moments)])
        except (NotImplementedError, TypeError, RuntimeError) as error:
            raise ValueError(
                f"`{self.name}` must be called step by step for population statistics, not in a "
                "compiled or mapped part of the model (tf.function, jax.jit, vectorized_map, "
                f"scan); call it plainly. Received: inputs={type(inputs).__name__}"
            ) from error
        return moments

    @property
    def seen(self) -> list[list[Array]]:
        """Values per channel, mean and variance of every batch seen."""
        return self.__dict__.setdefault("_hfc_keras_seen", [])


def pooled(seen: Sequence[Sequence[Any]]) -> tuple[Floats, Floats]:
    """Mean and variance of all values from those of batches.

    Args:
        seen: sequence of ``(values per channel, mean, variance)``.

    Returns:
        Pair of float64 arrays ``(channels,)``.

    Example:
        >>> [moment.tolist() for moment in pooled([(1, [0.0], [0.0]), (3, [4.0], [0.0])])]
        [[3.0], [3.0]]
    """
    counts, means, variances = (np.asarray(each, "float64") for each in zip(*seen, strict=True))
    mean = np.average(means, axis=0, weights=counts)
    square = np.average(variances + means**2, axis=0, weights=counts)
    return mean, np.maximum(square - mean**2, 0.0)


def switch(layer: Any, kind: type[Any]) -> None:
    """Make a layer of batch normalization one of another kind, in place.

    A subclass keeps what it does around the normalization, which its ``call`` must leave to
    ``super().call``.

    Args:
        layer: keras.layers.BatchNormalization, built.
        kind: ``BatchStatistics``, ``FixedStatistics`` or ``Collector``.

    Raises:
        ValueError: for a subclass that normalizes by itself.

    Example:
        >>> layer = keras.layers.BatchNormalization()
        >>> layer.build((None, 2))
        >>> switch(layer, BatchStatistics)
        >>> np.asarray(layer(np.float32([[1, 0], [3, 0]]))).round(2).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    own = type(layer)
    if own in (keras.layers.BatchNormalization, BatchStatistics, FixedStatistics):
        layer.__class__ = kind
        return
    # One that has been switched before has its own class first.
    own = own.__bases__[0] if issubclass(own, _Switched) else own
    layer.__class__ = type(own.__name__, (own, kind), {"call": _guarded(own.call)})
    if kind is not Collector:
        _probe(layer)


def step_by_step(layer: Any) -> None:
    """Let a recurrent layer with batch normalization run its steps one after the other, in place.

    Args:
        layer: keras.Layer.

    Example:
        >>> cell = keras.layers.SimpleRNNCell(2, activation=keras.layers.BatchNormalization())
        >>> layer = keras.layers.RNN(cell)
        >>> step_by_step(layer)
        >>> layer.unroll
        True
    """
    held = copying.layers(layer) if isinstance(layer, keras.layers.RNN) else ()
    if any(isinstance(each, keras.layers.BatchNormalization) for each in held):
        layer.unroll = True


def _guarded(call: Callable[..., Any]) -> Callable[..., Any]:
    """Method ``call`` of a subclass, refused if it has not called that of its base."""

    @functools.wraps(call)
    def guarded(self: Any, *arguments: Any, **options: Any) -> Any:
        vars(self)[_REACHED] = False
        outputs = call(self, *arguments, **options)
        checks.require(
            vars(self)[_REACHED],
            f"`{self.name}` must normalize through super().call(...) for batch or population "
            "statistics; call it, or use bn_statistics='moving'",
            layer=type(self).__name__,
        )
        return outputs

    return guarded


def _probe(layer: Any) -> None:
    """Call a layer on symbols of the shape it was built for."""
    shapes = list((layer._build_shapes_dict or {}).values())
    if len(shapes) == 1 and isinstance(shapes[0], (list, tuple)):
        symbol = keras.KerasTensor(tuple(shapes[0]), dtype=layer.compute_dtype)
        keras.Operation.compute_output_spec(layer, symbol)
