"""Real Fourier basis images."""

import numpy as np

from hfc_keras import checks
from hfc_keras.types import Floats


def fourier_basis(height: int, width: int, row: int, column: int, phase: float = 0.0) -> Floats:
    r"""Image of one frequency: a plane wave of L2 norm 1.

    .. math:: U(y, x) = c \cos(2 \pi (uy / H + vx / W) + \phi), \qquad \|U\|_2 = 1

    Its DFT is nonzero at :math:`(u, v)` and :math:`(-u, -v)` alone.

    Args:
        height: int, rows, at least 1.
        width: int, columns, at least 1.
        row: int, frequency along the rows, an index of the DFT from ``-height`` to
            ``height - 1``; a negative one counts from the end, so it is that negative frequency.
        column: int, frequency along the columns, likewise.
        phase: float, radians; 0 is the cosine. Yin et al. use pi / 4.

    Returns:
        float64 array ``(height, width)``.

    Raises:
        ValueError: for a size below 1, an index out of range, a phase that is not finite, or one
            at which the wave vanishes (a sine of a frequency that is its own negative).

    Reference:
        Yin et al., A Fourier Perspective on Model Robustness in Computer Vision, NeurIPS 2019.

    Example:
        >>> fourier_basis(2, 2, 0, 1)
        array([[ 0.5, -0.5],
               [ 0.5, -0.5]])
    """
    height = checks.number("height", height, minimum=1, whole=True)
    width = checks.number("width", width, minimum=1, whole=True)
    row = checks.number("row", row, -height, height - 1, whole=True)
    column = checks.number("column", column, -width, width - 1, whole=True)
    phase = checks.number("phase", phase)
    turns = np.add.outer(
        row * np.arange(height) % height / height, column * np.arange(width) % width / width
    )
    wave = np.cos(2 * np.pi * turns + phase)
    norm = np.linalg.norm(wave)
    checks.require(
        norm > 1e-6 * np.sqrt(height * width),
        "`phase` must leave a wave; this frequency has a cosine only",
        row=row,
        column=column,
        phase=phase,
    )
    return wave / norm
