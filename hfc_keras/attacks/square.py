"""The Square attack as a value."""

import dataclasses
from typing import ClassVar

from hfc_keras import checks
from hfc_keras.attacks.settings import Settings
from hfc_keras.types import Loss, Norm, Precision


@dataclasses.dataclass(frozen=True)
class Square(Settings):
    r"""Settings of the Square attack, a random search that takes no gradient.

    Each query changes a square of the image at random, and the change stays where it raises the
    margin. With L-inf the square gets one sign a channel, times epsilon; with L2 it gets energy
    from another square of the same size. The share of the image that a square covers falls from
    ``p_init`` by halves, in 5,000 queries as fast as the paper has it in 10,000.

    What it breaks and a gradient attack does not is a sign of masked gradients.

    Args:
        epsilon: float, at least 0, at most 1 with L-inf and 1e9 with L2, radius of the ball
            around the image, in pixel values of [0, 1].
        queries: int, at least 1, times that the model is asked about an image.
        norm: ``"linf"`` or ``"l2"``.
        p_init: float in (0, 1], share of the pixels that the first squares cover.
        restarts: int, at least 1, searches made until an image is fooled.
        seed: int, at least 0, of the random draws.
        clip_min: float, smallest pixel value, at least 0.
        clip_max: float, largest pixel value, at most 1.
        precision: ``"float32"``; ``"auto"``, in which the model is asked in bfloat16, though not
            whether it is fooled, where this machine has it and rounding changes little;
            ``"bfloat16"``, the same unasked. See ``robust_accuracy``.

    Raises:
        ValueError: for a value out of range. With ``epsilon=0`` nothing else is checked.

    Reference:
        Andriushchenko et al., Square Attack: a Query-Efficient Black-Box Adversarial Attack via
        Random Search, ECCV 2020.

    Example:
        >>> Square(8 / 255).steps
        5000
    """

    epsilon: float
    queries: int = 5000
    norm: Norm = "linf"
    p_init: float = 0.8
    restarts: int = 1
    seed: int = 0
    clip_min: float = 0.0
    clip_max: float = 1.0
    precision: Precision = "float32"

    name: ClassVar[str] = "square"
    title: ClassVar[str] = "Square"
    loss: ClassVar[Loss] = "margin"
    step_size: ClassVar[None] = None
    uses_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check every setting."""
        if checks.number("epsilon", self.epsilon, minimum=0):
            queries = checks.number("queries", self.queries, minimum=1, whole=True)
            share = checks.number("p_init", self.p_init, minimum=0, maximum=1)
            checks.require(share > 0, "`p_init` must be above 0", p_init=self.p_init)
            object.__setattr__(self, "queries", queries)
            object.__setattr__(self, "p_init", share)
        super().__post_init__()

    @property
    def steps(self) -> int:
        """Steps of the search, which are its queries."""
        return self.queries

    @property
    def step(self) -> float:
        """There is no step size."""
        return float("nan")
