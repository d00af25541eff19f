"""All methods on the same measures."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from experiments import compare_all
from hfc_keras import reporting

# The claims on a correlation over all methods.
ON_ALL = [claim for claim in compare_all.EXPERIMENT.claims if claim.pairs]


def table_of(values, seeds=(0, 1), **columns):
    """One row per method and seed, every measure its value plus the seed, or as in ``columns``."""
    rows = [
        {"recipe": recipe, "seed": seed, "source": "generated"}
        | dict.fromkeys(compare_all.NAMES, value + seed)
        | {name: function(value) + seed for name, function in columns.items()}
        for recipe, value in values.items()
        for seed in seeds
    ]
    return pd.DataFrame(rows)


def all_methods():
    """Zero for the networks that others start from, and another number for each method."""
    methods = {name: rank + 1 for rank, name in enumerate(compare_all.STARTS)}
    return {**dict.fromkeys(compare_all.STARTS.values(), 0), **methods}


def test_every_training_is_a_method_or_what_one_starts_from():
    recipes = compare_all.recipes(compare_all.Settings(dataset="digits"))
    assert set(compare_all.STARTS) | set(compare_all.STARTS.values()) == set(recipes)


def test_a_method_is_compared_with_the_network_it_starts_from():
    values = {"vanilla": 1, "dropout": 3, "bottleneck": 10, "coresnet": 14, "mix": 5, "resnet18": 6}
    found = compare_all.changes(table_of(values)).set_index(["recipe", "seed"])["high"]
    expected = {"dropout": 2, "coresnet": 4, "mix": -1}
    assert found.to_dict() == {(k, s): v for k, v in expected.items() for s in (0, 1)}


@pytest.mark.parametrize("lost", ["recipe == 'bottleneck'", "recipe == 'bottleneck' and seed == 1"])
def test_methods_without_a_whole_start_are_left_out(lost):
    table = table_of({"vanilla": 1, "dropout": 3, "bottleneck": 10, "coresnet": 14})
    found = compare_all.changes(table.drop(table.query(lost).index))
    assert found["recipe"].tolist() == ["dropout", "dropout"]


def test_claims_on_all_methods_are_rank_correlations():
    signs = {"high": -1, "corruptions": 1, "pgd": -1, "low_accuracy": 1, "accuracy": 1}
    measures = {name: lambda value, sign=sign: sign * value for name, sign in signs.items()}
    table = table_of(all_methods(), (0, 1, 2), **measures)
    judged = {claim.id: reporting.judge(claim, table) for claim in ON_ALL}
    assert {name: round(row["effect"]) for name, row in judged.items()} == {
        "methods_high_corruptions": -1,
        "methods_high_pgd": 1,
        "methods_low_accuracy_corruptions": 1,
        "methods_accuracy_pgd": -1,
    }
    assert judged["methods_high_pgd"]["verdict"] == "refuted"


@pytest.mark.parametrize("lost", ["mix", "vanilla", "resnet18"])
def test_some_of_the_methods_say_nothing_of_all(lost):
    for table in (
        table_of({name: value for name, value in all_methods().items() if name != lost}),
        table_of(all_methods()).query(f"recipe != '{lost}' or seed == 0"),
        table_of({"vanilla": 0}),
    ):
        for claim in ON_ALL:
            with pytest.raises(reporting.MissingMeasurementError, match="needs each of them"):
                reporting.judge(claim, table)


@pytest.mark.parametrize("recipes", [["vanilla"], ["vanilla", "noise"], ["coresnet"]])
def test_too_few_methods_are_compared_without_a_correlation(recipes):
    words = compare_all.EXPERIMENT.summary(table_of(dict.fromkeys(recipes, 0.5)))
    assert recipes[0] in words and "Rank correlation" not in words


def test_the_correlations_over_methods_have_intervals():
    names = ("vanilla", "dropout", "noise", "apr_p", "apr_s", "low_pass")
    measures = {"pgd": np.negative, "corruptions": lambda value: (value - 3) ** 2}
    table = table_of({name: rank for rank, name in enumerate(names)}, **measures)
    found = compare_all.correlations(table)["rank correlation"]
    assert len(found) == len(compare_all.PAIRS)
    assert found["gradient, high; PGD"] == "-1.00 (-1.00 to -1.00)"
    assert found["accuracy; PGD"] == "-1.00 (-1.00 to -1.00)"
    value, low, _, high = found["gradient, high; corruptions"].replace("(", "").split()
    assert float(low) < float(value) < float(high.rstrip(")"))
    words = compare_all.EXPERIMENT.summary(table)
    assert "over 5 methods" in words and "gradient, high; PGD" in words


def test_corruptions_beside_clean_accuracy_in_tables_that_lack_it():
    table = table_of({"vanilla": 0.5, "dropout": 0.8}, seeds=(0,), corruptions=lambda value: 0.4)
    old = table.drop(columns="corruptions_share")
    np.testing.assert_allclose(compare_all.shared(old)["corruptions_share"], [0.8, 0.5])
    assert compare_all.shared(table) is table
    assert compare_all.methods(old).loc["dropout", "corruptions / clean"] == "0.500"


def test_methods_that_guess_are_told():
    table = table_of({"vanilla": 0.5, "dropout": 0.1}, seeds=(0,)).assign(classes=10, examples=400)
    assert compare_all.methods(table).index.tolist() == ["vanilla", "dropout (at chance)"]
    axes = compare_all.EXPERIMENT.figures(table, SimpleNamespace(chance=0.1))[""].axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["dropout (at chance)", "vanilla"]
