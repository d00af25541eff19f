"""Images with what models say to them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np

from hfc_keras import checks
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.palette import BLUE, VERMILLION
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.types import ArrayLike

COLUMNS = 8
LONGEST_NAME = 16


def answer_pictures(
    images: ArrayLike, answers: Mapping[str, Sequence[str]], labels: Sequence[str] | None = None
) -> Figure:
    """Images in a row, above each its class, below it what each model answers.

    Args:
        images: float ``(examples, height, width, channels)`` in [0, 1], channels 1 or 3; of
            others the first is drawn.
        answers: dict from a model's name to a class name for each image.
        labels: class name of each image, or None where they are unknown.

    Returns:
        matplotlib.figure.Figure, 7 inches wide. A right answer is blue with a check mark, a wrong
        one red with a cross.

    Raises:
        ValueError: for no image, another rank, or answers of another number.

    Example:
        >>> figure = answer_pictures(np.zeros((2, 8, 8, 1)), {"net": ["a", "b"]}, ["a", "a"])
        >>> [axes.get_xlabel() for axes in figure.axes]
        ['✓ a', '✗ b']
    """
    images = np.asarray(images)
    lists = {**answers, **({} if labels is None else {"labels": labels})}
    counts = {name: len(values) for name, values in lists.items()}
    checks.require(
        images.ndim == 4 and len(images) > 0 and set(counts.values()) == {len(images)},
        "`images` must be (examples, height, width, channels) with as many answers",
        **{"images.shape": images.shape, "answers": counts},
    )
    # What all names begin with tells none from another.
    start = len(os.path.commonprefix(list(answers))) if len(answers) > 1 else 0
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    lines = len(answers) * (1 + (len(answers) > 1))
    with matplotlib.rc_context({**STYLE, "axes.grid": False, "font.size": 6.5}):
        figure = Figure(
            figsize=(PAGE, (PAGE / COLUMNS + 0.25 + 0.12 * lines) * rows), layout="constrained"
        )
        grid = figure.subplots(rows, columns, squeeze=False).flat
        for index, axes in enumerate(grid):
            if index >= len(images):
                axes.remove()
                continue
            picture = images[index] if images.shape[3] == 3 else images[index, ..., 0]
            axes.imshow(np.clip(picture, 0, 1), cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            true = None if labels is None else labels[index]
            axes.set_title(_short(true or ""), fontsize=6.5, parse_math=False)
            told = [
                _told(name[start:], given[index], true, answers) for name, given in answers.items()
            ]
            good = true is None or all(given[index] == true for given in answers.values())
            axes.set_xlabel(
                "\n".join(told), parse_math=False, color=BLUE if good else VERMILLION, fontsize=6.5
            )
    return figure


def _told(name: str, answer: str, true: str | None, answers: Mapping[str, Any]) -> str:
    mark = "" if true is None else "✓ " if answer == true else "✗ "
    return (
        mark + _short(answer) if len(answers) == 1 else f"{_short(name)}:\n{mark}{_short(answer)}"
    )


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
