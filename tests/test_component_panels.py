import itertools

import numpy as np
import pandas as pd
import pytest

from hfc_keras import reporting
from hfc_keras.reporting.drawing import palette, panels
from hfc_keras.reporting.figures.component_panels import (
    batch_norm_panels,
    component_curves,
    scaling_points,
)
from hfc_keras.reporting.figures.final import final_points

SPREAD = [-0.02, 0.01, 0.04]


def rows(base, **columns):
    """One row per combination and seed; accuracy is the combination's base plus SPREAD[seed]."""
    keys = pd.DataFrame(itertools.product(*columns.values()), columns=list(columns))
    keys["accuracy"] = [base(row) for row in keys.itertuples()]
    seeds = [keys.assign(seed=seed, accuracy=keys["accuracy"] + SPREAD[seed]) for seed in range(3)]
    return pd.concat(seeds, ignore_index=True)


def trained():
    """Networks trained on components; the first of two epochs is far off."""
    return rows(
        lambda row: (0.5 if row.trained_on == "low" else 0.1) + 0.01 * row.radius - 10 / row.epoch,
        trained_on=["low", "high"],
        radius=[3.5, 14.0],
        split=["train", "test"],
        epoch=[1, 1000],
    )


def normalized():
    """Networks with and without batch normalization, trained on low components."""
    tests = {("train", "original"): 0.3, ("test", "original"): 0.1, ("test", "low"): 0.2}
    table = rows(
        lambda row: 0.1 * row.epoch + 0.2 * (row.normalization == "batch"),
        normalization=["none", "batch"],
        radius=[2.0, 4.0],
        epoch=[1, 3],
        test=list(tests),
    )
    table["split"], table["component"] = zip(*table["test"], strict=True)
    return table.assign(accuracy=table["accuracy"] + table["test"].map(tests))


def scaled():
    """Two networks, one tested with two statistics, on high components under three scalings."""
    bases = {"none": 0.1, "max": 0.2, "matched": 0.3}
    table = rows(
        lambda row: bases[row.scaling] + 0.1 * row.epoch + 0.01 * row.radius,
        network=[("vanilla", "none"), ("batch_norm", "moving"), ("batch_norm", "batch")],
        component=["low", "high"],
        scaling=list(bases),
        radius=[1.0, 2.0],
        epoch=[1, 2],
    )
    table["recipe"], table["bn_statistics"] = zip(*table["network"], strict=True)
    return table.assign(split="test")


def finished(recipes=("sgd", "vanilla", "adagrad")):
    """Trainings side by side, the gap of the last epoch 0.1 per place."""
    table = rows(
        lambda row: 0.4 + 0.05 * row.epoch + 0.1 * recipes.index(row.recipe) * (row.part < 1),
        recipe=list(recipes),
        epoch=[1, 2],
        part=[0, 1, 2, 3, 4, 5],
    )
    parts = {0: ("train_after", "original"), 1: ("test", "original"), 2: ("test", "low")}
    parts |= {3: ("test", "low"), 4: ("test", "high"), 5: ("test", "high")}
    table["split"], table["component"] = zip(*table["part"].map(parts), strict=True)
    return table.assign(radius=table["part"].map({2: 1.0, 3: 2.0, 4: 1.0, 5: 2.0}))


FIGURES = {
    "component_curves": trained,
    "batch_norm_panels": normalized,
    "scaling_points": scaled,
    "final_points": finished,
}
DRAWN = {
    draw.__name__: draw
    for draw in (component_curves, batch_norm_panels, scaling_points, final_points)
}


def heights(band):
    return [band.get_paths()[0].vertices[:, 1].min(), band.get_paths()[0].vertices[:, 1].max()]


def test_training_components_are_drawn_over_the_radius():
    figure = component_curves(trained(), {"low": "LFC"}, chance=0.1, reference=0.8)
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    dashed = ["LFC, train, while training", "high, train, while training"]
    names = [dashed[0], "LFC, test", dashed[1], "high, test", "originals, test", "chance"]
    assert list(lines) == names
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names
    expected = np.array([0.5 + 0.035, 0.5 + 0.14])
    for label, offset in {"LFC, test": 0.0, dashed[1]: -0.4}.items():
        np.testing.assert_allclose(lines[label].get_xdata(), [3.5, 14])
        np.testing.assert_allclose(lines[label].get_ydata(), expected + offset)
    np.testing.assert_allclose(heights(axes.collections[1]), [0.515 - 0.01, 0.64 + 0.03])
    dashes = {label: line.get_linestyle() for label, line in lines.items()}
    assert {dashes[name] for name in dashed} == {"--"}
    assert dashes["LFC, test"] == dashes["high, test"] == "-"
    assert set(lines["chance"].get_ydata()) == {0.1} and lines["chance"].get_linewidth() < 1
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["3.5", "14"]
    assert axes.get_xlabel() == "radius (cycles per image)"


def test_test_images_filtered_alike_are_dotted():
    alike = trained().query("split == 'test'").assign(split="test_component")
    figure = component_curves(pd.concat([trained(), alike]))
    dotted = [line for line in figure.axes[0].lines if line.get_linestyle() == ":"]
    labels = [line.get_label() for line in dotted]
    assert labels == ["low, filtered test", "high, filtered test"]


def test_images_trained_on_are_drawn_after_training_where_they_were_measured():
    """Running means are left out then: no curve is of networks that still change."""
    after = trained().query("split == 'train' and epoch == 1000").assign(split="train_component")
    table = pd.concat([trained(), after.assign(accuracy=after["accuracy"] + 0.05)])
    figure = component_curves(table)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    names = ["low, filtered train", "low, test", "high, filtered train", "high, test"]
    assert list(lines) == names
    np.testing.assert_allclose(lines[names[0]].get_ydata(), [0.585, 0.69])
    assert [lines[name].get_linestyle() for name in names] == ["--", "-"] * 2


def test_batch_norm_panels_draw_three_curves_a_normalisation():
    figure = batch_norm_panels(normalized(), {"none": "plain"})
    assert [axes.get_title() for axes in figure.axes] == [
        "trained on low, r = 2",
        "trained on low, r = 4",
    ]
    colors = {"batch_norm": palette.VERMILLION, "vanilla": palette.BLACK}
    offsets = {"--": 0.3, "-": 0.1, ":": 0.2}
    for axes in figure.axes:
        assert len(axes.lines) == len(axes.collections) == 6
        for line, band in zip(axes.lines, axes.collections, strict=True):
            batch = line.get_color() == colors["batch_norm"]
            assert batch or line.get_color() == colors["vanilla"]
            values = np.array([0.11, 0.31]) + 0.2 * batch + offsets[line.get_linestyle()]
            np.testing.assert_allclose(line.get_ydata(), values)
            np.testing.assert_allclose(heights(band), [values[0] - 0.03, values[1] + 0.03])
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[:2] == ["plain", "with BatchNorm"] and len(texts) == 5


def test_scalings_of_high_components_are_compared_after_the_last_epoch():
    figure = scaling_points(scaled(), {"batch_norm (batch)": "Batch"}, chance=0.1)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["vanilla", "batch_norm (moving)", "Batch"]
    for axes in figure.axes:
        curves = {line.get_label(): line.get_ydata() for line in axes.lines}
        assert set(curves.pop("chance")) == {0.1}
        assert len({line.get_marker() for line in axes.lines[1:]}) == 3
        for (label, drawn), base in zip(sorted(curves.items()), [0.1, 0.2, 0.3], strict=True):
            values = np.array([0.22, 0.23]) + base
            np.testing.assert_allclose(drawn, values, err_msg=label)
        np.testing.assert_allclose(
            heights(axes.collections[-1])[1] - heights(axes.collections[-1])[0], 0.07
        )


def test_trainings_are_compared_by_component_gap_and_test_accuracy():
    figure = final_points(finished(), {"sgd": "SGD"}, chance=0.1)
    high, low, test, gap = figure.axes
    for axes in (high, low):
        _, *lines = axes.lines
        assert len(lines) == len(axes.collections) == 3
        for line in lines:
            np.testing.assert_allclose(line.get_ydata(), [0.51, 0.51])
    names = [label.get_text() for label in test.get_yticklabels()]
    assert names == ["SGD", "vanilla", "adagrad"]
    for place, (tested, gained) in enumerate(zip(test.containers, gap.containers, strict=True)):
        (x,), (y,) = tested[0].get_data()
        np.testing.assert_allclose([x, y], [0.51, place])
        np.testing.assert_allclose(tested[2][0].get_segments()[0][:, 0], [0.48, 0.54])
        np.testing.assert_allclose(gained[0].get_xdata(orig=False), [0.1 * place], atol=1e-9)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [*names, "chance"]


LOOKS = {
    "vanilla": {"color": palette.BLACK, "marker": "o"},
    "batch_norm": {"color": palette.VERMILLION, "marker": "D"},
    "mix_up": {"color": palette.GREEN, "marker": "^"},
}


def test_chance_is_drawn_beside_networks_trained_on_low_components():
    figure = batch_norm_panels(normalized(), chance=0.1)
    for axes in figure.axes:
        (line,) = [line for line in axes.lines if line.get_label() == "chance"]
        assert list(line.get_ydata()) == [0.1, 0.1]
    assert "chance" in [text.get_text() for legend in figure.legends for text in legend.texts]


def test_a_recipe_has_the_colour_that_is_told_in_all_figures():
    names = ("batch_norm", "vanilla", "other")
    lines = final_points(finished(names), looks=LOOKS).axes[0].lines
    drawn = dict(zip(names, [line.get_color() for line in lines], strict=True))
    assert drawn["vanilla"] == palette.BLACK and drawn["batch_norm"] == palette.VERMILLION
    first = batch_norm_panels(normalized()).axes[0].lines
    assert {drawn["vanilla"], drawn["batch_norm"]} == {line.get_color() for line in first}
    assert drawn["other"] not in (palette.BLACK, palette.VERMILLION)


@pytest.mark.parametrize("known", [[], ["vanilla"], ["vanilla", "batch_norm", "mix_up"]])
def test_recipes_without_a_look_of_their_own_get_different_ones(known):
    names = [*known, *map(str, range(20))]
    looks = palette.recipe_looks([*names, *names], LOOKS)
    assert all(looks[name] == LOOKS[name] for name in known)
    assert list(looks) == names
    assert len({tuple(look.values()) for look in looks.values()}) == len(names)
    six = list(looks.values())[: len(known) + 4]
    assert len({look["color"] for look in six}) == len({look["marker"] for look in six}) == len(six)


def test_radii_have_colours_by_rank():
    assert palette.radius_color(3.5, [14, 3.5]) == palette.radius_color(4, [4, 8, 12, 16])
    assert len({palette.radius_color(radius, range(6)) for radius in range(6)}) == 6


@pytest.mark.parametrize(
    ("count", "geometry", "inside"),
    [(1, (1, 1), False), (4, (2, 2), False), (7, (3, 3), True), (9, (3, 3), False)],
)
@pytest.mark.parametrize("label", ["high, r = 12", "a label that is as wide as a panel is"])
def test_panels_and_legend_stay_on_the_page(count, geometry, inside, label):
    handles = [panels.Figure().subplots().plot([], [], label=label)[0]] * 10
    figure, axes = panels.panel_grid(count, handles)
    assert len(axes) == count and axes[0].get_gridspec().get_geometry() == geometry
    assert figure.get_figwidth() <= panels.PAGE
    assert bool(figure.legends) is not inside


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        *[(name, {"accuracy": None}, r"missing=\['accuracy'\]") for name in FIGURES],
        ("component_curves", {"trained_on": "lwo"}, "nearest: 'low'. Received: trained_on='lwo'"),
        ("batch_norm_panels", {"normalization": "bn"}, "Received: normalization='bn'"),
        ("batch_norm_panels", {"component": "high"}, "'train' or 'test'. Received: rows=0"),
        ("component_curves", {"split": "train_after"}, "'train' or 'test'. Received: rows=0"),
        ("final_points", {"split": "train"}, "rows of split 'test'. Received: rows=0"),
        ("scaling_points", {"scaling": "min"}, "Received: scaling='min'"),
        ("scaling_points", {"component": "low"}, "high rows of split 'test'. Received: rows=0"),
        ("final_points", {"seed": 0}, "must stand in a table once"),
    ],
)
def test_other_tables_are_refused(name, change, message):
    table = FIGURES[name]().assign(**change)
    table = table.drop(columns=[column for column, value in change.items() if value is None])
    with pytest.raises(ValueError, match=message):
        DRAWN[name](table)


@pytest.mark.parametrize("name", FIGURES)
def test_measurements_that_stand_twice_and_empty_tables_are_refused(name):
    table, draw = FIGURES[name](), DRAWN[name]
    with pytest.raises(ValueError, match="must stand in a table once"):
        draw(pd.concat([table, table.tail(1).assign(accuracy=0.9)]))
    with pytest.raises(ValueError, match="at least one row. Received: rows=0"):
        draw(table.head(0))


@pytest.mark.parametrize("component", [["original"], ["original", "low"]])
@pytest.mark.parametrize("split", [["train_after"], ["train_after", "test"]])
def test_a_gap_needs_both_accuracies_of_each_seed(split, component):
    table = finished()
    lacking = table["split"].isin(split) & table["component"].isin(component)
    lacking &= (table["seed"] == 1) & (table["recipe"] == "sgd")
    with pytest.raises(ValueError, match=r"of each seed. Received: missing=\[\('sgd', 1\)\]"):
        final_points(table[~lacking])


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_the_same_bytes_every_time(tmp_path, name):
    table, draw = FIGURES[name](), DRAWN[name]
    one, two = (
        [path.read_bytes() for path in reporting.save_figure(draw(table), tmp_path / run)]
        for run in "ab"
    )
    assert one == two and min(map(len, one)) > 1_000
