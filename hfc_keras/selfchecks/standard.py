"""The robust accuracy of a model under the standard attacks, in lines."""

from collections.abc import Iterator

from scipy import stats

from hfc_keras import analysis, attacks
from hfc_keras.selfchecks.subject import Subject


def standard_evaluation(subject: Subject) -> Iterator[str]:
    """Yield what ``attacks.standard`` leaves of the accuracy, attack by attack.

    Args:
        subject: Subject.

    Yields:
        str, a line for the clean accuracy, one for each attack with its budget, and one with the
        robust accuracy, its interval and the precision that led the attacks.

    Raises:
        ValueError: for a model that ``analysis.robust_accuracy`` refuses.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits", examples=20).test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> subject = Subject(model, test.images, test.labels, epsilon=0.1, seed=0)
        >>> len(list(standard_evaluation(subject)))
        5
    """
    chosen = attacks.standard(subject.epsilon, seed=subject.seed)
    chosen = [attack.fitted(subject.classes) for attack in chosen]
    table = analysis.robust_accuracy(subject.model, subject.images, subject.labels, chosen)
    clean, *rows, worst = table.to_dict("records")
    yield f"{clean['accuracy']:.4f}  no attack, {len(subject.images)} images"
    for attack, row in zip(chosen, rows, strict=True):
        yield f"{row['accuracy']:.4f}  {attack} on {row['attacked']}"
    count = len(subject.images)
    left = round(worst["accuracy"] * count)
    low, high = stats.binomtest(left, count).proportion_ci(method="wilson")
    led = " and ".join(sorted(set(table["precision"].dropna())))
    interval = f"95 % interval over images {low:.3f} to {high:.3f}"
    led = f"; search led in {led}" if led else ""
    yield f"{worst['accuracy']:.4f}  robust accuracy ({interval}){led}"
