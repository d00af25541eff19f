import keras
import numpy as np
import pytest

from hfc_keras import analysis, data, models
from hfc_keras.attacks import Fgsm, Pgd, search

pytestmark = pytest.mark.jax

PREFIX = ["attack", "accuracy", "examples", "attacked"]


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", examples=(600, 120))


@pytest.fixture(scope="module")
def model(digits):
    """A trained network: FGSM and PGD break some images and not others."""
    keras.utils.set_random_seed(0)
    model = models.build("small_cnn", (8, 8, 1), 10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss)
    model.fit(digits.train.images, digits.train.labels, batch_size=50, epochs=5, verbose=0)
    return model


@pytest.fixture
def digit_images(digits):
    return digits.test.images, digits.test.labels


def linear_model(weights):
    """Logits are the pixels times the weights."""
    dense = keras.layers.Dense(weights.shape[1], use_bias=False)
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), dense])
    dense.set_weights([weights])
    return model


@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
@pytest.mark.parametrize("kind", [Fgsm, Pgd])
def test_two_linear_classes_are_broken_where_the_dual_norm_says(norm, dual, kind, rng):
    weights = rng.normal(size=(16, 2)).astype("float32")
    images = rng.uniform(0.4, 0.6, (80, 4, 4, 1)).astype("float32")
    labels = rng.integers(0, 2, 80)
    difference = weights[:, 1] - weights[:, 0]
    margins = (2 * labels - 1) * (images.reshape(80, 16) @ difference)
    for epsilon in (0.01, 0.05):
        expected = margins > epsilon * np.linalg.norm(difference, dual)
        _, flags = analysis.robust_accuracy(
            linear_model(weights), images, labels, kind(epsilon, norm=norm), return_flags=True
        )
        np.testing.assert_array_equal(flags[:, 1], expected)
        np.testing.assert_array_equal(flags[:, 0], margins > 0)


@pytest.mark.slow
@pytest.mark.slow_on_jax
def test_worst_case_is_the_mean_of_the_minimum(model, digit_images):
    chosen = [Fgsm(0.1, norm="linf"), Fgsm(0.8, norm="l2"), Fgsm(0.1, mask=("low", 1))]
    table, flags = analysis.robust_accuracy(model, *digit_images, chosen, return_flags=True)
    assert flags.shape == (120, 5) and flags.dtype == bool
    np.testing.assert_array_equal(flags.mean(axis=0), table["accuracy"])
    np.testing.assert_array_equal(flags[:, -1], flags[:, :-1].all(axis=1))
    assert table["attack"].tolist() == ["none", "fgsm", "fgsm", "fgsm", "worst_case"]
    assert (table["examples"] == 120).all()
    right = int(flags[:, 0].sum())
    assert 0 < flags[:, -1].sum() < right < 120
    assert table["attacked"].tolist() == [0, right, right, right, right]
    predicted = model.predict(digit_images[0], verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(flags[:, 0], predicted == digit_images[1])


@pytest.mark.slow_on_jax
@pytest.mark.parametrize(
    ("earlier", "later", "skips"),
    [
        (Fgsm(0.1), Pgd(0.1, steps=2), True),
        (Fgsm(0.1), Fgsm(0.15), True),
        (Fgsm(0.1, mask=("low", 2)), Fgsm(0.1), True),
        (Fgsm(0.1, mask=("low", 2)), Fgsm(0.1, mask=("low", 2)), True),
        (Fgsm(0.15), Fgsm(0.1), False),
        (Fgsm(0.1), Fgsm(0.1, norm="l2"), False),
        (Fgsm(0.1), Fgsm(0.1, mask=("low", 2)), False),
        (Fgsm(0.1, mask=("high", 1)), Fgsm(0.1, mask=("low", 2)), False),
        (Fgsm(0.1), Fgsm(0.1, clip_max=0.95), False),
        (Fgsm(0.1, clip_max=0.95), Fgsm(0.1), True),
        (Fgsm(0.1, mask=("low", 2), clip_max=0.95), Fgsm(0.1, mask=("low", 2)), False),
    ],
)
def test_an_image_is_skipped_if_broken_within_the_ball(earlier, later, skips, model, digit_images):
    images, labels = digit_images[0] * 0.95, digit_images[1]
    table, flags = analysis.robust_accuracy(
        model, images, labels, [earlier, later], return_flags=True
    )
    alone = [
        analysis.robust_accuracy(model, images, labels, each, return_flags=True)[1][:, 1]
        for each in (earlier, later)
    ]
    assert not alone[0].all()
    expected = alone[0] & alone[1] if skips else alone[1]
    np.testing.assert_array_equal(flags[:, 2], expected)
    np.testing.assert_array_equal(flags[:, 3], alone[0] & alone[1])
    attacked = alone[0] if skips else flags[:, 0]
    assert table["attacked"][2] == attacked.sum()


@pytest.mark.slow_on_jax
def test_every_setting_stands_in_the_table(model, digit_images):
    chosen = [
        Pgd(0.1, steps=5, restarts=2, momentum=0.5, seed=3, loss="margin", mask=("band", 1, 2.5)),
        Fgsm(0.0),
    ]
    table = analysis.robust_accuracy(model, *digit_images, chosen)
    settings = list(table.columns[4:21])
    assert list(table.columns[:4]) == PREFIX
    assert table.loc[1, settings].to_dict() == {
        "epsilon": 0.1,
        "step_size": 0.05,
        "steps": 5,
        "norm": "linf",
        "random_start": True,
        "loss": "margin",
        "goal": "untargeted",
        "targets": 0,
        "restarts": 2,
        "momentum": 0.5,
        "mask": "band 1 2.5",
        "clip_min": 0.0,
        "clip_max": 1.0,
        "seed": 3,
        "engine": "native",
        "precision": "float32",
        "knowledge": "white-box",
    }
    assert table.loc[2, ["epsilon", "step_size", "mask", "norm"]].tolist() == [0, 0, "", "linf"]
    assert table.loc[[0, 3], [*settings, *table.columns[19:]]].isna().all(axis=None)
    row = table.loc[1]
    assert row["zero_gradient_share"] == row["nonfinite_share"] == 0
    assert 0 < row["max_norm"] <= 0.1 + 1e-6 and row["loss_after"] > row["loss_before"]


@pytest.mark.slow_on_jax
def test_epsilon_zero_leaves_the_clean_accuracy(model, digit_images):
    accuracy = analysis.robust_accuracy(model, *digit_images, [Fgsm(0), Pgd(0)])["accuracy"]
    assert accuracy.nunique() == 1


def test_nothing_is_left_to_attack(model, digit_images):
    images, labels = digit_images
    wrong = (model.predict(images, verbose=0).argmax(axis=1) + 1) % 10
    table = analysis.robust_accuracy(model, images, wrong, Fgsm(0.1))
    assert (table["accuracy"] == 0).all() and (table["attacked"] == 0).all()
    assert np.isnan(table["loss_before"][1]) and table["epsilon"][1] == 0.1


@pytest.mark.slow_on_jax
def test_answer_does_not_depend_on_the_batch_size_or_the_form_of_labels(model, digit_images):
    images, labels = digit_images
    chosen = [Fgsm(0.05), Pgd(0.05, steps=4, seed=1, restarts=2)]
    answers = [
        analysis.robust_accuracy(model, images, form, chosen, return_flags=True, batch_size=size)
        for size, form in ((50, labels), (500, np.eye(10)[labels]))
    ]
    (table, flags), (other_table, other_flags) = answers
    np.testing.assert_array_equal(flags, other_flags)
    assert table[PREFIX].equals(other_table[PREFIX])


def test_broken_images_cost_little(model, digit_images, monkeypatch):
    steps, advance = [], search.Search.advance

    def counted(self, batch, images, labels, state, number, look):
        steps.append(len(batch) * number)
        return advance(self, batch, images, labels, state, number, look)

    monkeypatch.setattr(search.Search, "advance", counted)
    analysis.robust_accuracy(model, *digit_images, [Fgsm(0.3), Pgd(0.3, steps=40)])
    assert 4 * sum(steps) < 40 * 120


@pytest.mark.slow_on_jax
def test_zero_gradients_are_warned_of_and_told(model, digit_images):
    masked = keras.Sequential([model, keras.layers.Rescaling(1e4)])
    with pytest.warns(UserWarning, match="not shown to be robust. Try loss='margin'"):
        table = analysis.robust_accuracy(masked, *digit_images, Fgsm(0.1))
    assert table["zero_gradient_share"][1] > 0
    by_margin = analysis.robust_accuracy(masked, *digit_images, Fgsm(0.1, loss="margin"))
    assert by_margin["accuracy"][1] < table["accuracy"][1] - 0.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attacks": []}, "list of at least one.*Received: attacks=\\[\\]"),
        ({"attacks": "fgsm"}, "must be attacks.Fgsm, attacks.Pgd.*Received: attacks='fgsm'"),
        ({"attacks": [Fgsm(0.1, targeted=True)]}, "must be untargeted.*targeted=True"),
        ({"images": np.full((4, 8, 8, 1), 255.0)}, "pixels in \\[0, 1\\]"),
        ({"images": np.zeros((4, 9, 8, 1))}, "the model's input shape"),
        ({"labels": [0, 1, 2, 10]}, "from 0 to 9.*Received: labels.min=0, labels.max=10"),
        ({"labels": [0, 1]}, "one label for each of 4 images"),
        ({"batch_size": 0}, "Received: batch_size=0"),
    ],
)
def test_wrong_calls_are_refused(model, changes, message):
    call = {"images": np.zeros((4, 8, 8, 1)), "labels": [0, 1, 2, 3], "attacks": Fgsm(0.1)}
    with pytest.raises(ValueError, match=message):
        analysis.robust_accuracy(model, **{**call, **changes})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("softmax", "must return logits.*probabilities"),
        (np.nan, "finite logits.*images without=8"),
    ],
)
def test_unusable_outputs_are_refused(weights, message, rng):
    model = linear_model(np.full((16, 2), 0 if weights == "softmax" else weights, "float32"))
    if weights == "softmax":
        model = keras.Sequential([model, keras.layers.Softmax()])
    with pytest.raises(ValueError, match=message):
        analysis.robust_accuracy(model, rng.random((8, 4, 4, 1)), np.zeros(8), Fgsm(0.1))
