"""Images with what models say to them."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from hfc_keras import checks
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import fitted
from hfc_keras.reporting.drawing.palette import BLUE, VERMILLION
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.types import ArrayLike, Floats

COLUMNS = 8
LONGEST_NAME = 14
# Points of the letters, and inches of a line of them.
SIZE, LINE = 6.5, 0.125


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
        one red with a cross. Several models have numbers, which a note below explains.

    Raises:
        ValueError: for no image, another rank, or answers of another number.

    Example:
        >>> figure = answer_pictures(np.zeros((2, 8, 8, 1)), {"net": ["a", "b"]}, ["a", "a"])
        >>> [axes.texts[0].get_text() for axes in figure.axes]
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
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    note = _note(list(answers))
    height = (PAGE / COLUMNS + 0.25 + LINE * len(answers)) * rows + LINE * len(note.splitlines())
    with matplotlib.rc_context({**STYLE, "axes.grid": False, "font.size": SIZE}):
        figure = Figure(figsize=(PAGE, height), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).flat
        for index, axes in enumerate(grid):
            if index >= len(images):
                axes.remove()
                continue
            _draw(axes, images[index])
            true = None if labels is None else labels[index]
            axes.set_title(_short(true or ""), fontsize=SIZE)
            _tell(axes, [given[index] for given in answers.values()], true)
        figure.supxlabel(note, fontsize=SIZE)
    return figure


def _note(names: Sequence[str]) -> str:
    """Which number is which model, where there are several."""
    if len(names) == 1:
        return ""
    lines = [f"{number}: {name}" for number, name in enumerate(names, 1)]
    return fitted("\n".join(lines), PAGE, SIZE)


def _draw(axes: Axes, image: Floats) -> None:
    picture = image if image.shape[2] == 3 else image[..., 0]
    axes.imshow(np.clip(picture, 0, 1), cmap="gray", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _tell(axes: Axes, answers: Sequence[str], true: str | None) -> None:
    """Write the answers below an image, one below the other, the wrong ones red."""
    for place, answer in enumerate(answers):
        right = true is None or answer == true
        mark = "" if true is None else "✓ " if right else "✗ "
        number = f"{place + 1} " if len(answers) > 1 else ""
        axes.annotate(
            _short(f"{number}{mark}{answer}"),
            xy=(0.5, 0),
            xycoords="axes fraction",
            xytext=(0, -3 - 72 * LINE * place),
            textcoords="offset points",
            ha="center",
            va="top",
            color=BLUE if right else VERMILLION,
        )


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
