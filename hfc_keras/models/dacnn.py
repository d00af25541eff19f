"""The deep anchored networks, in which many layers share one kernel.

Normalization and rectifier apart, n uses of a kernel of frequency response H in a row have the
response H^n: what it passes best is all that remains. Each use therefore has a normalization
of its own, which belongs to the architecture and is on by default; without it the
uses differ in their place alone.

For a CPU: where ResNet-8 takes 12 million multiply-adds (32 x 32 pixels, 10 classes), dacnn14,
18 and 34 take 38, 29 and 21 at the widths 3/8, 3/16 and 1/8, and at most four times its time.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras

from hfc_keras import checks
from hfc_keras.models.parts import Parts

REGULATORS = ("none", "convolution", "rotation")
# Uses of the kernel before each pooling of dacnn14.
PLAIN_USES = (1, 2, 3, 3, 3)


def anchored_vgg(
    parts: Parts,
    x: keras.KerasTensor,
    classes: int,
    mix: bool = False,
    regulator: str = "none",
    shared: bool = True,
) -> keras.KerasTensor:
    """Return the logits of a stack of thirteen convolutions, twelve or seven of them anchored.

    Each convolution is followed by a rectifier and then a normalization of its own, and the
    convolutions 2, 4, 7, 10 and 13 by a 2 x 2 maximum pooling too. All have 128 filters; from
    the second on they use one kernel. With ``mix`` the filters are 64, 128, 256 and 512, the
    normalization stands before the rectifier, and there is a kernel for all but the first
    convolution of 256 filters and one for all but the first of 512. As published, the eleventh
    convolution is neither normalized nor rectified; the twelfth follows at once.

    Args:
        parts: Parts, which adds the layers.
        x: tensor ``(batch, height, width, channels)``.
        classes: int, number of logits.
        mix: bool, whether there is a kernel for each width.
        regulator: str, what lets the uses of one kernel differ: "none"; "convolution", after
            each normalization a 1 x 1 convolution without bias, not shared; "rotation", after
            each the first channel moved to the end. The paper has no such stack with one.
        shared: bool, whether uses share a kernel at all; without, each has one of its own.

    Returns:
        tensor ``(batch, classes)``.

    Raises:
        ValueError: if ``regulator`` is none of these.

    Reference:
        Huang et al., Deep Anchored Convolutional Neural Networks, CVPR workshops 2019,
        arXiv 1904.09764. The mixed stack of the released code does not run with the layers its
        own test asks for; here it follows their table of layers for 16.

    Example:
        >>> from hfc_keras import models
        >>> models.build("dacnn14", (32, 32, 3), 10, width=0.25).count_params()
        12138
    """
    checks.choice("regulator", regulator, REGULATORS)
    stack = _mixed_stack if mix else _plain_stack
    x = stack(parts, x, regulator, shared)
    return parts.head(parts.global_average(x), classes)


def anchored_resnet(
    parts: Parts,
    x: keras.KerasTensor,
    classes: int,
    stages: Sequence[int],
    mix: bool = False,
    regulator: str = "none",
    shared: bool = True,
) -> keras.KerasTensor:
    """Return the logits of a residual network whose blocks share one kernel.

    A convolution of 128 filters, then four stages of post-activation blocks, each stage followed
    by a 2 x 2 maximum pooling. A block uses the kernel twice, each time with a normalization of
    its own, and has no bias. With ``mix`` the stages have 64, 128, 256 and 512 filters and a
    kernel each, with bias; from the second stage on, the first block has in the place of its
    first use a convolution of its own, and a 1 x 1 convolution as its shortcut.

    Args:
        parts: Parts, which adds the layers.
        x: tensor ``(batch, height, width, channels)``.
        classes: int, number of logits.
        stages: tuple of int, blocks in each stage.
        mix: bool, whether there is a kernel for each stage.
        regulator: str, what lets the uses of one kernel differ: "none"; "convolution", a 1 x 1
            convolution without bias, not shared, after the block's second normalization and,
            without ``mix``, after its first too; "rotation", after both convolutions of a block
            the first channel moved to the end, and twice so on the shortcut.
        shared: bool, whether uses share a kernel at all; without, each has one of its own, and
            the network differs from the anchored one in nothing else.

    Returns:
        tensor ``(batch, classes)``.

    Raises:
        ValueError: if ``regulator`` is none of these.

    Reference:
        Huang et al., Deep Anchored Convolutional Neural Networks, CVPR workshops 2019,
        arXiv 1904.09764. The released code makes the 1 x 1 regulators of the paper, never uses
        them and rotates instead; here one has either. It also holds normalizations and a
        convolution that no image passes, which are left out: with ``mix`` these are
        2 (128 + 256 + 512) parameters of the published number, and 9 x 128 x 128 with a
        regulator.

    Example:
        >>> from hfc_keras import models
        >>> nets = [models.build(f"dacnn{n}", (32, 32, 3), 10, width=0.1) for n in (18, 34)]
        >>> [sum(hasattr(layer, "kernel") for layer in net.layers) for net in nets]
        [3, 3]
    """
    checks.choice("regulator", regulator, REGULATORS)
    x = parts.conv_relu(x, 64 if mix else 128, 3)
    whole = None if mix else _uses(parts, 128, shared)
    for stage, blocks in enumerate(stages):
        filters = 64 * 2**stage if mix else 128
        use = whole or _uses(parts, filters, shared, bias=True)
        for block in range(blocks):
            moves = mix and stage > 0 and block == 0
            x = _block(parts, x, use, filters, moves, mix, regulator)
        x = parts.max_pool(x)
    return parts.head(parts.global_average(x), classes)


def reuse(anchor: Any, x: keras.KerasTensor) -> Any:
    """Return a map convolved with a kernel that other maps are convolved with too.

    Args:
        anchor: keras.layers.Conv2D; its first call makes the kernel.
        x: tensor ``(batch, height, width, channels)``.

    Returns:
        tensor ``(batch, height, width, filters)``.

    Raises:
        ValueError: if the map has other channels than the kernel.

    Example:
        >>> import keras
        >>> anchor = keras.layers.Conv2D(8, 3, padding="same")
        >>> reuse(anchor, reuse(anchor, keras.Input((4, 4, 8)))).shape
        (None, 4, 4, 8)
        >>> anchor.count_params() == 3 * 3 * 8 * 8 + 8
        True
    """
    channels = anchor.kernel.shape[2] if anchor.built else x.shape[-1]
    checks.require(
        x.shape[-1] == channels,
        f"`x` must have the {channels} channels of the kernel that `{anchor.name}` shares",
        **{"x.shape": x.shape},
    )
    return anchor(x)


def _uses(
    parts: Parts, filters: int, shared: bool, bias: bool = False
) -> Callable[[keras.KerasTensor], keras.KerasTensor]:
    """Function that convolves a map, by one kernel for all maps or by one of its own."""
    if not shared:
        return lambda x: parts.anchor(filters, 3, bias=bias)(x)
    return functools.partial(reuse, parts.anchor(filters, 3, bias=bias))


def _plain_stack(
    parts: Parts, x: keras.KerasTensor, regulator: str, shared: bool
) -> keras.KerasTensor:
    x = parts.norm(parts.relu(parts.conv(x, 128, 3, bias=True)))
    use = _uses(parts, 128, shared, bias=True)
    for uses in PLAIN_USES:
        for _ in range(uses):
            x = parts.norm(parts.relu(use(x)))
            x = _regulated(parts, x, 128, regulator)
        x = parts.max_pool(x)
    return x


def _mixed_stack(
    parts: Parts, x: keras.KerasTensor, regulator: str, shared: bool
) -> keras.KerasTensor:
    for filters in (64, 128):
        for _ in range(2):
            x = parts.conv_relu(x, filters, 3, bias=True)
        x = parts.max_pool(x)
    for filters in (256, 512):
        x = parts.conv_relu(x, filters, 3, bias=True)
        use = _uses(parts, filters, shared, bias=True)
        x = _two_uses(parts, x, use, filters, regulator)
    return _two_uses(parts, use(x), use, filters, regulator)


def _two_uses(
    parts: Parts,
    x: keras.KerasTensor,
    use: Callable[[keras.KerasTensor], keras.KerasTensor],
    filters: int,
    regulator: str,
) -> keras.KerasTensor:
    for _ in range(2):
        x = _regulated(parts, parts.norm(use(x)), filters, regulator)
        x = parts.relu(x)
    return parts.max_pool(x)


def _block(
    parts: Parts,
    x: keras.KerasTensor,
    use: Callable[[keras.KerasTensor], keras.KerasTensor],
    filters: int,
    moves: bool,
    mix: bool,
    regulator: str,
) -> keras.KerasTensor:
    y = parts.norm(parts.conv(x, filters, 3, bias=True) if moves else use(x))
    if regulator == "rotation" or not mix:
        y = _regulated(parts, y, filters, regulator)
    y = parts.norm(use(parts.relu(y)))
    y = _regulated(parts, y, filters, regulator)
    if moves:
        x = parts.norm(parts.conv(x, filters, 1))
    if regulator == "rotation":
        x = parts.rotate(parts.rotate(x))
    return parts.relu(parts.add(x, y))


def _regulated(
    parts: Parts, x: keras.KerasTensor, filters: int, regulator: str
) -> keras.KerasTensor:
    if regulator == "none":
        return x
    return parts.rotate(x) if regulator == "rotation" else parts.conv(x, filters, 1)
