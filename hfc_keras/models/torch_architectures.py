"""Names of residual networks whose weights others publish for PyTorch."""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Mapping

from hfc_keras import checks
from hfc_keras.models.torch_residual import Form
from hfc_keras.models.torch_resnet import MEAN, STD
from hfc_keras.types import Array

# Blocks in each stage of the networks for ImageNet, and whether they are bottlenecks.
IMAGENET = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}
DEEPEST = 1202
# Of the images of CIFAR-10, as most repositories state them.
CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
KNOWN = (
    "resnet20, resnet32, resnet44, resnet56, resnet110 or another resnet<6n + 2> (CIFAR-10, option "
    "A), the same with _b (option B), resnet18, resnet34, resnet50, resnet101, resnet152 "
    "(torchvision), or the same with _cifar (3 x 3 stem)"
)
# What a network calls its last layer and the shortcut of a block.
HEADS, SHORTCUTS = ("linear", "fc"), ("shortcut", "downsample")
PROJECTION = rf"\.({'|'.join(SHORTCUTS)})\.0\.weight$"


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A network by name, and the images it is usually trained on.

    Args:
        name: str.
        form: Form.
        side: int, height and width of the images in pixels.
        mean: three floats, taken off the pixels in [0, 1].
        std: three floats, by which they are divided.
        names: two str, modules of the last layer and of a block's shortcut.
    """

    name: str
    form: Form
    side: int = 32
    mean: tuple[float, ...] = CIFAR_MEAN
    std: tuple[float, ...] = CIFAR_STD
    names: tuple[str, str] = ("linear", "shortcut")


def by_name(name: str) -> Architecture:
    """Return what a name means, see the table of ``models.from_torch``.

    Args:
        name: str.

    Returns:
        Architecture.

    Raises:
        ValueError: if it is none of these.

    Example:
        >>> by_name("resnet20").form.stages, by_name("resnet50").form.stages
        ((3, 3, 3), (3, 4, 6, 3))
    """
    found = re.fullmatch(r"resnet(\d{1,4})(_b|_cifar)?", str(name))
    depth, kind = (int(found[1]), found[2]) if found else (0, None)
    if depth in IMAGENET and kind != "_b":
        stages, bottleneck = IMAGENET[depth]
        if kind:
            return Architecture(name, Form(stages, bottleneck, projection=True))
        form = Form(stages, bottleneck, large_stem=True, projection=True)
        return Architecture(name, form, 224, MEAN, STD, ("fc", "downsample"))
    blocks, rest = divmod(depth - 2, 6)
    checks.require(
        found and kind != "_cifar" and rest == 0 and 8 <= depth <= DEEPEST,
        f"`architecture` must be {KNOWN}",
        architecture=name,
    )
    if kind:
        return Architecture(name, Form((blocks,) * 3, projection=True))
    return Architecture(name, Form((blocks,) * 3), mean=MEAN, std=STD)


def looks_like(arrays: Mapping[str, Array]) -> str | None:
    """Name of the network that arrays seem to be of, by the numbers of blocks and the first kernel.

    Args:
        arrays: mapping from name to array, by the modules of PyTorch.

    Returns:
        str, or None if they are of no network with a name.

    Example:
        >>> import numpy as np
        >>> names = [f"layer{stage}.{block}.conv1" for stage in (1, 2, 3) for block in range(9)]
        >>> looks_like({f"{name}.weight": np.zeros((16, 3, 3, 3)) for name in ["conv1", *names]})
        'resnet56'
    """
    blocks: dict[int, set[int]] = defaultdict(set)
    for name in arrays:
        if found := re.fullmatch(r"layer(\d+)\.(\d+)\.conv1\.weight", name):
            blocks[int(found[1])].add(int(found[2]))
    stages = tuple(len(blocks[stage]) for stage in sorted(blocks))
    first = getattr(arrays.get("conv1.weight"), "shape", ())
    if not stages or len(first) != 4:
        return None
    form = Form(
        stages,
        bottleneck="layer1.0.conv3.weight" in arrays,
        large_stem=first[-1] == 7,
        projection=any(re.search(PROJECTION, name) for name in arrays),
    )
    depths = [*IMAGENET, 6 * stages[0] + 2]
    known = (f"resnet{depth}{kind}" for depth in depths for kind in ("", "_b", "_cifar"))
    return next((name for name in known if _is_form(name, form)), None)


def _is_form(name: str, form: Form) -> bool:
    """Whether a name is one, and of a form."""
    try:
        return by_name(name).form == form
    except ValueError:
        return False
