"""The command that judges the claims of all experiments."""

import dataclasses
import hashlib
import json
import math
import re
import sys
import types

import numpy as np
import pandas as pd
import pytest
from own import claimed
from own.claimed import CLAIM, effect, gain
from scipy import stats

from experiments import claims
from experiments.ledger.source import Source
from hfc_keras.lab import discovery, settings


@pytest.fixture
def table():
    return claimed.table()


@pytest.fixture
def command(tmp_path, table, monkeypatch, capsys):
    """Write the table of an experiment that makes claims, with its record; run the command."""
    other = effect(id="low", item="Table 1", above=-1, below=0.5, unit="cells", effect=gain)
    made = {"one": (CLAIM, other), "two": (effect(id="two", effect=gain),), "silent": ()}
    modules = {name: claimed.module(made[name]) for name in made}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, f"experiments.{name}", module)
    monkeypatch.setattr(discovery, "experiments", lambda package: dict.fromkeys(modules, ""))
    path = claimed.write(table, tmp_path)

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
    assert status == 0 and printed.startswith(
        "Claims of the papers: 2, of which 1 supported, 1 undecided\nwrote "
    )
    rows = pd.read_csv(command.folder / "claims.csv")
    assert rows[["id", "verdict"]].values.tolist() == [["low", "supported"], ["gain", "undecided"]]
    assert set(rows["dataset"]) == {"digits"} and set(rows["profile"]) == {"smoke"}
    np.testing.assert_allclose(rows["effect"], 0.04)
    page = (command.folder / "CLAIMS.md").read_text()
    first, second = (
        page.index(f"### Wang et al. 2020, {item}\n") for item in ("Table 1", "Fig. 5")
    )
    assert first < second and "b \\| helps." in page and "Not measured" not in page
    assert "no evidence for or against a claim" in page and "similar within 0.05." in page
    scale = page.partition("## Scale of each table")[2].splitlines()[-1]
    assert scale == (
        "| one | smoke | digits | resnet8, vgg11 x 0.25 | all, 1,500 | 5 to 20 | 0, 1, 2 "
        "| examples = [700, 90] |"
    )
    half = stats.t.ppf(0.975, 2) * 0.02 / math.sqrt(3)
    numbers = f"+0.040 [{0.04 - half:+.3f}, {0.04 + half:+.3f}] | > 0 | 3 | **undecided**"
    assert f"{numbers} (detectable: {half:.2g} from the bound)" in page
    assert "| -1 to 0.5 | 3 | **supported**" in page
    assert "[one, smoke, digits](smoke/digits/one.csv)" in page
    record = json.loads((command.folder / "claims.json").read_text())
    digest = hashlib.sha256(command.path.read_bytes()).hexdigest()
    assert record["tables"] == {"smoke/digits/one.csv": digest}
    assert record["command"] == "python -m experiments.claims --profile smoke --experiments one"
    assert (command.folder / "claims_wang_2020.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (command.folder / "claims_wang_2020.svg").read_text()
    assert "](claims_wang_2020.png)" in page


def test_settings_that_are_not_the_profile_are_said_beside_the_verdict(command):
    status, printed = command.run("--experiments", "one")
    told = [line for line in printed.splitlines() if line.startswith("warning: ")]
    assert status == 0 and told == [
        "warning: one, smoke, digits: made with settings that are not the profile's: "
        "examples = [700, 90]"
    ]
    page = (command.folder / "CLAIMS.md").read_text()
    mark = "(smoke/digits/one.csv) (not the profile's settings: examples = [700, 90]) |"
    assert page.count(mark) == 2
    record = command.path.with_suffix(".json")
    content = json.loads(record.read_text())
    content["settings"]["examples"] = None
    record.write_text(json.dumps(content))
    status, printed = command.run("--experiments", "one")
    assert status == 0 and "warning" not in printed
    assert "not the profile" not in (command.folder / "CLAIMS.md").read_text()


def test_a_claim_compares_two_data_sets(command):
    """Judged where both tables are there, listed where one is."""

    def effect(table):
        means = table.groupby(["dataset", "seed"], sort=False)["accuracy"].mean()
        return means["digits"] - means["synthetic"]

    claim = dataclasses.replace(CLAIM, id="apart", effect=effect, other_dataset="synthetic")
    command.modules["one"].EXPERIMENT = claimed.experiment((claim,))
    status, printed = command.run("--experiments", "one")
    assert status == 0 and printed.startswith("Claims of the papers: 1, of which 1 not measured\n")
    listed = (command.folder / "CLAIMS.md").read_text().partition("## Not measured")[2]
    assert (
        "Claim 'apart' compares with another data set" in listed and "--dataset synthetic" in listed
    )
    folder = command.folder / "smoke" / "synthetic"
    folder.mkdir()
    table = pd.read_csv(command.path)
    table.assign(accuracy=table["accuracy"] - 0.25).to_csv(folder / "one.csv", index=False)
    record = json.loads(command.path.with_suffix(".json").read_text()) | {"dataset": "synthetic"}
    (folder / "one.json").write_text(json.dumps(record))
    status, _ = command.run("--experiments", "one")
    tables = json.loads((command.folder / "claims.json").read_text())["tables"]
    assert set(tables) == {"smoke/digits/one.csv", "smoke/synthetic/one.csv"}
    assert "| one | smoke | synthetic |" in (command.folder / "CLAIMS.md").read_text()
    row = pd.read_csv(command.folder / "claims.csv").iloc[0]
    assert status == 0 and row["verdict"] == "supported" and row["dataset"] == "digits"
    np.testing.assert_allclose([row["effect"], row["low"], row["high"]], 0.25)
    record["settings"]["examples"] = [70, 9]
    (folder / "one.json").write_text(json.dumps(record))
    status, printed = command.run("--experiments", "one")
    assert status == 2 and "whose tables must be made alike. Received: digits=" in printed


def test_absent_tables_are_refused_or_listed(command):
    status, printed = command.run()
    missing = "error: two: A claim needs its table. Received: path="
    assert status == 2 and missing in printed
    assert "python -m experiments.two --profile smoke --dataset digits --results" in printed
    assert not (command.folder / "claims.csv").exists()
    status, printed = command.run("--available", "--dataset", "digits", "synthetic")
    assert status == 0 and "papers: 6, of which 1 supported, 1 undecided, 4 not" in printed
    rows = pd.read_csv(command.folder / "claims.csv")
    measured = rows[rows["verdict"] != "not measured"]
    assert measured[["id", "dataset"]].values.tolist() == [["low", "digits"], ["gain", "digits"]]
    page = (command.folder / "CLAIMS.md").read_text()
    listed = page.partition("## Not measured")[2]
    assert listed.count("\n- one: ") == 1 and listed.count("\n- two: ") == 2
    assert page.count("| one | smoke | ") == 1 and "--fresh" not in page
    for arguments, message in [
        (["--experiments", "silent"], "`experiments` must be one of 'one', 'two'"),
        (["--experiments", "one", "one"], "`experiments` must hold at least one and none twice"),
        (["--experiments"], "none twice. Received: experiments=()"),
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
    assert not list(command.folder.glob("claims*.png"))


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
        (".csv", lambda text: text[:-3], "must be a whole CSV .its last line breaks off"),
        (".csv", lambda text: text + text.splitlines(keepends=True)[-1], "in a table once.*'b'"),
        (
            ".csv",
            lambda text: text.replace("radius", "r"),
            r"columns.*\['radius'\]. .*with --fresh. Rec",
        ),
        (".csv", lambda text: text.replace("accuracy", "x"), "'gain': `column` must be one of"),
        (".csv", lambda text: "", "must be a whole CSV"),
        (".csv", None, "one.csv and one.json must be there together"),
        (".json", None, "one.csv and one.json must be there together"),
        (".json", lambda text: text[:-9], "record must be whole JSON"),
        (
            ".json",
            lambda text: text.replace("recipe", "x"),
            "record must be whole .* recipe and rows",
        ),
        (".json", lambda text: text.replace("[0, 1, 2]", '["a"]'), "record must be whole JSON"),
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
    assert "(--fresh replaces an older table)" in printed
    assert not (command.folder / "claims.csv").exists()


def test_an_id_in_two_experiments_is_refused(command):
    command.modules["two"].EXPERIMENT = claimed.experiment((CLAIM,))
    status, printed = command.run()
    assert status == 2 and "The id of a claim must be unique. Received: twice=['gain']" in printed


def test_scale_names_every_setting_that_was_told(command):
    """Tuples are the lists of a record; a setting that is no more counts as told."""
    source = Source("one", "smoke", "digits", command.folder)
    path, empty = command.path.with_suffix(".json"), {"profile": "smoke", "dataset": "digits"}
    content = json.loads(path.read_text())

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Settings(settings.Settings):
        rhos: tuple[float, ...] = (0.0, 1.0)

    for told, expected in [
        (empty | {"rhos": [0.0, 1.0], "model": None, "inclusive": True}, ""),
        (empty | {"rhos": [0.5], "old": "x"}, 'rhos = [0.5]; old = "x"'),
    ]:
        path.write_text(json.dumps(content | {"settings": told}))
        assert source.scale(Settings)["non-default settings"] == expected
    path.write_text(json.dumps(content | {"cells": {}}))
    with pytest.raises(ValueError, match="recipe and rows of each cell. Received: path="):
        source.scale(Settings)
