"""The optimizer of a recipe and the learning rates it goes through."""

from typing import TYPE_CHECKING, Any, Self

import keras
from keras import ops

from hfc_keras import checks
from hfc_keras.types import Record, Tensor

if TYPE_CHECKING:
    from hfc_keras.training.recipe import Recipe

# Share of a one-cycle training in which the rate rises, where a recipe says none.
RISE = 0.2


@keras.saving.register_keras_serializable(package="hfc_keras")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    r"""Learning rate that rises linearly to a peak and falls linearly to zero.

    .. math:: \eta_t = \eta \min\left(\frac{t + 1}{w}, \frac{T - t}{T - w + 1}\right)

    at step :math:`t = 0, 1, \ldots`: the peak at step :math:`w - 1`, zero at step :math:`T`,
    which is the first behind the training, so that no step is without effect.

    Args:
        peak: float, at least 0, the largest rate :math:`\eta`.
        steps: int, at least 1, steps of the whole training :math:`T`.
        rise: int from 0 to ``steps``, steps of the rise :math:`w`; 0 is 1, no rise.

    Raises:
        ValueError: for a value out of range.

    Reference:
        Smith and Topin, Super-Convergence: Very Fast Training of Neural Networks Using Large
        Learning Rates, 2018, arXiv:1708.07120.

    Example:
        >>> [round(float(OneCycle(1.0, steps=5, rise=2)(step)), 2) for step in range(6)]
        [0.5, 1.0, 0.75, 0.5, 0.25, 0.0]
    """

    def __init__(self, peak: float, steps: int, rise: int) -> None:
        self.peak = checks.number("peak", peak, minimum=0)
        self.steps = checks.number("steps", steps, minimum=1, whole=True)
        self.rise = checks.number("rise", rise, minimum=0, maximum=self.steps, whole=True)

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, counted from 0."""
        step, rise = ops.cast(step, "float32"), max(self.rise, 1)
        up, down = (step + 1) / rise, (self.steps - step) / (self.steps - rise + 1)
        return self.peak * ops.maximum(ops.minimum(up, down), 0.0)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the schedule."""
        return {"peak": self.peak, "steps": self.steps, "rise": self.rise}


@keras.saving.register_keras_serializable(package="hfc_keras")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    r"""Linear rise of the learning rate before a schedule, which then begins.

    .. math:: \eta_t = \eta_0 (t + 1) / w \quad (t < w), \qquad \eta_t = s(t - w) \quad (t \ge w)

    with :math:`\eta_0 = s(0)`, the first rate of the schedule.

    Args:
        schedule: float, a constant rate, or keras.optimizers.schedules.LearningRateSchedule
            :math:`s`.
        steps: int, at least 1, steps of the rise :math:`w`.

    Raises:
        ValueError: for another schedule or a number of steps below 1.

    Reference:
        Goyal et al., Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour, 2017,
        arXiv:1706.02677, section 2.2.

    Example:
        >>> [round(float(WarmUp(1.0, steps=4)(step)), 2) for step in range(6)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """

    def __init__(self, schedule: Any, steps: int) -> None:
        own = isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule)
        self.schedule = schedule if own else checks.number("schedule", schedule, minimum=0)
        self.steps = checks.number("steps", steps, minimum=1, whole=True)

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        rate = self._after(ops.maximum(step - self.steps, 0.0))
        return ops.minimum((step + 1) / self.steps, 1.0) * rate

    def _after(self, step: Tensor) -> Any:
        return self.schedule(step) if callable(self.schedule) else self.schedule

    def get_config(self) -> Record:
        """Return every argument that rebuilds the schedule."""
        schedule = self.schedule
        if callable(schedule):
            schedule = keras.optimizers.schedules.serialize(schedule)
        return {"schedule": schedule, "steps": self.steps}

    @classmethod
    def from_config(cls, config: Record) -> Self:
        """Rebuild from ``get_config``."""
        schedule = config["schedule"]
        if isinstance(schedule, dict):
            schedule = keras.optimizers.schedules.deserialize(schedule)
        return cls(schedule, config["steps"])


def build_optimizer(recipe: "Recipe", steps: int) -> keras.optimizers.Optimizer:
    """Optimizer of a recipe, with its learning-rate schedule.

    Args:
        recipe: training.Recipe.
        steps: int, steps of the whole training.

    Returns:
        keras.optimizers.Optimizer.

    Example:
        >>> from hfc_keras.training import Recipe
        >>> build_optimizer(Recipe(optimizer="sgd", momentum=0.9), 10).momentum
        0.9
    """
    rate = learning_rate(recipe, steps)
    options = {"learning_rate": rate, "weight_decay": recipe.weight_decay or None}
    if recipe.optimizer in ("sgd", "rmsprop"):
        options["momentum"] = recipe.momentum
    if recipe.optimizer == "sgd":
        options["nesterov"] = recipe.nesterov
    return type(keras.optimizers.get(recipe.optimizer))(**options)


def learning_rate(recipe: "Recipe", steps: int) -> Any:
    """Learning rate of a recipe.

    Args:
        recipe: training.Recipe.
        steps: int, steps of the whole training.

    Returns:
        float, or keras.optimizers.schedules.LearningRateSchedule.

    Example:
        >>> from hfc_keras.training import Recipe
        >>> learning_rate(Recipe(schedule="one_cycle"), 100).rise
        20
    """
    warmup = recipe.warmup
    if recipe.schedule == "one_cycle":
        rise = round((RISE if warmup is None else warmup) * steps)
        return OneCycle(recipe.learning_rate, steps, rise)
    rise = round((warmup or 0.0) * steps)
    rate = _plain_rate(recipe, steps, rise)
    return WarmUp(rate, rise) if rise else rate


def _plain_rate(recipe: "Recipe", steps: int, before: int) -> Any:
    """Rate of a schedule that begins ``before`` steps after the training."""
    rate, schedules = recipe.learning_rate, keras.optimizers.schedules
    if recipe.schedule == "cosine":
        return schedules.CosineDecay(rate, max(steps - before, 1))
    if recipe.schedule == "step":
        bounds = [steps * epoch // recipe.epochs for epoch in recipe.milestones]
        bounds = [bound - before for bound in bounds or (steps // 3, 2 * steps // 3)]
        rates = [rate * recipe.step_factor**number for number in range(len(bounds) + 1)]
        return schedules.PiecewiseConstantDecay(bounds, rates)
    return rate
