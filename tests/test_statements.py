"""Claims as rows of data."""

import pandas as pd
import pytest

from hfc_keras import reporting
from hfc_keras.reporting.claims.statements import (
    MORE,
    SIMILAR,
    Measure,
    Statement,
    alone,
    claims,
    each,
    minus,
)

TABLE = pd.DataFrame(
    {
        "recipe": ["vanilla", "vanilla", "a", "a", "b", "b"],
        "seed": [0, 1] * 3,
        "accuracy": [0.5, 0.6, 0.75, 0.7, 0.25, 0.3],
    }
)
ACCURACY = Measure("accuracy", lambda table, recipe: reporting.value(table, recipe=recipe))


def halves(table, recipe):
    own = ACCURACY.number(table, recipe)
    return {"whole": own, "half": own / 2}


HALVES = Measure("accuracy, whole and half", halves, "share")


def claim(comparison, measure=ACCURACY, bound=MORE, **others):
    (made,) = claims("own", "Fig. 5", [Statement("a", "A.", measure, comparison, bound, **others)])
    return made


@pytest.mark.parametrize(
    ("comparison", "measure", "words", "effects"),
    [
        (alone("a"), ACCURACY, "accuracy, a", [0.75, 0.7]),
        (minus("a"), ACCURACY, "accuracy, a minus vanilla", [0.25, 0.1]),
        (minus("a", "b", "more"), ACCURACY, "accuracy, more", [0.5, 0.4]),
        (alone({"A": "a", "B": "b"}), ACCURACY, "accuracy", {"A": [0.75, 0.7], "B": [0.25, 0.3]}),
        (
            minus("a", ("vanilla", "b")),
            ACCURACY,
            "accuracy, a minus each of vanilla and b",
            {"vanilla": [0.25, 0.1], "b": [0.5, 0.4]},
        ),
        (
            minus("a", {"B": "b"}),
            ACCURACY,
            "accuracy, a minus each of b",
            {"B": [0.5, 0.4]},
        ),
        (
            each({"A": ("a", "vanilla"), "B": ("b", "vanilla")}, "each of them"),
            ACCURACY,
            "accuracy, each of them",
            {"A": [0.25, 0.1], "B": [-0.25, -0.3]},
        ),
        (
            minus("a"),
            HALVES,
            "accuracy, whole and half, a minus vanilla",
            {"whole": [0.25, 0.1], "half": [0.125, 0.05]},
        ),
    ],
)
def test_effect_and_words_are_those_of_measure_and_comparison(comparison, measure, words, effects):
    made = claim(comparison, measure)
    found = made.effect(TABLE)
    assert made.measured == words and made.unit == measure.unit
    if not isinstance(effects, dict):
        found, effects = {"": found}, {"": effects}
    assert list(found) == list(effects)
    for name, values in effects.items():
        assert found[name].tolist() == pytest.approx(values)


def test_a_row_may_differ_from_the_others():
    rows = [
        Statement("a", "A.", ACCURACY, minus("a"), MORE),
        Statement("b", "B.", ACCURACY, minus("b"), SIMILAR, item="Fig. 6", paper="P", measured="m"),
    ]
    first, second = claims("", "Fig. 5", rows)
    assert (first.id, first.item, first.above, first.below) == ("a", "Fig. 5", 0, float("inf"))
    assert (second.paper, second.item, second.measured) == ("P", "Fig. 6", "m")
    assert (second.above, second.below) == (-reporting.EQUIVALENCE, reporting.EQUIVALENCE)


def test_a_recipe_that_was_not_measured_is_named():
    with pytest.raises(reporting.MissingMeasurementError, match="'own_a'.*recipe='c'"):
        reporting.judge(claim(minus("c")), TABLE)
