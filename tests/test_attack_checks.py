"""Steps and limits of selfcheck's attacks."""

import keras
import numpy as np
import pytest

from hfc_keras.attacks import Pgd
from hfc_keras.attacks.diagnostics import BROKEN, warn
from hfc_keras.selfchecks import attack_checks
from hfc_keras.selfchecks.subject import Subject

pytestmark = pytest.mark.jax


@pytest.fixture(scope="module")
def linear():
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    return keras.Sequential(layers)


@pytest.mark.parametrize(
    "check", [check.__name__ for check in attack_checks.CHECKS if check.__name__ != "random_noise"]
)
def test_steps_do_not_shrink_with_their_number(check, linear, rng, monkeypatch):
    """So that more steps can go further, in every check that attacks by PGD."""
    seen, withstood = [], Subject.withstood

    def noted(self, attack):
        seen.append(attack)
        return withstood(self, attack)

    monkeypatch.setattr(Subject, "withstood", noted)
    subject = Subject(linear, rng.random((6, 4, 4, 1)), rng.integers(0, 3, 6), 0.1, seed=0)
    getattr(attack_checks, check)(subject)
    steps = [attack for attack in seen if isinstance(attack, Pgd)]
    assert all(attack.step == pytest.approx(attack.epsilon / 4) for attack in steps)
    if check == "steps_converged":
        assert [attack.steps for attack in steps] == [20, 40]


class Few:
    """A subject of few images, some of whose accuracies are given."""

    epsilon, seed, chance = 0.1, 0, 0.1

    def __init__(self, count, left, zero=0.0):
        self.images, self.left = np.full((count, 4, 4, 1), 0.5, "float32"), left
        told = {"zero_gradient_share": zero, "nonfinite_share": 0.0}
        self.attacked = (type("Result", (), {"diagnostics": told}), 0)

    def pgd(self, epsilon=None, **options):
        return "margin" if "loss" in options else "pgd"

    def accuracy(self, attack):
        return self.left if attack == "margin" else 0.9

    def withstood(self, attack):
        return np.ones(len(self.images), bool)


@pytest.mark.parametrize(
    ("check", "count", "broken", "status"),
    [
        ("random_search", 50, 1, "pass"),
        ("random_search", 50, 2, "warn"),
        ("random_search", 1000, 2, "pass"),
        ("random_search", 1000, 3, "warn"),
        ("margin_loss", 10, 1, "pass"),
        ("margin_loss", 10, 2, "fail"),
        ("margin_loss", 100, 5, "pass"),
        ("margin_loss", 100, 6, "fail"),
        ("zero_gradient", 5, 0, "pass"),
        ("zero_gradient", 5, 1, "warn"),
        ("zero_gradient", 5, 2, "fail"),
        ("zero_gradient", 50, 5, "warn"),
        ("zero_gradient", 50, 6, "fail"),
    ],
)
def test_a_limit_that_is_a_share_is_at_least_one_image(check, count, broken, status, monkeypatch):
    def squares(subject, rows):
        return np.arange(len(rows)) >= broken

    monkeypatch.setattr(attack_checks, "_withstand_squares", squares)
    subject = Few(count, left=0.9 - broken / count, zero=broken / count)
    assert getattr(attack_checks, check)(subject).status == status


@pytest.mark.parametrize(
    ("count", "left", "status"),
    [(5, 1, "pass"), (5, 2, "fail"), (100, 15, "pass"), (100, 16, "fail")],
)
def test_large_epsilon_leaves_chance_and_one_image(count, left, status):
    assert attack_checks.large_epsilon(Few(count, left / count)).status == status


@pytest.mark.parametrize(
    ("fault", "loss", "hint"),
    [
        ("zero_gradient_share", "cross_entropy", "Try loss='margin' or, from 3 classes, 'dlr'."),
        ("zero_gradient_share", "margin", "they are not shown to be robust."),
        ("nonfinite_share", "cross_entropy", BROKEN),
        ("nonfinite_share", "margin", BROKEN),
    ],
)
def test_a_warning_says_what_helps_against_its_fault(fault, loss, hint):
    told = {"zero_gradient_share": 0.0, "nonfinite_share": 0.0, fault: 0.5}
    with pytest.warns(UserWarning, match="50.0%") as warned:
        warn(told, loss)
    assert [str(each.message).endswith(hint) for each in warned] == [True]
    assert ("margin" in str(warned[0].message)) == hint.startswith("Try")
