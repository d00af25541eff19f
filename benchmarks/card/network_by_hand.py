"""ResNet-18 and ResNet-50 as one writes them in PyTorch, for small and for large images."""

from typing import Any

import torch  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`
from torch import nn  # pyright: ignore[reportMissingImports]

# Blocks in each stage, and whether they are bottlenecks.
NETWORKS = {"resnet18": ((2, 2, 2, 2), False), "resnet50": ((3, 4, 6, 3), True)}
# Smaller side from which the stem is that of ImageNet.
LARGE = 96


def resnet(name: str, side: int, classes: int = 10, width: float = 1.0) -> Any:
    """Network of the layers of ``models.build(name, (side, side, 3), classes, width=width)``.

    Zeros are put around an image on all sides, where Keras pads the right and the lower side
    alone: as many operations and weights, but not the same function.

    Args:
        name: str, a key of ``NETWORKS``.
        side: int, height and width of the images in pixels.
        classes: int.
        width: float, factor of all filters.

    Returns:
        torch.nn.Module.
    """
    (stages, bottleneck), filters = NETWORKS[name], max(1, round(64 * width))
    layers: list[Any] = _stem(side, filters)
    channels = filters
    for stage, blocks in enumerate(stages):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            inner = max(1, round(64 * 2**stage * width))
            outer = max(1, round(4 * 64 * 2**stage * width)) if bottleneck else inner
            layers.append(_Block(channels, inner, outer, stride, bottleneck))
            channels = outer
    pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
    return nn.Sequential(*layers, *pooled)


def _stem(side: int, filters: int) -> list[Any]:
    if side < LARGE:
        return [_convolution(3, filters, 3), nn.ReLU()]
    return [_convolution(3, filters, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]


def _convolution(channels: int, filters: int, size: int, stride: int = 1) -> Any:
    """Convolution without bias, and batch normalization."""
    convolution = nn.Conv2d(channels, filters, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(filters, eps=1e-3))


class _Block(nn.Module):
    """Convolutions added to a shortcut, which is a convolution where the shape changes."""

    def __init__(
        self, channels: int, inner: int, outer: int, stride: int, bottleneck: bool
    ) -> None:
        super().__init__()
        if bottleneck:
            plan = [(channels, inner, 1, 1), (inner, inner, 3, stride), (inner, outer, 1, 1)]
        else:
            plan = [(channels, inner, 3, stride), (inner, outer, 3, 1)]
        parts: list[Any] = []
        for each in plan:
            parts += [_convolution(*each), nn.ReLU()]
        self.branch = nn.Sequential(*parts[:-1])
        same = channels == outer and stride == 1
        self.shortcut = nn.Identity() if same else _convolution(channels, outer, 1, stride)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.branch(x) + self.shortcut(x))
