import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers import __main__ as command
from benchmarks.peers import (
    attacked,
    figure,
    filters,
    packages,
    pgd,
    profile,
    running,
    standard,
    steps,
)
from benchmarks.peers.comparison import Comparison, Peer
from benchmarks.peers.options import Options
from benchmarks.peers.subjects import Subject
from hfc_keras import analysis, models

# Packages of others warn of each other.
pytestmark = pytest.mark.filterwarnings("default")
FAST = Options(threads=1, repeats=1, fast=True)


@pytest.fixture
def subject(rng):
    model = models.build("resnet8", (8, 8, 3), 10, width=0.25, normalization="batch")
    images = rng.random((6, 8, 8, 3), "float32")
    # Untrained, it has the same answer to all images, which no attack changes.
    model.layers[-1].bias.assign(-np.asarray(model(images)).mean(axis=0))
    return Subject("small", model, images, np.asarray(model(images)).argmax(axis=1))


def compared(others=None, peers=None, tolerance=0.01, **options):
    own = {"hfc_keras": lambda: 0.5, **(others or {})}
    return Comparison(
        task="task",
        network="network",
        examples=3,
        own=own,
        peers=peers or {},
        measure="robust accuracy",
        judge=lambda result: result,
        tolerance=tolerance,
        repeats=1,
        **options,
    ).rows()


def test_the_command_line_is_checked_and_explained(capsys):
    chosen = command.parsed(["--only", "pgd", "--examples", "8", "--fast"])
    assert (chosen.only, chosen.examples, chosen.fast) == (["pgd"], 8, True)
    assert command.parsed([]).only == tuple(running.MODULES)
    for wrong, said in {
        ("--only", "other"): "invalid choice: 'other'",
        ("--threads", "0"): "must be a whole number from 1. Received: 0",
        ("--repeats", "two"): "must be a whole number from 1. Received: two",
    }.items():
        with pytest.raises(SystemExit):
            command.parsed(wrong)
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.parsed(["--help"])
    shown = capsys.readouterr().out
    assert all(f"\n  {task} " in shown for task in command.TASKS)
    assert f"of: {', '.join(command.TASKS)}" in " ".join(shown.split())


def test_a_trial_does_not_overwrite_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.command_line.folder(command.parsed([])) == "results/benchmarks"
    assert command.command_line.folder(command.parsed(["--fast"])) == "results/.trial"
    assert command.command_line.folder(command.parsed(["--fast", "--results", "x"])) == "x"


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path):
    taken = tmp_path / "file"
    taken.touch()
    with pytest.raises(SystemExit, match="`results` must be a folder that can be written"):
        command.main(["--results", str(taken)])


def test_cores_are_limited_before_packages_count_them(new_python):
    code = (
        "from benchmarks import threads; import sys; before = threads.available();"
        "print(threads.limit(99) == before, threads.limit(1), threads.available(),"
        " 'numpy' in sys.modules, bool(threads.processor()))"
    )
    assert new_python(code) == "True 1 1 False True"


def test_a_missing_peer_is_named_and_the_rest_goes_on(monkeypatch, capsys):
    monkeypatch.setitem(packages.PACKAGES, "no_such_module", "no-such-package")
    rows = compared(
        peers={
            "gone": Peer(("no_such_module",), lambda: pytest.fail("it is not there")),
            "there": Peer(("scipy",), lambda: lambda: 0.5),
        }
    )
    gone, there = rows[1:]
    assert gone["way"] == "gone" and np.isnan(gone["seconds"])
    assert "no-such-package; install with python -m pip install '.[benchmark]'" in gone["remark"]
    assert gone["remark"] in capsys.readouterr().err
    assert there["comparable"] and there["seconds"] > 0 and there["ratio"] > 0


def test_a_peer_that_fails_is_a_row_and_this_package_an_error():
    def fails():
        raise TypeError("no such argument\nand more")

    broken = {"called": Peer(("scipy",), lambda: fails), "prepared": Peer(("scipy",), fails)}
    for failed in compared(peers=broken)[1:]:
        assert failed["remark"] == "failed: TypeError: no such argument"
        assert failed["comparable"] is None and np.isnan(failed["seconds"])
    with pytest.raises(TypeError, match="no such argument"):
        compared({"hfc_keras, other": fails})


@pytest.mark.parametrize(
    ("value", "same"), [(0.5, True), (0.49, True), (0.48, False), (0.52, False), (np.nan, False)]
)
def test_ways_that_did_other_work_are_not_called_comparable(value, same):
    row = compared(peers={"peer": Peer(("scipy",), lambda: lambda: value)})[1]
    assert row["comparable"] == same == bool(row["ratio"] > 0)
    assert row["remark"] == ("" if same else "not the same work: robust accuracy differs")


@pytest.mark.parametrize(
    ("value", "same"), [(0.9, True), (0.495, True), (0.494, False), (np.nan, False)]
)
def test_an_evaluation_is_compared_with_one_that_finds_no_more(value, same):
    peer = Peer(("scipy",), lambda: lambda: value, other="it takes 10 steps")
    row = compared(peers={"peer": peer}, tolerance=0.005, at_most=True)[1]
    assert row["comparable"] == same == bool(row["ratio"] > 0)
    weaker = "" if same else "hfc_keras has a robust accuracy more than 0.005 above it; "
    assert row["remark"] == f"{weaker}it takes 10 steps"


def test_the_standard_evaluation_says_what_the_other_one_does(subject):
    compared = standard.comparison(subject, FAST)
    assert compared.at_most and compared.tolerance == 0.005
    (peer,) = compared.peers.values()
    assert "FAB-T" in peer.other and "10 steps of APGD where hfc_keras takes 100" in peer.other
    compared = standard.comparison(subject, FAST, standard.THEIR_STEPS)
    (peer,) = compared.peers.values()
    assert peer.other == "it also runs FAB-T" and compared.task == "standard evaluation, 10 steps"


def test_weights_are_the_same_in_every_precision_and_run(monkeypatch):
    monkeypatch.setattr(steps.subjects, "WIDTH", 0.25)
    names = ("float32", "mixed_bfloat16", "float32")
    first, *others = (steps._adversarial(name).get_weights() for name in names)
    assert len(first) > 10
    for other in others:
        for one, two in zip(first, other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_convolutions_alone_are_all_those_of_the_network(monkeypatch, subject):
    for name in ("wide", "adversarial"):
        monkeypatch.setattr(profile.subjects, name, lambda examples: subject)
    rows = [row for compared in profile.comparisons(FAST) for row in compared.rows()]
    gradient = ["input gradient", "its convolutions alone"]
    queries = ["4 queries of Square", "4 forward passes alone"]
    assert list(dict.fromkeys(row["task"] for row in rows)) == [*gradient, *queries]
    assert all(row["comparable"] and row["seconds"] > 0 for row in rows)
    convolutions = [each for each in subject.model.layers if "conv" in each.name]
    assert len(profile._convolutions(subject.model, subject)()) == len(convolutions)


def test_a_bare_loop_is_timed_and_not_compared(monkeypatch):
    speeds = {"images_per_second": 100.0, "bare_images_per_second": 125.0, "ratio": 0.8}
    monkeypatch.setattr(steps.training_speed, "row", lambda recipe, count: speeds)
    own, bare, augmented, ready = steps.fit_rows(FAST)
    assert own["network"] == "resnet8, width 1"
    assert own["task"] == "training, no augmentation" and not own["remark"]
    assert augmented["task"] == "training, crops and flips" and "has them ready" in ready["remark"]
    assert own["comparable"] is bare["comparable"] is None
    assert (own["ratio"], bare["ratio"]) == (augmented["ratio"], ready["ratio"]) == (1.0, 1.25)


def test_curves_of_another_length_are_other_work():
    peer = {"peer": Peer(("scipy",), lambda: lambda: np.array([0.5, 0.5]))}
    assert compared(peers=peer)[1]["difference"] == np.inf


def test_the_first_call_is_told_apart():
    calls = []

    def slow_at_first():
        if not calls:
            pd.Series(range(10**6)).sum()
        calls.append(1)
        return 0.5

    row = compared({"hfc_keras, other": slow_at_first})[1]
    assert len(calls) == 2 and row["first_call"] > row["seconds"]


def test_images_outside_the_ball_have_no_robust_accuracy(subject):
    judge = attacked.RobustAccuracy(subject, 0.1)
    inside = np.clip(subject.images + 0.1, 0, 1)
    outside = np.clip(subject.images + 0.2, 0, 1)
    assert judge(subject.images) == 1 and 0 <= judge(inside) <= 1
    assert np.isnan(judge(outside)) and np.isnan(judge(np.full_like(inside, -0.1)))
    table = analysis.robust_accuracy(subject.model, subject.images, subject.labels, pgd_of(2))
    assert judge(table) == table["accuracy"].iloc[-1]


def pgd_of(steps):
    from hfc_keras import attacks

    return attacks.Pgd(0.1, steps=steps)


def test_filters_are_measured_and_drawn(monkeypatch, tmp_path):
    monkeypatch.setattr(filters, "SIDES", {8: 16})
    table = running.run(["filters"], FAST, tmp_path, ["--fast"])
    assert table["comparable"][table["way"] != "torch.fft"].all()
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".json", ".png", ".svg"}
    record = (tmp_path / "peers_filters.json").read_text()
    assert "python -m benchmarks.peers --fast" in record and '"threads": 1' in record
    assert '"foolbox":' in record and '"processor":' in record


def test_the_figure_has_a_panel_for_each_task_and_network():
    rows = compared(
        {"hfc_keras, float32": lambda: 0.5},
        {"same": Peer(("scipy",), lambda: lambda: 0.5), "other": Peer((), lambda: lambda: 0.1)},
    )
    rows.append({**rows[-1], "way": "alone", "comparable": None})
    table = pd.DataFrame([*rows, *({**row, "network": "another"} for row in rows)])
    drawn = figure.peers(table)
    assert [axes.get_title(loc="left") for axes in drawn.axes] == [
        "task: network (3 images)",
        "task: another (3 images)",
    ]
    (legend,) = drawn.legends
    assert len(legend.get_texts()) == 4


@pytest.fixture
def short(monkeypatch):
    for name, value in {"STEPS": 3, "EPSILON": 0.3, "STEP_SIZE": 0.15}.items():
        monkeypatch.setattr(pgd, name, value)


@pytest.mark.tensorflow
def test_pgd_of_this_package_and_of_cleverhans_do_the_same_work(subject, monkeypatch, short):
    peers = {name: peer for name, peer in pgd.peers(subject).items() if "torch" not in name}
    monkeypatch.setattr(pgd, "peers", lambda _: {"CleverHans": peers["CleverHans"]})
    table = pd.DataFrame(pgd.comparison(subject, FAST).rows())
    assert table["way"].tolist() == ["hfc_keras", "hfc_keras, float32", "CleverHans"]
    assert table["comparable"].all() and (table["value"] < 1).any()


@pytest.mark.slow
def test_the_tests_with_pytorch_pass_in_a_process_of_their_own():
    pytest.importorskip("torch")
    path = Path(__file__).with_name("test_benchmarks_torch.py")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0 and " passed" in result.stdout, result.stdout
