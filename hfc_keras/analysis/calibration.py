"""Whether a model is right as often as it says."""

import keras
import numpy as np
import pandas as pd

from hfc_keras import checks
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import checked, predicted_logits
from hfc_keras.analysis.predictions import confidence as largest_probability
from hfc_keras.types import ArrayLike, Flags, Floats

BINNINGS = ("width", "count")


def calibration(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    bins: int = 15,
    examples_per_bin: int = 100,
    batch_size: int = 256,
) -> pd.DataFrame:
    r"""Accuracy, confidence and calibration errors of a model.

    The confidence :math:`p_i` in an answer is its softmax probability. Answers of similar
    confidence share a bin B; with :math:`\mathrm{acc}(B)` the share of right ones and
    :math:`\mathrm{conf}(B)` the mean confidence,

    .. math:: \mathrm{ECE} = \sum_B \frac{|B|}n |\mathrm{acc}(B) - \mathrm{conf}(B)|, \qquad
              \mathrm{RMS} = \sqrt{\sum_B \frac{|B|}n (\mathrm{acc}(B) - \mathrm{conf}(B))^2}

    over bins of equal width for the first and of equal count for the second, as their papers
    have them. Both are biased upwards by few examples a bin: compare models on as many images.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; run in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``; None where the images
            bring theirs.
        bins: int from 1, bins of equal width.
        examples_per_bin: int from 1, about how many images a bin of equal count holds; one bin
            if there are fewer than twice as many.
        batch_size: int, images at once; does not change the answer.

    Returns:
        DataFrame of one row with the columns

        - accuracy: in [0, 1]; confidence: its mean, in [0, 1]. A model with more confidence than
          accuracy is overconfident;
        - expected_calibration_error, rms_calibration_error: in [0, 1];
        - examples: images measured.

    Raises:
        ValueError: for pixels outside [0, 1], images that do not fit the model, labels that do not
            fit the images or the classes, a model that returns probabilities or logits that are
            not finite, a number of bins or of examples in them that is not a whole one from 1.

    Reference:
        Guo et al., On Calibration of Modern Neural Networks, ICML 2017, for the first error.
        Hendrycks, Mazeika and Dietterich, Deep Anomaly Detection with Outlier Exposure, ICLR 2019,
        for the second, with bins of about 100.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> row = calibration(model, test.images, test.labels).iloc[0]
        >>> gap = abs(row["confidence"] - row["accuracy"])
        >>> bool(gap <= row["expected_calibration_error"] + 1e-9)
        True
    """
    images, labels = checked(model, images, labels, batch_size)
    bins = checks.number("bins", bins, 1, whole=True)
    size = checks.number("examples_per_bin", examples_per_bin, 1, whole=True)
    logits = predicted_logits(model, images, batch_size=batch_size)
    confidence, correct = largest_probability(logits), logits.argmax(axis=1) == labels
    expected, _ = calibration_errors(confidence, correct, bins)
    _, rms = calibration_errors(confidence, correct, max(1, len(images) // size), "count")
    return pd.DataFrame(
        {
            "accuracy": [correct.mean()],
            "confidence": confidence.mean(),
            "expected_calibration_error": expected,
            "rms_calibration_error": rms,
            "examples": len(images),
        }
    )


def reliability(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    bins: int = 15,
    batch_size: int = 256,
) -> pd.DataFrame:
    """Accuracy and confidence in bins of confidence: what ``reporting.reliability_diagram`` draws.

    Args:
        model: see ``calibration``.
        images: see ``calibration``.
        labels: see ``calibration``.
        bins: int from 1, bins of equal width.
        batch_size: int, images at once; does not change the answer.

    Returns:
        DataFrame with a row per bin that holds images, and the columns lower and upper (ends of
        the bin), examples, confidence and accuracy (means over its images).

    Raises:
        ValueError: see ``calibration``.

    Reference:
        Guo et al., On Calibration of Modern Neural Networks, ICML 2017.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> table = reliability(models.build("small_cnn", (8, 8, 1), 10), test, bins=5)
        >>> int(table["examples"].sum()) == len(test.labels)
        True
    """
    images, labels = checked(model, images, labels, batch_size)
    logits = predicted_logits(model, images, batch_size=batch_size)
    return reliability_table(largest_probability(logits), logits.argmax(axis=1) == labels, bins)


def reliability_table(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> pd.DataFrame:
    """Accuracy and confidence in bins of confidence, of answers that are there already.

    Args:
        confidence: see ``calibration_errors``.
        correct: see ``calibration_errors``.
        bins: int from 1, bins of equal width.

    Returns:
        DataFrame, see ``reliability``.

    Raises:
        ValueError: see ``calibration_errors``.

    Example:
        >>> reliability_table([0.75, 0.75, 1.0], [True, False, True], 2)["accuracy"].round(3).tolist()
        [0.667]
    """
    bins = checks.number("bins", bins, 1, whole=True)
    confidence, correct = _pair(confidence, correct)
    bin_of = np.searchsorted(np.arange(1, bins) / bins, confidence)
    rows = pd.DataFrame({"bin": bin_of, "confidence": confidence, "accuracy": correct * 1.0})
    means = rows.groupby("bin").agg(
        examples=("accuracy", "size"),
        confidence=("confidence", "mean"),
        accuracy=("accuracy", "mean"),
    )
    table = means.reset_index()
    table.insert(0, "lower", table["bin"] / bins)
    table.insert(1, "upper", (table.pop("bin") + 1) / bins)
    return table


def calibration_errors(
    confidence: ArrayLike, correct: ArrayLike, bins: int = 15, binning: str = "width"
) -> tuple[float, float]:
    r"""Mean and root mean square over examples of a bin's gap between accuracy and confidence.

    The formulas stand at ``calibration``. Bins of equal width are
    :math:`((k - 1)/\text{bins}, k/\text{bins}]`, the first one with 0. Bins of equal count are cut
    from the examples in order of confidence, sizes differ by one at most; examples of the same
    confidence stay together in the bin of the first of them, so that the order in which they come
    does not matter. Empty bins do not count.

    Args:
        confidence: float ``(examples,)`` in [0, 1].
        correct: bool ``(examples,)``, whether each answer is right.
        bins: int from 1.
        binning: ``"width"`` or ``"count"``.

    Returns:
        Two floats in [0, 1], the mean and the root mean square, which is no smaller.

    Raises:
        ValueError: for confidences outside [0, 1], answers that are not as many or not bool, no
            example, another binning.

    Reference:
        As of ``calibration``.

    Example:
        >>> mean, rms = calibration_errors([0.75, 0.75, 1.0, 1.0], [True, False, True, True])
        >>> mean, round(rms, 6)
        (0.125, 0.176777)
    """
    bins = checks.number("bins", bins, 1, whole=True)
    checks.choice("binning", binning, BINNINGS)
    confidence, correct = _pair(confidence, correct)
    if binning == "width":
        bin_of = np.searchsorted(np.arange(1, bins) / bins, confidence)
    else:
        rank = np.searchsorted(np.sort(confidence), confidence)
        bin_of = rank * bins // len(rank)
    sizes = np.bincount(bin_of)
    gaps = np.bincount(bin_of, correct - confidence)[sizes > 0]
    sizes = sizes[sizes > 0]
    mean = np.abs(gaps).sum() / sizes.sum()
    return float(mean), float(np.sqrt((gaps**2 / sizes).sum() / sizes.sum()))


def _pair(confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, Flags]:
    """Return both as arrays if they are confidences and the answers to them."""
    confidence, correct = np.asarray(confidence, "float64"), np.asarray(correct)
    checks.require(
        confidence.ndim == 1 and len(confidence) > 0 and confidence.shape == correct.shape,
        "`confidence` and `correct` must hold one value for each of at least one example",
        **{"confidence.shape": confidence.shape, "correct.shape": correct.shape},
    )
    checks.require(
        correct.dtype == bool, "`correct` must be bool", **{"correct.dtype": str(correct.dtype)}
    )
    outside = confidence[~((confidence >= 0) & (confidence <= 1))]
    checks.require(
        not len(outside), "`confidence` must be in [0, 1]", confidence=outside[:3].tolist()
    )
    return confidence, correct
