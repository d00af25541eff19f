"""Maps with reflected borders."""

from keras import ops

from hfc_keras.types import Tensor


def reflect(maps: Tensor, before: int, after: int) -> Tensor:
    """Maps with each border reflected, the edge not repeated.

    ``ops.pad(..., mode="reflect")`` that takes an empty batch under TensorFlow as well.

    Args:
        maps: tensor ``(batch, height, width, channels)``, sides above both margins.
        before: int, pixels added above and to the left, at least 0.
        after: int, pixels added below and to the right, at least 0.

    Returns:
        Tensor ``(batch, height + before + after, width + before + after, channels)``.

    Example:
        >>> row = ops.reshape(ops.arange(4), (1, 1, 4, 1))
        >>> maps = ops.tile(row, (1, 3, 1, 1))
        >>> ops.convert_to_numpy(reflect(maps, 1, 2))[0, 0, :, 0].tolist()
        [1, 0, 1, 2, 3, 2, 1]
    """
    for axis in (1, 2):
        ahead = (slice(None),) * axis
        parts = [maps]
        if before:
            parts.insert(0, ops.flip(maps[(*ahead, slice(1, before + 1))], axis=axis))
        if after:
            parts.append(ops.flip(maps[(*ahead, slice(-after - 1, -1))], axis=axis))
        maps = ops.concatenate(parts, axis=axis)
    return maps
