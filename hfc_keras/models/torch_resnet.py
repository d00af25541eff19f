"""The residual networks for CIFAR-10 as they were published, by the names that PyTorch uses."""

from collections.abc import Sequence

import keras

from hfc_keras import checks
from hfc_keras.models.torch_residual import Form, residual_network

# Of the images of ImageNet, with which public networks for CIFAR-10 are trained as well.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def torch_resnet(
    blocks: int,
    classes: int = 10,
    side: int = 32,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
) -> keras.Model:
    r"""Residual network of 6 ``blocks`` + 2 layers for small images, as in the paper of 2016.

    .. math:: y = \max(0,\ x' + B_2 C_2 \max(0, B_1 C_1 x))

    with convolutions :math:`C` of 3 x 3 and batch normalizations :math:`B` of epsilon 1e-5, in
    three stages of 16, 32 and 64 filters. The first block of the second and third stage halves the
    image; its shortcut :math:`x'` is every second row and column, with channels of zeros, as many
    on both sides (option A). It differs from ``models.build("resnet20", ...)``, which is that of
    the code released with Wang et al.: there batch normalization and ReLU go before the
    convolutions, and shortcuts are averages. Layers are called as the modules of PyTorch
    (``layer1.0.conv1``; with PyTorch as Keras' backend ``layer1_0_conv1``), and zeros are put
    around an image on all sides, as PyTorch does; see ``models.from_torch``, which sets the
    weights, too.

    Args:
        blocks: int from 1, blocks in each stage: 3 in ResNet-20, 9 in ResNet-56.
        classes: int from 2, number of logits.
        side: int from 8, height and width of the images in pixels.
        mean: three floats, taken off the pixels in [0, 1].
        std: three floats above 0, by which they are divided.

    Returns:
        keras.Model from RGB images ``(batch, side, side, 3)`` in [0, 1] to logits
        ``(batch, classes)``.

    Raises:
        ValueError: for numbers out of range.

    Reference:
        He et al., Deep residual learning for image recognition, CVPR 2016, section 4.2.

    Example:
        >>> torch_resnet(3).count_params()
        271098
    """
    blocks = checks.number("blocks", blocks, minimum=1, whole=True)
    classes = checks.number("classes", classes, minimum=2, whole=True)
    side = checks.number("side", side, minimum=8, whole=True)
    form, name = Form((blocks, blocks, blocks)), f"torch_resnet{6 * blocks + 2}"
    return residual_network(form, classes, (side, side), mean, std, name=name)
