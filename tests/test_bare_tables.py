"""Figures of what ``analysis`` returns, as it is, and of several models beside each other."""

import io
import itertools

import keras
import numpy as np
import pandas as pd
import pytest

from hfc_keras import analysis, attacks, data, models, reporting
from hfc_keras.reporting.figures.answers import answer_pictures
from hfc_keras.reporting.figures.kernel_spectra import kernel_spectra
from hfc_keras.reporting.figures.kernels import kernel_pictures

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


@pytest.mark.parametrize("several", [False, True])
def test_every_attack_has_a_panel(several):
    apgd, square = attacks.standard(0.1, targets=2)[:2], attacks.Square(0.1)
    chosen = [attacks.Fgsm(0.1), *(attacks.strong(0.1) if several else [attacks.Pgd(0.1)])]
    rows = [
        {"attack": each.name, "targets": each.targets, "loss": each.loss, "epsilon": epsilon}
        for each in (*chosen, *apgd, square)
        for epsilon in (0.1, 0.2)
    ]
    table = pd.DataFrame([{"attack": "none"}, *rows, {"attack": "worst_case"}])
    table["accuracy"] = np.linspace(0.9, 0.1, len(table))
    figure = reporting.epsilon_curves(table)
    pgd = ["PGD, cross-entropy", "PGD, margin"] if several else ["PGD"]
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["FGSM", *pgd, "APGD", "APGD-T", "Square"]
    drawn = [axes.lines[-1].get_ydata()[1:] for axes in figure.axes[: len(titles)]]
    np.testing.assert_allclose(np.ravel(drawn), table["accuracy"][1:-1])


def test_an_attack_without_a_title_is_no_curve():
    rows = {"attack": ["none", "own"], "epsilon": [np.nan, 0.1], "accuracy": [0.9, 0.1]}
    with pytest.raises(ValueError, match="must hold rows of the attacks fgsm, pgd, apgd, square"):
        reporting.epsilon_curves(pd.DataFrame(rows))


def test_the_curve_is_the_tables(measured):
    table = measured["radius_curves"]
    figure = reporting.radius_curves(table)
    for axes, component in zip(figure.axes, ("low", "high"), strict=True):
        drawn = axes.lines[-1]
        assert drawn.get_xdata().tolist() == RADII
        own = table.loc[table["component"] == component, "accuracy"]
        np.testing.assert_allclose(drawn.get_ydata(), own)


LONG = [
    f"cifar10-resnet8-{part}-examples=10000x4000-epochs=12-$\\frac$"
    for part in ("a" * 20, "b", "c")
]


def of_several(draw, table):
    return lambda: draw(pd.concat([table.assign(model=name) for name in LONG]))


@pytest.fixture(scope="module")
def drawn(measured):
    """Figures of three models whose names are long and hold what would make a formula."""
    shifts = pd.DataFrame({"max_shift": [1, 2], "consistency": [0.9, 0.8]})
    bins = pd.DataFrame({"confidence": [0.5, 1], "accuracy": [0.4, 1], "examples": [3, 1]})
    filters = pd.DataFrame({"filter": 0, "frequency": [0, 0.5], "relative_power": [2.0, 0.5]})
    images, answers = np.zeros((8, 8, 8, 1)), dict.fromkeys(LONG, ["an answer of some length"] * 8)
    return {
        **{name: of_several(getattr(reporting, name), measured[name]) for name in NAMES},
        "shift_curves": of_several(reporting.shift_curves, shifts),
        "reliability_diagram": of_several(reporting.reliability_diagram, bins),
        "kernel_spectra": of_several(kernel_spectra, filters),
        "kernel_pictures": lambda: kernel_pictures(dict.fromkeys(LONG, np.eye(3)[..., None, None])),
        "answer_pictures": lambda: answer_pictures(images, answers, ["a class"] * 8),
    }


OTHERS = "shift_curves reliability_diagram kernel_spectra kernel_pictures answer_pictures".split()


@pytest.mark.parametrize("name", [*NAMES, *OTHERS])
def test_long_names_stay_in_the_figure_and_apart(name, drawn):
    figure = drawn[name]()
    figure.savefig(io.BytesIO(), format="png")
    box = figure.get_tightbbox()
    assert box.x0 > -0.02 and box.x1 < figure.get_figwidth() + 0.02
    assert box.y0 > -0.02 and box.y1 < figure.get_figheight() + 0.02
    titles = [axes.title.get_window_extent() for axes in figure.axes if axes.get_title()]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(titles, 2))


@pytest.mark.parametrize("name", NAMES)
def test_a_table_that_lacks_a_column_is_refused(name):
    with pytest.raises(ValueError, match="`table` must have the columns"):
        getattr(reporting, name)(pd.DataFrame({"x": [1]}))
