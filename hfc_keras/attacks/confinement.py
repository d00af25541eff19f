"""Where a perturbation may be: frequencies, ball and range of pixels."""

import dataclasses
from collections.abc import Callable
from typing import Any, Self, cast

from keras import ops

from hfc_keras import spectrum
from hfc_keras.attacks.norms import NORMS
from hfc_keras.types import ArrayLike, Mask, Norm, Tensor


@dataclasses.dataclass(frozen=True)
class Confinement:
    r"""Projection into the frequencies of a mask, a ball and the range of pixels.

    .. math:: \Pi(x') = \mathrm{clip}(x + \Pi_\epsilon(B(x' - x)))

    Args:
        norm: str, one of ``norms.NORMS``.
        mask: None or tuple, see ``Pgd``.
        clip_min: float.
        clip_max: float.

    Example:
        >>> import numpy as np
        >>> from hfc_keras.attacks import Pgd
        >>> confined = Confinement.of(Pgd(0.1)).confined
        >>> np.asarray(confined(np.zeros((1, 1, 1, 1)), np.ones((1, 1, 1, 1)), 0.25)).item()
        0.25
    """

    norm: Norm
    mask: Mask | None
    clip_min: float
    clip_max: float

    @classmethod
    def of(cls, attack: Any) -> Self:
        """Return what an attack asks for.

        Args:
            attack: Fgsm, Pgd, Apgd or Square.
        """
        return cls(**{field.name: getattr(attack, field.name) for field in dataclasses.fields(cls)})

    def confined(
        self,
        images: ArrayLike,
        moved: Any,
        epsilon: Any,
        project: Callable[[Any, Tensor, Any], Tensor] | None = None,
    ) -> Tensor:
        """Images within the mask, the ball and the range of pixels.

        Args:
            images: tensor, the center of the ball.
            moved: tensor like ``images``.
            epsilon: scalar.
            project: function of (iteration, perturbation, epsilon), or None for our own.

        Returns:
            Tensor like ``images``.
        """
        images = ops.convert_to_tensor(images)
        perturbation = ops.convert_to_tensor(moved) - images
        if self.mask is not None:
            # Scaled, not clipped, into the ball: clipping would add other frequencies.
            perturbation = self.masked(perturbation)
            size = NORMS[self.norm].size(perturbation)[:, None, None, None]
            perturbation = perturbation * ops.minimum(1.0, epsilon / ops.maximum(size, 1e-12))
        project = project or (lambda parts, *rest: NORMS[parts.norm].project(*rest))
        perturbation = project(self, perturbation, epsilon)
        return ops.clip(images + perturbation, self.clip_min, self.clip_max)

    def masked(self, perturbation: Tensor) -> Tensor:
        """Frequencies of a perturbation that the mask keeps."""
        kind, *radii = cast(Mask, self.mask)
        if kind == "band":
            return spectrum.band(perturbation, *radii)
        low, high = spectrum.split(perturbation, *radii)
        return low if kind == "low" else high
