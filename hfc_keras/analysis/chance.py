"""Whether answers are right by chance."""

import numpy as np

from hfc_keras.types import Integers


def beyond_luck(
    answers: Integers, labels: Integers, deviations: float = 2
) -> tuple[bool, int, float]:
    r"""Whether answers are right more often than if they were dealt to the images at random.

    With :math:`n_k` labels and :math:`m_k` answers of class k among n images,
    :math:`e = \sum_k n_k m_k / n` answers would be right on average, whatever the classes. More
    than some standard deviations of a binomial draw above that is no luck: a model that gives
    nearly always one answer is near chance by that, even where its few other answers are right.
    Where labels are of nearly one class no model can be that far above. Three times as many
    standard deviations of answers in random order are no luck either, whose variance is

    .. math:: \frac1{n - 1} \sum_{j, k} n_j m_k
              \left([j = k] - \frac{m_j}n - \frac{n_k}n + \frac en\right)^2.

    Args:
        answers: int array ``(examples,)``.
        labels: int array ``(examples,)``.
        deviations: float.

    Returns:
        ``(beyond, right, expected)``: bool, int and float.

    Example:
        >>> beyond_luck(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1]))
        (False, 3, 3.0)
    """
    count, classes = len(labels), 1 + int(max(answers.max(), labels.max()))
    dealt, given = (np.bincount(each, minlength=classes) for each in (labels, answers))
    expected, right = float(dealt @ given / count), int((answers == labels).sum())
    away = np.eye(classes) - (given[:, None] + dealt[None, :] - expected) / count
    shuffled = np.sqrt(dealt @ away**2 @ given / max(1, count - 1))
    binomial = np.sqrt(expected * (1 - expected / count))
    limit = expected + deviations * min(binomial, 3 * shuffled)
    return bool(right > limit), right, expected
