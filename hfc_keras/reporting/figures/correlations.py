"""Correlation of two measures over networks, with a bootstrap over the networks."""

import dataclasses
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.panels import PAGE, legend_below
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns
from hfc_keras.reporting.statistics.bootstrap import FEWEST_TRAININGS
from hfc_keras.types import ArrayLike, Floats

COEFFICIENTS = ("spearman", "pearson")
LOOKS: tuple[palette.Look, ...] = (
    {"color": palette.BLACK, "marker": "o"},
    {"color": palette.ORANGE, "marker": "^"},
    {"color": palette.BLUE, "marker": "s"},
    {"color": palette.GREEN, "marker": "D"},
)


@dataclasses.dataclass(frozen=True)
class Correlation:
    """A correlation over networks and its bootstrap interval.

    Args:
        value: float in [-1, 1]; NaN if one of the measures is constant.
        low: float, lower end of the 95 % percentile interval.
        high: float, its upper end.
        networks: int, how many.
    """

    value: float
    low: float
    high: float
    networks: int


def correlation(
    first: ArrayLike,
    second: ArrayLike,
    coefficient: str = "spearman",
    replicates: int = 10_000,
    seed: int = 0,
    at_equal: ArrayLike | None = None,
) -> Correlation:
    r"""Correlation of two measures with the percentile interval of a bootstrap over networks.

    .. math:: r_{xy} = \frac{\sum_i (x_i - \bar x)(y_i - \bar y)}
                       {\sqrt{\sum_i (x_i - \bar x)^2 \sum_i (y_i - \bar y)^2}}, \qquad
              r_{xy \cdot z} = \frac{r_{xy} - r_{xz} r_{yz}}
                       {\sqrt{(1 - r_{xz}^2) (1 - r_{yz}^2)}}

    of the measures, or of their ranks (Spearman); the second one, the partial correlation, where
    there is a measure z that is to be held equal. Networks are drawn with replacement, all measures
    of one together, and ranked anew each time. An end of the interval lies between correlations of
    draws, so that none passes 1.

    Args:
        first: floats, a number a network; a network with NaN in either is left out.
        second: as many floats.
        coefficient: ``"spearman"`` or ``"pearson"``.
        replicates: int, at least 1, draws.
        seed: int, of the draws.
        at_equal: as many floats, the measure z; or None.

    Returns:
        Correlation; its interval is NaN below five networks.

    Raises:
        ValueError: for another coefficient, or numbers of networks that differ.

    Reference:
        Spearman 1904; Efron and Tibshirani 1993, percentile interval.

    Example:
        >>> found = correlation([1, 2, 3, 4, 5], [1, 4, 9, 16, 10])
        >>> round(found.value, 2), -1 <= found.low <= found.high <= 1, found.networks
        (0.9, True, 5)
    """
    checks.choice("coefficient", coefficient, COEFFICIENTS)
    replicates = checks.number("replicates", replicates, minimum=1, whole=True)
    measures = {"first": first, "second": second}
    measures |= {} if at_equal is None else {"at_equal": at_equal}
    measures = {name: np.asarray(each, "float64") for name, each in measures.items()}
    shapes = {f"{name}.shape": each.shape for name, each in measures.items()}
    checks.require(
        measures["first"].ndim == 1 and len(set(shapes.values())) == 1,
        "`second` and `at_equal` must be as many numbers as `first`",
        **shapes,
    )
    table = np.stack(list(measures.values()))
    table = table[:, np.isfinite(table).all(axis=0)]
    networks = table.shape[1]
    value = float(_correlations(table[:, None], coefficient)[0]) if networks > 1 else np.nan
    low, high = np.nan, np.nan
    if networks >= FEWEST_TRAININGS and np.isfinite(value):
        drawn = np.random.default_rng(seed).integers(networks, size=(replicates, networks))
        # A draw of one network alone has no correlation.
        found = _correlations(table[:, drawn], coefficient)
        low, high = (float(end) for end in np.nanquantile(found, [0.025, 0.975]))
    return Correlation(value, low, high, networks)


def verdict(found: Correlation, expected: int) -> str:
    """What a correlation says of a sentence that expects its sign.

    Args:
        found: Correlation.
        expected: int, 1 or -1.

    Returns:
        str: ``"supported"`` if the whole interval has that sign, ``"refuted"`` if it has the
        other one, ``"undecided"`` else.

    Example:
        >>> verdict(Correlation(-0.5, -0.7, -0.2, 40), expected=-1)
        'supported'
    """
    ends = sorted((expected * found.low, expected * found.high))
    if ends[0] > 0:
        return "supported"
    return "refuted" if ends[1] < 0 else "undecided"


def correlation_panels(
    points: pd.DataFrame,
    pairs: Mapping[str, tuple[str, str]],
    names: Mapping[str, str],
    notes: Mapping[str, str] | None = None,
) -> Figure:
    """One measure against another, one panel per question, one point per network.

    Args:
        points: DataFrame with the column kind, which tells the look of a network (up to four
            kinds), and those of the pairs.
        pairs: dict from a question's name to (column across, column upwards).
        names: dict from columns to what stands on the axes.
        notes: dict from a question's name to the title of its panel, or None.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide.

    Raises:
        ValueError: for a missing column or more than four kinds.

    Example:
        >>> import pandas as pd
        >>> points = pd.DataFrame({"kind": ["robust", "other"], "x": [1, 2], "y": [2, 1]})
        >>> figure = correlation_panels(points, {"q": ("x", "y")}, {"x": "HFC", "y": "PGD"})
        >>> figure.axes[0].get_xlabel(), figure.axes[0].get_title()
        ('HFC', 'q')
    """
    require_columns(points, ["kind", *(column for pair in pairs.values() for column in pair)])
    kinds = points["kind"].unique().tolist()
    checks.require(len(kinds) <= len(LOOKS), "`points` must be of four kinds at most", kinds=kinds)
    looks = {
        kind: palette.styled(look, linestyle="") for kind, look in zip(kinds, LOOKS, strict=False)
    }
    handles = [Line2D([], [], label=kind, **look) for kind, look in looks.items()]
    with matplotlib.rc_context(STYLE):
        figure, grid = _grid(len(pairs), handles)
        for axes, (question, (across, upwards)) in zip(grid, pairs.items(), strict=True):
            for kind, part in points.groupby("kind", sort=False):
                axes.plot(part[across], part[upwards], alpha=0.7, **looks[kind])
            axes.set(xlabel=names[across], ylabel=names[upwards])
            axes.set_title((notes or {}).get(question, question), fontsize=7)
    return figure


def _grid(count: int, handles: Sequence[Artist]) -> tuple[Figure, list[Axes]]:
    """Figure of panels that share no axis, in rows of three, with a legend below."""
    columns = min(count, 3)
    rows = -(-count // columns)
    size = (PAGE / 3 * columns, 2.2 * rows + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_axis_off()
    legend_below(figure, handles)
    return figure, list(grid[:count])


def _correlations(measures: Floats, coefficient: str) -> Floats:
    """Correlation in each draw of ``(measures, draws, networks)``; NaN where one is constant."""
    if coefficient == "spearman":
        measures = stats.rankdata(measures, axis=2)
    first, second, *others = measures
    found = _pearson(first, second)
    for other in others:
        own, its = _pearson(first, other), _pearson(second, other)
        found = _ratio(found - own * its, np.sqrt((1 - own**2) * (1 - its**2)))
    return found


def _pearson(x: Floats, y: Floats) -> Floats:
    x, y = (each - each.mean(axis=1, keepdims=True) for each in (x, y))
    return _ratio((x * y).sum(axis=1), np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1)))


def _ratio(product: Floats, scale: Floats) -> Floats:
    """Quotient within [-1, 1], where rounding may leave it; NaN where the scale is zero."""
    known = scale > 1e-12
    return np.clip(np.divide(product, scale, out=np.full(len(scale), np.nan), where=known), -1, 1)
