import itertools

import numpy as np
import pandas as pd
import pytest

from hfc_keras import reporting
from hfc_keras.reporting.figures import named_attacks, robustness
from hfc_keras.reporting.figures.kernels import kernel_pictures, kernel_table
from hfc_keras.reporting.figures.robustness import (
    robustness_panels,
    robustness_points,
    robustness_table,
)

SETTINGS = {
    "clean": ("none", np.nan, np.nan, np.nan, None),
    "FGSM 0.03": ("fgsm", 0.03, 1, 1, "cross_entropy"),
    "PGD-20 8/255": ("pgd", 8 / 255, 20, 1, "cross_entropy"),
    "PGD-20 margin 0.03": ("pgd", 0.03, 20, 1, "margin"),
    "PGD-100 x 3 margin 0.03": ("pgd", 0.03, 100, 3, "margin"),
}
SMOOTHED = [(0.0, False), (0.1, False), (0.1, True), (0.5, False), (0.5, True)]


@pytest.fixture
def table():
    """Two recipes, two seeds, five smoothings; accuracy tells where a row comes from."""
    rows = []
    keys = itertools.product(["natural", "adversarial"], [0, 1], SMOOTHED, enumerate(SETTINGS))
    for recipe, seed, (rho, normalized), (place, name) in keys:
        setting = dict(
            zip("attack epsilon steps restarts loss".split(), SETTINGS[name], strict=True)
        )
        accuracy = 0.6 - 0.1 * place + 0.04 * seed + 0.1 * rho + 0.02 * normalized
        rows.append(
            {"recipe": recipe, "seed": seed, "rho": rho, "normalized": normalized, **setting}
            | {"accuracy": accuracy, "examples": 200 if setting["restarts"] == 3 else 1000}
            | {"roughness": (2 if recipe == "natural" else 1) + seed, "energy_beyond": 0.7}
        )
    return pd.DataFrame(rows)


def at(table, **values):
    """Which rows have these values."""
    return np.all([table[name] == value for name, value in values.items()], axis=0)


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_table_has_a_row_a_network_and_a_column_a_setting(table):
    wide = robustness_table(table)
    assert list(wide.columns) == list(SETTINGS)
    smoothings = ["", ", rho 0.1", ", rho 0.1 normalized", ", rho 0.5", ", rho 0.5 normalized"]
    assert list(wide.index) == [r + s for r in ("natural", "adversarial") for s in smoothings]
    values = 0.6 - 0.1 * 2 + 0.1 * 0.5 + 0.02 + np.array([0, 0.04])
    expected = f"{values.mean():.3f} +- {values.std(ddof=1):.3f}"
    assert wide.loc["adversarial, rho 0.5 normalized", "PGD-20 8/255"] == expected


def test_clean_comes_first_and_the_rest_as_it_stands(table):
    wide = robustness_table(table.iloc[::-1])
    assert list(wide.columns) == ["clean", *list(SETTINGS)[:0:-1]]


def test_rows_without_other_smoothings_are_recipes(table):
    one_seed = table[(table["rho"] == 0) & (table["seed"] == 0)]
    wide = robustness_table(one_seed)
    assert list(wide.index) == ["natural", "adversarial"]
    assert (wide["clean"] == "0.600").all()
    both = robustness_table(table[table["rho"] == 0.5])
    assert list(both.index)[:2] == ["natural, rho 0.5", "natural, rho 0.5 normalized"]


def test_missing_measurements_are_empty_cells_and_gaps(table):
    part = table[~at(table, recipe="natural", attack="fgsm", rho=0.1, normalized=False)]
    wide = robustness_table(part)
    assert wide.loc["natural, rho 0.1", "FGSM 0.03"] == ""
    assert (wide == "").sum(axis=None) == 1
    axes = robustness_panels(part).axes[0]
    curves = {(line.get_color(), line.get_linestyle()): line for line in axes.lines}
    raw, normalised = (curves[robustness.RADIUS_COLORS[0], style] for style in ("-", "--"))
    np.testing.assert_allclose(raw.get_ydata(), [0.52, np.nan, 0.57])
    np.testing.assert_allclose(normalised.get_ydata(), [0.52, 0.55, 0.59])


def test_tables_survive_writing_and_reading(tmp_path, table):
    table.to_csv(tmp_path / "table.csv", index=False)
    read = reporting.read_table(tmp_path / "table.csv", named_attacks.COLUMNS)
    expected = robustness_table(table)
    pd.testing.assert_frame_equal(robustness_table(read), expected)


@pytest.mark.parametrize(
    "draw",
    [robustness_table, robustness_panels, robustness_points],
)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: pd.concat([t, t.iloc[[2]].assign(accuracy=0.9)]), "once.*'PGD-20 8/255'"),
        (lambda t: t.assign(attack="worst_case"), "`attack` must be one of.*Received: attack="),
        (lambda t: t.drop(columns="loss"), r"must have the columns.*missing=\['loss'\]"),
        (lambda t: t.assign(rho=0.0), "normalized false at rho 0"),
        (lambda t: t.iloc[:0], "at least one row. Received: rows=0"),
    ],
)
def test_damaged_tables_are_refused(table, draw, change, message):
    with pytest.raises(ValueError, match=message):
        draw(change(table))


def test_kernel_table_has_networks_as_trained(table):
    summary = kernel_table(table.assign(roughness=table["roughness"] + table["rho"]))
    assert list(summary.columns) == ["roughness", "energy beyond r"]
    assert summary.loc["natural"].tolist() == ["2.500 +- 0.707", "0.700 +- 0.000"]
    empty = table.assign(roughness=table["roughness"].where(table["recipe"] == "natural"))
    summary = kernel_table(empty[empty["seed"] == 0], radius=8)
    assert summary.loc["adversarial"].to_dict() == {"roughness": "", "energy beyond 8": "0.700"}


def test_kernel_measures_that_disagree_or_lack_are_refused(table):
    with pytest.raises(ValueError, match="once. Received: measurement={'recipe': 'natural'"):
        kernel_table(table.assign(roughness=table["accuracy"]))
    with pytest.raises(ValueError, match=r"rho 0. Received: rho=\[0.1, 0.5\]"):
        kernel_table(table[table["rho"] > 0])


def test_panels_draw_means_and_ranges_over_rho(table):
    figure = robustness_panels(table, {"natural": "Natural"})
    labels = [(axes.get_title(), axes.get_ylabel()) for axes in figure.axes]
    assert labels[:2] == [
        ("ε = 0.03", "Natural\naccuracy (root scale)"),
        ("ε = 8/255", ""),
    ]
    assert labels[2:] == [("", "adversarial\naccuracy (root scale)"), ("", "")]
    assert [len(axes.lines) for axes in figure.axes] == [8, 4, 8, 4]
    clean = [line for line in figure.axes[3].lines if line.get_color() == "black"]
    assert {line.get_linestyle(): line.get_ydata().tolist() for line in clean} == {
        "-": pytest.approx([0.62, 0.63, 0.67]),
        "--": pytest.approx([0.62, 0.65, 0.69]),
    }
    heights = figure.axes[3].collections[-1].get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose([heights.min(), heights.max()], [0.4, 0.49])


def test_panels_tell_curves_apart_in_grey(table):
    figure = robustness_panels(table)
    lines = figure.axes[0].lines
    assert len({(line.get_marker(), line.get_markerfacecolor()) for line in lines}) == len(lines)
    attacks = ["clean", "FGSM", "PGD-20", "PGD-20 margin", "PGD-100 x 3 margin\n(200 images)"]
    assert texts(figure) == [*attacks, "eq. 3 as it stands", "divided by 1 + 8ρ"]
    raw = robustness_panels(table[~table["normalized"]])
    assert texts(raw) == attacks


def test_small_accuracies_are_apart_on_the_root_scale(table):
    """On a linear scale attacks lie on the axis, below clean accuracy."""
    panels = robustness_panels(table, chance=0.1).axes
    points = robustness_points(table[table["rho"] == 0], chance=0.1).axes[:-1]
    for axes, axis in [*((one, "y") for one in panels), *((one, "x") for one in points)]:
        place = getattr(axes, f"{axis}axis").get_transform().transform
        zero, small, large = place([0.0, 0.04, 0.64])
        assert small - zero == pytest.approx((large - zero) / 4)
        chance = [line for line in axes.lines if line.get_label() == "chance"]
        assert [list(getattr(line, f"get_{axis}data")()) for line in chance] == [[0.1, 0.1]]
    assert texts(robustness_panels(table, chance=0.1))[-1] == "chance"


def test_points_draw_means_and_ranges_beside_roughness(table):
    trained = table[(table["rho"] == 0) & ~at(table, recipe="adversarial", attack="fgsm")]
    figure = robustness_points(trained, {"natural": "Natural"})
    attacked, _, rough = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["ε = 0.03", "ε = 8/255", "first kernel"]
    assert [label.get_text() for label in attacked.get_yticklabels()] == ["Natural", "adversarial"]
    points = {container[0].get_marker(): container for container in attacked.containers}
    line, _, (whiskers,) = points["o"]
    np.testing.assert_allclose(line.get_xdata(orig=False), [0.62, 0.62])
    np.testing.assert_allclose([ends[:, 0] for ends in whiskers.get_segments()], [[0.6, 0.64]] * 2)
    np.testing.assert_array_equal(np.round(line.get_ydata()), [0, 1])
    fgsm = points[robustness.MARKERS[0]][0]
    np.testing.assert_allclose(fgsm.get_xdata(orig=False), [0.52, np.nan])
    np.testing.assert_allclose(rough.containers[0][0].get_xdata(orig=False), [2.5, 1.5])


def test_points_take_equal_values_of_all_seeds(table):
    trained = table[(table["rho"] == 0) & (table["seed"] == 0)].assign(accuracy=0.1, roughness=0.1)
    seeds = pd.concat([trained.assign(seed=seed) for seed in range(3)])
    assert seeds["accuracy"].mean() > 0.1
    attacked, *_ = robustness_points(seeds).axes
    _, _, (whiskers,) = attacked.containers[0]
    np.testing.assert_allclose(whiskers.get_segments()[0][:, 0], 0.1)


def test_points_refuse_smoothing_and_clean_tables(table):
    with pytest.raises(ValueError, match=r"rho 0 in every row. Received: rho=\[0.0, 0.1, 0.5\]"):
        robustness_points(table)
    clean = table[at(table, attack="none", rho=0)]
    with pytest.raises(ValueError, match=r"at least one attack. Received: attack=\['none'\]"):
        robustness_points(clean)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("filters", [4, 20])
def test_pictures_show_each_weight_in_its_place(rng, size, channels, filters):
    kernel = rng.normal(size=(size, size, channels, filters))
    figure = kernel_pictures({"natural": kernel.astype("float32")})
    (image,) = figure.axes[0].images
    drawn = min(filters, 16)
    picture, step = image.get_array(), 3 * size + 2
    assert picture.shape == (channels * step + 2, drawn * step + 2)
    for channel, index in itertools.product(range(channels), range(drawn)):
        corner = 2 + channel * step + 1, 2 + index * step + 1
        tile = picture[corner[0] :: 3, corner[1] :: 3][:size, :size]
        own = kernel[..., index]
        np.testing.assert_allclose(tile, own[:, :, channel] / np.abs(own).max(), rtol=1e-6)
    assert picture.mask.sum() == picture.size - 9 * size**2 * channels * drawn
    assert image.get_clim() == (-1, 1)


def test_one_large_filter_leaves_the_others_visible(rng):
    kernel = rng.normal(size=(5, 5, 3, 8))
    kernel[..., 3] *= 100
    axes = kernel_pictures({"natural": kernel}).axes[0]
    picture = axes.images[0].get_array()
    step = 3 * 5 + 2
    reach = [np.abs(picture[:, 2 + index * step : (index + 1) * step]).max() for index in range(8)]
    np.testing.assert_allclose(reach, 1)
    scales = np.abs(kernel).max(axis=(0, 1, 2))
    words = f"s = {scales.min():.2g} to {scales.max():.2g}"
    assert axes.get_xlabel() == f"filters from −s (black) to s (white), {words}"


def test_blocks_are_titled_and_stand_in_two_columns(rng):
    names = ["a", "b", "c", "d", "e"]
    kernels = {name: rng.normal(size=(3, 3, 3, 4)) for name in names} | {
        "c": np.zeros((3, 3, 3, 4))
    }
    figure = kernel_pictures(kernels, {"a": "natural"}, {"b": 2.5})
    assert [axes.get_title() for axes in figure.axes] == ["natural", *names[1:]]
    assert figure.axes[0].get_gridspec().get_geometry() == (3, 2)
    below = [axes.get_xlabel() for axes in figure.axes]
    assert below[1].endswith(", roughness 2.50") and below[2].endswith(", s = 0")
    assert kernel_pictures({"a": kernels["a"]}).axes[0].get_gridspec().ncols == 1


@pytest.mark.parametrize(
    ("kernels", "message"),
    [
        ({}, "at least one kernel. Received: kernels={}"),
        ({"a": np.zeros((3, 3, 4, 2))}, r"in at most 3. Received: kernels\['a'\].shape=\(3, 3, 4"),
        ({"a": np.zeros((3, 3, 3))}, r"\(height, width, in, out\)"),
        ({"a": np.full((3, 3, 1, 1), np.nan)}, "`kernels` must be finite"),
    ],
)
def test_other_kernels_are_refused(kernels, message):
    with pytest.raises(ValueError, match=message):
        kernel_pictures(kernels)


@pytest.mark.slow
def test_figures_are_the_same_bytes_every_time(tmp_path, table, rng):
    kernels = {"natural": rng.normal(size=(3, 3, 3, 4))}
    drawings = {
        "panels": lambda: robustness_panels(table),
        "points": lambda: robustness_points(table[table["rho"] == 0]),
        "kernels": lambda: kernel_pictures(kernels),
    }
    for name, draw in drawings.items():
        one, two = (
            [path.read_bytes() for path in reporting.save_figure(draw(), tmp_path / f"{name}{run}")]
            for run in (1, 2)
        )
        assert one == two and min(map(len, one)) > 1_000
