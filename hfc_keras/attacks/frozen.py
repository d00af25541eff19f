"""A copy of a model for attacks alone: its weights stand still, and it computes in bfloat16."""

from typing import Any

import keras
import numpy as np
from keras import ops

from hfc_keras import contract, gradients, half_precision
from hfc_keras.copying import Copier
from hfc_keras.types import Floats, Precision

HALF, FULL = "bfloat16", "float32"
POLICY = "mixed_bfloat16"
# Of images in [0, 1], eight bits leave no more than 1/255: pixels are standardized, and logits
# computed, as they were.
EXACT = (keras.layers.Rescaling, keras.layers.Normalization, keras.layers.Dense)
# Images on which the copy must predict as the model does, and the share of them.
COMPARED, AGREEMENT = 64, 0.9


def precision_of(model: keras.Model, asked: Precision, images: Floats) -> Precision:
    """Precision in which an attack computes its gradients.

    Args:
        model: keras.Model that returns logits.
        asked: ``"float32"``, ``"bfloat16"`` or ``"auto"``.
        images: float32 array ``(batch, height, width, channels)``.

    Returns:
        ``"float32"`` or ``"bfloat16"``. With ``"auto"`` bfloat16, if this machine computes in it
        and the model predicts the same class in it for nine of ten images.

    Raises:
        ValueError: for ``"bfloat16"`` and a model that cannot be copied.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> precision_of(model, "float32", np.zeros((1, 8, 8, 1), "float32"))
        'float32'
    """
    if asked != "auto":
        return asked
    if not half_precision.pays():
        return FULL
    images = images[:COMPARED]
    try:
        copy = frozen(model)
    except ValueError:
        # Weights that Keras does not see: the attack goes on in the precision of the model.
        return FULL
    answers = [gradients.predicted(each, images).argmax(axis=-1) for each in (model, copy)]
    return HALF if np.mean(answers[0] == answers[1]) >= AGREEMENT else FULL


def frozen(model: keras.Model) -> keras.Model:
    r"""Copy of a model in bfloat16 whose batch normalizations are part of the convolutions.

    .. math:: K' = K \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}, \qquad
              b' = \beta + (b - \mu) \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}

    A batch normalization that follows no convolution becomes one product and one sum. Its
    weights are those of the model at the time of the call; it is copied once for a model.

    Args:
        model: keras.Model, built.

    Returns:
        keras.Model from images to logits, for inference alone.

    Raises:
        ValueError: for a model that cannot be copied, see ``copying.Copier``.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("resnet8", (8, 8, 1), 10, normalization="batch")
        >>> images = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
        >>> logits = [ops.convert_to_numpy(each(images)) for each in (model, frozen(model))]
        >>> bool(np.allclose(*logits, atol=0.1))
        True
    """
    now = contract.makeup(model)
    before, kept = vars(model).get("_hfc_keras_frozen", (None, None))
    if kept is None or before != now:
        kept = _Frozen(model)
        model.__dict__["_hfc_keras_frozen"] = now, kept
    kept.update()
    return kept.model


class _Frozen:
    """The copy of a model, and where its weights come from."""

    def __init__(self, model: keras.Model) -> None:
        self.copier = Copier()
        # Batch normalizations by the convolutions before them, by id; and pairs of layers.
        self.folded, self.normalizations, self.pairs = {}, [], []
        self.model = self.layer(model)
        for layer in self.model._flatten_layers():
            leaf = not list(layer._flatten_layers(include_self=False, recursive=False))
            if leaf and layer.dtype_policy.name == FULL and not isinstance(layer, EXACT):
                layer.dtype_policy = POLICY

    def layer(self, layer: Any) -> Any:
        """Copy of a layer, or of a model of layers."""
        if isinstance(layer, keras.Model) and hasattr(layer, "operations"):
            return self.graph(layer)
        normalization = self.folded.get(id(layer))
        if normalization is not None:
            twin = keras.layers.Conv2D.from_config({**layer.get_config(), "use_bias": True})
            self.normalizations.append((layer, normalization, twin))
            return twin
        if _is_affine(layer):
            twin = _Affine(name=layer.name)
            self.normalizations.append((None, layer, twin))
            return twin
        twin = self.copier.twin(layer)
        self.pairs.append((layer, twin))
        return twin

    def graph(self, model: Any) -> keras.Model:
        """Copy of a functional or sequential model without the folded normalizations."""
        view = keras.Model(model.input, model.output, name=model.name)
        for layer in view.layers:
            before = _convolution_before(layer)
            if before is not None:
                self.folded[id(before)] = layer
        left_out = {id(layer) for layer in self.folded.values()}

        def copy(layer: Any) -> Any:
            gone = id(layer) in left_out
            return keras.layers.Identity(name=layer.name) if gone else self.layer(layer)

        return keras.models.clone_model(view, clone_function=copy, call_function=_called)

    def update(self) -> None:
        """Give the copy the weights that the model has now."""
        for layer, twin in self.pairs:
            pairs = zip(
                getattr(layer, "variables", ()), getattr(twin, "variables", ()), strict=True
            )
            for source, variable in pairs:
                variable.assign(source.value)
        for convolution, normalization, twin in self.normalizations:
            scale, shift = _scale_and_shift(normalization)
            if convolution is None:
                twin.scale.assign(scale)
                twin.shift.assign(shift)
            else:
                bias = convolution.bias.value if convolution.use_bias else 0.0
                twin.kernel.assign(convolution.kernel.value * scale)
                twin.bias.assign(bias * scale + shift)


@keras.saving.register_keras_serializable(package="hfc_keras")
class _Affine(keras.Layer):
    """Product and sum for each channel."""

    def build(self, input_shape: Any) -> None:
        """Make both weights."""
        self.scale = self.add_weight(shape=(input_shape[-1],), trainable=False, name="scale")
        self.shift = self.add_weight(shape=(input_shape[-1],), trainable=False, name="shift")

    def call(self, inputs: Any) -> Any:
        """Return the changed features."""
        return inputs * self.scale + self.shift


def _called(layer: Any, *arguments: Any, **options: Any) -> Any:
    """Call a copied layer; one that stands for a batch normalization takes no options."""
    plain = isinstance(layer, (_Affine, keras.layers.Identity))
    return layer(*arguments) if plain else layer(*arguments, **options)


def _is_affine(layer: Any) -> bool:
    """Whether a layer is a batch normalization of the last axis."""
    if type(layer) is not keras.layers.BatchNormalization or not layer._inbound_nodes:
        return False
    rank = len(layer._inbound_nodes[0].input_tensors[0].shape)
    return layer.axis in (-1, rank - 1)


def _convolution_before(layer: Any) -> Any:
    """Convolution whose output goes into a batch normalization and nowhere else, or None."""
    if not _is_affine(layer) or len(layer._inbound_nodes) != 1:
        return None
    (parent, *others) = [node.operation for node in layer._inbound_nodes[0].parent_nodes]
    plain = type(parent) is keras.layers.Conv2D and not others
    if not plain or parent.activation is not keras.activations.linear:
        return None
    alone = len(parent._inbound_nodes) == len(parent._outbound_nodes) == 1
    return parent if alone and parent.data_format == "channels_last" else None


def _scale_and_shift(layer: Any) -> tuple[Any, Any]:
    """What a batch normalization does in inference mode."""
    scale = 1 / ops.sqrt(layer.moving_variance.value + layer.epsilon)
    scale = scale * layer.gamma.value if layer.gamma is not None else scale
    shift = -layer.moving_mean.value * scale
    return scale, shift + layer.beta.value if layer.beta is not None else shift
