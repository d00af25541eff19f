"""What a profile decides: recipes, seeds, images."""

import pandas as pd
import pytest

from experiments import (
    amplitude_phase,
    anti_aliasing,
    batchnorm_on_low,
    compare_all,
    component_training,
    fourier_regularization,
    fourier_sensitivity,
    kernel_smoothing,
    label_shuffle,
    training_heuristics,
    two_views,
)
from experiments.measures import frequency_curves
from hfc_keras import attacks
from hfc_keras.lab import profiles, runner, settings
from hfc_keras.training import Recipe, Store

FEWER = {"smoke": 40, "quick": 1000}
STANDARD = Recipe(
    dataset="cifar10",
    model="resnet8",
    learning_rate=3e-3,
    schedule="cosine",
    epochs=10,
    batch_size=128,
)
RESIDUAL = STANDARD.but(
    optimizer="sgd",
    learning_rate=0.1,
    momentum=0.9,
    nesterov=True,
    weight_decay=5e-3,
    normalization="batch",
    augmentation="crop_flip",
)
TMLR = Recipe(
    dataset="cifar10",
    model="resnet18",
    options={"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.2010)},
    normalization="batch",
    optimizer="sgd",
    learning_rate=0.1,
    momentum=0.9,
    weight_decay=5e-3,
    schedule="step",
    milestones=(50, 100),
    epochs=150,
    batch_size=128,
    augmentation="crop_flip",
)


def of(experiment, profile, **told):
    return experiment.EXPERIMENT.recipes(experiment.Settings(profile=profile, **told))


def test_standard_is_the_small_network_on_all_images():
    found = of(training_heuristics, "standard")
    assert found["vanilla"] == STANDARD
    assert STANDARD.hash.startswith("4622920fd378f340")
    assert found["batch_norm"] == STANDARD.but(normalization="batch")
    assert found["adversarial"].adversary.steps == 7
    assert of(component_training, "standard", radii=(4.0,), dataset="digits")["low_4"] == (
        STANDARD.but(component="low", radius=4, rescale=True, dataset="digits")
    )


def test_papers_on_residual_networks_have_one_in_standard():
    for experiment in (fourier_regularization, anti_aliasing, amplitude_phase):
        assert of(experiment, "standard")["vanilla"] == RESIDUAL
    regularized = of(fourier_regularization, "standard")["lsf"]
    for experiment in (compare_all, two_views):
        found = of(experiment, "standard", dataset="digits")
        assert found["vanilla"] == STANDARD.but(dataset="digits")
        assert found["lsf"] == regularized.but(dataset="digits")
        assert found["sgd_batch_norm"] == RESIDUAL.but(dataset="digits")
    quick = of(compare_all, "quick", dataset="digits")
    assert "sgd_batch_norm" not in quick and quick["lsf"].optimizer == "adam"


def test_methods_are_compared_with_the_network_they_start_from():
    names = ["vanilla", "sgd_batch_norm", "lsf", "dropout"]
    values = dict.fromkeys(compare_all.NAMES, [0.1, 0.4, 0.5, 0.3])
    table = pd.DataFrame({"recipe": names, "seed": 0, **values})
    changed = compare_all.changes(table).set_index("recipe")["pgd"]
    assert changed["lsf"] == pytest.approx(0.1) and changed["dropout"] == pytest.approx(0.2)
    quick = compare_all.changes(table[table["recipe"] != "sgd_batch_norm"])
    assert quick.set_index("recipe")["pgd"]["lsf"] == pytest.approx(0.4)


def test_full_is_a_wider_network_in_half_precision():
    found = of(training_heuristics, "full")
    plain, normalized = found["vanilla"], found["batch_norm"]
    assert plain.but(**profiles.NORMALIZED["full"], normalization="batch") == normalized
    for recipe in (plain, normalized):
        assert (recipe.model, recipe.width, recipe.epochs) == ("resnet8", 3, 16)
        assert (recipe.precision, recipe.schedule) == ("mixed_bfloat16", "one_cycle")
        assert (recipe.label_smoothing, recipe.flip) == (0.1, "alternating")
        assert recipe.weight_decay == 5e-3
    assert plain.options == {"zero_logits": True} and not normalized.options
    assert plain.learning_rate < normalized.learning_rate
    cheap = found["adversarial"].adversary
    assert isinstance(cheap, attacks.Fgsm) and cheap.random_start
    # Other options are added to those of the profile.
    larger = of(kernel_smoothing, "full")["natural_5x5"]
    assert larger.options == {"zero_logits": True, "first_kernel": 5}
    low = of(batchnorm_on_low, "full", radii=(2.0,), dataset="digits")["low_2_batch_norm"]
    assert low.learning_rate == normalized.learning_rate and not low.options


def test_paper_has_the_protocol_of_each_paper():
    found = of(training_heuristics, "paper")
    vanilla = Recipe(dataset="cifar10", model="resnet32", rescale=True)
    assert found["vanilla"] == vanilla
    assert (vanilla.optimizer, vanilla.learning_rate, vanilla.batch_size) == ("adam", 1e-4, 100)
    # The released code augments where it trains on attacks, and does not rescale there.
    attacked = vanilla.but(rescale=False, augmentation="crop_flip", crop_padding=2)
    for adversarial in (found["adversarial"], of(kernel_smoothing, "paper")["adversarial"]):
        assert adversarial.but(adversary=None) == attacked
    assert of(fourier_regularization, "paper")["vanilla"] == TMLR
    assert of(fourier_sensitivity, "paper", dataset="digits")["vanilla"] == TMLR.but(
        dataset="digits", options={}
    )
    assert of(fourier_regularization, "paper")["asf"] == TMLR.but(regularizer="all")
    originals = of(component_training, "paper", radii=(2.0,), dataset="digits")["original"]
    assert originals == vanilla.but(dataset="digits")


def test_components_are_scaled_as_the_network_was_trained(tmp_path):
    def scaling(profile, name, **told):
        chosen = training_heuristics.Settings(profile=profile, **told)
        plan = runner.Plan(training_heuristics.EXPERIMENT.recipes(chosen), chosen, Store(tmp_path))
        return frequency_curves.scaling_of(plan.cell(name, 0))

    assert scaling("paper", "vanilla") == "max" and scaling("paper", "adversarial") == "none"
    assert scaling("quick", "vanilla") == "none"
    assert scaling("quick", "vanilla", rescale=True) == "max"


def test_labels_at_random_are_few_for_the_network():
    natural, shuffled = of(label_shuffle, "standard").values()
    assert (natural.epochs, shuffled.epochs) == (100, 300) and natural.examples[0] == 10_000
    full = of(label_shuffle, "full")["shuffled"]
    assert full.augmentation == "none" and not full.label_smoothing
    assert len(label_shuffle.Settings(profile="standard").measured_epochs(300)) < 35


@pytest.mark.parametrize(
    ("profile", "seeds", "epochs", "examples", "final"),
    [
        ("smoke", 1, 3, 1000, 40),
        ("quick", 3, 6, 1000, 1000),
        ("standard", 5, 6, 1000, None),
        ("full", 3, 6, 1000, None),
        ("paper", 3, 20, None, None),
    ],
)
def test_seeds_epochs_and_images_of_a_profile(profile, seeds, epochs, examples, final):
    told = settings.Settings(profile=profile)
    assert told.seed_list == tuple(range(seeds))
    assert len(told.measured_epochs(20)) == epochs and told.measured_epochs(20)[-1] == 20
    assert told.measured_examples() == examples and told.final_examples(FEWER) == final
