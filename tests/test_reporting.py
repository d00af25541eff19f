import itertools

import numpy as np
import pandas as pd
import pytest

from hfc_keras import files, reporting
from hfc_keras.reporting.figures import frequency
from hfc_keras.reporting.rows import KEYS, unique_rows


@pytest.fixture
def table():
    """Two recipes, two seeds, two epochs; accuracy tells where a row comes from."""
    keys = itertools.product(
        ["vanilla", "batch_norm"], [0, 1], [1, 5], ["original", "low", "high"], [4.0, 8.0]
    )
    rows = pd.DataFrame(keys, columns=["recipe", "seed", "epoch", "component", "radius"])
    original = rows["component"] == "original"
    rows["radius"] = rows["radius"].where(~original, np.nan)
    rows["split"] = np.where(original & rows.duplicated(keep="last"), "train", "test")
    rows["bn_statistics"] = np.where(rows["recipe"] == "vanilla", "none", "batch")
    rows["accuracy"] = 0.1 * rows["seed"] + 0.05 * rows["epoch"]
    return rows.drop_duplicates(KEYS)


def test_last_epoch_has_mean_and_spread(table):
    summary = reporting.last_epoch(table)
    assert list(summary.columns) == ["vanilla", "batch_norm (batch)"]
    assert list(summary.index) == ["train", "test", "low 4", "low 8", "high 4", "high 8"]
    values = np.array([0.25, 0.35])
    expected = f"{values.mean():.3f} +- {values.std(ddof=1):.3f}"
    assert (summary == expected).all(axis=None)


def test_one_seed_has_no_spread(table):
    summary = reporting.last_epoch(table[table["seed"] == 0])
    assert (summary == "0.250").all(axis=None)


def test_measurements_that_stand_twice_are_refused(table):
    twice = pd.concat([table, table.iloc[[3]].assign(accuracy=0.9)])
    with pytest.raises(ValueError, match="once. Received: measurement={'recipe': 'vanilla'"):
        unique_rows(twice)
    assert unique_rows(table) is table


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("recipe,seed\nvanilla,0\n", "missing are .*'epoch'"),
        ("", "must be a whole CSV"),
        ('recipe,seed\n"vanilla,0\n', "must be a whole CSV"),
        ("a\n1,2\n1,2,3\n", "must be a whole CSV"),
        ("recipe,seed\nvanilla,3", "whole CSV .its last line breaks off.*--fresh. Received: path="),
    ],
)
def test_damaged_tables_are_refused(tmp_path, content, message):
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        reporting.read_table(tmp_path / "table.csv")


def test_table_survives_writing_and_reading(tmp_path, table):
    content = table.to_csv(index=False)
    files.write_whole(tmp_path / "table.csv", content)
    read = reporting.read_table(tmp_path / "table.csv")
    assert read.to_csv(index=False) == content


def test_panels_draw_means_and_ranges(table):
    figure = reporting.frequency_panels(table, {"vanilla": "Plain"})
    assert [axes.get_title() for axes in figure.axes] == ["Plain", "batch_norm (batch)"]
    for axes in figure.axes:
        assert len(axes.lines) == 6
        for line in axes.lines:
            np.testing.assert_allclose(line.get_ydata(), [0.1, 0.3])
        for band in axes.collections:
            heights = band.get_paths()[0].vertices[:, 1]
            np.testing.assert_allclose([heights.min(), heights.max()], [0.05, 0.35])


def after_training(table):
    """The same components on training images, 0.1 higher, and shuffled labels, thrice as long."""
    after = table[table["split"] == "test"].assign(split="train_after")
    natural = pd.concat([table, after.assign(accuracy=after["accuracy"] + 0.1)])
    return pd.concat([natural, natural.assign(recipe="shuffled", epoch=3 * natural["epoch"])])


def test_components_of_training_images_are_drawn_after_the_epoch(table):
    table = after_training(table[table["recipe"] == "vanilla"])
    figure = reporting.frequency_panels(table, split="train_after")
    for axes, last in zip(figure.axes, [5, 15], strict=True):
        black = {
            line.get_linestyle(): line.get_ydata()
            for line in axes.lines
            if line.get_color() == "black"
        }
        np.testing.assert_allclose(black["--"], [0.1, 0.3])
        np.testing.assert_allclose(black["-"], [0.2, 0.4])
        assert len(axes.lines) == 6 and axes.lines[0].get_xdata()[-1] == last
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[:2] == ["train, while training", "train, after each epoch"]
    low = table[(table["component"] != "high")]
    figure = reporting.frequency_panels(low, split="train_after")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        *legend[:2],
        "low, r = 4",
        "low, r = 8",
    ]


def test_panels_share_the_axis_of_epochs_however_long_a_training_was(table):
    table = after_training(table[table["recipe"] == "vanilla"])
    one, two = reporting.frequency_panels(table, epochs="epoch (20 steps)").axes
    assert one.get_shared_x_axes().joined(one, two)
    assert one.get_xlim() == two.get_xlim() and one.get_xlim()[1] > 15
    assert [axes.get_xlabel() for axes in (one, two)] == ["epoch (20 steps)"] * 2


def dashes(figure):
    """Dashes of the black lines of each panel, but for that of test accuracy."""
    return [
        {line.get_linestyle() for line in axes.lines if line.get_color() == "black"} - {"-"}
        for axes in figure.axes
    ]


def test_training_accuracy_on_changed_images_says_so_and_has_another_dash(table):
    changed = {"vanilla": "attacked images"}
    figure = reporting.frequency_panels(table, changed=changed)
    assert dashes(figure) == [{"-."}, {"--"}]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[:2] == ["train, while training", "train, while training\non attacked images"]
    changed |= {"batch_norm": "mixed images"}
    assert dashes(reporting.frequency_panels(table, changed=changed)) == [{"-."}, {":"}]
    vanilla = table[table["recipe"] == "vanilla"]
    three = pd.concat([vanilla.assign(recipe=name) for name in "abc"])
    with pytest.raises(ValueError, match="at most 2 kinds. Received: kinds="):
        reporting.frequency_panels(three, changed={name: f"{name} images" for name in "abc"})


def test_chance_is_drawn_in_every_panel(table):
    figure = reporting.frequency_panels(table, chance=0.25)
    for axes in figure.axes:
        (line,) = [line for line in axes.lines if line.get_label() == "chance"]
        assert list(line.get_ydata()) == [0.25, 0.25]
    assert figure.legends[0].get_texts()[-1].get_text() == "chance"


def test_components_that_are_scaled_are_left_out(table):
    scaled = table[table["component"] != "original"].assign(scaling="max", accuracy=0.9)
    again = table[table["component"] == "original"].assign(scaling="max")
    for scaling in ("none", np.nan):
        both = pd.concat([table.assign(scaling=scaling), scaled, again])
        for axes in reporting.frequency_panels(both).axes:
            assert len(axes.lines) == 6
            assert all(line.get_ydata()[-1] == pytest.approx(0.3) for line in axes.lines)


@pytest.mark.parametrize(
    ("change", "split", "message"),
    [
        ({}, "val", "Received: split='val'"),
        ({}, "train_after", "rows of split 'train_after'. Received: rows=0"),
        ({"seed": 0}, "test", "must stand in a table once"),
        ({"epoch": None}, "test", r"Received: missing=\['epoch'\]"),
    ],
)
def test_tables_without_what_is_drawn_are_refused(table, change, split, message):
    table = table.assign(**change).drop(columns=[key for key in change if change[key] is None])
    with pytest.raises(ValueError, match=message):
        reporting.frequency_panels(table, split=split)


def test_curves_are_told_apart_by_colour_and_dash(table):
    looks = [
        frequency._line("test", component, radius, [4.0, 8.0])
        for component in ("low", "high")
        for radius in (4.0, 8.0)
    ]
    assert len({(look["color"], look["linestyle"]) for look in looks}) == 4


def test_figures_are_the_same_bytes_every_time(tmp_path, table):
    for name in ("one", "two"):
        reporting.save_figure(reporting.frequency_panels(table), tmp_path / name)
    for suffix in (".png", ".svg"):
        one, two = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
        assert one == two and len(one) > 1_000


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = files.write_whole(tmp_path / "file.txt", "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ValueError, match=r"No space left on device, .* GB free.*Received: path="):
        files.write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="`results` must be a folder.*Received: results="):
        files.writable_folder(tmp_path / "file" / "results", "results")


def test_latex_escapes_names_and_rounds_numbers():
    table = pd.DataFrame({"a_b": ["50% {x}", "1 +- 2"], "n": [3, 4], "x": [0.12345, np.nan]})
    lines = reporting.to_latex(table, decimals=2).splitlines()
    assert lines[0] == r"\begin{tabular}{lrr}" and lines[2] == r"a\_b & n & x \\"
    assert lines[4:6] == [r"50\% \{x\} & 3 & 0.12 \\", r"1 $\pm$ 2 & 4 &  \\"]
    with pytest.raises(ValueError, match="`table` must be a DataFrame"):
        reporting.to_latex([1])


def test_figures_are_written_in_three_formats(tmp_path):
    rows = {"max_shift": [1, 2], "consistency": [0.9, 0.8]}
    figure = reporting.shift_curves(pd.DataFrame(rows))
    paths = reporting.save_figure(figure, tmp_path / "a", ["png", "svg", "pdf"])
    assert [path.read_bytes()[:4] for path in paths] == [b"\x89PNG", b"<?xm", b"%PDF"]
    again = reporting.save_figure(figure, tmp_path / "b", ["svg", "pdf"])
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths[1:]]
    with pytest.raises(ValueError, match="`format` must be one of"):
        reporting.save_figure(figure, tmp_path / "a", ["bmp"])
