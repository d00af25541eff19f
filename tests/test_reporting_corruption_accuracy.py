import numpy as np
import pandas as pd
import pytest

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.effects.conditions import condition_effect
from hfc_keras.reporting.figures.corruption_accuracy import corruption_points, corruption_table
from hfc_keras.reporting.rows import MissingMeasurementError

BASES = {"clean": 0.8, "fog": 0.5, "shot_noise": 0.3}
SPREAD = [-0.02, 0.01, 0.04]


def corruption_rows(recipes=("adversarial", "vanilla"), seeds=3):
    """Accuracy falls by 0.1 per severity around the base; a recipe adds 0.05 per place."""
    rows = [
        (recipe, seed, name, severity, base + 0.05 * place + SPREAD[seed] - 0.1 * (severity - 2))
        for name, base in (("fog", 0.5), ("none", 0.8), ("shot_noise", 0.3))
        for place, recipe in enumerate(recipes)
        for seed in range(seeds)
        for severity in ((2,) if name == "none" else (1, 2, 3))
    ]
    columns = ["recipe", "seed", "corruption", "severity", "accuracy"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(severity=table["severity"].where(table["corruption"] != "none", 0))


def test_the_table_has_means_over_severities_and_seeds():
    summary = corruption_table(corruption_rows())
    assert summary.index.tolist() == ["clean", "fog", "shot_noise", "mean"]
    assert summary.columns.tolist() == ["adversarial", "vanilla"]
    means = [*BASES.values(), 0.4]
    for place, recipe in enumerate(summary):
        values = [mean + 0.05 * place + np.mean(SPREAD) for mean in means]
        assert summary[recipe].tolist() == [f"{value:.3f} +- 0.030" for value in values]
    assert corruption_table(corruption_rows(seeds=1)).loc["fog", "vanilla"] == "0.530"


def test_the_last_epoch_counts():
    early = corruption_rows().assign(epoch=1, accuracy=0.0)
    both = pd.concat([early, corruption_rows().assign(epoch=4)], ignore_index=True)
    pd.testing.assert_frame_equal(corruption_table(both), corruption_table(corruption_rows()))


def test_the_figure_shows_means_and_ranges():
    titles = {"vanilla": "plain", "none": "no penalty"}
    figure = corruption_points(corruption_rows(), titles, chance=0.1)
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["clean", "fog", "shot noise", "mean of 2"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "adversarial",
        "plain",
        "chance",
    ]
    dashed = {"adversarial": {"color": "red", "marker": "s", "linestyle": "--"}}
    (bars,) = corruption_points(corruption_rows(), looks=dashed).axes[0].containers[:1]
    assert bars[0].get_linestyle() == "None"
    looks = palette.recipe_looks(["adversarial", "vanilla"])
    for place, (container, look) in enumerate(zip(axes.containers, looks.values(), strict=True)):
        points, _, (bars,) = container
        assert (points.get_color(), points.get_marker()) == (look["color"], look["marker"])
        expected = np.array([*BASES.values(), 0.4]) + 0.05 * place
        np.testing.assert_allclose(points.get_ydata(orig=False), expected + np.mean(SPREAD))
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        np.testing.assert_allclose(ends, expected[:, None] + [min(SPREAD), max(SPREAD)])
    lefts = [container[0].get_xdata(orig=False)[0] for container in axes.containers]
    assert lefts == [-0.3, 0.3] and axes.get_ylabel() == "accuracy, mean over severities"


@pytest.mark.parametrize("function", [corruption_table, corruption_points])
@pytest.mark.parametrize(
    "wrong, match",
    [
        (lambda table: table.drop(columns="severity"), "missing=.'severity'"),
        (lambda table: table[:0], "at least one row"),
        (lambda table: pd.concat([table, table[:1]]), "once.*'adversarial'"),
        (lambda table: table[1:], "each corruption of each seed.*'adversarial', .*'fog'"),
        (lambda table: table[table["corruption"] == "none"], "must hold a corruption"),
    ],
)
def test_wrong_tables_are_refused(function, wrong, match):
    with pytest.raises(ValueError, match=match):
        function(wrong(corruption_rows()))


def test_corruptions_of_two_makers_are_refused():
    table = corruption_rows()
    one = table.assign(source=np.where(table["corruption"] == "none", "images", "generated"))
    assert len(corruption_table(one))
    two = one.assign(source=one["source"].mask(one["seed"] == 1, "cifar10_corrupted"))
    with pytest.raises(ValueError, match="of one source. Received: sources=.'cifar10_corrupted'"):
        corruption_table(two)
    rows = two[two["corruption"] != "none"].assign(measure="corrupted", level=two["severity"])
    with pytest.raises(ValueError, match="of one source"):
        condition_effect(rows.assign(condition=rows["corruption"]), "vanilla", "corrupted")


def test_a_measure_that_a_table_lacks_is_missing():
    table = corruption_rows().assign(measure="corrupted", condition="fog", level=1)
    with pytest.raises(MissingMeasurementError, match="measure='calibration_corrupted'"):
        condition_effect(table, "vanilla", "calibration_corrupted")
