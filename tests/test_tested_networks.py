"""Networks as the experiments test them."""

import keras
import numpy as np
import pandas as pd
import pytest

from experiments import (
    band_stop,
    fourier_heat_map,
    perturbation_spectrum,
    training_heuristics,
    two_views,
)
from experiments.measures import (
    changed_images,
    fourier_sensitivity,
    frequency_curves,
    smoothed_robustness,
)
from hfc_keras import analysis, attacks, gradients, models, training
from hfc_keras.lab import runner, settings, tested_networks

SMALL = "--examples 200 100 --epochs 1 --model small_cnn --recipes vanilla batch_norm"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Cells of a plain and a normalized network, whose moving averages follow too slowly."""
    folder = tmp_path_factory.mktemp("store")
    told = fourier_heat_map.Settings(
        examples=(300, 100),
        epochs=1,
        model="small_cnn",
        bn_momentum=0.99,
        results=folder,
        store=folder,
    )
    plan = fourier_heat_map.EXPERIMENT.planned(told)
    return {name: plan.cell(name, 0) for name in ("vanilla", "batch_norm")}


def test_a_network_without_normalisation_is_tested_as_it_is(cells):
    network = tested_networks.Network(cells["vanilla"])
    assert network.model is network.trained and network.bn_statistics == "none"
    assert set(changed_images.clean(network)["bn_statistics"]) == {"none"}


@pytest.mark.slow
def test_a_normalised_network_is_tested_with_its_population(cells):
    cell = cells["batch_norm"]
    network, test = tested_networks.Network(cell), cell.test_images()
    rows = changed_images.clean(network)
    expected = analysis.frequency_accuracy(
        network.trained,
        test.images,
        test.labels,
        [2],
        bn_statistics="population",
        train_images=cell.dataset().train.images,
    )
    assert rows["accuracy"].item() == expected["accuracy"][0]
    assert set(rows["bn_statistics"]) == {"population"}
    moving = analysis.changed_accuracy(network.trained, test.images, test.labels)
    assert rows["accuracy"].item() > moving + 0.05
    mean = network.trained.get_layer("norm0").moving_mean.numpy()
    assert np.abs(mean - network.model.get_layer("norm0").moving_mean).max() > 0.05


def with_its_own(input_shape, classes):
    layers = keras.layers
    convolved = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Flatten()]
    return keras.Sequential(
        [keras.Input(input_shape), *convolved, layers.Dense(classes, dtype="float32")]
    )


def test_batch_normalization_that_no_option_of_a_recipe_makes_is_seen(tmp_path):
    models.register("with_its_own", with_its_own, replace=True)
    told = training_heuristics.Settings(
        examples=(60, 20), epochs=1, model="with_its_own", results=tmp_path, store=tmp_path
    )
    recipe = training.Recipe(examples=(60, 20), epochs=1, model="with_its_own")
    cell = runner.Cell("own", recipe, told, training.Store(tmp_path))
    network = tested_networks.Network(cell)
    assert network.bn_statistics == "population" and network.model is not network.trained
    rows = frequency_curves.rows(cell)
    assert set(rows["bn_statistics"]) == {"moving", "batch", "population"}


@pytest.mark.parametrize("name", ["robust_accuracy", "fourier_sensitivity"])
def test_the_network_that_is_attacked_is_the_one_that_is_measured(cells, name, monkeypatch):
    seen, measure = [], getattr(analysis, name)

    def watched(model, *arguments, **options):
        seen.append(model)
        return measure(model, *arguments, **options)

    monkeypatch.setattr(analysis, name, watched)
    network = tested_networks.Network(cells["batch_norm"])
    rows = {
        "robust_accuracy": lambda: changed_images.attacked(network, [0.05]),
        "fourier_sensitivity": lambda: fourier_sensitivity.rows(network),
    }[name]()
    assert seen and all(model is network.model for model in seen)
    assert set(rows["bn_statistics"]) == {"population"}


def test_what_was_measured_needs_no_population_again(cells, monkeypatch):
    before = changed_images.filtered(tested_networks.Network(cells["batch_norm"]))
    monkeypatch.setattr(training, "population_images", None)
    pd.testing.assert_frame_equal(
        changed_images.filtered(tested_networks.Network(cells["batch_norm"])), before
    )


@pytest.mark.slow
def test_population_of_an_augmented_recipe_is_of_augmented_images(cells, monkeypatch):
    cell = cells["batch_norm"]
    noisy = runner.Cell("noise", cell.recipe.but(noise=0.3), cell.settings, cell.store)
    given, measure = [], analysis.frequency_accuracy_by_epoch

    def watched(*arguments, train_images, **options):
        given.append(train_images)
        return measure(*arguments, train_images=train_images, **options)

    monkeypatch.setattr(analysis, "frequency_accuracy_by_epoch", watched)
    told = two_views.Settings(examples=(300, 100), epochs=1, model="small_cnn")
    for each in (cell, noisy):
        each = runner.Cell(each.name, each.recipe, told, each.store)
        model, _ = each.fit()
        frequency_curves.component_rows(each, model, "population", epochs=[1], scaling="none")
    plain, drawn = given
    np.testing.assert_array_equal(plain, cell.dataset().train.images)
    np.testing.assert_allclose(drawn, training.population_images(noisy.recipe, cell.dataset()))
    assert np.abs(drawn.mean(axis=0) - plain.mean(axis=0)).max() > 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "columns", "figures"),
    [
        (band_stop, {"drop", "share"}, ("",)),
        (fourier_heat_map, {"error", "clean_error", "rise"}, ("", "_rise")),
        (perturbation_spectrum, {"mean"}, ("",)),
    ],
)
def test_tables_tell_statistics_and_examples(run, experiment, columns, figures):
    path = run(experiment, "")
    table = pd.read_csv(f"{path}.csv")
    assert columns | {"examples"} <= set(table.columns)
    told = table.groupby("recipe")["bn_statistics"].unique().map(list).to_dict()
    assert told == {"vanilla": ["none"], "batch_norm": ["population"]}
    for added in figures:
        assert path.with_name(f"{path.name}{added}.png").read_bytes().startswith(b"\x89PNG")
    if "share" in columns:
        clean = table[table["inner"].isna()].set_index("recipe")["accuracy"]
        np.testing.assert_allclose(table["share"], table["drop"] / table["recipe"].map(clean))
    if "rise" in columns:
        np.testing.assert_allclose(table["rise"], table["error"] - table["clean_error"])


def test_profiles_above_quick_measure_the_last_epoch_on_all_images():
    fewer = {"smoke": 40, "quick": 1000}
    found = {}
    for profile in settings.PROFILES:
        found[profile] = settings.Settings(profile=profile).final_examples(fewer)
    assert found.pop("smoke") == 40 and found.pop("quick") == 1000
    assert found and set(found.values()) == {None}
    assert settings.Settings(profile="quick").final_examples(changed_images.CORRUPTED) is None
    quick = smoothed_robustness.Settings(profile="quick", attacked=None)
    assert quick.sizes["attacked"] == 1000
    assert smoothed_robustness.Settings(profile="paper").sizes["attacked"] is None


def test_rows_of_other_statistics_are_other_rows():
    told = {"examples": (300, 100), "model": "small_cnn"}
    assert band_stop.Settings(**told).measured_with() == {"bn_statistics": "population"}
    assert training_heuristics.Settings(**told).measured_with() == {}
    assert smoothed_robustness.Settings(**told).measured_with()["clean"] == "all"


def test_robust_accuracy_has_images_as_they_are_on_all_of_them(cells):
    told = smoothed_robustness.Settings(
        examples=(300, 100), epochs=1, attacked=20, steps=2, epsilons=(0.1,), long_epsilons=(0.1,)
    )
    cell = cells["batch_norm"]
    cell = runner.Cell(cell.name, cell.recipe, told, cell.store)
    rows = smoothed_robustness.rows(tested_networks.Network(cell)).set_index("attack")["examples"]
    assert rows["none"] == 100 and set(rows.drop("none")) == {20}
    assert attacks.Pgd(0.1).name in rows.index


def test_a_population_stays_where_the_first_layer_is_smoothed(cells):
    network, test = tested_networks.Network(cells["batch_norm"]), cells["batch_norm"].test_images()
    smoothed = models.smooth_model(network.model, 0)
    expected = gradients.predicted(network.model, test.images)
    np.testing.assert_allclose(gradients.predicted(smoothed, test.images), expected, atol=1e-4)
