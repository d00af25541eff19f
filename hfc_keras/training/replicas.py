"""What a training step needs of the other devices that TensorFlow mirrors it on.

There each device has a part of the batch and sees nothing of the rest. The means, random numbers
and statistics here are those of the whole batch, so that several devices train as one does. JAX
needs none of this: its arrays are whole, wherever their parts are. Outside of such a step every
function does what one device needs.
"""

import warnings
from collections.abc import Callable
from typing import Any

import keras
from keras import ops


def _context() -> Any:
    """What TensorFlow knows of a step on several devices; None where there is only one."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    context: Any = tf.distribute.get_replica_context()
    return context if context is not None and context.num_replicas_in_sync > 1 else None


def is_mirrored(strategy: object) -> bool:
    """Whether something is a strategy of TensorFlow for the devices of one machine.

    Args:
        strategy: anything, on the TensorFlow backend.

    Returns:
        bool.

    Example:
        >>> keras.backend.backend() == "tensorflow" and is_mirrored("no strategy")
        False
    """
    import tensorflow as tf

    return isinstance(strategy, tf.distribute.MirroredStrategy)


def summed(value: Any) -> Any:
    """Sum of a tensor over all devices; gradients flow back to each of them.

    Args:
        value: float tensor of one shape on all devices, or a list of such.

    Returns:
        Tensor of that shape, or a list.

    Example:
        >>> float(summed(ops.ones(())))
        1.0
    """
    context = _context()
    return value if context is None else context.all_reduce("SUM", value)


def share(count: Any) -> Any:
    """Weight of the mean over this device's images, where the mean over devices is taken.

    Args:
        count: int or scalar tensor, images on this device.

    Returns:
        float32 scalar tensor, ``devices * count / images``: 1 for equal parts, and on one device.

    Example:
        >>> float(share(5))
        1.0
    """
    context = _context()
    if context is None:
        return ops.ones(())
    count = ops.cast(count, "float32")
    return context.num_replicas_in_sync * count / summed(count)


def drawn(draw: Callable[[Any], Any], count: Any) -> Any:
    """Random numbers of this device's images, of those that one device would draw for all.

    Args:
        draw: function from a number of images to a tensor with so many rows, which draws the
            same on all devices.
        count: int or scalar tensor, images on this device.

    Returns:
        Tensor ``(count, ...)``.

    Example:
        >>> drawn(lambda images: ops.zeros((images, 8)), 3).shape == (3, 8)
        True
    """
    context = _context()
    if context is None:
        return draw(count)
    first, total = _place(context, count)
    return draw(total)[first : first + count]


def within_batch(function: Callable[[Any], Any], images: Any) -> Any:
    """Value of a function of a batch that treats each image by itself, but for its place.

    Args:
        function: function from a batch to a tensor of as many rows, such as dropout.
        images: tensor ``(count, ...)``, the images of this device.

    Returns:
        Tensor ``(count, ...)``, what the function makes of these images where they are in the
        whole batch.

    Example:
        >>> float(within_batch(lambda batch: 2 * batch, ops.ones((1,)))[0])
        2.0
    """
    context = _context()
    if context is None:
        return function(images)
    import tensorflow as tf

    count = tf.shape(images)[0]
    first, total = _place(context, count)
    around = [[first, total - first - count], *[[0, 0]] * (len(images.shape) - 1)]
    whole = tf.ensure_shape(tf.pad(images, around), [None, *images.shape[1:]])
    return function(whole)[first : first + count]


def moments(inputs: Any, axes: list[int]) -> tuple[Any, Any]:
    """Mean and variance over the whole batch, as ``tf.nn.moments`` has them on one device.

    Those of ``synchronized=True`` in Keras are the difference of two large numbers, and their
    second derivative, which a penalty on gradients needs, is another one.

    Args:
        inputs: float32 tensor, the part of this device.
        axes: list of int, what they are taken over, the batch among them.

    Returns:
        ``(mean, variance)`` without these axes.

    Example:
        >>> [float(each) for each in moments(ops.convert_to_tensor([1.0, 3.0]), [0])]
        [2.0, 1.0]
    """
    context = _context()
    if context is None:
        # Type checkers do not know it.
        return getattr(ops, "moments")(inputs, axes)  # noqa: B009
    import tensorflow as tf

    count = tf.cast(tf.reduce_prod(tf.gather(tf.shape(inputs), axes)), inputs.dtype)
    total, count = summed([tf.reduce_sum(inputs, axes, keepdims=True), count])
    mean = total / count
    squares = tf.math.squared_difference(inputs, tf.stop_gradient(mean))
    return tf.squeeze(mean, axes), summed(tf.reduce_sum(squares, axes)) / count


def _place(context: Any, count: Any) -> tuple[Any, Any]:
    """Where the images of this device begin in the batch, and how many the batch has."""
    import tensorflow as tf

    own, devices = context.replica_id_in_sync_group, context.num_replicas_in_sync
    counts = summed(tf.one_hot(own, devices) * tf.cast(count, "float32"))
    counts = tf.cast(tf.round(counts), "int32")
    return tf.reduce_sum(counts[:own]), tf.reduce_sum(counts)


@keras.saving.register_keras_serializable(package="hfc_keras")
class MeanLoss(keras.losses.CategoricalCrossentropy):
    """Cross-entropy whose gradient is that of the mean over the whole batch.

    Keras takes the mean over the images of each device and then the mean over devices, which
    gives the images of a smaller part a larger weight. The value stays Keras' own: it becomes the
    loss in the logs, for which Keras counts the images of each device.

    Example:
        >>> loss = MeanLoss(from_logits=True)
        >>> round(float(loss(ops.one_hot([0], 2), ops.zeros((1, 2)))), 4)
        0.6931
    """

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the mean over this device's images, divided by the number of devices."""
        mean: Any = super().__call__(y_true, y_pred, sample_weight)
        beyond = ops.stop_gradient(share(ops.shape(y_pred)[0])) - 1.0
        return mean + beyond * (mean - ops.stop_gradient(mean))


def tell_unsynchronized(model: keras.Model) -> None:
    """Warn of batch normalizations that know only the images of their own device.

    Args:
        model: keras.Model.

    Warns:
        UserWarning: if a model under a strategy of several devices has such a layer.

    Example:
        >>> tell_unsynchronized(keras.Sequential([keras.layers.BatchNormalization()]))
    """
    strategy = getattr(model, "distribute_strategy", None)
    devices = getattr(strategy, "num_replicas_in_sync", 1)
    alone = [each.name for each in batch_normalizations(model) if not each.synchronized]
    if devices > 1 and alone:
        warnings.warn(
            "Batch normalization takes the statistics of each device's images, not those of the "
            "whole batch: make the layer with synchronized=True, or train by training.fit, which "
            f"does. Received: devices={devices}, layers={alone[:3]}",
            stacklevel=3,
        )


def batch_normalizations(model: keras.Model) -> list[Any]:
    """Batch normalizations of Keras in a model.

    Args:
        model: keras.Model.

    Returns:
        List of keras.layers.BatchNormalization.

    Example:
        >>> len(batch_normalizations(keras.Sequential([keras.layers.BatchNormalization()])))
        1
    """
    kind = keras.layers.BatchNormalization
    return [each for each in model._flatten_layers() if isinstance(each, kind)]
