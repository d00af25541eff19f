"""What the functions of a claim make of a table, checked; errors say which claim."""

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from hfc_keras import checks
from hfc_keras.reporting.claims.claim import Claim, Effect, Pairs
from hfc_keras.reporting.rows import MissingMeasurementError, unique_rows


@contextlib.contextmanager
def naming(claim: Claim) -> Iterator[None]:
    """Name the claim in what its functions refuse, and where a table is not as they take it.

    Other errors pass, and the cause stays in the traceback: a mistake in a claim looks the same.

    Args:
        claim: Claim.

    Raises:
        ValueError: naming the claim.

    Example:
        >>> from types import SimpleNamespace
        >>> with naming(SimpleNamespace(id="a")):
        ...     {}["recipe"]
        Traceback (most recent call last):
        ...
        ValueError: Claim 'a': the table must hold what is measured. Received: missing='recipe'
    """
    try:
        yield
    except MissingMeasurementError as error:
        raise MissingMeasurementError(f"Claim {claim.id!r}: {error}") from error
    except ValueError as error:
        raise ValueError(f"Claim {claim.id!r}: {error}") from error
    except KeyError as error:
        raise ValueError(
            f"Claim {claim.id!r}: the table must hold what is measured. Received: missing={error}"
        ) from error
    except (IndexError, TypeError, AttributeError) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise ValueError(
            f"Claim {claim.id!r}: the table must have the form that the claim is written for. "
            f"Received: {type(error).__name__}={str(error)!r}, "
            f"at={f'{Path(place.filename).name}:{place.lineno}'!r}"
        ) from error


def effects_of(claim: Claim, table: pd.DataFrame) -> dict[str, pd.Series]:
    """Effect of each seed by the name of the rival, which is empty without rivals.

    Args:
        claim: Claim with an effect.
        table: DataFrame of measurements.

    Returns:
        dict of Series of float by seed.

    Raises:
        ValueError: naming the claim, see ``verdicts.judge``.

    Example:
        >>> from hfc_keras.reporting import Claim
        >>> claim = Claim(id="a", item="Fig. 5", sentence="A helps.", measured="gain, accuracy",
        ...               effect=lambda table: table.set_index("seed")["gain"], above=0)
        >>> effects_of(claim, pd.DataFrame({"seed": [0, 1], "gain": [1, 2]}))[""].tolist()
        [1.0, 2.0]
    """
    with naming(claim):
        effects = cast(Effect, claim.effect)(table)
    if not isinstance(effects, dict):
        return {"": _by_seed(claim, effects)}
    named = effects and all(isinstance(name, str) and name for name in effects)
    checks.require(
        named and claim.by_image is None,
        f"The effects of claim {claim.id!r} must be one or more Series by the rival's name, "
        "without `by_image`",
        rivals=list(effects),
        by_image=claim.by_image,
    )
    return {name: _by_seed(claim, values, f" against {name}") for name, values in effects.items()}


def _by_seed(claim: Claim, effects: Any, against: str = "") -> pd.Series:
    """Effects as float, one finite number per seed."""
    name = f"The effect of claim {claim.id!r}{against}"
    by_seed = isinstance(effects, pd.Series) and len(effects) and effects.index.is_unique
    checks.require(
        by_seed,
        f"{name} must be a Series of one or more seeds, none twice",
        seeds=list(getattr(effects, "index", [])),
    )
    with naming(claim):
        effects = effects.astype("float64")
    bad = effects[~np.isfinite(effects)]
    checks.require(not len(bad), f"{name} must be finite for every seed", seeds=bad.to_dict())
    return effects


def pairs_of(claim: Claim, table: pd.DataFrame) -> pd.DataFrame:
    """The two measures of each training that a claim correlates, means over its seeds.

    Args:
        claim: Claim with pairs.
        table: DataFrame of measurements.

    Returns:
        DataFrame by recipe with the columns first and second.

    Raises:
        ValueError: naming the claim: for a network that stands twice, or whatever the claim's
            function refuses.

    Example:
        >>> from hfc_keras.reporting import Claim
        >>> claim = Claim(id="a", item="b", sentence="c", measured="d", above=0,
        ...               pairs=lambda table: table)
        >>> rows = {"recipe": "a", "seed": [0, 1], "first": [1, 2], "second": [3, 5]}
        >>> pairs_of(claim, pd.DataFrame(rows)).loc["a"].tolist()
        [1.5, 4.0]
    """
    with naming(claim):
        pairs = cast(Pairs, claim.pairs)(table)
        unique_rows(pairs, ["recipe", "seed"])
        return pairs.groupby("recipe", sort=False)[["first", "second"]].mean()


def claim_effects(claim: Claim, table: pd.DataFrame) -> pd.DataFrame:
    """What a claim's verdict is computed from, so that anybody can compute it again.

    Args:
        claim: Claim.
        table: DataFrame of measurements.

    Returns:
        DataFrame with the columns against, seed and effect; for a correlation over trainings with
        training, first and second, each training's means over its seeds.

    Raises:
        ValueError: as ``judge``.

    Example:
        >>> from hfc_keras.reporting import Claim
        >>> claim = Claim(id="a", item="Fig. 5", sentence="A helps.", measured="gain, accuracy",
        ...               effect=lambda table: table.set_index("seed")["gain"], above=0)
        >>> table = pd.DataFrame({"seed": [0, 1], "gain": [0.5, 0.25]})
        >>> claim_effects(claim, table).to_dict("list")
        {'against': ['', ''], 'seed': [0, 1], 'effect': [0.5, 0.25]}
    """
    if claim.pairs is not None:
        return pairs_of(claim, table).rename_axis("training").reset_index()
    parts = [
        pd.DataFrame({"against": against, "seed": effects.index, "effect": effects.to_numpy()})
        for against, effects in effects_of(claim, table).items()
    ]
    return pd.concat(parts, ignore_index=True)
