"""What one would write by hand in PyTorch: PGD, and the Fourier sensitivity."""

from collections.abc import Callable
from typing import Any

import torch  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`

from hfc_keras import spectrum


def gradient_of_loss(module: Any, bfloat16: bool = False) -> Callable[[Any, Any], Any]:
    """Function from images and labels to the gradient of their summed cross-entropy.

    Args:
        module: torch.nn.Module that returns logits.
        bfloat16: bool, whether it runs under autocast to bfloat16, with the loss in float32.
    """

    def loss(images: Any, labels: Any) -> Any:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
            logits = module(images)
        return torch.nn.functional.cross_entropy(logits.float(), labels, reduction="sum")

    return torch.func.grad(loss)


def pgd(
    module: Any,
    epsilon: float,
    step_size: float,
    steps: int,
    compiled: bool,
    bfloat16: bool = False,
) -> Callable[[Any, Any], Any]:
    """Projected gradient descent in the L-inf ball, without a random start.

    Args:
        module: torch.nn.Module that returns logits.
        epsilon: float, radius of the ball.
        step_size: float.
        steps: int.
        compiled: bool, whether a whole step goes through ``torch.compile``.
        bfloat16: bool, see ``gradient_of_loss``.

    Returns:
        function from images and labels to adversarial images.
    """
    gradient = gradient_of_loss(module, bfloat16)

    def step(adversarial: Any, images: Any, labels: Any) -> Any:
        moved = adversarial + step_size * gradient(adversarial, labels).sign()
        inside = torch.minimum(torch.maximum(moved, images - epsilon), images + epsilon)
        return inside.clamp(0, 1)

    chosen: Any = torch.compile(step) if compiled else step

    def run(images: Any, labels: Any) -> Any:
        adversarial = images
        for _ in range(steps):
            adversarial = chosen(adversarial, images, labels)
        return adversarial

    return run


def sensitivity(
    module: Any, side: int, compiled: bool, bfloat16: bool = False
) -> Callable[[Any, Any], Any]:
    """Shares of the rings of frequencies in the power of the input gradient, image by image.

    Args:
        module: torch.nn.Module that returns logits.
        side: int, height and width of the images.
        compiled: bool, whether it goes through ``torch.compile``.
        bfloat16: bool, see ``gradient_of_loss``.

    Returns:
        function from images and labels to shares ``(batch, rings)``, from ring 1.
    """
    gradient = gradient_of_loss(module, bfloat16)
    index = torch.from_numpy(spectrum.ring_index(side, side).ravel()).long()
    rings = torch.nn.functional.one_hot(index).float()[:, 1:]

    def shares(images: Any, labels: Any) -> Any:
        coefficients = torch.fft.fft2(gradient(images, labels).mean(1), norm="ortho")
        power = coefficients.abs().square().flatten(1) @ rings.to(images.device)
        return power / power.sum(1, keepdim=True)

    return torch.compile(shares) if compiled else shares
