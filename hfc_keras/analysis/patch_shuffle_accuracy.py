"""Accuracy on images whose patches change places."""

import functools
from collections.abc import Sequence

import keras
import pandas as pd

from hfc_keras import checks
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import accuracy, checked
from hfc_keras.arrays import rank
from hfc_keras.data.patches import patch_shuffle
from hfc_keras.types import ArrayLike


def patch_shuffle_accuracy(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    patches: Sequence[int] = (1, 2, 4),
    seed: int = 0,
    batch_size: int = 256,
) -> pd.DataFrame:
    """Accuracy of a model on images cut into patches that change places.

    A network that reads shapes loses more than one that reads textures.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``; None where the images
            bring theirs.
        patches: ints from 1, no two alike: how many patches in a row and in a column; both sides
            must be divisible by each. 1 is the images as they are.
        seed: int from 0, of ``data.patch_shuffle``.
        batch_size: int, images at once; does not change the answer.

    Returns:
        DataFrame with the columns patches, accuracy in [0, 1], examples.

    Raises:
        ValueError: for patches that do not divide the sides, are none or stand twice, a negative
            seed, and as ``analysis.changed_accuracy``.

    Reference:
        Zhang and Zhu, Interpreting Adversarially Trained Convolutional Neural Networks, ICML 2019.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> patch_shuffle_accuracy(model, test.images, test.labels)["patches"].tolist()
        [1, 2, 4]
    """
    images, labels = checked(model, images, labels, batch_size)
    checks.require(
        rank(patches) == 1 and len(patches) > 0 and len(set(patches)) == len(patches),
        "`patches` must be a sequence of at least one number and none twice",
        patches=patches,
    )
    for count in patches:
        patch_shuffle(images[:1], count, seed)
    accuracies = [
        accuracy(
            model,
            images,
            labels,
            functools.partial(patch_shuffle, patches=count, seed=seed),
            batch_size,
        )
        for count in patches
    ]
    return pd.DataFrame({"patches": list(patches), "accuracy": accuracies, "examples": len(images)})
