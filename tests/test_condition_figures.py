import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from hfc_keras.reporting.drawing.palette import LIGHT_GREY
from hfc_keras.reporting.figures.conditions import condition_points, weight_curves
from hfc_keras.reporting.figures.two_views import two_views


@pytest.fixture
def table():
    rows = [
        ("clean", "original", np.nan, 0.7),
        ("attacked", "pgd", 8 / 255, 0.05),
        ("shifted", "all", np.nan, 0.8),
        ("outside", "uniform", np.nan, 0.9),
    ]
    columns = ["measure", "condition", "level", "accuracy"]
    one = pd.DataFrame(rows, columns=columns).assign(recipe="vanilla", seed=0)
    return pd.concat([one, one.assign(recipe="apr", accuracy=one["accuracy"] - 0.01)])


def test_rows_of_accuracies_and_areas_show_what_guessing_gives(table):
    figure = condition_points(table, chance=0.1)
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["original", "PGD 8/255", "same after a shift", "AUROC, uniform"]
    (drawn,) = [lines for lines in axes.collections if lines.get_label() == "chance"]
    segments = np.array(drawn.get_segments())
    np.testing.assert_allclose(segments[:, 0, 0], [0.1, 0.1, 0.5])
    np.testing.assert_allclose(segments.mean(axis=1)[:, 1], [0, 1, 3])
    np.testing.assert_allclose(drawn.get_color()[0], to_rgba(LIGHT_GREY))
    assert "chance" in [text.get_text() for text in figure.legends[0].get_texts()]
    without = condition_points(table).axes[0]
    assert "chance" not in [lines.get_label() for lines in without.collections]


def weighted(weights):
    """Clean accuracy and a spectrum of two rings at each weight of one regularizer."""
    names = ["vanilla", *(f"lsf_{weight:g}" for weight in weights[1:])]
    shared = pd.DataFrame({"recipe": names, "seed": 0, "weight": weights})
    clean = shared.assign(measure="clean", condition="original", accuracy=0.5)
    rings = [shared.assign(measure="sensitivity", ring=ring, mean=0.5) for ring in (1, 2)]
    return pd.concat([clean, *(each.assign(image_size=8) for each in rings)])


def test_weights_stand_on_a_logarithmic_axis_that_holds_zero():
    figure = weight_curves(weighted([0.0, 0.1, 1.0, 10.0]), {"lsf": "low"}, chance=0.1)
    for axes in figure.axes:
        assert axes.get_xscale() == "symlog"
        ticks = [label.get_text() for label in axes.get_xticklabels()]
        assert ticks == ["0", "0.1", "1", "10"]
        places = axes.xaxis.get_transform().transform(np.array([0.1, 1.0, 10.0]))
        assert np.diff(places)[0] == pytest.approx(np.diff(places)[1])
        left, right = axes.get_xlim()
        assert left < 0 and right > 10
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines if line.get_label() == "chance"] == [
        [0.1, 0.1]
    ]
    assert left.get_ylabel() == "accuracy or share"


def test_the_network_without_a_penalty_alone_can_be_drawn():
    axes = weight_curves(weighted([0.0]), {"lsf": "low"}).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0"]


def test_chance_lies_across_both_views():
    rows = {"recipe": ["a", "b"], "seed": 0, "x": [1, 2], "y": [0.3, 0.2]}
    figure = two_views(pd.DataFrame(rows), [("x", "y")], {"x": "x", "y": "y"}, chance=0.1)
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == "chance"]
    assert list(line.get_ydata()) == [0.1, 0.1]
    assert figure.legends[0].get_texts()[-1].get_text() == "chance"
