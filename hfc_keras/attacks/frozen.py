"""A copy of a model for attacks alone: its weights stand still, and it computes in bfloat16."""

from typing import Any

import keras
from keras import ops

from hfc_keras import contract, gradients
from hfc_keras.attacks.exact_layers import logit_layers, pixel_layers
from hfc_keras.copying import Copier
from hfc_keras.types import Predict

HALF, FULL = "bfloat16", "float32"
POLICY = "mixed_bfloat16"
# Eight bits leave steps of 1/256 between 0.5 and 1, as large as an epsilon, and steps of 2 between
# 256 and 512: layers that see pixels, and those that make logits, compute as they did.
ENDS = (pixel_layers, logit_layers)
EXACT = (keras.layers.Dense,)


def frozen(model: keras.Model) -> keras.Model:
    r"""Copy of a model in bfloat16 in which batch normalizations cost one sum.

    .. math:: s = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}, \qquad K' = s K, \qquad
              b' = s b, \qquad y = K' x + b' + (\beta - s \mu)

    The scale is part of the kernel of the convolution before; where there is none, it is one
    product. The weights of the copy are those of the model at the time of the call; it is made
    once for a model.

    Args:
        model: keras.Model, built.

    Returns:
        keras.Model from images to logits, for inference alone.

    Raises:
        ValueError: for a model that cannot be copied, see ``copying.Copier``.

    Example:
        >>> import numpy as np
        >>> from hfc_keras import models
        >>> model = models.build("resnet8", (8, 8, 1), 10, normalization="batch")
        >>> images = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
        >>> logits = [ops.convert_to_numpy(each(images)) for each in (model, frozen(model))]
        >>> bool(np.allclose(*logits, atol=0.1))
        True
    """
    kept = _kept(model)
    if kept is None:
        kept = _Frozen(model)
        model.__dict__["_hfc_keras_frozen"] = contract.makeup(model), kept
    kept.update()
    return kept.model


def leading(model: keras.Model) -> Predict:
    """Function from images to logits that leads an attack inside a training step.

    Of a model in half precision that was frozen before, outside of the step, it is the copy with
    the weights of the moment; of any other ``gradients.inference``.

    Args:
        model: keras.Model, built.

    Returns:
        Function of images ``(batch, height, width, channels)``.

    Example:
        >>> import numpy as np
        >>> from hfc_keras import models
        >>> predict = leading(models.build("small_cnn", (8, 8, 1), 10))
        >>> predict(np.zeros((2, 8, 8, 1), "float32")).shape == (2, 10)
        True
    """
    # Not the copy that an evaluation has left of a float32 model.
    kept = _kept(model) if computes_in_half(model) else None
    if kept is None:
        return gradients.inference(model)
    values = kept.values()

    def predict(images: Any) -> Any:
        with keras.StatelessScope(values):
            return kept.model(images, training=False)

    return predict


def computes_in_half(model: keras.Model) -> bool:
    """Whether a layer of a model computes in bfloat16.

    Args:
        model: keras.Model.

    Returns:
        bool.

    Example:
        >>> computes_in_half(keras.Sequential([keras.layers.Conv2D(1, 1, dtype="mixed_bfloat16")]))
        True
    """
    return any(layer.compute_dtype == HALF for layer in model._flatten_layers())


def _kept(model: keras.Model) -> Any:
    """Copy that was made of a model as it is, or None."""
    before, kept = vars(model).get("_hfc_keras_frozen", (None, None))
    return kept if kept is not None and before == contract.makeup(model) else None


class _Frozen:
    """The copy of a model, and where its weights come from."""

    def __init__(self, model: keras.Model) -> None:
        copier = Copier()
        self.model = copier.twin(model)
        self.pairs = [(copier.twin(variable), variable) for variable in model.variables]
        # Batch normalizations with the convolutions before them, and the copies of both.
        self.normalizations = []
        elsewhere = _used_elsewhere(model)
        for layer in model._flatten_layers():
            if _is_affine(layer):
                twin, convolution = copier.twin(layer), _convolution_before(layer, elsewhere)
                twin.__class__ = _Scaled if convolution is None else _Shifted
                self.normalizations.append((layer, twin, convolution, copier.twin(convolution)))
        # A layer of a network in half precision that is not has its reasons.
        if not computes_in_half(model):
            self._halve()

    def _halve(self) -> None:
        """Let all layers compute in half precision that need not be exact."""
        exact = {id(layer) for find in ENDS for layer in find(self.model)}
        for layer in self.model._flatten_layers():
            leaf = not list(layer._flatten_layers(include_self=False, recursive=False))
            full = layer.dtype_policy.name == FULL
            if leaf and full and id(layer) not in exact and not isinstance(layer, EXACT):
                layer.dtype_policy = POLICY

    def update(self) -> None:
        """Give the copy the weights that the model has now."""
        for variable, value in self.values():
            variable.assign(value)

    def values(self) -> list[tuple[Any, Any]]:
        """Pairs of a variable of the copy and the value it takes; of two the later one counts."""
        pairs = [(variable, _value(source)) for variable, source in self.pairs]
        for layer, twin, convolution, convolution_twin in self.normalizations:
            scale, shift = _scale_and_shift(layer)
            pairs += [(twin.moving_variance, scale), (twin.moving_mean, shift)]
            if convolution is not None:
                pairs.append((convolution_twin.kernel, _value(convolution.kernel) * scale))
                if convolution.use_bias:
                    pairs.append((convolution_twin.bias, _value(convolution.bias) * scale))
        return pairs


class _Scaled(keras.layers.BatchNormalization):
    """One product and one sum: the moving variance holds the scale, the moving mean the shift."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Return the scaled and shifted features."""
        scale = ops.cast(self.moving_variance, inputs.dtype)
        return inputs * scale + ops.cast(self.moving_mean, inputs.dtype)


class _Shifted(keras.layers.BatchNormalization):
    """One sum, where the scale is part of the convolution before."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Return the shifted features."""
        return inputs + ops.cast(self.moving_mean, inputs.dtype)


def _is_affine(layer: Any) -> bool:
    """Whether a layer is a batch normalization of the last axis."""
    if type(layer) is not keras.layers.BatchNormalization or not layer.built:
        return False
    specification: Any = layer.input_spec
    # One that is called with training=True takes the statistics of the batch.
    own = any(node.arguments.kwargs.get("training") for node in layer._inbound_nodes)
    return layer.axis in (-1, specification.ndim - 1) and not own


def _used_elsewhere(model: keras.Model) -> set[int]:
    """Ids of the tensors that models return, and of the layers that code of one's own holds."""
    found = set()
    for each in model._flatten_layers():
        graph = isinstance(each, keras.Model) and hasattr(each, "outputs")
        found.update(map(id, each.outputs if graph else each._layers))
    return found


def _convolution_before(layer: Any, elsewhere: set[int]) -> Any:
    """Convolution whose outputs go into a batch normalization and nowhere else, or None."""
    before = [node.operation for each in layer._inbound_nodes for node in each.parent_nodes]
    if not before or any(each is not before[0] for each in before):
        return None
    convolution: Any = before[0]
    if type(convolution) is not keras.layers.Conv2D or convolution.data_format != "channels_last":
        return None
    # With low-rank weights beside it, the kernel is a sum.
    plain = isinstance(convolution.kernel, keras.Variable)
    if not plain or convolution.activation is not keras.activations.linear:
        return None
    users = [node.operation for node in convolution._outbound_nodes]
    results = [tensor for node in convolution._inbound_nodes for tensor in node.output_tensors]
    alone = len(users) == len(results) and all(each is layer for each in users)
    free = all(id(each) not in elsewhere for each in (convolution, *results))
    return convolution if alone and free else None


def _scale_and_shift(layer: Any) -> tuple[Any, Any]:
    """What a batch normalization does in inference mode."""
    scale = 1 / ops.sqrt(_value(layer.moving_variance) + layer.epsilon)
    scale = scale * _value(layer.gamma) if layer.gamma is not None else scale
    shift = -_value(layer.moving_mean) * scale
    return scale, shift + _value(layer.beta) if layer.beta is not None else shift


def _value(variable: Any) -> Any:
    """Value of a variable, whose floats are half as long inside a layer in half precision."""
    value = variable.value
    is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(value.dtype))
    return ops.cast(value, FULL) if is_float else value
