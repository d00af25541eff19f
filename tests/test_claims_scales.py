"""The ledger over scales, and that its verdicts come out again from the files that it writes."""

import json
import math
import sys

import numpy as np
import pandas as pd
import pytest
from own import claimed
from scipy import stats

from experiments import claims
from experiments.ledger import judging
from experiments.ledger.page import MEANINGS
from hfc_keras import reporting
from hfc_keras.lab import discovery

OWN = claimed.effect(
    id="own", kind="control", sentence="A control.", unverified="a number", effect=claimed.gain
)


# What decides against several rivals.
ORDER = ("refuted", "undecided", "supported")


def pairs(table):
    """Accuracy on originals and on low components of five trainings."""
    last = table[table["epoch"] == 5]
    first = last[last["radius"].isna()].set_index(["recipe", "seed"])["accuracy"]
    second = last[last["radius"] == 1].set_index(["recipe", "seed"])["accuracy"]
    found = pd.DataFrame({"first": first, "second": second}).reset_index()
    shifted = found.assign(recipe=found["recipe"] + "2", second=found["second"] ** 2)
    fifth = found[found["recipe"] == "a"].assign(recipe="a3", second=found["second"] ** 3)
    return pd.concat([found, shifted, fifth], ignore_index=True)


def rivals(table):
    """What b gains, and what it loses against two that are better."""
    gain = claimed.gain(table)
    return {"worse": gain, "better": -gain - 0.2, "best": -gain - 0.3}


CLAIMS = (
    claimed.CLAIM,
    OWN,
    claimed.effect(id="rivals", effect=rivals),
    claimed.effect(id="low", above=-1, below=0.5, unit="cells", effect=claimed.gain),
    claimed.effect(id="pairs", effect=None, pairs=pairs, above=-2, unit="rank correlation"),
    claimed.effect(
        id="gap", effect=claimed.gain, above=-1, fitted=lambda t: {"a": claimed.gain(t) + 0.5}
    ),
)


@pytest.fixture
def ledger(tmp_path, monkeypatch, capsys):
    """Run the command on one experiment, and return status, what it printed and its table."""
    monkeypatch.setattr(discovery, "experiments", lambda package: {"one": ""})
    monkeypatch.setitem(sys.modules, "experiments.one", claimed.module(CLAIMS))

    def run(*arguments):
        status = 0
        try:
            claims.main(["--results", str(tmp_path), *arguments])
        except SystemExit as error:
            status = error.code
        printed = capsys.readouterr()
        path = tmp_path / "claims.csv"
        rows = pd.read_csv(path).set_index("id") if path.exists() else None
        return status, printed.out + printed.err, rows

    return run


def better(factor, seeds=(0, 1, 2)):
    """The table with what b gains multiplied, and a little noise of its own for further seeds."""
    table = claimed.table()
    parts = [table[table["seed"] == seed % 3].assign(seed=seed) for seed in seeds]
    table = pd.concat(parts, ignore_index=True)
    gained = (table["recipe"] == "b") * 0.02 * (factor - 1)
    return table.assign(accuracy=(table["accuracy"] + gained) * 0.9, examples=1000)


def test_the_largest_scale_decides_and_others_stand_beside(ledger, tmp_path):
    claimed.write(better(1), tmp_path, "quick", "cifar10")
    claimed.write(better(5, range(5)), tmp_path, "full", "cifar10")
    claimed.write(better(9), tmp_path, "smoke", "digits")
    status, printed, rows = ledger()
    assert status == 0 and "Controls of our own: 1, of which 1 supported" in printed
    gain = rows.loc["gain"]
    assert (gain["profile"], gain["verdict"], gain["n"]) == ("full", "supported", 5)
    assert (gain["quick_verdict"], gain["quick_n"]) == ("undecided", 3)
    assert gain["full_effect"] == gain["effect"] > gain["quick_effect"]
    assert gain["table"] == "full/cifar10/one.csv" and "smoke_verdict" not in rows
    assert gain["image_low"] < gain["effect"] < gain["image_high"]
    page = (tmp_path / "CLAIMS.md").read_text()
    assert (
        "; quick: undecided, " in page
        and ", n = 3 (not the profile's settings: ex" in page
        and "full, cifar10]" in page
    )
    assert f"Profile full: {MEANINGS['full']}." in page and "Profile smoke" not in page
    own = page.partition("## Controls of our own")[2]
    assert "A control. (Unverified: a number.)" in own
    assert "| pairs |" not in own and (tmp_path / "claims_own.png").exists()
    assert json.loads((tmp_path / "claims.json").read_text())["tables"].keys() == {
        "quick/cifar10/one.csv",
        "full/cifar10/one.csv",
    }
    _, _, quick = ledger("--profile", "quick")
    assert quick.loc["gain", "verdict"] == "undecided" and "full_verdict" not in quick
    assert quick.loc["rivals", "verdict"] == "refuted"
    page = (tmp_path / "CLAIMS.md").read_text()
    assert "**not seen at this scale**" in page and "**refuted**" not in page


@pytest.mark.slow
def test_a_scale_with_too_few_seeds_decides_nothing_where_another_has_enough(ledger, tmp_path):
    claimed.write(better(5), tmp_path, "quick", "cifar10")
    claimed.write(better(5, (0, 1)), tmp_path, "standard", "cifar10")
    _, _, rows = ledger()
    gain = rows.loc["gain"]
    assert (gain["profile"], gain["n"]) == ("quick", 3)
    assert (gain["standard_verdict"], gain["standard_n"]) == ("undecided", 2)
    _, _, rows = ledger("--profile", "standard")
    assert rows.loc["gain", "reason"] == "fewer than 3 seeds"


@pytest.mark.slow
def test_a_scale_without_a_table_is_listed_and_no_error(ledger, tmp_path):
    claimed.write(better(1), tmp_path, "quick", "cifar10")
    status, _, rows = ledger("--profile", "full", "quick", "standard")
    assert status == 0 and set(rows["profile"]) == {"quick"}
    assert set(rows["standard_verdict"]) == {"not measured"} == set(rows["full_verdict"])
    listed = (tmp_path / "CLAIMS.md").read_text().partition("## Not measured")[2]
    assert listed.count("needs its table") == 2 and "--profile standard" in listed
    assert ledger("--profile", "full", "standard")[0] == 2
    for arguments, message in [
        (["--profile", "quick", "quick"], "`profile` must hold at least one and none twice"),
        (["--profile", "huge"], "huge"),
    ]:
        status, printed, _ = ledger(*arguments)
        assert status == 2 and message in printed


def test_a_claim_on_another_data_set_is_listed_whatever_else_is_missing(
    ledger, tmp_path, monkeypatch
):
    apart = claimed.effect(id="apart", other_dataset="mnist")
    monkeypatch.setitem(sys.modules, "experiments.one", claimed.module((claimed.CLAIM, apart)))
    claimed.write(better(1), tmp_path, "quick", "cifar10")
    status, _, rows = ledger("--profile", "quick", "standard")
    assert status == 0 and rows["verdict"].to_dict() == {
        "gain": "undecided",
        "apart": "not measured",
    }
    page = (tmp_path / "CLAIMS.md").read_text()
    assert "needs its table" in page and "compares with another data set" in page


def test_tables_of_two_profiles_are_never_mixed(ledger, tmp_path):
    quick = claimed.write(better(1), tmp_path, "quick", "cifar10")
    standard = claimed.write(better(1), tmp_path, "standard", "cifar10")
    standard.with_suffix(".json").write_text(quick.with_suffix(".json").read_text())
    status, printed, rows = ledger()
    assert status == 2 and rows is None
    assert "must be one of profile 'standard' and data set 'cifar10'. Received: record=" in printed


def recomputed(claim, effects):
    """Verdict, effect and interval of a claim, from its row and its effects alone."""
    if claim["sample"] == "trainings":
        pairs, rng = effects[["first", "second"]].to_numpy(), np.random.default_rng(0)
        drawn = pairs[rng.integers(len(pairs), size=(2000, len(pairs)))]
        drawn = [stats.spearmanr(*each.T).statistic for each in drawn]
        drawn = np.nan_to_num(drawn)
        low, high = np.quantile(drawn, [0.025, 0.975])
        found = {"": (stats.spearmanr(*pairs.T).statistic, low, high, len(pairs) >= 5)}
    else:
        found = {}
        for against, values in effects.fillna({"against": ""}).groupby("against")["effect"]:
            wide = interval(values, 1 - 0.05)
            if effects["against"].nunique() > 1 and decided(claim, *wide, 3) == "refuted":
                wide = interval(values, 1 - 0.05 / effects["against"].nunique())
            found[against] = (values.mean(), *wide, len(values) >= 3)
    verdicts = {name: decided(claim, *each[1:]) for name, each in found.items()}
    verdict = next(one for one in ORDER if one in verdicts.values())
    if claim["fit"] < claim["fit_needed"]:
        verdict = "undecided"
    against = claim["against"] if isinstance(claim["against"], str) else ""
    return verdict, found[against][:3]


def interval(values, confidence):
    if values.nunique() == 1:
        return values.iloc[0], values.iloc[0]
    return stats.t.interval(confidence, len(values) - 1, values.mean(), stats.sem(values))


def decided(claim, low, high, enough):
    if not enough:
        return "undecided"
    if claim["above"] < low and high < claim["below"]:
        return "supported"
    return "refuted" if high <= claim["above"] or low >= claim["below"] else "undecided"


def assert_recomputable(rows, effects):
    for name, claim in rows.iterrows():
        own = effects[(effects["claim"] == name) & (effects["profile"] == claim["profile"])]
        verdict, numbers = recomputed(claim, own[own["dataset"] == claim["dataset"]])
        assert verdict == claim["verdict"], name
        expected = claim[["effect", "low", "high"]].to_numpy("float64")
        np.testing.assert_allclose(numbers, expected, atol=1e-9, err_msg=name)


@pytest.mark.filterwarnings("ignore:An input array is constant")
def test_verdicts_come_out_again_from_the_files_by_pandas_and_scipy_alone(ledger, tmp_path):
    claimed.write(better(1), tmp_path, "quick", "cifar10")
    claimed.write(better(5, range(5)), tmp_path, "standard", "cifar10")
    _, _, rows = ledger()
    effects = pd.read_csv(tmp_path / "claims_effects.csv")
    assert_recomputable(rows, effects)
    assert set(rows["verdict"]) == {"supported", "refuted", "undecided"}
    assert rows.loc["gap", "reason"].startswith("not fitted: a has 0.")
    assert rows.loc["pairs", "n"] == 5 and rows.loc["pairs", "sample"] == "trainings"
    at_quick = rows.drop(columns="profile").assign(profile="quick")
    one = at_quick.loc["gain"]
    own = effects[(effects["claim"] == "gain") & (effects["profile"] == "quick")]
    assert recomputed(one, own)[0] == one["quick_verdict"]
    assert math.isclose(own["effect"].mean(), one["quick_effect"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:An input array is constant")
def test_the_verdicts_of_the_ledger_come_out_again():
    results = claimed.RESULTS
    rows = pd.read_csv(results / "claims.csv").set_index("id")
    assert len(rows) > 100 and set(rows["profile"]) <= set(judging.PROFILES)
    assert_recomputable(
        rows[rows["verdict"] != reporting.NOT_MEASURED],
        pd.read_csv(results / "claims_effects.csv"),
    )
