import keras
import pandas as pd
import pytest

from benchmarks import (
    amplitude_phase,
    antialiasing,
    attacks,
    cells,
    frequency_accuracy,
    operations,
    sensitivity,
    split,
    timing,
)
from benchmarks import training as training_speed
from hfc_keras import models, training
from hfc_keras.lab import profiles


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    interleaved = timing.interleaved
    monkeypatch.setattr(timing, "interleaved", lambda ways, repeats=1: interleaved(ways, repeats=1))
    monkeypatch.setattr(timing, "RESULTS", tmp_path)
    for module in (attacks, sensitivity, amplitude_phase):
        monkeypatch.setattr(module, "NETWORK", "small_cnn")
    for module in (attacks, sensitivity, antialiasing):
        monkeypatch.setattr(module, "NORMALIZATIONS", ("batch",))
    monkeypatch.setattr(split, "EXAMPLES", 8)
    monkeypatch.setattr(split, "RADII", (4,))
    monkeypatch.setattr(frequency_accuracy, "EXAMPLES", 8)
    monkeypatch.setattr(attacks, "EXAMPLES", 8)
    monkeypatch.setattr(attacks, "STEPS", 2)
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
    monkeypatch.setattr(training_speed, "NETWORKS", {"resnet8": (0.25,)})
    monkeypatch.setattr(training_speed, "NORMALIZATIONS", ("batch",))
    monkeypatch.setattr(training_speed, "STEPS", 2)
    monkeypatch.setattr(training_speed, "EPOCHS", 2)
    monkeypatch.setattr(training_speed, "BATCH", 16)
    monkeypatch.setattr(training_speed, "SIDE", 8)
    monkeypatch.setattr(training_speed, "MATRIX", 256)
    monkeypatch.setattr(training_speed, "TESTED", 8)
    monkeypatch.chdir(tmp_path)


@pytest.mark.few(2)
@pytest.mark.parametrize(
    "benchmark",
    [
        split,
        frequency_accuracy,
        attacks,
        sensitivity,
        amplitude_phase,
        antialiasing,
    ],
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


@pytest.mark.slow
@pytest.mark.parametrize("has", [True, False])
def test_training_is_timed_in_the_precisions_there_are(has, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(training.precision, "has_bfloat16", lambda: has)
    training_speed.main(["--steps", "1"])
    table = pd.read_csv(tmp_path / "training.csv")
    assert set(table["precision"]) == {"float32"} | ({"mixed_bfloat16"} if has else set())
    assert (table.select_dtypes("number") > 0).all(axis=None)
    assert ("mixed_bfloat16 is left out" in capsys.readouterr().err) is not has
    assert "benchmarks.training --steps 1" in (tmp_path / "training.json").read_text()
    # 8 x 8 pixels at width 1/4, 4 to 16 filters; a convolution is 2 x 9 x pixels x filters.
    first, blocks = 64 * 3 * 4, 2 * 64 * 4 * 4
    blocks += 16 * (4 * 8 + 8 * 8) + 4 * (8 * 16 + 16 * 16)
    expected = 3 * 2 * (9 * (first + blocks) + 16 * 10) / 1e9
    assert table["gflop_per_image"].iloc[0] == pytest.approx(expected, rel=5e-4)


def test_operations_of_a_network_are_those_of_its_kernels():
    inputs = keras.Input((8, 8, 4))
    x = keras.layers.Conv2D(6, 3, strides=2, groups=2, use_bias=False)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dense(5)(keras.layers.Flatten()(x))
    grouped, dense = 3 * 3 * (3 * 3 * 2 * 6), 3 * 3 * 6 * 5
    assert operations.forward_operations(keras.Model(inputs, x)) == 2 * (grouped + dense)
    # 0.0245 for ResNet-8 as convolutions and one dense layer, by hand.
    maps = 32 * 32 * (3 * 16 + 2 * 16 * 16) + 256 * (16 * 32 + 32 * 32) + 64 * (32 * 64 + 64 * 64)
    resnet = models.build("resnet8", (32, 32, 3), 10, normalization="batch")
    assert operations.forward_operations(resnet) == 2 * (9 * maps + 64 * 10)
    other = keras.layers.DepthwiseConv2D(3)(inputs)
    with pytest.raises(ValueError, match="Conv2D and Dense alone"):
        operations.forward_operations(keras.Model(inputs, other))


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


def test_cells_on_workers_are_compared_with_one_process(
    tmp_path, monkeypatch, in_this_process, capsys
):
    monkeypatch.setitem(profiles.PROFILES["smoke"], "model", "small_cnn")
    monkeypatch.setattr(cells, "FEW_CELLS", 2)
    monkeypatch.setattr(cells, "_start", lambda crew: None)
    cells.main(["--fast", "--results", str(tmp_path)])
    (row,) = pd.read_csv(tmp_path / "cells.csv").to_dict("records")
    assert (row["cells"], row["workers"]) == (2, 2) and row["serial_seconds"] > 0
    expected = row["parallel_seconds"] / (row["serial_seconds"] / 2)
    assert row["ratio"] == pytest.approx(expected, abs=0.01)
    assert "serial_seconds" in capsys.readouterr().out


@pytest.mark.slow
def test_workers_of_the_benchmark_start(tmp_path, monkeypatch):
    monkeypatch.setitem(profiles.PROFILES["smoke"], "model", "small_cnn")
    monkeypatch.setattr(cells, "FEW_CELLS", 2)
    cells.main(["--fast", "--results", str(tmp_path)])
    assert pd.read_csv(tmp_path / "cells.csv")["start_seconds"].gt(0).all()
