import functools
import itertools

import numpy as np
import pandas as pd
import pytest

from hfc_keras.reporting import Claim, MissingMeasurementError, judge, save_figure
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.effects.band_stop import band_stop_drop, band_stop_share
from hfc_keras.reporting.effects.perturbations import perturbation_share
from hfc_keras.reporting.figures import band_stop as stops
from hfc_keras.reporting.figures import heat_maps as maps
from hfc_keras.reporting.figures import perturbations as spectra

RECIPES = ("vanilla", "adversarial")


def grid(**columns):
    """One row per combination, for two recipes and three seeds."""
    keys = {"recipe": RECIPES, "seed": [0, 1, 2], **columns}
    return pd.DataFrame(itertools.product(*keys.values()), columns=list(keys))


def heat(size=8):
    """Error: 0.2 clean, more by 0.1 per cycle for vanilla, 0.05 for the other, 0.01 per seed."""
    table = grid(row=range(-(size // 2), size - size // 2), column=range(-(size // 2), size // 2))
    slope = table["recipe"].map({"vanilla": 0.1, "adversarial": 0.05})
    rise = slope * np.hypot(table["row"], table["column"]) + 0.01 * table["seed"]
    return table.assign(clean_error=0.2, error=0.2 + rise)


def stopped(bands=4):
    """Drop: a tenth for the first ring of vanilla, 0.02 less per ring, half of it for others."""
    limits = [np.nan, *range(bands)]
    table = grid(inner=limits)
    table["outer"] = table["inner"] + 1 + 0.7 * (table["inner"] == bands - 1)
    drop = (0.1 - 0.02 * table["inner"]).fillna(0)
    drop *= table["recipe"].map({"vanilla": 1, "adversarial": 0.5})
    return table.assign(drop=drop, accuracy=0.7 + 0.01 * table["seed"] - drop)


def perturbed():
    """A share of a quarter on each of four rings, moved from ring 3 to 0 for the other recipe."""
    table = grid(attack=["fgsm", "pgd"], ring=range(4)).assign(white=0.25, image_size=4, mean=0.25)
    moved = (table["recipe"] == "adversarial") * (0.1 + 0.01 * table["seed"])
    sign = table["ring"].map({0: 1, 1: 0, 2: 0, 3: -1})
    return table.assign(mean=table["mean"] + sign * moved)


def thinned(step=2, size=16):
    """Every second frequency of images of 16 pixels, as images of 8 pixels have them all."""
    table = heat(size)
    kept = (table["row"] % step == 0) & (table["column"] % step == 0)
    return table[kept].assign(side=size)


FIGURES = [
    (maps.heat_map_panels, heat, (3, 2)),
    (functools.partial(maps.heat_map_panels, rise=True), heat, (3, 2)),
    (stops.band_stop_curves, stopped, (3, 3)),
    (spectra.perturbation_curves, perturbed, (2, 2)),
]
TABLES = [(maps.heat_map_table, heat), (stops.band_stop_table, stopped)]
TABLES += [(spectra.perturbation_table, perturbed)]


def test_rise_is_the_mean_over_a_band_above_the_clean_error():
    table = heat()
    rows = np.arange(-4, 4)
    distance = np.hypot(rows[:, None], rows)
    for band in ((0, 1 / 8), (1 / 8, 1 / 4), (3 / 8, np.inf)):
        rise = maps.heat_map_rise(table, "vanilla", *band)
        within = distance[(distance >= 8 * band[0]) & (distance < 8 * band[1])]
        expected = 0.1 * within.mean() + 0.01 * np.arange(3)
        np.testing.assert_allclose(rise, expected)
        assert rise.index.tolist() == [0, 1, 2]


def test_drop_is_the_mean_over_half_of_the_rings():
    for bands, low, high in ((4, [0.1, 0.08], [0.06, 0.04]), (3, [0.1, 0.08], [0.06])):
        table = stopped(bands)
        np.testing.assert_allclose(band_stop_drop(table, "vanilla", "low"), np.mean(low))
        found = band_stop_drop(table, "adversarial", "high")
        np.testing.assert_allclose(found, np.mean(high) / 2)


def test_share_is_the_sum_beyond_a_part_of_the_size():
    table = perturbed()
    found = perturbation_share(table, "adversarial", "pgd")
    np.testing.assert_allclose(found, 0.4 - 0.01 * np.arange(3))
    np.testing.assert_allclose(perturbation_share(table, "vanilla", "pgd", 0.5), 0.25)
    white = perturbation_share(table, "adversarial", "fgsm", column="white")
    np.testing.assert_allclose(white, 0.5)


def test_tables_have_a_row_a_recipe():
    table = maps.heat_map_table(heat())
    assert table.loc["vanilla", "clean"] == "0.200 +- 0.000"
    assert table.loc["adversarial", "0 to 0.125"] == "+0.010 +- 0.010"
    assert list(table.index) == list(RECIPES)
    table = stops.band_stop_table(stopped())
    drops, shares = ["0.090 +- 0.000", "0.050 +- 0.000"], ["0.127 +- 0.002", "0.070 +- 0.001"]
    assert table.loc["vanilla"].tolist()[1:] == [*drops, *shares, "0 to 1"]
    assert table.loc["adversarial", "original"] == "0.710 +- 0.010"
    table = spectra.perturbation_table(perturbed())
    assert table.loc["adversarial, fgsm", "beyond 0.25"] == "0.390 +- 0.010"
    assert table.loc["white noise", "beyond 0.375"] == "0.500"


@pytest.mark.few(3)
@pytest.mark.parametrize(("draw", "rows", "panels"), FIGURES)
@pytest.mark.parametrize("recipes", [RECIPES, RECIPES[:1]])
def test_figures_are_written_within_a_page(draw, rows, panels, recipes, tmp_path):
    table = rows()
    figure = draw(table[table["recipe"].isin(recipes)], {"vanilla": "as usual"})
    assert figure.get_figwidth() <= 7.0001
    drawn = len(figure.axes)
    # One panel per recipe and its bar, or panels that all recipes share.
    assert drawn == panels[len(recipes) == 1]
    paths = save_figure(figure, tmp_path / "figure")
    assert all(path.stat().st_size > 1000 for path in paths)
    texts = [axes.get_title() for axes in figure.axes]
    texts += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert any("as usual" in text for text in texts)


def test_pictures_share_a_scale_and_have_zero_in_the_middle():
    first, second, bar = maps.heat_map_panels(heat()).axes
    pictures = [axes.images[0] for axes in (first, second)]
    for picture in pictures:
        np.testing.assert_allclose(picture.get_clim(), (0.2, 0.21 + 0.1 * 32**0.5))
    assert pictures[0].get_extent() == [-4.5, 3.5, -4.5, 3.5]
    assert pictures[0].get_array().shape == (8, 8)
    assert pictures[0].get_array()[4, 4] == pytest.approx(0.21)
    assert pictures[0].get_array()[4, 0] == pytest.approx(0.61)
    assert bar.get_ylabel() == "error rate" and first.get_title() == "vanilla\nclean error 0.200"


def test_errors_below_those_on_clean_images_are_marked_at_the_scale():
    assert maps.heat_map_panels(heat()).axes[2]._colorbar.extend == "neither"
    first, _, bar = maps.heat_map_panels(heat().assign(clean_error=0.3)).axes
    assert bar._colorbar.extend == "min" and first.images[0].get_clim()[0] == pytest.approx(0.3)
    # Bright stays wrong where every wave makes answers right.
    first = maps.heat_map_panels(heat().assign(clean_error=0.99)).axes[0]
    low, high = first.images[0].get_clim()
    assert low <= high


def test_rises_begin_at_zero_and_have_no_clean_error_in_them():
    table = heat().assign(clean_error=0.3)
    first, _, bar = maps.heat_map_panels(table, rise=True).axes
    np.testing.assert_allclose(first.images[0].get_clim(), (0, -0.09 + 0.1 * 32**0.5))
    assert first.images[0].get_array()[4, 4] == pytest.approx(-0.09)
    assert bar.get_ylabel() == "rise of the error rate over clean"
    assert bar._colorbar.extend == "min"
    *_, bar = maps.heat_map_panels(heat(), rise=True).axes
    assert bar._colorbar.extend == "neither"


@pytest.mark.parametrize(("rise", "guessing"), [(False, "0.900"), (True, "+0.700")])
def test_a_heat_map_says_what_guessing_would_make_of_the_error(rise, guessing):
    first, *_ = maps.heat_map_panels(heat(), rise=rise, chance=0.1).axes
    assert first.get_title() == f"vanilla\nclean error 0.200\n(guessing {guessing})"


def test_the_nyquist_frequency_is_named_above_the_panel():
    for axes in spectra.perturbation_curves(perturbed()).axes:
        (name,) = axes.texts
        assert name.get_text() == "Nyquist" and name.xy == (2.0, 1)
        (line,) = [line for line in axes.lines if list(line.get_xdata()) == [2.0, 2.0]]
        assert line.get_linestyle() == "-"
    figure = spectra.perturbation_curves(perturbed())
    figure.draw_without_rendering()
    for axes in figure.axes:
        name, title = axes.texts[0].get_window_extent(), axes.title.get_window_extent()
        assert not name.overlaps(title)


def test_a_drop_is_a_share_of_the_accuracy_of_its_seed():
    table = stopped()
    found = band_stop_share(table, "vanilla", "high")
    np.testing.assert_allclose(found, 0.05 / (0.7 + 0.01 * np.arange(3)))
    never = table.assign(accuracy=0.0, drop=0.0)
    assert band_stop_share(never, "vanilla", "low").isna().all()
    assert stops.band_stop_curves(never).axes[2].get_ylabel() == "drop / accuracy"


@pytest.mark.parametrize(("clean", "told"), [(0.11, True), (0.5, False)])
def test_networks_that_guess_are_told(clean, told):
    known = {"classes": 10, "examples": 400}
    table = stopped().assign(**known)
    table["accuracy"] = clean - table["drop"]
    assert ("vanilla (at chance)" in stops.band_stop_table(table).index) == told
    names = [text.get_text() for text in stops.band_stop_curves(table).legends[0].get_texts()]
    assert ("vanilla (at chance)" in names) == told
    table = heat().assign(clean_error=1 - clean, **known)
    assert ("vanilla (at chance)" in maps.heat_map_table(table).index) == told
    title = maps.heat_map_panels(table, {"vanilla": "plain"}).axes[0].get_title()
    assert title.startswith("plain (at chance)\n") == told


LOOKS = {
    "vanilla": {"color": palette.BLACK, "marker": "o"},
    "adversarial": {"color": palette.BLUE, "marker": "s"},
}


def test_curves_show_means_over_seeds_in_the_recipes_look():
    accuracy, drop, share = stops.band_stop_curves(stopped(), looks=LOOKS, chance=0.1).axes
    look = LOOKS["vanilla"]
    (line,) = (one for one in drop.lines if one.get_color() == look["color"])
    assert line.get_xdata().tolist() == [0.5, 1.5, 2.5, 3.5]
    np.testing.assert_allclose(line.get_ydata(), [0.1, 0.08, 0.06, 0.04])
    levels = {line.get_label(): line.get_ydata()[0] for line in accuracy.lines}
    assert levels["chance"] == 0.1
    panel = spectra.perturbation_curves(perturbed(), looks=LOOKS).axes[1]
    curves = {line.get_color(): line for line in panel.lines}
    np.testing.assert_allclose(
        curves[LOOKS["adversarial"]["color"]].get_ydata(), [0.36, 0.25, 0.25, 0.14]
    )


@pytest.mark.parametrize(("function", "rows"), [(draw, rows) for draw, rows, _ in FIGURES] + TABLES)
def test_missing_columns_and_rows_that_stand_twice_are_refused(function, rows):
    table = rows()
    with pytest.raises(ValueError, match="columns"):
        function(table.drop(columns=table.columns[-1]))
    with pytest.raises(ValueError, match="once"):
        function(pd.concat([table, table.iloc[-1:]]))


@pytest.mark.parametrize(
    ("number", "rows"),
    [
        (lambda table: maps.heat_map_rise(table, "vanilla", 0.3), heat),
        (lambda table: band_stop_drop(table, "vanilla", "high"), stopped),
        (lambda table: perturbation_share(table, "vanilla", "pgd"), perturbed),
    ],
)
def test_numbers_need_every_seed_whole(number, rows):
    table = rows()
    claim = Claim(id="a", item="b", sentence="c", measured="d", effect=number, above=-1)
    assert judge(claim, table)["verdict"] == "supported"
    own = table.index[(table["recipe"] == "vanilla") & (table["seed"] == 1)]
    for kept in (table.drop(own[-1:]), table.drop(table.index[table["recipe"] == "vanilla"])):
        with pytest.raises(MissingMeasurementError, match="every seed"):
            number(kept)


def test_other_refusals():
    with pytest.raises(ValueError, match="nearest: 'low'"):
        band_stop_drop(stopped(), "vanilla", "lo")
    with pytest.raises(ValueError, match="`column` must be one of"):
        perturbation_share(perturbed(), "vanilla", "pgd", column="std")
    with pytest.raises(ValueError, match="at least one ring"):
        stops.band_stop_curves(stopped().query("inner != inner"))
    with pytest.raises(ValueError, match="rows of the attacks"):
        spectra.perturbation_curves(perturbed().replace({"attack": {"fgsm": "cw"}}))


def test_frequencies_that_were_left_out_change_neither_bands_nor_places():
    table, whole = thinned(), heat(16)
    holes = whole.assign(error=whole["error"].where(whole.index.isin(table.index)))
    for band in ((0, 1 / 8), (1 / 8, 1 / 4), (1 / 4, np.inf)):
        distance = np.hypot(table["row"], table["column"])
        part = table[(distance >= 16 * band[0]) & (distance < 16 * band[1])]
        part = part[part["recipe"] == "vanilla"]
        expected = (part["error"] - 0.2).groupby(part["seed"]).mean().to_numpy()
        for given in (table, holes):
            found = maps.heat_map_rise(given, "vanilla", *band)
            np.testing.assert_allclose(found, expected)
    for given in (table, holes):
        (image,) = maps.heat_map_panels(given).axes[0].get_images()
        assert image.get_extent() == [-9, 7, -9, 7] and image.get_array().shape == (8, 8)
        middle = image.get_array()[4, 4]
        assert middle == pytest.approx(0.21)


def test_frequencies_at_unequal_distances_are_no_picture():
    table = heat()
    with pytest.raises(ValueError, match="equally spaced frequencies in the column row"):
        maps.heat_map_panels(table[table["row"] != 1])
    with pytest.raises(ValueError, match=r"one size. Received: side=\[16, 32\]"):
        both = thinned().assign(side=lambda table: table["seed"].map({0: 16, 1: 16, 2: 32}))
        maps.heat_map_rise(both, "vanilla")
