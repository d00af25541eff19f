"""What an attack says of itself, and when it cannot be believed."""

import warnings
from collections.abc import Mapping

# What may help where gradients are not finite, which no other loss does.
BROKEN = (
    " Another loss does not help: compute in float32, scale the logits down, or look in the model "
    "for a division by zero or the logarithm or root of what is not above 0."
)


def warn(diagnostics: Mapping[str, float], loss: str, stacklevel: int = 4) -> None:
    """Warn, in the name of the caller of a public function, of gradients that cannot attack.

    Args:
        diagnostics: dict, see ``Result``.
        loss: str, that of the attack.
        stacklevel: int, see ``warnings.warn``.

    Warns:
        UserWarning: if the gradient of an image is zero everywhere or not finite.
    """
    saturated = " Try loss='margin' or, from 3 classes, 'dlr'." if loss == "cross_entropy" else ""
    faults = {
        "zero_gradient_share": ("zero everywhere", saturated),
        "nonfinite_share": ("not finite", BROKEN),
    }
    for name, (fault, hint) in faults.items():
        if diagnostics[name] > 0:  # NaN for an attack without gradients
            warnings.warn(
                f"The gradient of {diagnostics[name]:.1%} of the images is {fault} at the first "
                "step, so that this loss cannot attack them: they are not shown to be robust."
                + hint,
                stacklevel=stacklevel,
            )


def untouched() -> dict[str, float]:
    """Diagnostics of an attack with epsilon 0.

    Returns:
        dict, see ``Result``.
    """
    unknown = float("nan")
    return {
        "zero_gradient_share": unknown,
        "nonfinite_share": unknown,
        "unchanged_share": 1.0,
        "max_norm": 0.0,
        "loss_before": unknown,
        "loss_after": unknown,
    }
