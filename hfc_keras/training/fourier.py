"""Training with a penalty on the Fourier sensitivity, by double back-propagation."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from hfc_keras import checks, gradients, losses, regularizers
from hfc_keras.regularizers.sensitivity_penalty import Kind, as_kind, as_plain, check_kind
from hfc_keras.training import replicas
from hfc_keras.training.image_training import ImageTraining
from hfc_keras.types import Record, Tensor

# Factor on the loss inside the penalty, which has no scale, so that half precision does not
# underflow on the way to the images; a power of two changes no digit.
LOSS_SCALE = 2.0**10


@keras.saving.register_keras_serializable(package="hfc_keras")
class FourierRegularized(ImageTraining):
    r"""Train a model to be sensitive to some frequencies of the image and not to others.

    .. math:: \min_\theta \ell(f_\theta(x), y) + \lambda R(\nabla_x \ell(f_\theta(x), y))

    with the penalty :math:`R` of ``regularizers.sensitivity_penalty``. ``fit`` takes what the
    model's own would: arrays, a dataset, callbacks, metrics. One forward pass in training mode
    serves the loss and the penalty. The loss inside :math:`R` is the cross-entropy of each image;
    the outer one is that of ``compile``, and alone has sample weights. While training, the metric
    ``sensitivity_penalty`` is the mean of :math:`R` without its weight. ``evaluate``, ``predict``
    and validation are those of the model; exported, called or described, it is the plain network.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        kind_or_band: ``"low"``, ``"mid"``, ``"high"`` or ``"all"``, the frequencies to stay
            sensitive to, or a regularizers.SensitivityBand.
        weight: float, :math:`\lambda`, at least 0.
        **kwargs: see ``keras.Model``.

    Raises:
        ValueError: for a model that is not a Keras model, another kind, a weight that is negative
            or not finite; by ``fit`` for pixels outside [0, 1], images too small for the kind,
            missing labels, labels out of range or no distributions, a model that returns
            probabilities or has no gradient, or no batch. Of a data set or a generator the first
            batch is looked at.
        FloatingPointError: by ``fit`` (not ``train_on_batch``), as soon as the penalty is not
            finite (the gradient of every image of a batch is zero, or one is not finite) or the
            loss, and after an epoch a weight or the optimizer's state.

    Reference:
        Krishnamachari et al., Fourier Sensitivity and Regularization of Computer Vision
        Models, TMLR 2022.

    Example:
        >>> from hfc_keras import data, models
        >>> digits = data.load("digits", examples=(50, 20))
        >>> network = models.build("small_cnn", (8, 8, 1), 10)
        >>> regularized = FourierRegularized(network, "low")
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> regularized.compile("adam", loss, metrics=["accuracy"])
        >>> history = regularized.fit(digits.train.images, digits.train.labels, verbose=0)
        >>> sorted(history.history)
        ['accuracy', 'loss', 'sensitivity_penalty']
    """

    def __init__(
        self, model: keras.Model, kind_or_band: Any = "low", weight: float = 0.5, **kwargs: Any
    ) -> None:
        super().__init__(model, **kwargs)
        self.kind_or_band: Kind = as_kind(kind_or_band, "kind_or_band")
        self.weight = checks.number("weight", weight, minimum=0)
        self.penalty_tracker = keras.metrics.Mean(name="sensitivity_penalty")
        self.build_like_model()

    def training_call(self, images: Tensor, labels: Tensor, training: bool | None) -> Any:
        """Return the logits; the losses of layers and the weighted penalty go to the step."""
        checks.require(
            None not in tuple(images.shape[1:3]),
            "`x` must have known height and width for the penalty; map it through tf.ensure_shape",
            **{"x.shape": tuple(images.shape)},
        )
        # It must outlive the adding of losses: layers know theirs by their ids.
        values = [(variable, variable.value) for variable in self.model.variables]
        scope = keras.StatelessScope(values, collect_losses=True)

        def loss(x: Tensor) -> tuple[Tensor, tuple[Any, ...]]:
            with scope:
                logits = self.model(x, training=training)
            state = [scope.get_current_value(each) for each in self.model.non_trainable_variables]
            total = LOSS_SCALE * ops.sum(losses.sample_losses(logits, labels))
            return total, (logits, scope.losses, state)

        (_, (logits, added, state)), gradient = gradients.value_and_gradient(
            loss, images, has_aux=True
        )
        for variable, value in zip(self.model.non_trainable_variables, state, strict=True):
            variable.assign(value)
        penalty = regularizers.sensitivity_penalty(
            gradient, self.kind_or_band, total=replicas.summed
        )
        self.step.losses.extend([*added, self.weight * penalty])
        self.step.noted["penalty"] = penalty
        return logits

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """Return the loss of ``compile``, those of layers and, while training, the penalty."""
        if "penalty" in self.step.noted:
            self.penalty_tracker.update_state(self.step.noted["penalty"])
        return super().compute_loss(*args, **kwargs)

    def test_step(self, *arguments: Any) -> Any:
        """Test the model as it is, without the metric of the training."""
        result = super().test_step(*arguments)
        logs = result[0] if isinstance(result, tuple) else result
        logs.pop(self.penalty_tracker.name, None)
        return result

    def check(self, images: Any, labels: Any) -> None:
        """Refuse what cannot be trained on, as the class says."""
        super().check(images, labels)
        check_kind(self.kind_or_band, np.shape(images)[1:], "kind_or_band")

    def get_config(self) -> Record:
        """Return every argument that rebuilds the model."""
        return {
            "name": self.name,
            "model": keras.saving.serialize_keras_object(self.model),
            "kind_or_band": as_plain(self.kind_or_band),
            "weight": self.weight,
        }

    @classmethod
    def from_config(cls, config: Record, custom_objects: Any = None) -> Self:
        """Rebuild from ``get_config``."""
        model = keras.saving.deserialize_keras_object(config["model"], custom_objects)
        return cls(**{**config, "model": model})
