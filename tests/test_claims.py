import dataclasses
import hashlib
import json
import math
import re
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments import catalogue, claims, kernel_smoothing, robustness
from hfc_keras import reporting

RESULTS = Path(__file__).parents[1] / "results"
KEYS = ["recipe", "seed", "epoch", "component", "radius"]


def gain(table):
    """Recipe b minus recipe a on original images after the last epoch."""
    pair = (
        reporting.value(table, recipe=name, epoch="last", radius=math.nan) for name in ("b", "a")
    )
    return reporting.difference(*pair)


CLAIM = reporting.Claim(
    id="gain", item="Fig. 5", sentence="b | helps.", measured="b minus a", effect=gain, above=0
)


def effect(**changes):
    """A claim whose effect is the column effect."""
    changes = {"effect": lambda table: table.set_index("seed")["effect"], **changes}
    return dataclasses.replace(CLAIM, **changes)


@pytest.fixture
def table():
    """Two recipes, three seeds, two epochs, four radii; accuracy tells the recipe and the seed."""
    rows = [
        (recipe, seed, epoch, "low" if radius > 0 else "original", radius)
        for recipe in "ab"
        for seed in (0, 1, 2)
        for epoch in (1, 5)
        for radius in (math.nan, 1.0, 2.0, 3.0, 4.0)
    ]
    rows = pd.DataFrame(rows, columns=KEYS)
    rows["accuracy"] = 0.1 * rows["seed"] + 0.05 * rows["epoch"] + 0.01 * rows["radius"].fillna(0)
    rows.loc[rows["recipe"] == "b", "accuracy"] += 0.02 * (rows["seed"] + 1)
    return rows


def test_value_is_the_one_row_of_each_seed(table):
    shuffled = table.sample(frac=1, random_state=0)
    last = reporting.value(shuffled, recipe="a", epoch="last", radius=math.nan)
    assert last.index.tolist() == [0, 1, 2]
    np.testing.assert_allclose(last, [0.25, 0.35, 0.45])
    # The last epoch is that of the recipe, not of the table.
    table.loc[(table["recipe"] == "b") & (table["epoch"] == 5), "epoch"] = 9
    pd.testing.assert_series_equal(
        reporting.value(table, recipe="a", epoch="last", component="original"), last
    )
    low = reporting.mean_over(table, [0, 3], recipe="a", epoch=1)
    np.testing.assert_allclose(low, [0.075, 0.175, 0.275])
    np.testing.assert_allclose(reporting.difference(last[::-1], low), 0.175)


WHERE = {"recipe": "a", "epoch": 5, "radius": 2.0}


@pytest.mark.parametrize(
    ("change", "where", "message"),
    [
        (
            lambda t: t.drop(index=t.index[17]),
            WHERE,
            r"none for seeds \[1\]. Received: column='acc",
        ),
        (lambda t: t, WHERE | {"recipe": "c"}, "none for any seed. Received: .*recipe='c'"),
        (lambda t: t, WHERE | {"epoch": 2}, r"none for seeds \[0, 1, 2\]"),
        (lambda t: pd.concat([t, t[t["seed"] == 2]]), WHERE, r"seeds \[2\] have more"),
        (lambda t: t, {"recipe": "a", "epoch": 5}, r"seeds \[0, 1, 2\] have more. .*epoch=5"),
        (lambda t: t, WHERE | {"epoch": "first"}, "`epoch` must be one of 'last'"),
        (lambda t: t, WHERE | {"rho": 0}, "`column` must be one of .*Received: column='rho'"),
        (lambda t: t.drop(columns="accuracy"), WHERE, "Received: column='accuracy'"),
    ],
)
def test_value_refuses_what_is_missing_or_there_twice(table, change, where, message):
    absent = "none for" in message
    with pytest.raises(ValueError, match=message) as caught:
        reporting.value(change(table), **where)
    assert isinstance(caught.value, reporting.MissingMeasurementError) == absent


def test_radii_and_pairs_are_refused_by_name(table):
    assert [reporting.radius(table, rank) for rank in range(4)] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"four default radii. Received: radii=\[1.0, 2.0, 4.0\]"):
        reporting.radius(table[table["radius"] != 3], 0)
    with pytest.raises(ValueError, match="`rank` must be a whole number from 0 up to 3"):
        reporting.radius(table, 4)
    with pytest.raises(ValueError, match=r"none twice. Received: ranks=\[1, 1\]"):
        reporting.mean_over(table, [1, 1], recipe="a", epoch=1)
    with pytest.raises(reporting.MissingMeasurementError, match=r"unpaired are \[1, 5\]"):
        reporting.difference(pd.Series({0: 1.0, 1: 1.0}), pd.Series({0: 1.0, 5: 1.0}))


@pytest.mark.parametrize(
    ("values", "bounds", "verdict"),
    [
        ([0.1, 0.12, 0.11], {"above": 0}, "supported"),
        ([0.1, 0.12, 0.11], {"above": -math.inf, "below": 0}, "refuted"),
        ([0.1, 0.12, 0.11], {"above": 0.11}, "undecided"),
        ([0.1, 0.12, 0.11], {"above": 0, "below": 0.2}, "supported"),
        ([0.1, 0.12, 0.11], {"above": 0, "below": 0.12}, "undecided"),
        ([0.1, 0.12, 0.11], {"above": 0.2, "below": 0.3}, "refuted"),
        ([0.1, 0.1, 0.1], {"above": 0}, "supported"),
        ([0.0, 0.0, 0.0], {"above": 0}, "refuted"),
        ([0.1, 0.1], {"above": 0}, "undecided"),
        ([0.1], {"above": 0}, "undecided"),
    ],
)
def test_verdict_comes_from_the_interval_over_seeds(values, bounds, verdict):
    rows = pd.DataFrame({"seed": range(len(values)), "effect": values})
    row = reporting.judge(effect(**bounds), rows)
    assert (row["verdict"], row["n"]) == (verdict, len(values))
    assert row["effect"] == pytest.approx(np.mean(values))
    expected = (values[0], values[0])
    if len(values) == 1:
        expected = (math.nan, math.nan)
    elif np.ptp(values):
        expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx(expected, nan_ok=True)
    assert math.isnan(row["image_low"]) and math.isnan(row["image_high"])


def test_confidence_widens_both_intervals():
    """A bootstrap over the images of one network stands beside the interval over seeds."""
    correct = np.random.default_rng(1).random(400) < 0.3

    def by_image(table, rng):
        return rng.choice(correct, (2000, 400)).mean(axis=1)

    rows = pd.DataFrame({"seed": [0, 1, 2], "effect": [0.1, 0.2, 0.4]})
    claim = effect(by_image=by_image)
    narrow, wide = (reporting.judge(claim, rows, confidence) for confidence in (0.8, 0.99))
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]
    assert wide["image_low"] < narrow["image_low"] < narrow["image_high"] < wide["image_high"]
    row = reporting.judge(claim, rows)
    half = 1.96 * math.sqrt(correct.mean() * (1 - correct.mean()) / 400)
    expected = [correct.mean() - half, correct.mean() + half]
    np.testing.assert_allclose([row["image_low"], row["image_high"]], expected, atol=0.005)
    assert row == reporting.judge(claim, rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effect": lambda t: t["seed"] * math.nan}, r"'gain' must be finite .*seeds=\{0: nan"),
        ({"effect": lambda t: t["seed"] / 0.0}, r"'gain' must be finite .*1: inf"),
        (
            {"effect": lambda t: t["seed"][:0]},
            r"one or more seeds, none twice. Received: seeds=\[\]",
        ),
        (
            {"effect": lambda t: t["seed"].rename({1: 0})},
            r"none twice. Received: seeds=\[0, 0, 2\]",
        ),
        ({"effect": lambda t: 0.5}, "effect of claim 'gain' must be a Series"),
        ({"effect": lambda t: t["roughness"]}, "'gain': the table must hold.*missing='roughness'"),
        ({"effect": lambda t: reporting.value(t, "x")}, "Claim 'gain': `column` must be one of"),
        ({"by_image": lambda t, rng: []}, r"bootstrap of claim 'gain' .*shape=\(0,\)"),
        ({"by_image": lambda t, rng: t["x"]}, "'gain': the table must hold.*missing='x'"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_judge_refuses_by_the_name_of_the_claim(changes, message):
    rows = pd.DataFrame({"seed": [0, 1, 2], "effect": 0.5})
    with pytest.raises(ValueError, match=message):
        reporting.judge(effect(**changes), rows)


def test_claims_without_a_range_or_with_one_id_are_refused():
    for above, below in [(-math.inf, math.inf), (0.2, 0.1), (math.nan, math.nan), (0, 0)]:
        with pytest.raises(
            ValueError, match="'gain' must have `above` < `below`.*Received: above="
        ):
            effect(above=above, below=below)
    with pytest.raises(ValueError, match=r"must be unique. Received: twice=\['gain'\]"):
        reporting.unique_claims([CLAIM, effect(id="other"), effect()])
    with pytest.raises(ValueError, match="Received: confidence=95"):
        reporting.judge(CLAIM, pd.DataFrame(), confidence=95)


@pytest.fixture
def command(tmp_path, table, monkeypatch, capsys):
    """Write the table of an experiment that makes claims, with its record; run the command."""
    other = effect(id="low", item="Table 1", above=-1, below=0.5, unit="cells", effect=gain)
    one = types.SimpleNamespace(KEYS=KEYS, CLAIMS=(CLAIM, other))
    modules = {
        "one": one,
        "two": types.SimpleNamespace(KEYS=KEYS, CLAIMS=(effect(id="two", effect=gain),)),
        "silent": types.SimpleNamespace(KEYS=KEYS),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, f"experiments.{name}", module)
    monkeypatch.setattr(catalogue, "experiments", lambda: dict.fromkeys(modules, ""))
    path = tmp_path / "smoke" / "digits" / "one.csv"
    path.parent.mkdir(parents=True)
    table.to_csv(path, index=False)
    cells = {f"{recipe} seed {seed}": {"rows": 10} for recipe in "ab" for seed in range(3)}
    content = {"dataset": "digits", "settings": {"profile": "smoke"}, "cells": cells}
    path.with_suffix(".json").write_text(json.dumps(content))

    def run(*arguments):
        status = 0
        try:
            claims.main(["--profile", "smoke", "--results", str(tmp_path), *arguments])
        except SystemExit as error:
            status = error.code
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return types.SimpleNamespace(path=path, run=run, modules=modules, folder=tmp_path)


def test_command_writes_ledger_page_figure_and_record(command):
    status, printed = command.run("--experiments", "one")
    assert status == 0 and printed.startswith("2 claims: 1 supported, 1 undecided\nwrote ")
    rows = pd.read_csv(command.folder / "claims.csv")
    assert rows[["id", "verdict"]].values.tolist() == [["gain", "undecided"], ["low", "supported"]]
    assert set(rows["dataset"]) == {"digits"} and set(rows["profile"]) == {"smoke"}
    np.testing.assert_allclose(rows["effect"], 0.04)
    page = (command.folder / "CLAIMS.md").read_text()
    first, second = page.index("## Fig. 5 of Wang et al. 2020"), page.index("## Table 1 of")
    assert first < second and "b \\| helps." in page and "Not measured" not in page
    assert "digits (resnet8, 4 epochs, all images)" in page and "no evidence" in page
    half = stats.t.ppf(0.975, 2) * 0.02 / math.sqrt(3)
    assert f"+0.040 [{0.04 - half:+.3f}, {0.04 + half:+.3f}] | > 0 | 3 | **undecided**" in page
    assert "| -1 to 0.5 | 3 | **supported**" in page
    assert "[one, smoke, digits](smoke/digits/one.csv)" in page
    record = json.loads((command.folder / "claims.json").read_text())
    digest = hashlib.sha256(command.path.read_bytes()).hexdigest()
    assert record["tables"] == {"smoke/digits/one.csv": digest}
    assert record["command"] == "python -m experiments.claims --profile smoke --experiments one"
    assert (command.folder / "claims.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (command.folder / "claims.svg").read_text()


def test_absent_tables_are_refused_or_listed(command):
    status, printed = command.run()
    missing = "error: two: A claim needs its table. Received: path="
    assert status == 2 and missing in printed
    assert "python -m experiments.two --profile smoke --dataset digits --results" in printed
    assert not (command.folder / "claims.csv").exists()
    status, printed = command.run("--available", "--dataset", "digits", "synthetic")
    assert status == 0 and "6 claims: 1 supported, 1 undecided, 4 not" in printed
    rows = pd.read_csv(command.folder / "claims.csv")
    measured = rows[rows["verdict"] != "not measured"]
    assert measured[["id", "dataset"]].values.tolist() == [["gain", "digits"], ["low", "digits"]]
    page = (command.folder / "CLAIMS.md").read_text()
    listed = page.partition("## Not measured")[2]
    assert listed.count("\n- one: ") == 1 and listed.count("\n- two: ") == 2
    for arguments, message in [
        (["--experiments", "silent"], "`experiments` must be one of 'one', 'two'"),
        (["--dataset", "digits", "digits"], "must differ"),
        (["--available", "--dataset", "synthetic"], "`results` must hold a table"),
    ]:
        status, printed = command.run(*arguments)
        assert status == 2 and message in printed


def test_absent_cells_are_refused_or_listed(command, table):
    table[table["recipe"] == "a"].to_csv(command.path, index=False)
    record = command.path.with_suffix(".json")
    content = json.loads(record.read_text())
    content["cells"] = {name: cell for name, cell in content["cells"].items() if name[0] == "a"}
    record.write_text(json.dumps(content))
    status, printed = command.run("--experiments", "one")
    assert status == 2 and "one: Claim 'low': A table must hold one measurement a seed" in printed
    assert command.run("--experiments", "one", "--available")[0] == 0
    assert "recipe='b'" in (command.folder / "CLAIMS.md").read_text()
    assert not (command.folder / "claims.png").exists()


def cut(text, lines):
    return "".join(text.splitlines(keepends=True)[:lines])


@pytest.mark.parametrize(
    ("suffix", "damage", "message"),
    [
        (
            ".csv",
            lambda text: cut(text, 41),
            "record counts.* has others of .'b seed 1', 'b seed 2'",
        ),
        (".csv", lambda text: text[:-3], "record counts.* has others of its last line"),
        (".csv", lambda text: text + text.splitlines(keepends=True)[-1], "in a table once.*'b'"),
        (".csv", lambda text: text.replace("radius", "r"), r"must have the columns.*\['radius'\]"),
        (".csv", lambda text: text.replace("accuracy", "x"), "'gain': `column` must be one of"),
        (".csv", lambda text: "", "must be a whole CSV"),
        (".csv", None, "one.csv and one.json must be there together"),
        (".json", None, "one.csv and one.json must be there together"),
        (".json", lambda text: text[:-9], "record must be whole JSON"),
        (".json", lambda text: text.replace("smoke", "quick"), "must be one of profile 'smoke'"),
        (".json", lambda text: text.replace("digits", "cifar10"), "data set 'digits'. Received"),
        (".json", lambda text: text.replace("b seed 2", "b seed 3"), r"\['b seed 3', 'b seed 2'\]"),
    ],
)
def test_damaged_tables_are_never_judged(command, suffix, damage, message):
    path = command.path.with_suffix(suffix)
    if damage:
        path.write_text(damage(path.read_text()))
    else:
        path.unlink()
    status, printed = command.run("--experiments", "one", "--available")
    assert status == 2 and printed.startswith("error: one: ")
    assert re.search(message, printed) and "Made by: python -m experiments.one" in printed
    assert not (command.folder / "claims.csv").exists()


def test_an_id_in_two_experiments_is_refused(command):
    command.modules["two"].CLAIMS = (CLAIM,)
    status, printed = command.run()
    assert status == 2 and "The id of a claim must be unique. Received: twice=['gain']" in printed


def test_figure_has_a_panel_a_unit_and_tells_verdicts_by_shape():
    where = {"experiment": "one", "profile": "quick", "table": "t.csv", "dataset": "cifar10"}
    table = pd.DataFrame({"seed": [0, 1, 2], "effect": [0.1, 0.12, 0.3]})
    judged = [
        reporting.judge(effect(id="a_b", above=-1), table),
        reporting.judge(effect(id="c", above=1, by_image=lambda t, rng: [0.1, 0.3]), table),
        reporting.judge(effect(id="d", above=0.1, unit="epochs"), table),
        reporting.unmeasured(effect(id="e")),
    ]
    rows = pd.DataFrame([{**row, **where} for row in judged])
    figure = reporting.claims_forest(rows)
    assert figure.get_figwidth() == 7
    assert [axes.get_xlabel() for axes in figure.axes] == ["effect (accuracy)", "effect (epochs)"]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["a b (Fig. 5)", "c (Fig. 5)"]
    shapes = [line.get_marker() for axes in figure.axes for line in axes.lines]
    assert [shape for shape in shapes if shape not in ("None", "")] == ["o", "X", "D"]
    legend = [text.get_text() for text in figure.legends[0].texts]
    assert legend == ["supported (1)", "refuted (1)", "undecided (1)", "supports", "over images"]
    several = pd.concat([rows, rows.assign(dataset="digits")])
    labels = reporting.claims_forest(several).axes[1].get_yticklabels()
    assert [label.get_text() for label in labels] == ["d, cifar10 (Fig. 5)", "d, digits (Fig. 5)"]
    assert "over images [+0.105, +0.295]" in reporting.claims_markdown(rows)
    with pytest.raises(ValueError, match=r"columns.*Received: missing=\['unit'\]"):
        reporting.claims_markdown(rows.drop(columns="unit"))
    with pytest.raises(ValueError, match="at least one claim that was measured"):
        reporting.claims_forest(rows[rows["verdict"] == "not measured"])


def test_claims_on_kernel_smoothing_are_those_of_its_table():
    table = reporting.read_table(
        RESULTS / "quick" / "cifar10" / "kernel_smoothing.csv", robustness.KEYS
    )
    rows = {claim.id: reporting.judge(claim, table) for claim in kernel_smoothing.CLAIMS}
    assert (
        rows["adversarial_kernels_smoother_5x5"]["n"]
        == table[table["recipe"] == "adversarial_5x5"]["seed"].nunique()
    )
    attack = table[(table["attack"] == "pgd") & (table["loss"] == "margin")]
    attack = attack[(attack["epsilon"] == 0.09) & (attack["restarts"] == 1) & ~attack["normalized"]]
    by_seed = attack.pivot_table("accuracy", "seed", ["recipe", "rho"])
    values = by_seed["natural_long", 1.0] - by_seed["adversarial", 0.0]
    row = rows["smoothed_beats_adversarial_margin"]
    expected = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx(expected)
    # The paper's profile trains long as it is: there the longest natural training is the only one.
    short = table[table["recipe"] != "natural_long"]
    longest = next(claim for claim in kernel_smoothing.CLAIMS if claim.id.endswith("_long"))
    names = ("effect", "low", "high", "verdict")
    again, plain = reporting.judge(longest, short), rows["smoothed_beats_adversarial"]
    assert [again[name] for name in names] == [plain[name] for name in names]
