"""Handwritten digits that come with scikit-learn: no network, seconds to train on."""

from typing import Any

import numpy as np

from hfc_keras.data.dataset import Dataset, Split

TEST_EXAMPLES = 360
GREY_LEVELS = 16


def digits() -> Dataset:
    """Return the 1,797 digits of 8 x 8 pixels, 1,437 to train on and 360 to test.

    Gray levels 0..16 become ``round(255 level / 16)``. The split is stratified and
    always the same.

    Returns:
        Dataset of images ``(batch, 8, 8, 1)`` in ten classes.

    Reference:
        Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI 1998.

    Example:
        >>> digits().train
        Split(1437 images, 8 x 8 x 1, uint8)
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    source: Any = load_digits()
    pixels = np.rint(source.images[..., None] * (255 / GREY_LEVELS)).astype("uint8")
    parts: Any = train_test_split(
        pixels, source.target, test_size=TEST_EXAMPLES, stratify=source.target, random_state=0
    )
    train, test, train_labels, test_labels = parts
    names = tuple(map(str, source.target_names))
    return Dataset("digits", Split(train, train_labels), Split(test, test_labels), names)
