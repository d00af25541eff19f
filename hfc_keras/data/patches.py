"""Images cut into patches that change places."""

import numpy as np

from hfc_keras import checks
from hfc_keras.types import ArrayLike, Floats


def patch_shuffle(images: ArrayLike, patches: int, seed: int = 0, start: int = 0) -> Floats:
    """Cut images into equal patches and put these into another order.

    What is inside a patch stays, and so do its high frequencies but for the new edges; shapes
    larger than a patch, the low frequencies, are lost. Each image has a permutation of its own,
    drawn from all, so one in ``(patches**2)!`` stays as it is.

    Args:
        images: float ``(batch, height, width, channels)`` in [0, 1].
        patches: int from 1, how many patches in a row and in a column; both sides must be
            divisible by it. With 1 the images stay as they are.
        seed: int from 0. The permutation of an image is drawn from the seed, the number of patches
            and the position of the image.
        start: int from 0, position of the first image, so that a call on ``images[i:]`` with
            ``start=i`` gives the rows i and on of a call on ``images``.

    Returns:
        float32 array like ``images``.

    Raises:
        ValueError: for pixels outside [0, 1], integers, sides that are not divisible, a negative
            seed or start.

    Reference:
        Zhang and Zhu, Interpreting Adversarially Trained Convolutional Neural Networks, ICML 2019.

    Example:
        >>> images = np.arange(4.0).reshape(1, 2, 2, 1) / 4
        >>> patch_shuffle(images, 2, seed=1).ravel().tolist()
        [0.75, 0.25, 0.0, 0.5]
    """
    images = checks.pixels(images)
    patches = checks.number("patches", patches, 1, whole=True)
    seed = checks.number("seed", seed, 0, whole=True)
    start = checks.number("start", start, 0, whole=True)
    batch, height, width, channels = images.shape
    checks.require(
        height % patches == 0 and width % patches == 0,
        f"`patches` must divide the sides {height} and {width} of the images",
        patches=patches,
    )
    rows, columns = height // patches, width // patches
    cut = images.reshape(batch, patches, rows, patches, columns, channels).swapaxes(2, 3)
    cut = cut.reshape(batch, patches**2, rows, columns, channels)
    rngs = (np.random.default_rng([seed, patches, start + row]) for row in range(batch))
    order = np.stack([rng.permutation(patches**2) for rng in rngs])
    moved = np.take_along_axis(cut, order[:, :, None, None, None], axis=1)
    moved = moved.reshape(batch, patches, patches, rows, columns, channels).swapaxes(2, 3)
    return moved.reshape(images.shape)
