"""Images beside their components, with what a network says to each."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from hfc_keras import checks
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import fitted
from hfc_keras.reporting.drawing.palette import SKY
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.types import ArrayLike, Floats, Integers

TITLES = {"original": "image", "low": "low frequencies", "high": "high frequencies"}
MOST_EXAMPLES = 8
BARS = 3
# A name of a class may hold dollar signs, which would make it a formula.
PLAIN: dict[str, Any] = {"parse_math": False}
LONGEST_NAME = 16
OTHER = "#d0d0d0"
# A high component has mean zero; without this it would be almost black.
SHIFTS = {"original": 0.0, "low": 0.0, "high": 0.5}
NOTE = (
    "Bars: the three largest confidences; the true class is blue and bold. "
    "High frequencies are drawn\nwith mid-gray added, the network sees them without it. "
    "What leaves [0, 1] is clipped in the drawing only."
)


def component_gallery(
    images: Mapping[str, Any],
    probabilities: Mapping[str, Any],
    labels: ArrayLike,
    class_names: Sequence[str],
    heading: str | None = None,
) -> Figure:
    """Images, their low and their high components, with the three largest confidences below each.

    Args:
        images: dict with the keys original, low, high: ``(examples, height, width, channels)``,
            channels 1 or 3, pixels in [0, 1], components as they are. At most the first 8
            examples are drawn, two side by side.
        probabilities: dict with the same keys: ``(examples, classes)`` in [0, 1].
        labels: int ``(examples,)``, the true classes.
        class_names: sequence of str, one per class; the first 16 letters are drawn, a ``$`` as
            one.
        heading: str or None, stands above all.

    Returns:
        matplotlib.figure.Figure. High components are drawn with mid-gray added, which a note
        below says.

    Raises:
        ValueError: for other keys, no example, shapes that do not fit each other, another
            number of channels, or labels that are no classes.

    Reference:
        Fig. 2 of Wang et al., CVPR 2020.

    Example:
        >>> parts = dict.fromkeys(TITLES, np.zeros((2, 8, 8, 1)))
        >>> confidences = dict.fromkeys(TITLES, np.full((2, 2), 0.5))
        >>> figure = component_gallery(parts, confidences, [0, 1], ["cat", "dog"])
        >>> [axes.get_title() for axes in figure.axes[:6:2]]
        ['image: cat', 'low frequencies', 'high frequencies']
    """
    labels = _checked(images, probabilities, labels, class_names)
    count = min(len(labels), MOST_EXAMPLES)
    rows = -(-count // 2)
    with matplotlib.rc_context({**STYLE, "axes.grid": False, "font.size": 6.5}):
        figure = Figure(figsize=(PAGE, 1.75 * rows + 0.9), layout="constrained")
        widths = [1, 1, 1, 0.15, 1, 1, 1]
        ratios = {"width_ratios": widths, "height_ratios": [1.0, 0.5] * rows}
        grid = figure.add_gridspec(2 * rows, len(widths), **ratios)
        for example in range(count):
            row, first = 2 * (example // 2), 4 * (example % 2)
            for column, name in enumerate(TITLES, start=first):
                picture = figure.add_subplot(grid[row, column])
                _draw_image(picture, images[name][example], SHIFTS[name])
                true = f": {_short(class_names[labels[example]])}" if name == "original" else ""
                picture.set_title(TITLES[name] + true, fontsize=7, **PLAIN)
                bars = figure.add_subplot(grid[row + 1, column])
                confidences = np.asarray(probabilities[name][example])
                _draw_bars(bars, confidences, labels[example], class_names)
        if heading is not None:
            figure.suptitle(fitted(heading, PAGE), fontsize=8, **PLAIN)
        figure.supxlabel(NOTE, fontsize=7)
    return figure


def _checked(
    images: Mapping[str, Any],
    probabilities: Mapping[str, Any],
    labels: ArrayLike,
    class_names: Sequence[str],
) -> Integers:
    """Labels as class indices, after a check of what is to be drawn."""
    for name, given in (("images", images), ("probabilities", probabilities)):
        checks.require(
            set(given) == set(TITLES),
            f"`{name}` must have the keys {list(TITLES)}",
            keys=list(given),
        )
    shape = np.shape(images["original"])
    drawable = len(shape) == 4 and min(shape) > 0 and shape[3] in (1, 3)
    expected = "`images` must be (examples, height, width, channels), channels 1 or 3"
    checks.require(drawable, expected, **{"images.shape": shape})
    wanted = {"images": shape, "probabilities": (shape[0], len(class_names))}
    for name, given in (("images", images), ("probabilities", probabilities)):
        shapes = [np.shape(values) for values in given.values()]
        checks.require(
            set(shapes) == {wanted[name]},
            f"`{name}` must all have the shape {wanted[name]}",
            shapes=shapes,
        )
    return checks.class_indices(labels, shape[0], len(class_names))


def _draw_image(axes: Axes, image: ArrayLike, shift: float) -> None:
    image = np.clip(np.asarray(image, "float64") + shift, 0, 1)
    image = image[..., 0] if image.shape[-1] == 1 else image
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()


def _draw_bars(axes: Axes, probabilities: Floats, label: int, class_names: Sequence[str]) -> None:
    """Draw the largest confidences downwards, each with name and percentage on its bar."""
    top = np.argsort(-probabilities, kind="stable")[:BARS]
    for place, chosen in enumerate(top):
        true = chosen == label
        axes.barh(place, probabilities[chosen], height=0.85, color=SKY if true else OTHER)
        look = {"va": "center_baseline", "fontweight": "bold" if true else "normal", **PLAIN}
        axes.text(0.02, place, _short(class_names[chosen]), ha="left", **look)
        axes.text(0.99, place, f"{probabilities[chosen]:.0%}", ha="right", **look)
    axes.set(xlim=(0, 1), ylim=(BARS - 0.4, -0.6), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _short(name: object) -> str:
    return str(name) if len(str(name)) <= LONGEST_NAME else f"{str(name)[: LONGEST_NAME - 1]}…"
