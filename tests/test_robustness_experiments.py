import keras
import numpy as np
import pandas as pd
import pytest

from experiments import kernel_smoothing, smooth_training
from experiments.measures import smoothed_robustness
from hfc_keras import attacks
from hfc_keras.lab import runner, settings
from hfc_keras.reporting.figures import named_attacks

SMALL = "--examples 120 40 --epochs 1 --attacked 20 --steps 2 --epsilons 0.1 --long-epsilons 0.1"


def test_kernel_smoothing_writes_table_figures_and_kernels(run, capsys):
    path = run(kernel_smoothing, "--rhos 0 1 --recipes natural adversarial_5x5")
    table = pd.read_csv(f"{path}.csv")
    assert table.columns[: len(smoothed_robustness.KEYS)].tolist() == smoothed_robustness.KEYS
    assert set(named_attacks.COLUMNS) <= set(table.columns)
    # A model as trained, one smoothed and one normalized: clean, three attacks, the long one.
    assert table.groupby(["recipe", "rho", "normalized"]).size().tolist() == [5] * 6
    assert table.groupby("recipe")["attacked"].min().tolist() == [0, 0]
    assert table["accuracy"].between(0, 1).all()
    clean = table[table["attack"] == "none"].set_index(["recipe", "rho", "normalized"])
    smooth, rough = (clean.loc[("natural", rho, False), "roughness"] for rho in (1, 0))
    assert smooth < rough
    assert smooth == pytest.approx(clean.loc[("natural", 1, True), "roughness"])
    chosen = table[table["attack"] == "pgd"][["loss", "steps", "restarts", "examples"]]
    assert chosen.drop_duplicates().values.tolist() == [
        ["cross_entropy", 2, 1, 20],
        ["margin", 2, 1, 20],
        ["margin", 10, 2, 20],
    ]
    for name in ("kernel_smoothing", "kernel_smoothing_kernels"):
        assert path.with_name(f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in path.with_name(f"{name}.svg").read_text()
    printed = capsys.readouterr().out
    assert "adversarial_5x5, rho 1 normalized" in printed and "kernels as trained" in printed


def test_kernel_smoothing_leaves_out_what_a_network_cannot_have():
    small = kernel_smoothing.Settings(model="small_cnn")
    assert list(kernel_smoothing.recipes(small)) == [
        "natural",
        "adversarial",
        "natural_long",
    ]
    paper = kernel_smoothing.recipes(kernel_smoothing.Settings(profile="paper"))
    assert "natural_long" not in paper and "adversarial_5x5" in paper
    wide = kernel_smoothing.recipes(kernel_smoothing.Settings())["natural_5x5"]
    assert wide.options == {"first_kernel": 5} and wide.adversary is None


@pytest.mark.slow
def test_smooth_training_keeps_kernels_smooth(run):
    path = run(smooth_training, "--model small_cnn --penalty 3 --max-roughness 0.5 --epochs 4")
    table = pd.read_csv(f"{path}.csv")
    roughness = table.groupby("recipe")["roughness"].first()
    assert set(roughness.index) == set(smooth_training.VARIANTS)
    assert roughness["constraint"] <= 0.5
    # The layer's effective kernel is the smoothed one, not the weights that are trained.
    assert roughness["smooth_layer"] < 1 < roughness["penalty"] < roughness["vanilla"]
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_attacks_by_themselves_and_the_long_one_on_what_survives(run):
    told = "--recipes vanilla --model small_cnn --epsilons 0.02 0.1"
    table = pd.read_csv(f"{run(smooth_training, told)}.csv")
    assert table["examples"].tolist() == [40] + [20] * (len(table) - 1)
    alone = table[(table["restarts"] == 1) & (table["attack"] != "none")]
    # Those that are right as they are, of the 20 that are attacked.
    clean = alone["attacked"].iloc[0]
    assert (alone["attacked"] == clean).all() and len(alone) == 6
    assert clean <= 40 * table["accuracy"].iloc[0] + 1e-9
    (long,) = table[table["restarts"] > 1].itertuples()
    short = table[(table["attack"] == "pgd") & (table["epsilon"] == 0.1) & (table["restarts"] == 1)]
    assert long.attacked <= short["accuracy"].min() * 20
    assert long.accuracy <= short["accuracy"].min()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"profile": "quick"}, attacks.Pgd(8 / 255, steps=7)),
        ({"profile": "smoke", "epsilon": 0.1}, attacks.Pgd(0.1, steps=2)),
        (
            {"profile": "paper"},
            attacks.Pgd(0.03, step_size=0.003, steps=10, random_start=False),
        ),
        (
            {"profile": "quick", "adversary": "fgsm"},
            attacks.Fgsm(8 / 255, random_start=True),
        ),
    ],
)
def test_the_adversary_of_a_profile(told, expected):
    attack = kernel_smoothing.Settings(**told).attack()
    assert attack.step == pytest.approx(expected.step)
    told, wanted = ({**each.to_dict(), "step_size": None} for each in (attack, expected))
    # CleverHans is the default where there is TensorFlow.
    engine = "cleverhans" if keras.backend.backend() == "tensorflow" else None
    assert told.pop("engine", None) == engine and told == wanted


def test_rows_of_another_engine_are_other_rows(run, monkeypatch):
    first = kernel_smoothing.Settings()
    monkeypatch.setattr(settings.AdversarialSettings, "engine", "other")
    assert kernel_smoothing.Settings().measured_with() == {
        **first.measured_with(),
        "engine": "other",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--rhos 0.5 1", "must differ and hold 0"),
        ("--rhos 0 0", "must differ and hold 0"),
        ("--rhos 0 -1", "Received: rhos=-1"),
        ("--epsilons 2", "up to 1. Received: epsilon=2"),
        ("--long-epsilons -0.1", "Received: epsilon=-0.1"),
        ("--attacked 0", "Received: attacked=0"),
        ("--steps 0", "Received: steps=0"),
        ("--epsilon -1", "Received: epsilon=-1"),
    ],
)
def test_bad_settings_are_refused_before_training(run, arguments, message, capsys, monkeypatch):
    monkeypatch.setattr("hfc_keras.training.fit", None)
    with pytest.raises(SystemExit) as refused:
        run(kernel_smoothing, arguments)
    assert refused.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.slow
def test_figures_train_nothing(run, monkeypatch):
    run(smooth_training, "--recipes vanilla --seeds 0 --model small_cnn")
    run(kernel_smoothing, "--recipes natural --rhos 0 --seeds 0 --model small_cnn")
    trained = []
    fit = runner.training.fit
    monkeypatch.setattr(
        runner.training, "fit", lambda recipe, *rest: trained.append(recipe) or fit(recipe, *rest)
    )
    run(kernel_smoothing, "--recipes adversarial --rhos 0 --seeds 1 --model small_cnn")
    assert {(recipe.adversary is None, recipe.seed) for recipe in trained} == {
        (True, 0),
        (False, 1),
    }


def test_summary_tells_of_zero_gradients(run, capsys):
    path = run(smooth_training, "--recipes vanilla --model small_cnn")
    table = pd.read_csv(f"{path}.csv")
    assert "gradients are zero" not in smoothed_robustness.summary(
        table.assign(zero_gradient_share=np.nan)
    )
    masked = table.assign(zero_gradient_share=np.where(table["attack"] == "fgsm", 0.25, 0))
    assert "In 1 of 5 rows" in smoothed_robustness.summary(
        masked
    ) and "25.0%" in smoothed_robustness.summary(masked)
