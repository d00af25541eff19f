"""Figures of measures of one model, from the tables as the measures return them."""

import io

import matplotlib
import numpy as np
import pandas as pd
import pytest

from hfc_keras import analysis, reporting


def feature_table(layers=("images", "conv0", "conv1"), rings=(4, 4, 3)):
    """Log amplitude: minus the ring, less by a tenth a layer."""
    rows = [
        (name, ring, ring / (2 if count == 4 else 1), -ring - 0.1 * place * (ring > 0))
        for place, (name, count) in enumerate(zip(layers, rings, strict=True))
        for ring in range(count)
    ]
    return pd.DataFrame(rows, columns=["layer", "ring", "frequency", "log_amplitude"])


def critical_table():
    """A channel of two octaves at 8, and accuracies that fall with the noise."""
    nan, centers, noises = np.nan, [4.0, 8.0, 16.0], [0.1, 0.2]
    rows = [(nan, 0.0, 0.9, nan)]
    rows += [
        (center, noise, 0.9 - 2 * noise, 2.0 if center == 8 else 1.0)
        for center in centers
        for noise in noises
    ]
    table = pd.DataFrame(rows, columns=["center", "noise", "accuracy", "sensitivity"])
    return table.assign(criterion=0.6, channel_center=8, channel_bandwidth=2, channel_peak=2)


def hybrid_table():
    """Low gains what high loses; they meet at 3 cycles."""
    low = np.array([0.1, 0.3, 0.6])
    rows = {"radius": [1.0, 2.0, 4.0], "low": low, "high": 0.8 - low, "neither": 0.2}
    return pd.DataFrame(rows).assign(crossover=3.0, original_accuracy=0.9)


def importance_table():
    """Three groups of two rings; the last one does harm."""
    rows = {"ring": [1, 3, 5], "rings": 2, "importance": [0.5, 0.4, -0.1], "std_error": 0.02}
    return pd.DataFrame(rows).assign(full=0.9, none=0.1, value="accuracy")


def spectra_table(classes=3):
    """Class 1 has more than the others at one pair of frequencies."""
    grid = np.array(np.meshgrid(range(classes), [-1, 0, 1], [-2, -1, 0, 1], indexing="ij"))
    table = pd.DataFrame(grid.reshape(3, -1).T, columns=["label", "row", "column"])
    own = (table["row"] == 1) & (table["column"] == 1) | (table["row"] == -1) & (
        table["column"] == -1
    )
    sign = own * np.where(table["label"] == 1, classes - 1, -1)
    return table.assign(adcs=sign, log_ratio=sign / 10)


def shortcut_table():
    """The frequencies of class 0 are a shortcut, class 2 has no mask."""
    answered = np.array([[0.9, 0.8, 0.7], [0.0, 0.9, 0.1], [np.nan] * 3])
    grid = np.array(np.meshgrid(range(3), range(3), indexing="ij")).reshape(2, -1).T
    table = pd.DataFrame(grid, columns=["mask", "label"])
    return table.assign(answered=answered.ravel(), share=np.repeat([0.031, 0.5, np.nan], 3))


FIGURES = {
    "class_spectra_maps": spectra_table,
    "critical_band_curves": critical_table,
    "feature_spectrum_curves": feature_table,
    "hybrid_curves": hybrid_table,
    "importance_bars": importance_table,
    "shortcut_matrix": shortcut_table,
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_written(name, tmp_path):
    figure = getattr(reporting, name)(FIGURES[name]())
    paths = reporting.save_figure(figure, tmp_path / name)
    assert all(path.stat().st_size > 1000 for path in paths)


@pytest.mark.parametrize("name", FIGURES)
def test_wrong_tables_are_refused(name):
    draw, table = getattr(reporting, name), FIGURES[name]()
    with pytest.raises(ValueError, match=f"missing=.'{table.columns[0]}'"):
        draw(table.drop(columns=table.columns[0]))
    with pytest.raises(ValueError, match="at least one row"):
        draw(table[:0])
    with pytest.raises(ValueError, match="must stand in a table once"):
        draw(pd.concat([table, table[:1]]))


def test_layers_are_read_off_at_their_nyquist_frequency():
    high = reporting.high_frequency_table(feature_table())
    assert high["layer"].tolist() == ["images", "conv0", "conv1"]
    assert high["frequency"].tolist() == [1, 1, 1]
    np.testing.assert_allclose(high["log_amplitude"], [-2, -2.1, -1.2])
    # Half of the side 3 lies between two rings.
    odd = feature_table(["conv"], [3]).assign(frequency=[0, 1 / 1.5, 2 / 1.5])
    assert reporting.high_frequency_table(odd)["log_amplitude"].tolist() == [-1]


def test_feature_curves_follow_the_layers_in_their_order():
    curves, depth = reporting.feature_spectrum_curves(feature_table()).axes
    shown = [line for line in curves.lines if len(line.get_xdata()) > 2]
    assert [len(line.get_xdata()) for line in shown] == [4, 4, 3]
    assert shown[0].get_linestyle() == "--" and shown[0].get_color() == "#000000"
    dark, light = (sum(matplotlib.colors.to_rgb(line.get_color())) for line in shown[1:])
    assert dark < light
    np.testing.assert_allclose(depth.lines[0].get_ydata(), [-2, -2.1, -1.2])
    many = feature_table([f"$layer{index}" for index in range(100)], [4] * 100)
    figure = reporting.feature_spectrum_curves(many)
    names = [label.get_text() for label in figure.axes[1].get_xticklabels()]
    assert names[:2] == ["$layer0", "$layer3"] and len(names) == 34
    figure.savefig(io.BytesIO(), format="png")


def test_the_critical_band_is_drawn_as_it_was_fitted():
    curves, channel = reporting.critical_band_curves(critical_table()).axes
    labels = [line.get_label() for line in curves.lines]
    assert labels == ["4", "8", "16", "criterion"]
    np.testing.assert_allclose(curves.lines[0].get_xdata(), [0, 0.1, 0.2])
    np.testing.assert_allclose(curves.lines[0].get_ydata(), [0.9, 0.7, 0.5])
    lines = {line.get_label(): line for line in channel.lines}
    assert list(lines["people"].get_xdata()) == [39.6, 39.6]
    np.testing.assert_allclose(lines["measured"].get_ydata(), [1, 2, 1])
    x, y = lines["channel"].get_data()
    # Half of the height an octave beside the center.
    np.testing.assert_allclose(np.interp([4.05, 8, 15.8], x, y), [1, 2, 1], atol=0.05)
    assert channel.get_title() == "channel: 2.00 octaves at 8 cycles per image"
    unknown = critical_table().assign(channel_bandwidth=np.nan)
    axes = reporting.critical_band_curves(unknown).axes[1]
    assert "bandwidth not known" in axes.get_title()
    assert "channel" not in [line.get_label() for line in axes.lines]


def test_hybrid_curves_are_those_of_the_table():
    (axes,) = reporting.hybrid_curves(hybrid_table()[::-1]).axes
    lines = {line.get_label(): line for line in axes.lines}
    for column in ("low", "high"):
        drawn = lines[f"follow {column}"]
        np.testing.assert_allclose(drawn.get_xdata(), [1, 2, 4])
        np.testing.assert_allclose(drawn.get_ydata(), hybrid_table()[column])
    assert list(axes.lines[0].get_xdata()) == [3, 3]
    assert axes.get_title() == "crossover at 3 cycles per image"
    (unknown,) = reporting.hybrid_curves(hybrid_table().assign(crossover=np.nan)).axes
    assert unknown.get_title() == "no crossover within the radii"


def test_importance_bars_cover_their_rings():
    (axes,) = reporting.importance_bars(importance_table()).axes
    bars = sorted(axes.patches, key=lambda bar: bar.get_x())
    np.testing.assert_allclose([bar.get_height() for bar in bars], [0.5, 0.4, -0.1])
    np.testing.assert_allclose([bar.get_x() + bar.get_width() / 2 for bar in bars], [1.5, 3.5, 5.5])
    assert [bool(bar.get_hatch()) for bar in bars] == [False, False, True]
    alone = importance_table().assign(std_error=np.nan)
    assert len(reporting.importance_bars(alone).axes[0].patches) == 3


def test_spectra_of_classes_are_drawn_about_zero():
    figure = reporting.class_spectra_maps(spectra_table(), names={1: "$cat"})
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in panels] == ["0", "$cat", "2"]
    for label, axes in enumerate(panels):
        (image,) = axes.images
        table = spectra_table()
        part = table[table["label"] == label]
        expected = part.pivot(index="row", columns="column", values="adcs")
        np.testing.assert_array_equal(image.get_array(), expected)
        assert image.get_clim() == (-2, 2) and image.get_extent() == [-2.5, 1.5, -1.5, 1.5]
    figure.savefig(io.BytesIO(), format="png")
    chosen = reporting.class_spectra_maps(spectra_table(30), [4, 1], column="log_ratio")
    assert [axes.get_title() for axes in chosen.axes if axes.images] == ["4", "1"]
    with pytest.raises(ValueError, match="at most 20 classes"):
        reporting.class_spectra_maps(spectra_table(30))
    with pytest.raises(ValueError, match="`labels` must be one of 0, 1, 2"):
        reporting.class_spectra_maps(spectra_table(), [7])


def test_the_matrix_of_shortcuts_has_a_row_a_mask():
    axes = reporting.shortcut_matrix(shortcut_table(), {0: "$a"}).axes[0]
    np.testing.assert_array_equal(
        axes.images[0].get_array().filled(np.nan)[:2], [[0.9, 0.8, 0.7], [0.0, 0.9, 0.1]]
    )
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["$a (3.1 %)", "1 (50 %)", "2 (no mask)"]
    assert {text.get_text() for text in axes.texts} == {".90", ".80", ".70", ".00", ".10"}
    with pytest.raises(ValueError, match="each pair of classes. Received: rows=8, cells=9"):
        reporting.shortcut_matrix(shortcut_table()[1:])


def test_an_array_is_a_heat_map():
    errors = np.array([[0.5, np.nan, 0.5], [0.25, 0.0, 0.25], [0.5, np.nan, 0.5]])
    figure = reporting.heat_map_panels(errors)
    assert "clean" not in figure.axes[0].get_title()
    table = reporting.heat_map_cells(errors, 0.125)
    assert table["row"].tolist() == [-1, -1, 0, 0, 0, 1, 1]
    assert "clean error 0.125" in reporting.heat_map_panels(table).axes[0].get_title()


def test_kernels_have_spectra():
    """A difference of neighbors has the power of a sine, and roughness 3 along its axis."""
    kernel = np.array([1.0, -1.0]).reshape(1, 2, 1, 1) * [1, 2]
    table = analysis.kernel_spectra(kernel)
    assert table["filter"].unique().tolist() == [0, 1]
    first, second = (part.reset_index(drop=True) for _, part in table.groupby("filter"))
    np.testing.assert_allclose(first["relative_power"], second["relative_power"])
    along = (2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(32)))[None] + np.zeros((32, 1))
    frequency = np.abs(np.fft.fftfreq(32, 1 / 32))
    ring = np.rint(np.hypot(frequency[:, None], frequency[None]))
    expected = [along[ring == each].mean() / along.mean() for each in range(17)]
    np.testing.assert_allclose(first["relative_power"], expected, atol=1e-12)
    assert reporting.kernel_spectra(table).axes
    with pytest.raises(ValueError, match="height, width, in, out"):
        analysis.kernel_spectra(np.full((3, 3, 1, 1), np.nan))
