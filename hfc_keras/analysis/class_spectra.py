"""Mean amplitude spectra of classes, and how each differs from the others: no model."""

import numpy as np
import pandas as pd
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks
from hfc_keras.analysis.inputs import Images, given, required_labels
from hfc_keras.types import ArrayLike, Floats, Integers

# Weights of red, green and blue in the amplitude of a color image.
GRAY = (0.2989, 0.5870, 0.1140)
# Difference of amplitudes, relative to the largest one, that is rounding of float32.
TIE = 1e-6


def class_spectra(
    images: Images, labels: ArrayLike | None = None, batch_size: int = 256
) -> pd.DataFrame:
    r"""Mean amplitude of each class at each frequency, and how it compares with other classes.

    .. math:: E_c(u, v) = \operatorname*{mean}_{y_i = c} |\hat x_i(u, v)|, \qquad
              \mathrm{ADCS}_c(u, v) = \sum_{j \ne c} \mathrm{sign}(E_c(u, v) - E_j(u, v))

    with the unitary transform; the amplitude of a color image is .2989 R + .5870 G + .1140 B of
    those of its channels. ADCS, the accumulative difference of class-wise average spectrum, is the
    number of classes with less at that frequency minus the number of those with more. Where a
    class stands out from all others a network may find a shortcut, see
    ``analysis.frequency_shortcuts``. It is a sign: how large a difference is, and whether it is
    that of few images, says ``log_ratio``.

    The released code adds the class itself to the sum and counts ties as less, which shifts its
    values by one.

    Args:
        images: float ``(examples, height, width, channels)`` in [0, 1], or whatever else
            ``analysis.frequency_accuracy`` takes; the mean of other numbers of channels than three
            is taken.
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, of two classes or more;
            None where the images bring theirs.
        batch_size: int, images at once; does not change the answer.

    Returns:
        DataFrame with a row per class and frequency, and the columns

        - label: class; row, column: frequency in cycles per image, negative ones too;
        - amplitude: E; adcs: whole, from 1 - classes to classes - 1;
        - log_ratio: natural logarithm of E over the mean of the other classes, NaN where one of
          the two is zero;
        - examples: images of the class.

    Raises:
        ValueError: for pixels outside [0, 1], labels that do not fit the images or are of a single
            class, or a batch size below 1.

    Reference:
        Wang et al., What do neural networks learn in image classification? A frequency shortcut
        perspective, ICCV 2023.

    Example:
        >>> from hfc_keras import data
        >>> test = data.load("digits").test
        >>> table = class_spectra(test.images, test.labels)
        >>> len(table), int(table["adcs"].abs().max())
        (640, 9)
    """
    images, labels = given(images, labels)
    images = checks.pixels(images)
    labels = checks.class_indices(required_labels(labels, len(images)), len(images))
    batch_size = checks.number("batch_size", batch_size, minimum=1, whole=True)
    classes, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    checks.require(
        len(classes) > 1, "`labels` must hold at least two classes", classes=classes.tolist()
    )
    means = _means(images, place, counts, batch_size)
    adcs = np.zeros(means.shape, int)
    for other in means:
        difference = means - other
        adcs += np.where(abs(difference) > TIE * means.max(), np.sign(difference), 0).astype(int)
    others = (means.sum(axis=0) - means) / (len(classes) - 1)
    known = (means > TIE * means.max()) & (others > TIE * means.max())
    ratio = np.where(known, means, np.nan) / np.where(known, others, 1)
    rows, columns = (np.rint(np.fft.fftfreq(size, 1 / size)) for size in images.shape[1:3])
    index = pd.MultiIndex.from_product(
        [classes, rows.astype(int), columns.astype(int)], names=["label", "row", "column"]
    )
    values = {"amplitude": means.ravel(), "adcs": adcs.ravel(), "log_ratio": np.log(ratio).ravel()}
    table = pd.DataFrame(values, index=index).reset_index()
    return table.assign(examples=np.repeat(counts, rows.size * columns.size))


def _means(images: Floats, place: Integers, counts: Integers, batch_size: int) -> Floats:
    """Mean amplitude of each class, float64 ``(classes, height, width)``."""
    channels = images.shape[3]
    weights = np.array(GRAY) if channels == 3 else np.full(channels, 1 / channels)
    sums = np.zeros((len(counts), *images.shape[1:3]))
    starts = range(0, len(images), batch_size)
    for at in tqdm(starts, "class spectra", leave=False, disable=None):
        planes = np.moveaxis(images[at : at + batch_size], 3, 1)
        parts = map(ops.convert_to_numpy, ops.fft2((planes, np.zeros_like(planes))))
        amplitude = np.einsum("nchw,c->nhw", np.hypot(*parts), weights)
        np.add.at(sums, place[at : at + batch_size], amplitude)
    return sums / counts[:, None, None] / np.sqrt(images.shape[1] * images.shape[2])
