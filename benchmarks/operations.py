"""Floating-point operations of a network, counted from its layers."""

import keras
import numpy as np

from hfc_keras import checks

# A training step is the forward pass, and two of its size back: to the weights and to the maps.
STEP = 3


def forward_operations(model: keras.Model) -> int:
    r"""Operations of the forward pass of one image, in convolutions and dense layers only.

    .. math:: 2 \sum_l H_l W_l\, k_h k_w C_{\mathrm{in}} C_{\mathrm{out}}

    where :math:`C_{\mathrm{in}}` is that of a group and a dense layer counts as one pixel. A
    multiplication and an addition are two operations. Normalization, rectifiers and pooling (below
    one percent) are not counted.

    Args:
        model: keras.Model, functional, whose layers are each used once and which holds no other
            kernels than those of convolutions and dense layers.

    Returns:
        int.

    Raises:
        ValueError: for a layer with a kernel of another kind.

    Example:
        >>> inputs = keras.Input((8, 8, 3))
        >>> x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
        >>> x = keras.layers.Dense(10)(keras.layers.Flatten()(x))
        >>> forward_operations(keras.Model(inputs, x)) == 2 * (16 * 27 * 4 + 64 * 10)
        True
    """
    total = 0
    for layer in model.layers:
        if not layer.trainable_weights or isinstance(layer, keras.layers.BatchNormalization):
            continue
        checks.require(
            isinstance(layer, keras.layers.Conv2D | keras.layers.Dense),
            "`model` must have kernels in Conv2D and Dense alone",
            **{layer.name: type(layer).__name__},
        )
        pixels = np.prod(layer.output.shape[1:-1], dtype=int)
        total += 2 * int(pixels) * int(np.prod(layer.kernel.shape))
    return total
