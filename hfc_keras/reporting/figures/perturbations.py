"""Spectra of adversarial perturbations: numbers, a table and curves."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.ring_panels import ring_panels
from hfc_keras.reporting.effects.perturbations import HALF, KEYS, VALUES, perturbation_share
from hfc_keras.reporting.rows import measured_once, require_columns, unique_rows
from hfc_keras.reporting.tables import mean_and_spread

ATTACKS = {"fgsm": "FGSM", "pgd": "PGD"}


def perturbation_table(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the power beyond parts of the image's smaller side, one row per recipe and attack.

    Args:
        table: DataFrame, see ``perturbation_share``.

    Returns:
        DataFrame of str, mean and standard deviation over seeds, columns the parts; the last row
        is white noise.

    Raises:
        ValueError: as ``perturbation_share``.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "attack": "pgd", "ring": [0, 1, 2, 3],
        ...         "mean": [0.5, 0.25, 0.25, 0.0], "white": 0.25, "image_size": 4}
        >>> perturbation_table(pd.DataFrame(rows))["beyond 0.25"].tolist()
        ['0.250', '0.500']
    """
    table = measured_once(table)
    require_columns(table, [*KEYS, *VALUES])
    parts = {f"beyond {part:g}": part for part in (1 / 8, HALF, 3 / 8)}
    pairs = list(table[["recipe", "attack"]].drop_duplicates().itertuples(index=False))
    lines = {
        f"{recipe}, {attack}": {
            name: _cell(perturbation_share(table, recipe, attack, part))
            for name, part in parts.items()
        }
        for recipe, attack in pairs
    }
    first, attack = pairs[0]
    lines["white noise"] = {
        name: _cell(perturbation_share(table, first, attack, part, "white").iloc[:1])
        for name, part in parts.items()
    }
    return pd.DataFrame(lines).T


def perturbation_curves(
    table: pd.DataFrame,
    titles: Mapping[str, str] | None = None,
    looks: Mapping[str, palette.Look] | None = None,
) -> Figure:
    """Share of each ring in the power of a perturbation, one panel per attack, one line per recipe.

    Args:
        table: DataFrame, see ``perturbation_share``. Lines are means over seeds, bands their
            range; white noise is dashed and gray. A vertical line marks the Nyquist frequency.
        titles: dict from recipes to names in the legend, or None.
        looks: dict from recipes to looks, see ``palette.recipe_looks``, or None.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide.

    Raises:
        ValueError: for a missing column, an unknown attack, a ring that stands twice or no row.

    Reference:
        Yin et al., A Fourier Perspective on Model Robustness in Computer Vision, NeurIPS 2019.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "attack": "pgd", "ring": [0, 1, 2, 3],
        ...         "mean": [0.5, 0.25, 0.25, 0.0], "white": 0.25, "image_size": 4}
        >>> perturbation_curves(pd.DataFrame(rows)).axes[0].get_title()
        'PGD'
    """
    table = measured_once(table)
    require_columns(table, [*KEYS, *VALUES])
    unique_rows(table, KEYS)
    attacks = table["attack"].unique().tolist()
    checks.require(
        attacks and set(attacks) <= set(ATTACKS),
        f"`table` must hold rows of the attacks {list(ATTACKS)}",
        attacks=attacks,
    )
    panels = {
        ATTACKS[str(attack)]: {str(name): part for name, part in rows.groupby("recipe", sort=False)}
        for attack, rows in table.groupby("attack", sort=False)
    }
    return ring_panels(panels, "share of the power", titles, looks)


def _cell(values: pd.Series) -> str:
    return mean_and_spread(values.agg(["mean", "std"]))
