"""What the documents say is run or looked up."""

import functools
import pkgutil
import re
from pathlib import Path

import keras
import pandas as pd
import pytest

import hfc_keras
from experiments import (
    amplitude_phase,
    anchored_convolution,
    anti_aliasing,
    compare_all,
    contextual_convolution,
    fourier_regularization,
    given_networks,
    label_shuffle,
    published_networks,
    two_views,
)
from experiments.ledger import judging
from experiments.measures import component_trainings, frequency_curves, smoothed_robustness
from hfc_keras import __main__ as command_line
from hfc_keras import data, reporting
from hfc_keras.lab import discovery
from hfc_keras.reporting.effects import misaligned
from hfc_keras.reporting.figures.band_stop import band_stop_table
from hfc_keras.reporting.figures.given_networks import given_table
from hfc_keras.reporting.figures.heat_maps import heat_map_table
from hfc_keras.reporting.figures.kernels import kernel_table
from hfc_keras.reporting.figures.misaligned import contingency_table, misaligned_table
from hfc_keras.reporting.figures.perturbations import perturbation_table
from hfc_keras.reporting.figures.robustness import robustness_table
from hfc_keras.reporting.tables import scaling_table

ROOT = Path(__file__).parents[1]
HERE = "experiments"
README = (ROOT / "README.md").read_text(encoding="utf-8")
COUNTS_AT_12 = functools.partial(contingency_table, radius=12)
PARTIAL = functools.partial(published_networks.ranks, coefficient="partial")
HIGH, LOW = (functools.partial(given_table, component=component) for component in ("high", "low"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "results" / "README.md"]


def softmax_model():
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    return keras.Sequential(layers)


def test_the_profile_takes_three_commands_or_three_lines(tmp_path, monkeypatch, capsys):
    shell, script = re.search(r"```\n(.*?)```.*?```python\n(.*?)```", README, re.DOTALL).groups()
    assert len(shell.splitlines()) == len([*filter(None, script.splitlines())]) == 3
    monkeypatch.chdir(tmp_path)
    softmax_model().save("MODEL.keras")
    test = data.load("digits", examples=(1, 40)).test
    assert set(test.labels) == set(range(10))
    for index, image in enumerate(test.images):
        folder = tmp_path / "FOLDER" / str(test.labels[index])
        folder.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(folder / f"{index}.png", image, scale=True)
    command = shell.splitlines()[-1].partition("hfc-keras ")[2]
    assert command_line.main(command.split()) == 0
    assert "images right" in capsys.readouterr().out
    assert (tmp_path / "frequency_profile" / "profile.html").stat().st_size > 10_000


def test_python_snippets_of_the_readme_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert snippets
    # The first one takes a model and images that the reader has.
    some = data.load("digits", examples=(1, 20)).test
    names = {"model": softmax_model(), "images": some.images, "labels": some.labels}
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), names)  # noqa: S102
    assert "component" in capsys.readouterr().out


def test_every_experiment_has_a_row_in_the_readme():
    for name in {**discovery.experiments(HERE), **discovery.outside(HERE)}:
        assert f"python -m experiments.{name}" in README


def test_the_ledger_has_every_claim_as_the_code_has_it():
    made = {claim.id: claim for each in judging.claimants().values() for claim in each.claims}
    ledger = pd.read_csv(ROOT / "results" / "claims.csv").set_index("id")
    told = "bring results/claims.csv up to date: python -m experiments.claims --available"
    assert set(ledger.index) == set(made), told
    for name, row in ledger.iterrows():
        words = made[name].sentence, made[name].measured
        assert (row["sentence"], row["measured"]) == words, told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_of_the_package_exist(page):
    names = set(re.findall(r"`(hfc_keras(?:\.\w+)+)", page.read_text(encoding="utf-8")))
    assert names
    for name in names:
        assert pkgutil.resolve_name(name) is not None


def test_the_readme_lists_the_public_modules():
    listed = re.findall(r"^\| `hfc_keras\.(\w+)` \|", README, re.MULTILINE)
    assert sorted(listed) == hfc_keras.__all__


def test_results_page_explains_every_column():
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    for table in (ROOT / "results").glob("*/*/*.csv"):
        for column in table.read_text(encoding="utf-8").partition("\n")[0].split(","):
            assert f"`{column}`" in page, (table.name, column)


@pytest.mark.parametrize(
    ("experiment", "keys", "summary"),
    [
        ("training_heuristics", frequency_curves.KEYS, reporting.last_epoch),
        ("training_heuristics", frequency_curves.KEYS, scaling_table),
        ("misaligned_predictions", misaligned.KEYS, misaligned_table),
        ("misaligned_predictions", misaligned.KEYS, COUNTS_AT_12),
        ("label_shuffle", frequency_curves.KEYS, reporting.last_epoch),
        ("label_shuffle", frequency_curves.KEYS, label_shuffle.equally_fitted),
        ("component_training", frequency_curves.KEYS, component_trainings.final_accuracies),
        ("batch_size", frequency_curves.KEYS, reporting.last_epoch),
        ("batchnorm_on_low", frequency_curves.KEYS, component_trainings.final_accuracies),
        ("optimizers", frequency_curves.KEYS, reporting.last_epoch),
        ("architectures", frequency_curves.KEYS, reporting.last_epoch),
        ("kernel_smoothing", smoothed_robustness.KEYS, robustness_table),
        ("kernel_smoothing", smoothed_robustness.KEYS, kernel_table),
        ("smooth_training", smoothed_robustness.KEYS, robustness_table),
        ("smooth_training", smoothed_robustness.KEYS, kernel_table),
        ("fourier_sensitivity", "recipe seed ring".split(), reporting.sensitivity_table),
        *(
            ("fourier_regularization", fourier_regularization.EXPERIMENT.keys, summary)
            for summary in fourier_regularization.EXPERIMENT.tables
        ),
        *(
            (experiment.__name__.rpartition(".")[2], experiment.EXPERIMENT.keys, summary)
            for experiment in (
                amplitude_phase,
                anti_aliasing,
                contextual_convolution,
                anchored_convolution,
                compare_all,
            )
            for summary in experiment.EXPERIMENT.tables
        ),
        ("amplitude_phase", amplitude_phase.EXPERIMENT.keys, amplitude_phase.calibration),
        ("two_views", two_views.EXPERIMENT.keys, two_views.means),
        ("fourier_heat_map", "recipe seed row column".split(), heat_map_table),
        ("band_stop", "recipe seed inner".split(), band_stop_table),
        ("perturbation_spectrum", "recipe seed attack ring".split(), perturbation_table),
    ],
)
def test_numbers_of_the_results_page_are_those_of_the_table(experiment, keys, summary):
    assert compared(f"## {experiment}", "cifar10", experiment, keys, summary) > 0


@pytest.mark.parametrize("dataset", ["fashion_mnist", "photos"])
def test_numbers_on_other_data_sets_are_those_of_the_table(dataset):
    keys = "recipe seed ring".split()
    told = "fourier_sensitivity", keys, reporting.sensitivity_table
    assert compared(f"### {dataset}", dataset, *told) > 0


@pytest.mark.parametrize(
    ("heading", "experiment", "dataset", "summary", "count"),
    [
        ("## published_networks", published_networks, "imagenet", published_networks.ranks, 12),
        ("### At equal clean accuracy", published_networks, "imagenet", PARTIAL, 11),
        ("## given_networks", given_networks, "cifar10", HIGH, 6),
        ("## given_networks", given_networks, "cifar10", LOW, 6),
    ],
)
def test_numbers_on_networks_of_others_are_those_of_the_table(
    heading, experiment, dataset, summary, count
):
    name = experiment.__name__.rpartition(".")[2]
    told = heading, dataset, name, experiment.EXPERIMENT.keys, summary
    assert compared(*told, profile=name.partition("_")[0]) >= count


def compared(heading, dataset, experiment, keys, summary, profile="quick"):
    """Rows of tables below a heading of the results page, all equal to a summary of a CSV."""
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    section = re.split(r"\n##+ ", page.partition(f"\n{heading}")[2])[0]
    path = ROOT / "results" / profile / dataset / f"{experiment}.csv"
    expected, count = summary(reporting.read_table(path, keys)), 0
    for block in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        header, _, *lines = block.splitlines()
        columns = [cell.strip() for cell in header.strip("|").split("|")][1:]
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        known = {name for name, *_ in rows} <= set(expected.index)
        if not (known and set(columns) <= set(expected.columns)):
            continue
        for name, *cells in rows:
            assert cells == expected.loc[name, columns].tolist(), name
            count += 1
    return count
