import pandas as pd
import pytest

from benchmarks import (
    amplitude_phase,
    antialiasing,
    attacks,
    frequency_accuracy,
    sensitivity,
    split,
    timing,
)
from hfc_keras import training


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    interleaved = timing.interleaved
    monkeypatch.setattr(timing, "interleaved", lambda ways, repeats=1: interleaved(ways, repeats=1))
    monkeypatch.setattr(timing, "RESULTS", tmp_path)
    monkeypatch.setattr(split, "EXAMPLES", 8)
    monkeypatch.setattr(split, "RADII", (4,))
    monkeypatch.setattr(frequency_accuracy, "EXAMPLES", 8)
    monkeypatch.setattr(attacks, "EXAMPLES", 8)
    monkeypatch.setattr(attacks, "TRAINING_BATCH", 8)
    monkeypatch.setattr(attacks, "TRAINING_STEPS", 2)
    monkeypatch.setattr(attacks, "NATURAL", training.Recipe(model="small_cnn", epochs=1))
    monkeypatch.setattr(sensitivity, "EXAMPLES", 8)
    monkeypatch.setattr(sensitivity, "TRAINING_BATCH", 8)
    monkeypatch.setattr(sensitivity, "SIDE", 8)
    monkeypatch.setattr(amplitude_phase, "BATCH", 8)
    monkeypatch.setattr(amplitude_phase, "SIDE", 8)
    monkeypatch.setattr(antialiasing, "EXAMPLES", 8)
    monkeypatch.setattr(antialiasing, "NETWORK", "resnet8")
    monkeypatch.setattr(antialiasing, "SIDE", 8)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "benchmark", [split, frequency_accuracy, attacks, sensitivity, amplitude_phase, antialiasing]
)
def test_benchmarks_write_table_and_record(benchmark, tmp_path):
    benchmark.main()
    (path,) = tmp_path.glob("*.csv")
    table = pd.read_csv(path)
    if benchmark is amplitude_phase:
        # So small a layer may add nothing that can be measured.
        added = table[["added", "ratio", "ratio_both"]]
        assert added[2:].notna().all(axis=None)
        table = table.drop(columns=added.columns)
    assert (table.select_dtypes("number") > 0).all(axis=None)
    assert f"python -m benchmarks.{path.stem}" in path.with_suffix(".json").read_text()


def test_the_ways_of_splitting_agree(rng):
    images = rng.random((4, 32, 32, 3), "float32")
    loop = split.per_image_numpy(images, 7.5)
    for way in (split.scipy_batch(images, 7.5), split.compiled(7.5)(images)):
        for part, expected in zip(way, loop, strict=True):
            assert abs(part - expected).max() < 1e-5


def test_interleaved_times_every_function_alike():
    calls = []
    ways = {name: lambda name=name: calls.append(name) for name in "ab"}
    seconds = timing.interleaved(ways)
    assert calls == ["a", "b"] * 2 and set(seconds) == {"a", "b"}
