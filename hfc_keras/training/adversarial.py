"""Adversarial training inside ordinary ``fit``."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
from keras import ops

from hfc_keras import attacks, checks, per_backend
from hfc_keras.attacks import frozen
from hfc_keras.attacks.iteration import Iteration
from hfc_keras.attacks.kinds import Attack
from hfc_keras.attacks.norms import NORMS
from hfc_keras.training import replicas
from hfc_keras.training.image_training import ImageTraining
from hfc_keras.types import Array, ArrayLike, Record, Tensor


@keras.saving.register_keras_serializable(package="hfc_keras")
class AdversarialTraining(ImageTraining):
    r"""Train a model on adversarial images made anew in every step.

    .. math:: \min_\theta E \max_{\|\delta\| \le \epsilon} \ell(f_\theta(x + \delta), y)

    ``fit`` takes what the model's own would: arrays, a dataset, callbacks, metrics, sample
    weights. Metrics of the training are on adversarial images; ``evaluate``, ``predict`` and
    validation are on the images as they are. The attack sees the model in inference mode, the
    training step in training mode, so that batch normalization is updated once per step. Exported,
    called or described, it is the plain network.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        attack: attacks.Fgsm or attacks.Pgd, untargeted and without restarts; None is
            ``Pgd(8 / 255, steps=7)``.
        seed: int of at least 0 or None, of the random starts, instead of the attack's own.
        **kwargs: see ``keras.Model``.

    Raises:
        ValueError: for a model that is not a Keras model, or an attack that cannot be trained
            with; by ``fit`` for pixels outside [0, 1], labels that are missing, out of range or no
            distributions, a model that returns probabilities, or no batch. Of a data set or a
            generator the first batch is looked at.
        FloatingPointError: by ``fit`` (not ``train_on_batch``), as soon as the loss is not
            finite, and after an epoch a weight or the optimizer's state.

    Reference:
        Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018.

    Example:
        >>> from hfc_keras import data, models
        >>> digits = data.load("digits", examples=(50, 20))
        >>> network = models.build("small_cnn", (8, 8, 1), 10)
        >>> robust = AdversarialTraining(network, attacks.Pgd(0.1, steps=2))
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> robust.compile("adam", loss, metrics=["accuracy"])
        >>> history = robust.fit(digits.train.images, digits.train.labels, verbose=0)
        >>> robust.model is network
        True
    """

    # Its gradient never saturates.
    GRADIENT_OF = "margin"

    def __init__(
        self,
        model: keras.Model,
        attack: Attack | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(model, **kwargs)
        self.attack = attacks.Pgd(8 / 255, steps=7) if attack is None else attack
        check_attack(self.attack, "attack")
        self.seed = None if seed is None else checks.number("seed", seed, minimum=0, whole=True)
        # Keras keeps a seed in 32 bits, which JAX refuses to cut.
        self.seed_generator = keras.random.SeedGenerator(
            None if self.seed is None else self.seed % 2**32
        )
        self.build_like_model()
        if self.model.built and frozen.computes_in_half(self.model):
            self._freeze()

    def _freeze(self) -> None:
        """Let a copy lead the attacks, in which batch normalization costs nothing."""
        # A network that cannot be copied leads them itself, only slower.
        with contextlib.suppress(ValueError):
            frozen.frozen(self.model)

    def training_call(self, images: Tensor, labels: Tensor, training: bool | None) -> Any:
        """Return the logits of the attacked images."""
        checks.require(
            self.attack.mask is None or None not in tuple(images.shape[1:3]),
            "`x` must have known height and width for a mask; map it through tf.ensure_shape",
            **{"x.shape": tuple(images.shape)},
        )
        return self.model(self.attacked(images, labels), training=training)

    def attacked(self, images: ArrayLike, labels: ArrayLike) -> Tensor:
        """Adversarial images of a batch.

        Args:
            images: float ``(batch, height, width, channels)`` in [0, 1].
            labels: int ``(batch,)``, one-hot or soft ``(batch, classes)``.

        Returns:
            float32 tensor like ``images``; no gradient flows back through it.

        Example:
            >>> from hfc_keras import data, models
            >>> test = data.load("digits").test
            >>> network = models.build("small_cnn", (8, 8, 1), 10)
            >>> robust = AdversarialTraining(network, attacks.Pgd(0.1, steps=2))
            >>> robust.attacked(test.images[:4], test.labels[:4]).shape == (4, 8, 8, 1)
            True
        """
        images = ops.cast(images, "float32")
        true = ops.convert_to_tensor(labels)
        true = true[:, 0] if true.shape[1:] == (1,) else true
        if self.attack.epsilon == 0:
            return images
        iterate, predict = Iteration.of(self.attack), frozen.leading(self.model)
        sizes = self.attack.epsilon, self.attack.step
        state = [self._start(iterate, images)]
        state += [ops.zeros_like(images)] if self.attack.momentum else []
        with per_backend.without_gradients():
            for _ in range(self.attack.steps):
                *state, _, _, _ = iterate(predict, images, true, *sizes, *state)
        return ops.stop_gradient(state[0])

    def _check_gradient(self, images: Array, labels: Array) -> None:
        """Let a last kernel of zeros pass: it has a gradient itself, and after a step images do."""
        last = getattr(self.model.layers[-1], "kernel", None) if self.model.layers else None
        if last is None or bool(ops.any(ops.convert_to_tensor(last) != 0)):
            super()._check_gradient(images, labels)

    def _start(self, iterate: Iteration, images: Tensor) -> Tensor:
        if not self.attack.random_start:
            return images
        noise = NORMS[self.attack.norm].start(
            lambda shape: self._drawn(keras.random.uniform, shape),
            lambda shape: self._drawn(keras.random.normal, shape),
            ops.shape(images),
        )
        return iterate.confined(images, images + self.attack.epsilon * noise, self.attack.epsilon)

    def _drawn(self, draw: Callable[..., Any], shape: Sequence[Any]) -> Any:
        options = {"seed": self.seed_generator, "dtype": "float32"}
        return replicas.drawn(lambda images: draw((images, *shape[1:]), **options), shape[0])

    def get_config(self) -> Record:
        """Return every argument that rebuilds the model."""
        return {
            "name": self.name,
            "model": keras.saving.serialize_keras_object(self.model),
            "attack": self.attack.to_dict(),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: Record, custom_objects: Any = None) -> Self:
        """Rebuild from ``get_config``."""
        model = keras.saving.deserialize_keras_object(config["model"], custom_objects)
        return cls(**{**config, "model": model, "attack": attacks.from_dict(config["attack"])})


def check_attack(attack: Any, name: str) -> None:
    """Refuse an attack that cannot be trained with.

    Args:
        attack: what the caller passed.
        name: str, the argument's name.

    Raises:
        ValueError: if it is no attack, targeted, or has restarts or a seed of its own.

    Example:
        >>> check_attack(attacks.Pgd(0.1), "adversary")
    """
    checks.require(
        isinstance(attack, (attacks.Fgsm, attacks.Pgd)),
        f"`{name}` must be attacks.Fgsm or attacks.Pgd",
        **{name: attack},
    )
    checks.require(
        attack.restarts == 1 and not attack.targeted,
        f"`{name}` must be untargeted and without restarts",
        **{name: attack},
    )
    checks.require(
        attack.precision == "float32",
        f"`{name}` must leave its precision at 'float32': in training that of the network counts, "
        "Recipe(precision='mixed_bfloat16')",
        **{name: attack},
    )
    checks.require(
        attack.seed == 0,
        f"`{name}` must leave its seed at 0: that of the training draws the starts",
        **{name: attack},
    )
