import math
import types

import numpy as np
import pandas as pd
import pytest

from benchmarks.growth import __main__ as command
from benchmarks.growth import child, fits, running, tasks

SPLIT = {"only": ["split"], "over": ["side"], "fast": True}


@pytest.fixture
def in_this_process(monkeypatch):
    monkeypatch.setattr(child, "measured", child.call)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_its_power(power):
    x = np.array([8, 16, 32, 64, 128])
    found = fits.exponent(x, 3 * x**power)
    assert found.value == pytest.approx(power) and found.high - found.low < 1e-6
    assert found.verdict(power + 1e-6) == "within" and found.verdict(power - 0.1) == "above"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.6, 1.6, "within"),
        (0.5, 1.6, "undecided"),
        (-9, 0, "undecided"),
        (-math.inf, math.inf, "undecided"),
        (1.1, 1.2, "above"),
        (1.1, 9.0, "above"),
    ],
)
def test_a_wide_interval_decides_nothing(low, high, verdict):
    assert fits.Exponent((low + high) / 2, low, high).verdict(1.0) == verdict


def test_the_largest_four_sizes_count_and_noise_widens_the_interval(rng):
    x = np.repeat([1, 2, 4, 8, 16, 32], 3)
    overhead = np.where(x < 4, 1e3, 1.0)
    found = fits.exponent(x, overhead * x**2 * rng.lognormal(0, 0.05, len(x)))
    assert found.low < 2 < found.high < 2.2 and found.low > 1.8
    assert fits.exponent([1, 2], [1, 4]).low == -math.inf


def test_little_memory_is_no_growth():
    assert fits.memory_exponent([1, 2, 4], [0.001, 0.002, 0.004]).value == 0
    assert fits.memory_exponent([1, 2, 4], [1, 2, 4]).value == pytest.approx(1)


def test_a_growth_that_is_worse_than_the_arithmetic_is_called_so():
    growth = next(each for each in tasks.growths() if each.axis == "steps")
    points = pd.DataFrame({"x": [1, 2, 4, 8], "seconds": [1, 4.1, 16, 65], "memory_gb": 0.1})
    row = running.summary(growth, points)
    assert row["time_exponent"] == pytest.approx(2, abs=0.05) and row["time_expected"] == 1
    assert (row["time_verdict"], row["memory_verdict"]) == ("above", "within")
    unknown = running.summary(growth, points.assign(memory_gb=np.nan))
    assert "memory_exponent" not in unknown


def test_every_measure_grows_in_side_batch_and_images():
    grown = {(each.measure, each.axis) for each in tasks.growths()}
    for measure in tasks.MEASURES:
        assert {(measure, "side"), (measure, "examples")} <= grown
    assert {axis for _, axis in grown} == set(tasks.AXES)
    radii = next(each for each in tasks.growths() if each.axis == "radii")
    waves = next(each for each in tasks.growths() if each.axis == "waves")
    assert [radii.x(4), waves.x(1), waves.x(2)] == [9, 5, 13]
    assert radii.sizes(8) == {**tasks.USUAL, "radii": 8}


def test_the_short_run_has_four_sizes_of_all_and_none_that_is_dear():
    short = {(each.measure, each.axis): tasks.few(each).values for each in tasks.growths()}
    assert len(short) == len(tasks.growths())
    assert {len(values) for values in short.values()} == {4}
    assert short["split", "side"] == (64, 128, 256, 512)
    assert short["pgd", "side"] == (32, 64, 128, 256)
    assert short["pgd", "batch"] == (8, 16, 32, 64)
    assert short["pgd", "steps"] == (5, 10, 20, 40)


@pytest.mark.parametrize("measure", tasks.MEASURES)
def test_every_measure_is_called_at_its_sizes(measure, monkeypatch):
    small = {**tasks.USUAL, "side": 8, "batch": 2, "examples": 3, "radii": 1, "steps": 1}
    monkeypatch.setattr(tasks, "NETWORK", "small_cnn")
    model, function = tasks.work(measure, small)
    assert function(model) is not None


def test_points_exponents_and_figure_are_written(in_this_process, tmp_path):
    points, exponents = running.run(types.SimpleNamespace(**SPLIT), 2, 1, tmp_path, ["--fast"])
    assert points["value"].tolist() == [64, 64, 128, 128, 256, 256, 512, 512]
    assert (points["seconds"] > 0).all() and (points["memory_gb"] >= 0).all()
    assert exponents["time_expected"].tolist() == [3.0]
    assert set(exponents["time_verdict"]) <= {"within", "undecided", "above"}
    names = {path.name for path in tmp_path.iterdir()}
    assert {"growth.csv", "growth.json", "growth_points.csv", "growth.png"} <= names


def test_the_command_line_is_checked(capsys):
    assert command.parsed(["--only", "pgd", "--over", "steps"]).over == ["steps"]
    with pytest.raises(SystemExit):
        command.parsed(["--over", "depth"])
    assert "invalid choice: 'depth'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.parsed(["--only", "split", "--over", "radii", "steps"])
    said = "must name a measure that grows in one of --over. Received: split, --over radii steps"
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_a_child_has_memory_of_its_own_and_says_why_it_ends():
    sizes = {**tasks.USUAL, "side": 64, "examples": 512}
    found = child.measured("split", sizes, 2)
    # The images and both components, 25 MB each.
    assert len(found["seconds"]) == 2 and 0.05 < found["memory"] < 1
    with pytest.raises(RuntimeError, match="KeyError"):
        child.measured("no_such_measure", sizes, 1)
