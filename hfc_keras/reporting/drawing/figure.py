"""Figures that a notebook shows by themselves."""

import io

import matplotlib
import matplotlib.figure

from hfc_keras.reporting.drawing.style import STYLE


class Figure(matplotlib.figure.Figure):
    """A Matplotlib figure that a notebook shows as a picture, whether pyplot is loaded or not.

    Example:
        >>> Figure()._repr_png_()[1:4]
        b'PNG'
    """

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with matplotlib.rc_context(STYLE):
            self.savefig(buffer, format="png", dpi=120)
        return buffer.getvalue()
