"""Images on which a network was not trained, in the shape in which it takes images."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from hfc_keras import checks
from hfc_keras.arrays import rank
from hfc_keras.data.resizing import resized_pixels
from hfc_keras.types import ArrayLike, Floats, ImageShape

NOISES = ("gaussian", "uniform")


def as_images_like(images: ArrayLike, image_shape: Sequence[int]) -> Floats:
    """Return images in another shape: resized, and gray ones in as many channels as wanted.

    A network for color images of 32 x 32 pixels takes Fashion-MNIST so. Sides are resized with
    bilinear interpolation and antialiasing, without regard to the ratio of height and width.

    Args:
        images: float ``(batch, height, width, channels)`` in [0, 1], such as
            ``data.load("fashion_mnist").test.images``.
        image_shape: ``(height, width, channels)``, such as ``model.input_shape[1:]``; as many
            channels as the images have, or any number for those that have one.

    Returns:
        float32 array ``(batch, *image_shape)`` in [0, 1].

    Raises:
        ValueError: for pixels outside [0, 1], integers, another form of ``image_shape``, or
            channels that do not fit.

    Example:
        >>> from hfc_keras import data
        >>> as_images_like(data.load("digits").test.images[:5], (32, 32, 3)).shape
        (5, 32, 32, 3)
    """
    images = checks.pixels(images)
    height, width, channels = _shape(image_shape)
    checks.require(
        images.shape[3] in (1, channels),
        f"`images` must have one channel or {channels}",
        **{"images.shape": images.shape},
    )
    if images.shape[1:3] != (height, width):
        images = resized_pixels(images, (height, width))
    return images if images.shape[3] == channels else np.repeat(images, channels, axis=3)


def noise_images(
    count: int,
    image_shape: Sequence[int],
    kind: Literal["gaussian", "uniform"] = "gaussian",
    seed: int = 0,
) -> Floats:
    r"""Return images whose values are drawn independently of each other.

    .. math:: x \sim \mathcal U[0, 1] \qquad \text{or} \qquad
              x = \min(\max(z, 0), 1),\ z \sim \mathcal N(\tfrac12, 1)

    Args:
        count: int from 1, number of images.
        image_shape: ``(height, width, channels)``.
        kind: ``"gaussian"``, of unit variance before it is clipped, or ``"uniform"``.
        seed: int from 0. For one seed fewer images are the first of more.

    Returns:
        float32 array ``(count, *image_shape)`` in [0, 1].

    Raises:
        ValueError: for a count below 1, another form of ``image_shape``, another kind, a negative
            seed.

    Reference:
        Liang, Li and Srikant, Enhancing the Reliability of Out-of-Distribution Image Detection in
        Neural Networks, ICLR 2018.

    Example:
        >>> noise = noise_images(4, (8, 8, 3), "uniform")
        >>> noise.shape, bool((noise[:2] == noise_images(2, (8, 8, 3), "uniform")).all())
        ((4, 8, 8, 3), True)
    """
    count = checks.number("count", count, 1, whole=True)
    seed = checks.number("seed", seed, 0, whole=True)
    checks.choice("kind", kind, NOISES)
    rng, shape = np.random.default_rng(seed), (count, *_shape(image_shape))
    if kind == "uniform":
        return rng.random(shape, "float32")
    return np.clip(0.5 + rng.standard_normal(shape, "float32"), 0, 1)


def _shape(image_shape: Sequence[int]) -> ImageShape:
    """Return a shape of images as three whole numbers."""
    checks.require(
        rank(image_shape) == 1 and len(image_shape) == 3,
        "`image_shape` must be (height, width, channels)",
        image_shape=image_shape,
    )
    height, width, channels = (
        checks.number("image_shape", side, 1, whole=True) for side in image_shape
    )
    return height, width, channels
