"""Claims as rows of data: a sentence, what is measured, what is compared, and the bound.

A measure is one number per seed of a recipe; a comparison names the recipes and says what is
subtracted from what. Together they are the effect of a claim and describe it in words.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import pandas as pd

from hfc_keras.reporting.claims.claim import FITTED, ByImage, Claim, Effect, Effects, Fit
from hfc_keras.reporting.claims.effects import EQUIVALENCE, difference

Number: TypeAlias = Callable[[pd.DataFrame, str], Any]
"""What a comparison is given: as ``Measure.number``, whose values it takes from one another."""


@dataclasses.dataclass(frozen=True)
class Measure:
    """A number that a table holds of a recipe.

    Args:
        words: str, what it is.
        number: function from (table, recipe) to a Series of float by seed, or to a dict of such
            Series where a claim must hold for each of several, by its name.
        unit: str.
    """

    words: str
    number: Callable[[pd.DataFrame, str], Effects]
    unit: str = "accuracy"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a claim makes of a measure.

    Args:
        words: str, which recipes are compared.
        effect: function from (number of a Measure, table) to what ``Claim.effect`` returns.
    """

    words: str
    effect: Callable[[Number, pd.DataFrame], Effects]


@dataclasses.dataclass(frozen=True)
class Bound:
    """The range of effects that supports a claim, see ``Claim``."""

    above: float = -math.inf
    below: float = math.inf


MORE, LESS = Bound(above=0), Bound(below=0)
SIMILAR = Bound(above=-EQUIVALENCE, below=EQUIVALENCE)
NO_LESS, NO_MORE = Bound(above=-EQUIVALENCE), Bound(below=EQUIVALENCE)


@dataclasses.dataclass(frozen=True)
class Statement:
    """A row: one claim of an experiment.

    Args:
        name: str, the rest of the claim's id.
        sentence: str.
        measure: Measure.
        comparison: Comparison.
        bound: Bound.
        measured: str, what the effect is, where the words of measure and comparison, one behind
            the other, do not say it.
        paper: str, where it is not that of the other rows, and so is ``item``.
        kind: str, see ``Claim``, and so are all others.
    """

    name: str
    sentence: str
    measure: Measure
    comparison: Comparison
    bound: Bound
    _: dataclasses.KW_ONLY
    measured: str = ""
    paper: str = ""
    item: str = ""
    kind: str = "paper"
    unverified: str = ""
    by_image: ByImage | None = None
    fitted: Fit | None = None
    fitted_above: float = FITTED
    other_dataset: str = ""


def claims(
    prefix: str, item: str, statements: Iterable[Statement], paper: str = Claim.paper
) -> tuple[Claim, ...]:
    """Claims of one item of a paper.

    Args:
        prefix: str, what their ids begin with, before an underscore; may be empty.
        item: str, where the paper makes them.
        statements: iterable of Statement.
        paper: str.

    Returns:
        tuple of Claim.

    Example:
        >>> from hfc_keras.reporting import value
        >>> accuracy = Measure("accuracy on test images", lambda table, recipe: value(
        ...     table, recipe=recipe))
        >>> (claim,) = claims("own", "Fig. 5", [Statement(
        ...     "dropout", "Dropout helps.", accuracy, minus("dropout"), MORE)])
        >>> claim.id, claim.measured
        ('own_dropout', 'accuracy on test images, dropout minus vanilla')
    """
    others = "kind unverified by_image fitted fitted_above other_dataset".split()
    return tuple(
        Claim(
            id="_".join(filter(None, (prefix, row.name))),
            paper=row.paper or paper,
            item=row.item or item,
            sentence=row.sentence,
            measured=row.measured or ", ".join(filter(None, _words(row))),
            effect=_effect(row.measure, row.comparison),
            unit=row.measure.unit,
            above=row.bound.above,
            below=row.bound.below,
            **{name: getattr(row, name) for name in others},
        )
        for row in statements
    )


def alone(recipe: str | Mapping[str, str], words: str | None = None) -> Comparison:
    """The number of one recipe, set beside nothing, or of each of several.

    Args:
        recipe: str, or a dict from what they are called to several recipes, of each of which the
            claim must hold.
        words: str, or None for the recipe's name; empty for several whose measure says it.

    Returns:
        Comparison.

    Example:
        >>> alone("vanilla").words
        'vanilla'
    """
    if isinstance(recipe, str):
        words = recipe if words is None else words
        return Comparison(words, lambda number, table: number(table, recipe))
    return Comparison(
        words or "",
        lambda number, table: {name: number(table, each) for name, each in recipe.items()},
    )


def minus(
    recipe: str,
    over: str | Mapping[str, str] | tuple[str, ...] = "vanilla",
    words: str | None = None,
) -> Comparison:
    """The number of a recipe minus that of another, or of each of several.

    Args:
        recipe: str.
        over: str, the other one; or several, of which the claim must hold against each: a dict
            from what they are called to the recipes, or a tuple of recipes.
        words: str, or None for ``recipe minus over``.

    Returns:
        Comparison.

    Example:
        >>> minus("resnet", ("lenet", "vgg")).words
        'resnet minus each of lenet and vgg'
    """
    if isinstance(over, str):
        return Comparison(
            f"{recipe} minus {over}" if words is None else words,
            lambda number, table: _difference(number(table, recipe), number(table, over)),
        )
    rivals = over if isinstance(over, dict) else dict(zip(over, over, strict=True))
    pairs = {name: (recipe, rival) for name, rival in rivals.items()}
    listed = " and ".join(rivals.values())
    return each(pairs, f"{recipe} minus each of {listed}" if words is None else words)


def each(pairs: Mapping[str, tuple[str, str]], words: str) -> Comparison:
    """Several differences, of which each must support the claim.

    Args:
        pairs: dict from what a difference is called to (recipe, recipe).
        words: str.

    Returns:
        Comparison.

    Example:
        >>> import pandas as pd
        >>> number = lambda table, recipe: table.set_index("seed")[recipe]
        >>> table = pd.DataFrame({"seed": [0], "a": [3.0], "b": [2.0], "c": [1.0]})
        >>> found = each({"first": ("a", "b"), "second": ("a", "c")}, "a").effect(number, table)
        >>> {name: values.tolist() for name, values in found.items()}
        {'first': [1.0], 'second': [2.0]}
    """

    def effect(number: Number, table: pd.DataFrame) -> dict[str, pd.Series]:
        return {
            name: difference(*(number(table, recipe) for recipe in pair))
            for name, pair in pairs.items()
        }

    return Comparison(words, effect)


def _words(row: Statement) -> tuple[str, str]:
    return row.measure.words, row.comparison.words


def _effect(measure: Measure, comparison: Comparison) -> Effect:
    return lambda table: comparison.effect(measure.number, table)


def _difference(first: Any, second: Any) -> Effects:
    """Difference of two numbers, of each part where they have several."""
    if isinstance(first, dict):
        return {name: difference(values, second[name]) for name, values in first.items()}
    return difference(first, second)
