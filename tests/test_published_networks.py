"""Correlations over published networks."""

import json

import numpy as np
import pandas as pd
import pytest
from own import given

from experiments import published_networks
from experiments.outside import published_table
from hfc_keras import reporting

RNG = np.random.default_rng(0)


def made_table():
    """Twelve networks: the less of the high frequencies, the more robust."""
    names = [f"robust_resnet50_l2_eps{at}" for at in range(4)]
    names += [f"resnet50_{at}" for at in range(5)] + ["vit", "nf_resnet50", "resnet50_untrained"]
    columns = published_table.columns()
    values = RNG.uniform(0.2, 0.8, (12, len(columns) - 1))
    table = pd.DataFrame(values, columns=columns[1:])
    table.insert(0, "model", names)
    table[published_table.CLEAN] = np.linspace(80, 60, 12)
    table[published_table.PGD] = 100 * (1 - table["metric/bandpass/HFC/0.9"])
    return table


@pytest.fixture
def made(tmp_path):
    made_table().to_csv(tmp_path / "own.csv", index=False)
    return tmp_path / "own.csv"


def run(made, *more):
    told = ["--table", str(made), "--results", str(made.parent), "--replicates", "200", *more]
    published_networks.EXPERIMENT.main(told)
    return made.parent / "published" / "imagenet" / "published_networks"


def test_questions_are_answered_for_each_group(made, capsys):
    stem = run(made)
    table = reporting.read_table(stem.with_suffix(".csv"), published_networks.EXPERIMENT.keys)
    counts = table.groupby("recipe")["networks"].first().to_dict()
    expected = {"all": 11, "all_but_robust": 7, "resnet50": 9, "resnet50_but_robust": 5}
    assert counts == {**expected, "robust": 4}
    # One question is about clean accuracy itself, which cannot be held equal.
    assert len(table) == 5 * (3 * len(published_networks.QUESTIONS) - 1)
    high = table[(table["question"] == "high_pgd") & (table["recipe"] == "all")]
    np.testing.assert_allclose(high["correlation"], -1)
    assert set(high["verdict"]) == {"supported"} and len(high) == 3
    assert stem.with_suffix(".png").exists() and stem.with_suffix(".svg").exists()
    printed = capsys.readouterr().out
    assert "Gavrikov and Keuper" in printed and "CC BY-SA 4.0" in printed
    record = json.loads(stem.with_suffix(".json").read_text())
    cell = record["cells"]["robust seed 0"]
    assert cell["table"]["licence"] == "CC BY-SA 4.0" and "Gavrikov" in cell["table"]["source"]
    assert cell["networks"] == [f"robust_resnet50_l2_eps{at}" for at in range(4)]


@pytest.fixture
def processes(request):
    """Other processes, or this one in their place."""
    if request.param == "here":
        request.getfixturevalue("in_this_process")


@pytest.mark.few(1)
@pytest.mark.parametrize("processes", ["here", "spawned"], indirect=True)
def test_cells_that_train_nothing_go_to_processes_too(made, processes, capsys):
    stem = run(made)
    whole = stem.with_suffix(".csv").read_bytes()
    run(made, "--fresh", "--jobs", "2")
    assert stem.with_suffix(".csv").read_bytes() == whole
    assert "[5/5] published_networks " in capsys.readouterr().out
    with pytest.raises(SystemExit) as refused:
        run(made, "--jobs", "0")
    assert refused.value.code == 2 and "Received: jobs=0" in capsys.readouterr().err


@pytest.mark.slow
def test_a_changed_table_is_not_mixed_with_the_one_before(made, capsys):
    run(made)
    made_table().to_csv(made, index=False, float_format="%.3f")
    with pytest.raises(SystemExit) as refused:
        run(made)
    assert refused.value.code == 2 and "--fresh" in capsys.readouterr().err
    run(made, "--fresh")


def test_corruptions_are_a_mean_over_all_of_them_as_a_share_of_clean_accuracy():
    table = made_table()
    wanted = [f"top1_acc/{name}_{at}" for name in published_table.NOISE for at in range(1, 6)]
    found = published_table.measures(table)
    expected = table[wanted].mean(axis=1) / table[published_table.CLEAN]
    np.testing.assert_allclose(found["noise"], expected)
    table.loc[3, "top1_acc/shot_noise_2"] = np.nan
    assert published_table.measures(table)["noise"].isna().tolist() == [at == 3 for at in range(12)]


def test_an_absent_table_is_told_with_whose_it_is_and_where_it_is_from(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.delenv(published_table.VARIABLE, raising=False)
    with pytest.raises(SystemExit) as refused:
        published_networks.EXPERIMENT.main(["--results", str(tmp_path)])
    assert refused.value.code == 2
    error = capsys.readouterr().err
    for words in (
        published_table.FILE,
        "Gavrikov and Keuper",
        "CC BY-SA 4.0",
        "https://",
        "--table",
    ):
        assert words in error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="shape-bias"), "must have the column 'shape-bias'. "),
        (lambda table: table.assign(**{"shape-bias": "much"}), "'shape-bias' of numbers"),
        (
            lambda table: pd.concat([table, table[3:4]]),
            "each network once. Received: model='robust_resnet50_l2_eps3', path=",
        ),
    ],
)
def test_a_table_that_is_not_the_published_one_is_told_by_the_first_column(made, change, message):
    change(made_table()).to_csv(made, index=False)
    with pytest.raises(ValueError, match=message):
        published_table.read(made)


def test_first_look_over_the_48_networks_is_found_again():
    given.present(given.TABLE)
    table = published_table.read(given.TABLE)
    rows, groups = published_table.measures(table), published_table.groups(table["model"])
    sizes = {"all": 69, "all_but_robust": 54, "resnet50": 48, "resnet50_but_robust": 33}
    assert {name: int(chosen.sum()) for name, chosen in groups.items()} == {**sizes, "robust": 15}
    for name, expected in (("resnet50", -0.44), ("resnet50_but_robust", 0.40)):
        own = rows[groups[name]]
        found = reporting.correlation_interval(own["high"], own["pgd"])
        assert round(found.value, 2) == expected and found.trainings == sizes[name]
        assert np.sign(found.low) == np.sign(found.high) == np.sign(expected)
