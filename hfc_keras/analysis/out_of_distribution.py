"""Whether a model's logits distinguish images of its task from others."""

import keras
import numpy as np
import pandas as pd

from hfc_keras import checks
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import checked_images, confidence, predicted_logits
from hfc_keras.types import ArrayLike

SCORES = {"max_logit": lambda logits: logits.max(axis=1), "max_probability": confidence}


def out_of_distribution(
    model: keras.Model,
    inside: Images,
    outside: Images,
    score: str = "max_logit",
    batch_size: int = 256,
) -> pd.DataFrame:
    r"""How well a score of the logits distinguishes images of the model's task from others.

    A higher score means inside. With :math:`s` and :math:`t` the scores of an image drawn from
    inside and of one from outside,

    .. math:: \mathrm{AUROC} = P(s > t) + \tfrac12 P(s = t), \qquad
              \mathrm{TNR} = P(t < c), \qquad
              \mathrm{accuracy} = \max_d \tfrac12 \left(P(s \ge d) + P(t < d)\right)

    with :math:`c` the largest threshold at which at least 95 % of the images inside have
    :math:`s \ge c`: the score of rank :math:`\lceil 0.95\, n \rceil` from the top, not an
    interpolated quantile.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; run in inference mode.
        inside: float ``(examples, height, width, channels)`` in [0, 1], test images of the task.
        outside: float, images of the same shape, as many as one likes, of something else:
            ``data.as_images_like``, ``data.noise_images``.
        score: ``"max_logit"``, the largest logit, or ``"max_probability"``, its softmax.
        batch_size: int, images at once; does not change the answer.

    Returns:
        DataFrame of one row with the columns

        - score: str;
        - auroc: in [0, 1], 0.5 is chance; below, images outside have the higher scores;
        - tnr_at_95_tpr: in [0, 1], share of the images outside that are refused where 95 % of
          those inside are not;
        - detection_accuracy: in [0.5, 1], both sets of equal weight, at the best threshold;
        - inside_examples, outside_examples: images measured.

    Raises:
        ValueError: for pixels outside [0, 1], NaN, no image, images that do not fit the model, a
            model that returns probabilities or logits that are not finite, another score.

    Reference:
        Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution
        Examples in Neural Networks, ICLR 2017, for the probability; Liang, Li and Srikant,
        Enhancing the Reliability of Out-of-Distribution Image Detection in Neural Networks, ICLR
        2018, for the three measures; Chen et al., Amplitude-Phase Recombination, ICCV 2021, for
        the logit.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> noise = data.noise_images(30, (8, 8, 1))
        >>> row = out_of_distribution(model, test.images[:50], noise).iloc[0]
        >>> bool(0 <= row["auroc"] <= 1), int(row["outside_examples"])
        (True, 30)
    """
    scored = SCORES[checks.choice("score", score, SCORES)]
    # No comprehension, whose frame would be the caller that warnings name.
    known = checked_images(model, inside, batch_size, "inside")
    other = checked_images(model, outside, batch_size, "outside")
    scores = [scored(predicted_logits(model, each, None, batch_size)) for each in (known, other)]
    return pd.DataFrame(
        {
            "score": [score],
            **separation(*scores),
            "inside_examples": len(known),
            "outside_examples": len(other),
        }
    )


def separation(inside: ArrayLike, outside: ArrayLike) -> dict[str, float]:
    """Measures of how far the scores of images inside lie above those of images outside.

    The formulas stand at ``out_of_distribution``.

    Args:
        inside: float ``(examples,)``, finite.
        outside: float ``(examples,)``, finite.

    Returns:
        Dict of floats: auroc, tnr_at_95_tpr, detection_accuracy.

    Raises:
        ValueError: for no score on either side, or one that is not finite.

    Example:
        >>> separation([2.0, 3.0], [1.0, 2.0])
        {'auroc': 0.875, 'tnr_at_95_tpr': 0.5, 'detection_accuracy': 0.75}
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    inside, outside = (np.asarray(scores, "float64") for scores in (inside, outside))
    for name, scores in (("inside", inside), ("outside", outside)):
        checks.require(
            scores.ndim == 1 and len(scores) > 0 and np.isfinite(scores).all(),
            f"`{name}` must hold at least one score, all of them finite",
            **{name: scores[~np.isfinite(scores)][:3], "shape": scores.shape},
        )
    # Whole numbers, since 0.95 n is not exact in floats.
    kept = -(-19 * len(inside) // 20)
    threshold = np.sort(inside)[len(inside) - kept]
    truth = np.repeat([1, 0], [len(inside), len(outside)])
    scores = np.concatenate([inside, outside])
    false_positive, true_positive, _ = roc_curve(truth, scores)
    return {
        "auroc": float(roc_auc_score(truth, scores)),
        "tnr_at_95_tpr": float((outside < threshold).mean()),
        "detection_accuracy": float((1 + true_positive - false_positive).max() / 2),
    }
