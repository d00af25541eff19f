"""Core claims at every scale: made-up tables of several profiles, and how they are read."""

import json
import math
import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest

from experiments import __main__ as listing
from experiments import scale
from experiments.ledger import judging, scales
from hfc_keras import reporting
from hfc_keras.lab import discovery
from hfc_keras.reporting.figures.scale import courses, scale_figure

RINGS = (0, 8, 16)


def band_stop(low, high, recipe="vanilla", seeds=(0, 1, 2)):
    """Rows of the experiment band_stop: what a low ring is worth, and a high one."""
    rows = []
    for seed in seeds:
        for inner, drop in zip((math.nan, 0, 8), (0.0, low + 0.001 * seed, high), strict=True):
            outer = math.nan if math.isnan(inner) else inner + 8
            cell = {"recipe": recipe, "seed": seed, "inner": inner, "outer": outer}
            rows.append({**cell, "accuracy": 0.8 - drop, "drop": drop, "examples": 1000})
    return pd.DataFrame(rows).assign(coefficients=1, classes=10)


def write(results, profile, rows):
    """Write rows as the experiment's table of a profile, with its record."""
    path = results / profile / "cifar10" / "band_stop.csv"
    path.parent.mkdir(parents=True)
    rows.to_csv(path, index=False)
    counts = rows.groupby(["recipe", "seed"]).size()
    cells = {
        f"{name} seed {seed}": {"rows": int(n), "recipe": {}} for (name, seed), n in counts.items()
    }
    told = {"profile": profile, "dataset": None}
    record = {"dataset": "cifar10", "settings": told, "seeds": [0, 1, 2], "cells": cells}
    path.with_suffix(".json").write_text(json.dumps(record))
    return path


def run(capsys, *arguments):
    status = 0
    try:
        scale.main(list(arguments))
    except SystemExit as error:
        status = error.code
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_a_claim_that_grows_and_one_scale_after_another(tmp_path, capsys):
    write(tmp_path, "quick", band_stop(0.2, 0.1))
    write(tmp_path, "full", band_stop(0.5, 0.1))
    status, printed = run(capsys, "--results", str(tmp_path))
    assert status == 0 and "band_stop_low (stable, grows): quick +0.101 supported; full" in printed
    assert "left out: standard: no table of a core claim" in printed
    assert "left out: given networks: no table given_networks.csv" in printed
    assert "left out: full: misaligned, " in printed
    rows = pd.read_csv(tmp_path / "scale.csv")
    assert rows["rung"].tolist() == ["quick", "full"] and set(rows["verdicts"]) == {"stable"}
    assert rows["table"].tolist() == ["quick/cifar10/band_stop.csv", "full/cifar10/band_stop.csv"]
    record = json.loads((tmp_path / "scale.json").read_text())
    assert set(record["tables"]) == set(rows["table"]) and record["command"].endswith("cifar10")
    assert (tmp_path / "scale.png").exists() and (tmp_path / "scale.svg").exists()


def test_a_scale_of_too_few_seeds_is_shown_and_does_not_count(tmp_path, capsys):
    write(tmp_path, "quick", band_stop(0.2, 0.1))
    write(tmp_path, "standard", band_stop(0.5, 0.6, seeds=(0,)))
    status, printed = run(capsys, "--results", str(tmp_path))
    assert status == 0 and "band_stop_low (one scale): quick +0.101 supported; standard" in printed
    rows = pd.read_csv(tmp_path / "scale.csv")
    assert rows["rung"].tolist() == ["quick", "standard"]
    write(tmp_path / "alone", "standard", band_stop(0.5, 0.6, seeds=(0,)))
    status, printed = run(capsys, "--results", str(tmp_path / "alone"))
    assert status == 0 and f"band_stop_low ({scales.FEW})" in printed


def given(path, gains):
    """Write accuracies of given networks on high components, with and without their batch."""
    rows = [
        {"recipe": recipe, "bn_statistics": kind, "radius": radius, "accuracy": 0.2 + added}
        for recipe, gain in gains.items()
        for kind, added in (("moving", 0.1), ("batch", gain), ("population", 0.0))
        for radius in (4.0, 8.0, 12.0, 16.0)
    ]
    told = {"seed": 0, "measure": "frequency_accuracy", "component": "high", "examples": 1000}
    path.parent.mkdir(parents=True)
    pd.DataFrame(rows).assign(**told, loss=math.nan).to_csv(path, index=False)


def test_given_networks_are_the_sample_of_their_rows(tmp_path, capsys):
    write(tmp_path, "quick", band_stop(0.2, 0.1))
    path = tmp_path / "given" / "cifar10" / "given_networks.csv"
    given(path, {"resnet20": 0.3, "resnet32": 0.35, "resnet56": 0.4})
    status, printed = run(capsys, "--results", str(tmp_path))
    assert status == 0 and "given networks +0.350 supported" in printed
    assert "must hold the measure. Received: measure='contingency'" in printed
    rows = pd.read_csv(tmp_path / "scale.csv")
    row = rows[rows["rung"] == "given networks"].iloc[0]
    assert (row["id"], row["n"]) == ("heuristics_batch_norm_statistics", 3)
    assert (row["sample"], row["verdicts"]) == ("networks", "one scale")
    assert row["low"] < 0.35 < row["high"] and row["image_low"] < 0.35 < row["image_high"]
    assert row["table"] == "given/cifar10/given_networks.csv"
    own = scales.as_seeds(pd.read_csv(path), "frequency_accuracy")
    assert set(own["seed"]) == {0, 1, 2} and "loss" not in own


def test_each_claim_on_given_networks_is_judged_by_the_committed_table():
    options = scale.Settings(results=pathlib.Path(__file__).parents[1] / "results")
    table = reporting.read_table(options.given, ("recipe", "seed", "measure"))
    rows, problems = scales.on_given(scales.core(), table, {})
    assert not problems and [row["id"] for row in rows] == list(scales.GIVEN)


def test_a_changed_number_of_given_networks_is_refused(tmp_path, capsys):
    committed = scale.Settings(results=pathlib.Path(__file__).parents[1] / "results").given
    path = tmp_path / "given" / "cifar10" / committed.name
    path.parent.mkdir(parents=True)
    shutil.copy(committed.with_suffix(".json"), path.parent)
    whole = committed.read_text()
    path.write_text(whole)
    status, printed = run(capsys, "--results", str(tmp_path))
    assert status == 0 and "given networks: " not in printed
    (tmp_path / "scale.csv").unlink()
    changed = whole.replace("0.913", "0.914", 1)
    assert changed != whole
    path.write_text(changed)
    status, printed = run(capsys, "--results", str(tmp_path))
    assert status == 2 and "must hold what was measured" in printed and committed.name in printed
    assert not (tmp_path / "scale.csv").exists()


def test_given_networks_that_cannot_be_judged_are_refused(tmp_path, capsys):
    write(tmp_path, "quick", band_stop(0.2, 0.1))
    path = tmp_path / "given" / "cifar10" / "given_networks.csv"
    given(path, {"resnet20": 0.3, "resnet32": 0.35})
    twice = pd.read_csv(path)
    pd.concat([twice, twice]).to_csv(path, index=False)
    status, printed = run(capsys, "--results", str(tmp_path))
    assert status == 2 and "Received" in printed
    assert not (tmp_path / "scale.csv").exists()


def test_damaged_and_missing_tables_are_refused(tmp_path, capsys):
    for arguments in (["--results", str(tmp_path)], ["--results", str(tmp_path), "--dataset", "a"]):
        status, printed = run(capsys, *arguments)
        assert status == 2 and "`results` must hold a table" in printed
    path = write(tmp_path, "standard", band_stop(0.2, 0.1))
    record = path.with_suffix(".json")
    record.write_text(record.read_text().replace('"standard"', '"quick"'))
    status, printed = run(capsys, "--results", str(tmp_path))
    assert status == 2 and "must be one of profile 'standard'" in printed
    assert not (tmp_path / "scale.csv").exists()


def test_core_claims_are_claims_and_the_command_is_listed(capsys):
    made = {claim.id for each in judging.claimants().values() for claim in each.claims}
    assert set(scales.CORE) <= made and set(scales.GIVEN) <= set(scales.CORE)
    core = [claim.id for each in scales.core().values() for claim in each.claims]
    assert sorted(core) == sorted(scales.CORE)
    assert "scale" in discovery.commands("experiments") and listing


def rows_of(verdicts, effects, against=("", "")):
    """A claim at as many scales, its intervals 0.1 to either side."""
    rows = pd.DataFrame({"effect": effects, "verdict": verdicts})
    rows = rows.assign(id="a", unit="accuracy", above=0.0, below=math.inf, against="")
    rows["low"], rows["high"] = rows["effect"] - 0.1, rows["effect"] + 0.1
    rows["rung"] = ["quick", "standard", "full"][: len(rows)]
    rows.loc[rows.index[-1], "against"] = against[-1]
    return rows


@pytest.mark.parametrize(
    ("verdicts", "effects", "expected"),
    [
        (["supported"], [0.3], ("one scale", "one scale")),
        (["supported", "supported"], [0.3, 0.4], ("stable", "overlap")),
        (["undecided", "undecided"], [0.0, 0.05], ("undecided", "overlap")),
        (["undecided", "supported"], [0.0, 0.5], ("settles", "grows")),
        (["supported", "undecided"], [0.5, 0.0], ("unsettles", "shrinks")),
        (["supported", "undecided", "refuted"], [0.5, 0.0, -0.5], ("flips", "shrinks")),
        (["refuted", "undecided", "refuted"], [-0.2, 0.0, -0.2], ("varies", "overlap")),
        (["undecided", "supported"], [math.nan, 0.5], ("settles", "no interval")),
    ],
)
def test_courses(verdicts, effects, expected):
    assert tuple(courses(rows_of(verdicts, effects)).loc["a"]) == expected


def test_effects_against_two_rivals_are_not_compared():
    rows = rows_of(["supported"] * 2, [0.2, 0.9], against=("", "adam"))
    assert courses(rows).loc["a", "effects"] == "other rival"
    with pytest.raises(ValueError, match="rung"):
        courses(rows.drop(columns="rung"))


def test_figure_has_a_marker_a_scale_and_crosses_out_what_was_not_seen():
    rows = rows_of(["supported", "undecided", "refuted"], [0.5, 0.05, -0.5])
    other = rows.assign(id="b_c", unit="cycles")
    figure = scale_figure(pd.concat([rows, other], ignore_index=True))
    assert [axes.get_xlabel() for axes in figure.axes] == ["effect (accuracy)", "effect (cycles)"]
    first = figure.axes[0]
    points = [line for line in first.lines if line.get_marker() in "os^"]
    assert [line.get_xdata()[0] for line in points] == [0.5, 0.05, -0.5]
    assert [line.get_marker() for line in points] == ["o", "s", "^"]
    assert [line.get_markerfacecolor() == "white" for line in points] == [False, True, False]
    crosses = [line for line in first.lines if line.get_marker() == "x"]
    assert [line.get_xdata()[0] for line in crosses] == [-0.5]
    heights = [line.get_ydata()[0] for line in points]
    assert np.all(np.diff(heights) > 0) and figure.axes[1].get_yticklabels()[0].get_text() == "b c"
    many = pd.concat([rows.assign(rung=rows["rung"] + each) for each in "ab"])
    with pytest.raises(ValueError, match="one to five scales"):
        scale_figure(many)
