"""How a network is trained, as a value."""

import dataclasses
from typing import Any, Self, cast

from hfc_keras import attacks, checks, regularizers
from hfc_keras.records import digest
from hfc_keras.regularizers.sensitivity_penalty import Kind, as_plain
from hfc_keras.training import recipe_fields
from hfc_keras.types import Record


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a training ends in. The defaults are the paper's vanilla.

    Recipes are equal if their ``hash`` is: values of fields that do nothing, such as
    ``regularizer_weight`` without a regularizer, play no part.

    Args:
        dataset: str or path, what ``data.load`` takes.
        examples: None, int or (int, int), see ``data.load``.
        image_size: None, int or (int, int), pixels, see ``data.load``.
        model: str, one of ``models.names()``, networks of your own by ``models.register`` too.
        width: float above 0, multiplies the model's numbers of filters.
        options: dict of further options of ``models.build``, such as ``{"stem": "cifar"}``.
        normalization: ``"none"`` or ``"batch"``.
        bn_momentum: float in [0, 1], of the moving averages. 0.9 follows within some ten
            batches; Keras' own 0.99 needs hundreds, too slow for a short training.
        dropout: float in [0, 1), rate before the last dense layer.
        optimizer: ``"adam"``, ``"sgd"``, ``"adagrad"``, ``"adadelta"`` or ``"rmsprop"``.
        learning_rate: float, at least 0.
        schedule: ``"constant"``, ``"cosine"`` (to 0 at the last step), ``"step"`` or
            ``"one_cycle"`` (up to the learning rate and down to 0, see ``OneCycle``).
        warmup: float in [0, 1) or None, share of the steps in which the rate rises linearly to
            its first value, before another schedule begins on the steps that are left, or of the
            rise of ``"one_cycle"``. None is 0.2 for that one and 0 for the others.
        milestones: tuple of int below ``epochs``, epochs after which ``"step"`` multiplies the
            rate; none is after each third of the training.
        step_factor: float in [0, 1], what ``"step"`` multiplies the rate by.
        momentum: float in [0, 1], of ``"sgd"`` and ``"rmsprop"``.
        nesterov: bool, Nesterov's momentum, of ``"sgd"``.
        weight_decay: float, at least 0, decoupled as Keras' optimizers apply it: each step takes
            that share times the step's learning rate off every trained variable, biases and
            batch normalization included. In SGD with momentum :math:`m`, PyTorch's L2 decay
            :math:`d` is about :math:`d / (1 - m)` here.
        label_smoothing: float in [0, 1), share of each label that the training loss spreads
            evenly over all classes. The losses of an adversary and of a regularizer's penalty
            have the labels as they are, and so have all accuracies and the validation.
        batch_size: int, images per step.
        epochs: int, passes over the training set.
        precision: ``"float32"`` or ``"mixed_bfloat16"``, in which the training step computes; as
            of ``fit``, which returns a network in float32 and states what was really used.
        augmentation: ``"none"``, ``"crop_flip"`` (pad, random crop, left-right flip), or a tuple
            of Keras layers of images in [0, 1], or of their configs; see below.
        crop_padding: int from 0 to 1024, pixels of zeros on each side before the crop.
        flip: ``"random"``, half of the images in each epoch, or ``"alternating"``: the first
            epoch mirrors half of them at random, each later one those that were not in the epoch
            before, ahead of all other augmentation.
        noise: float, at least 0, standard deviation of Gaussian noise on the training images,
            in units of pixels; they are clipped to [0, 1] again.
        mix_up: float, alpha of mix-up's Beta distribution; 0 is no mix-up.
        mix_up_weight: ``"image"``, a weight for each image, or ``"batch"``, one for all.
        labels: ``"true"`` or ``"shuffled"`` (shuffled once per seed).
        component: ``"original"``, ``"low"`` or ``"high"``, what the training images keep.
        radius: float or None, cycles per image; needed for a component.
        inclusive: bool, ``<=`` or ``<`` at the rim of the disc.
        outside_gain: float in [0, 1], see ``layers.RadialFilter``.
        rescale: bool, whether each training image is divided by its maximum.
        adversary: None, attacks.Fgsm or attacks.Pgd, what training images are attacked by, see
            ``AdversarialTraining``; or the dict that stands for it in ``to_dict``.
        regularizer: None, ``"low"``, ``"mid"``, ``"high"``, ``"all"`` or a
            regularizers.SensitivityBand, the frequencies that ``FourierRegularized`` leaves the
            network sensitive to; or the pair (inner, outer) that stands for a band.
        regularizer_weight: float, at least 0, weight of its penalty.
        recombination: ``"none"``; ``"apr_s"``, ``layers.AmplitudePhaseSingle`` before any other
            augmentation; ``"apr_p"``, ``"hybrid"`` or ``"hybrid_plus"``, both copies of a batch
            by ``layers.AmplitudePhaseMix`` or ``HybridAugment`` after it, the loss their mean as
            ``layers.BothCopies`` has it; or ``"apr_sp"``, APR-S and APR-P.
        recombination_probability: float in [0, 1], of a batch to be mixed by these pairs.
        single_probability: float in [0, 1], of an image to be recombined by APR-S.
        recombination_axes: ``"spatial_channel"`` or ``"spatial"``, see ``spectrum.recombine``.
        seed: int, of weights, order, augmentation, noise, dropout and label shuffle.

    Layers in ``augmentation`` are called in their order, in training mode, on filtered float32
    images before noise is added. They keep the shape of images and have no weights; random numbers
    come from a ``keras.random.SeedGenerator`` of theirs, which is set for each batch by seed and
    epoch, so that a resumed training goes on as it would have. The recipe keeps their configs: a
    class of your own must be registered with ``keras.saving.register_keras_serializable``.

    Each layer keeps pixels in [0, 1]: those of Keras for 0-255 take ``value_range=(0, 1)``, and
    ``layers.PixelNoise`` stands for ``keras.layers.GaussianNoise``, which does not clip. Layers
    that leave [0, 1] between them go in as one ``keras.layers.Pipeline``, which may end in
    ``keras.layers.ReLU(max_value=1.0)``. ``fit`` tries each layer on a few images and refuses what
    breaks a rule; it cannot see what is rare, or happens only on other images or in compiled code.

    Raises:
        ValueError: for a field that does not exist or a value out of range.

    Example:
        >>> vanilla = Recipe(dataset="digits", model="resnet8", epochs=5)
        >>> vanilla.but(radius=8, component="low") == vanilla.but(radius=8.0, component="low")
        True
        >>> import keras
        >>> turns = keras.layers.RandomRotation(0.05, fill_mode="constant")
        >>> vanilla.but(augmentation=(turns,)).augmentation[0]["class_name"]
        'RandomRotation'
    """

    dataset: str = "digits"
    examples: int | tuple | None = None
    image_size: int | tuple | None = None
    model: str = "resnet8"
    width: float = 1.0
    options: dict = dataclasses.field(default_factory=dict)
    normalization: str = "none"
    bn_momentum: float = 0.9
    dropout: float = 0.0
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    schedule: str = "constant"
    warmup: float | None = None
    milestones: tuple = ()
    step_factor: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    batch_size: int = 100
    epochs: int = 100
    precision: str = "float32"
    augmentation: str | tuple = "none"
    crop_padding: int = 4
    flip: str = "random"
    noise: float = 0.0
    mix_up: float = 0.0
    mix_up_weight: str = "image"
    labels: str = "true"
    component: str = "original"
    radius: float | None = None
    inclusive: bool = True
    outside_gain: float = 0.0
    rescale: bool = False
    adversary: attacks.Fgsm | attacks.Pgd | None = None
    regularizer: str | regularizers.SensitivityBand | None = None
    regularizer_weight: float = 0.5
    recombination: str = "none"
    recombination_probability: float = 0.6
    single_probability: float = 1.0
    recombination_axes: str = "spatial_channel"
    seed: int = 0

    def __new__(cls, **values: Any) -> Self:
        """Refuse a field that does not exist, with the nearest names."""
        for name in values:
            checks.choice("field of Recipe", name, [field.name for field in _fields()])
        return super().__new__(cls)

    def __post_init__(self) -> None:
        """Check every field and give numbers the field's type."""
        for field in _fields():
            value = recipe_fields.field_value(field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        recipe_fields.check_together(self)

    def but(self, **changes: Any) -> Self:
        """Return the same recipe with some fields changed.

        Args:
            **changes: new values by field.

        Returns:
            Recipe.

        Raises:
            ValueError: as the constructor.

        Example:
            >>> Recipe().but(normalization="batch").normalization
            'batch'
        """
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> Record:
        """Return the fields that differ from their defaults, ready for JSON.

        Returns:
            dict from field to value.

        Example:
            >>> Recipe(epochs=5.0).to_dict()
            {'epochs': 5}
        """
        values = {field.name: getattr(self, field.name) for field in _fields()}
        default = {field.name: _default(field) for field in _fields()}
        changed = {name: value for name, value in values.items() if value != default[name]}
        if self.adversary:
            changed["adversary"] = self.adversary.to_dict()
        if self.regularizer:
            changed["regularizer"] = as_plain(cast(Kind, self.regularizer))
        else:
            changed.pop("regularizer_weight", None)
        if self.warmup in (None, recipe_fields.WARMUP.get(self.schedule, 0.0)):
            changed.pop("warmup", None)
        if self.recombination not in recipe_fields.PAIRED:
            changed.pop("recombination_probability", None)
        if self.recombination not in recipe_fields.SINGLE:
            changed.pop("single_probability", None)
        if self.recombination in ("none", "hybrid"):
            changed.pop("recombination_axes", None)
        return changed

    @property
    def hash(self) -> str:
        """Hexadecimal sha256 of the canonical JSON of ``to_dict``."""
        return digest(self.to_dict())

    def __eq__(self, other: object) -> bool:
        """Compare by ``hash``: fields that have no effect on a training make no difference."""
        return self.hash == other.hash if isinstance(other, Recipe) else NotImplemented

    def __hash__(self) -> int:
        """Hash by content, so that a recipe can be a key."""
        return hash(self.hash)


def _fields() -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(Recipe)


def _default(field: dataclasses.Field[Any]) -> Any:
    return {} if field.name == "options" else field.default
