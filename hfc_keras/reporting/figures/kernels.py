"""Convolution kernels as pictures and as numbers."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hfc_keras import checks
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import fitted
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import unique_rows
from hfc_keras.reporting.tables import mean_and_spread
from hfc_keras.types import ArrayLike, Floats

# Inches of a block.
WIDTH = 3.5
MOST_FILTERS = 16
MOST_CHANNELS = 3
MOST_IN_ONE_COLUMN = 3
# Pixels of the picture to a weight and between two filters.
WEIGHT, GAP = 3, 2
# Neither black nor white, which are weights.
GAP_COLOR = "#b3d4ea"


def kernel_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Kernel measures that the rows of a robustness table repeat, once per network.

    Args:
        table: DataFrame with the columns recipe, seed, rho, normalized, roughness and
            energy_beyond.

    Returns:
        DataFrame of those columns, in the order of the table.

    Raises:
        ValueError: if the rows of a network disagree.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "natural", "seed": 0, "rho": 0.0, "normalized": False,
        ...         "attack": ["none", "fgsm"], "roughness": 2.5, "energy_beyond": 0.8}
        >>> len(kernel_rows(pd.DataFrame(rows)))
        1
    """
    network = ["recipe", "seed", "rho", "normalized"]
    rows = table[[*network, "roughness", "energy_beyond"]].drop_duplicates()
    return unique_rows(rows, network)


def kernel_table(table: pd.DataFrame, radius: float | None = None) -> pd.DataFrame:
    """Mean and spread over seeds of the kernel measures of networks as trained.

    Args:
        table: DataFrame as for ``kernel_rows``; rows with rho above 0 are left out.
        radius: float or None, cycles per image, the radius of ``energy_beyond`` for the heading.

    Returns:
        DataFrame of str, one row per recipe, columns ``roughness`` and ``energy beyond r`` (or the
        radius), cells ``mean +- standard deviation`` (ddof 1; the mean alone for one seed,
        empty where there is none).

    Raises:
        ValueError: if no row has rho 0, or the rows of a network disagree.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "natural", "seed": [0, 1], "rho": 0.0, "normalized": False,
        ...         "roughness": [2.4, 2.6], "energy_beyond": 0.8}
        >>> kernel_table(pd.DataFrame(rows), radius=8).loc["natural"].tolist()
        ['2.500 +- 0.141', '0.800 +- 0.000']
    """
    rows = kernel_rows(table[table["rho"] == 0])
    rhos = sorted(table["rho"].unique().tolist())
    checks.require(len(rows), "`table` must hold rows with rho 0", rho=rhos)
    beyond = "energy beyond " + ("r" if radius is None else f"{radius:g}")
    rows = rows.rename(columns={"energy_beyond": beyond})
    long = rows.melt("recipe", ["roughness", beyond]).dropna()
    spread = long.groupby(["recipe", "variable"])["value"].agg(["mean", "std"])
    wide = spread.apply(mean_and_spread, axis=1).unstack("variable")
    wide = wide.reindex(index=rows["recipe"].unique(), columns=["roughness", beyond]).fillna("")
    return wide.rename_axis(index=None, columns=None)


def kernel_pictures(
    kernels: Mapping[str, ArrayLike],
    titles: Mapping[str, str] | None = None,
    rough: Mapping[str, float] | None = None,
) -> Figure:
    r"""Kernels as pictures, one block per network: columns are filters, rows input channels.

    Each filter has a scale of its own, so that one large filter leaves the others visible. Black is
    :math:`-s`, mid-gray 0 and white :math:`s`, the largest magnitude among its weights. The least
    and the largest :math:`s` stand below the block. At most the first 16 filters are drawn.

    Args:
        kernels: dict from names to arrays ``(height, width, in, out)``, in at most 3. More than
            three blocks stand in two columns, row by row.
        titles: dict from names to block titles, or None.
        rough: dict from names to the roughness to be stated below the block, or None.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: for no kernel, another rank, more channels, or numbers that are not finite.

    Reference:
        Fig. 7 of Wang et al., CVPR 2020.

    Example:
        >>> figure = kernel_pictures({"natural": np.ones((3, 3, 1, 8))}, rough={"natural": 0.0})
        >>> figure.axes[0].get_title(), figure.axes[0].get_xlabel()
        ('natural', 'filters from −s (black) to s (white), s = 1, roughness 0.00')
    """
    checks.require(len(kernels), "`kernels` must hold at least one kernel", kernels=kernels)
    drawn = {name: _drawn(name, kernel) for name, kernel in kernels.items()}
    columns = 1 if len(drawn) <= MOST_IN_ONE_COLUMN else 2
    rows = -(-len(drawn) // columns)
    channels = max(kernel.shape[2] for kernel in drawn.values())
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        names = {name: fitted((titles or {}).get(name, name), WIDTH) for name in drawn}
        more = max(name.count("\n") for name in names.values())
        size = (WIDTH * columns, rows * (0.22 * channels + 0.65 + 0.14 * more))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, (name, kernel) in zip(grid.flat, drawn.items(), strict=False):
            scales = _draw_block(axes, kernel)
            axes.set_title(names[name])
            roughness = f", roughness {rough[name]:.2f}" if rough and name in rough else ""
            axes.set_xlabel(f"filters from −s (black) to s (white), {_told(scales)}{roughness}")
        for axes in grid.flat[len(drawn) :]:
            axes.remove()
    return figure


def _drawn(name: str, kernel: ArrayLike) -> Floats:
    """Kernel as float64, cut to the filters that are drawn."""
    kernel = np.asarray(kernel, "float64")
    checks.require(
        kernel.ndim == 4 and min(kernel.shape) > 0 and kernel.shape[2] <= MOST_CHANNELS,
        f"`kernels` must be (height, width, in, out) with in at most {MOST_CHANNELS}",
        **{f"kernels[{name!r}].shape": kernel.shape},
    )
    finite = bool(np.isfinite(kernel).all())
    checks.require(finite, "`kernels` must be finite", **{f"kernels[{name!r}]": "NaN or infinity"})
    return kernel[..., :MOST_FILTERS]


def _draw_block(axes: Axes, kernel: Floats) -> Floats:
    """Draw a kernel, each filter on its own scale; return the scales."""
    axes.set_facecolor(GAP_COLOR)
    scales = np.abs(kernel).max(axis=(0, 1, 2))
    picture = _mosaic(kernel / np.where(scales > 0, scales, 1))
    axes.imshow(picture, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return scales


def _told(scales: Floats) -> str:
    least, most = (f"{value:.2g}" for value in (scales.min(), scales.max()))
    return f"s = {least}" if least == most else f"s = {least} to {most}"


def _mosaic(kernel: Floats) -> Floats:
    """Filters side by side, channels below one another, each within a frame of NaN."""
    height, width, channels, filters = kernel.shape
    down, across = height * WEIGHT + GAP, width * WEIGHT + GAP
    mosaic = np.full((channels, down, filters, across), np.nan)
    enlarged = kernel.repeat(WEIGHT, axis=0).repeat(WEIGHT, axis=1)
    mosaic[:, GAP:, :, GAP:] = enlarged.transpose(2, 0, 3, 1)
    mosaic = mosaic.reshape(channels * down, filters * across)
    return np.pad(mosaic, ((0, GAP), (0, GAP)), constant_values=np.nan)
