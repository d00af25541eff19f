"""Figures of what ``analysis`` returns, as it is, and of several models beside each other."""

import keras
import numpy as np
import pandas as pd
import pytest

from hfc_keras import analysis, attacks, data, models, reporting

RADII = [1, 2, 3]


@pytest.fixture(scope="module")
def measured():
    """Tables of one untrained network."""
    keras.utils.set_random_seed(0)
    test = data.load("digits", examples=(1, 30)).test
    model = models.build("small_cnn", (8, 8, 1), 10)
    given = model, test.images, test.labels
    steps = [attacks.Fgsm(0.1), attacks.Fgsm(0.2)]
    heat = analysis.fourier_heat_map(*given)
    rows, columns = np.indices(heat.shape) - 4
    return {
        "radius_curves": analysis.frequency_accuracy(*given, RADII),
        "band_stop_curves": analysis.band_stop_accuracy(*given, bands=2),
        "sensitivity_curves": analysis.fourier_sensitivity(*given),
        "epsilon_curves": analysis.robust_accuracy(*given, steps),
        "heat_map_panels": pd.DataFrame(
            {
                "row": rows.ravel(),
                "column": columns.ravel(),
                "error": heat.ravel(),
                "clean_error": 0.5,
            }
        ),
    }


NAMES = "radius_curves band_stop_curves sensitivity_curves epsilon_curves heat_map_panels".split()


@pytest.mark.parametrize("name", NAMES)
def test_a_bare_table_is_drawn_as_that_of_one_model(name, measured):
    figure = getattr(reporting, name)(measured[name])
    assert figure.axes and any(axes.has_data() for axes in figure.axes)


@pytest.mark.parametrize("name", NAMES)
def test_a_column_model_tells_models_apart(name, measured):
    table = measured[name]
    both = pd.concat([table.assign(model="first"), table.assign(model="second")])
    figure = getattr(reporting, name)(both)
    shown = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    shown += [axes.get_title() for axes in figure.axes]
    assert any("first" in each for each in shown) and any("second" in each for each in shown)


def test_the_curve_is_the_tables(measured):
    table = measured["radius_curves"]
    figure = reporting.radius_curves(table)
    for axes, component in zip(figure.axes, ("low", "high"), strict=True):
        drawn = axes.lines[-1]
        assert drawn.get_xdata().tolist() == RADII
        own = table.loc[table["component"] == component, "accuracy"]
        np.testing.assert_allclose(drawn.get_ydata(), own)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_that_lacks_a_column_is_refused(name):
    with pytest.raises(ValueError, match="`table` must have the columns"):
        getattr(reporting, name)(pd.DataFrame({"x": [1]}))
