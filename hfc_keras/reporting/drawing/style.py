"""The look of all figures, and how they are written."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from hfc_keras import files
from hfc_keras.types import PathLike

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

STYLE: "dict[RcKeyType, Any]" = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 3,
    "legend.frameon": False,
    "svg.hashsalt": "hfc_keras",
}


def save_figure(figure: Figure, path: PathLike) -> list[Path]:
    """Write a figure as PNG (200 dots an inch) and SVG, each file whole.

    Args:
        figure: matplotlib.figure.Figure.
        path: str or Path without suffix.

    Returns:
        List of the two Paths.

    Raises:
        ValueError: if they cannot be written.

    Example:
        >>> import tempfile
        >>> from matplotlib.figure import Figure
        >>> paths = save_figure(Figure(), Path(tempfile.mkdtemp()) / "empty")
        >>> [path.suffix for path in paths]
        ['.png', '.svg']
    """
    with matplotlib.rc_context(STYLE):
        _settle(figure)
    paths = []
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        buffer = io.BytesIO()
        with matplotlib.rc_context(STYLE):
            figure.savefig(buffer, format=suffix[1:], dpi=200, metadata=metadata)
        paths.append(files.write_whole(Path(f"{path}{suffix}"), buffer.getvalue()))
    return paths


def _settle(figure: Figure) -> None:
    """Lay a figure out once and for all, in the same places every time.

    The solver of the layout is exact to rounding alone, and names in an SVG file depend on it.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        bounds = np.round(axes.get_position(original=True).bounds, 6)
        left, bottom, width, height = bounds.tolist()
        axes.set_position((left, bottom, width, height))
