import keras
import numpy as np
import pytest

from hfc_keras import analysis, attacks, losses, spectrum
from hfc_keras.attacks import Apgd, Fgsm, Pgd, Square
from hfc_keras.attacks.apgd_iteration import ApgdIteration, State, checkpoints

pytestmark = pytest.mark.jax

SHAPE, CLASSES = (3, 4, 2), 5


@pytest.fixture(scope="module")
def linear():
    """A network whose logits are pixels times a matrix, and the matrix."""
    model = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten()])
    model.add(keras.layers.Dense(CLASSES, use_bias=False))
    weights = np.random.default_rng(2).normal(size=(np.prod(SHAPE), CLASSES)).astype("float32")
    # Without this, the mean of the pixels would decide.
    weights -= weights.mean(axis=0)
    model.set_weights([weights])
    return model, weights


@pytest.fixture(scope="module")
def images(linear):
    """Images and what the network says they are."""
    images = np.random.default_rng(0).random((24, *SHAPE), "float32")
    return images, (images.reshape(24, -1) @ linear[1]).argmax(axis=1)


def logits_of(weights, x):
    return x.reshape(len(x), -1) @ weights.astype("float64")


def distance(weights, image, label, norm):
    """Norm of the smallest perturbation after which a linear network says another class."""
    z = logits_of(weights, image[None])[0]
    others = np.arange(CLASSES) != label
    towards = weights[:, [label]] - weights[:, others]
    dual = np.abs(towards).sum(axis=0) if norm == "linf" else np.linalg.norm(towards, axis=0)
    return ((z[label] - z[others]) / dual).min()


def numpy_losses(z, labels, targets, loss):
    """Losses and their gradients for the logits, in float64 and in words of the paper."""
    rows, ordered = np.arange(len(z)), np.argsort(-z, axis=1)
    one_hot = np.eye(z.shape[1])
    if loss == "cross_entropy":
        powers = np.exp(z - z.max(axis=1, keepdims=True))
        share = powers / powers.sum(axis=1, keepdims=True)
        aim = labels if targets is None else targets
        values, slope = -np.log(share[rows, aim]), share - one_hot[aim]
        return (values, slope) if targets is None else (-values, -slope)
    best_other = np.where(ordered[:, 0] == labels, ordered[:, 1], ordered[:, 0])
    aim = best_other if targets is None else targets
    values, slope = z[rows, aim] - z[rows, labels], one_hot[aim] - one_hot[labels]
    if loss == "margin":
        return values, slope
    ranks = [2] if targets is None else [2, 3]
    lower = np.mean([z[rows, ordered[:, rank]] for rank in ranks], axis=0)
    spread = (z[rows, ordered[:, 0]] - lower)[:, None]
    turned = one_hot[ordered[:, 0]] - np.mean([one_hot[ordered[:, rank]] for rank in ranks], axis=0)
    return values / spread[:, 0], slope / spread - values[:, None] * turned / spread**2


class TestLosses:
    @pytest.mark.parametrize("loss", losses.LOSSES)
    @pytest.mark.parametrize("aimed", [False, True])
    def test_values_are_those_of_the_paper(self, rng, loss, aimed):
        z, labels = rng.normal(size=(9, 5)), np.arange(9) % 5
        targets = (labels + 2) % 5 if aimed else None
        expected, _ = numpy_losses(z, labels, targets, loss)
        if aimed:
            found = losses.targeted_losses(z, labels, targets, loss)
        else:
            found = losses.sample_losses(z, labels, loss)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=1e-5)

    def test_the_ratio_does_not_change_with_the_scale_and_its_sign_tells(self, rng):
        z, labels = rng.normal(size=(50, 6)), rng.integers(0, 6, 50)
        ratios = [
            keras.ops.convert_to_numpy(losses.sample_losses(scale * z, labels, "dlr"))
            for scale in (1, 1000)
        ]
        np.testing.assert_allclose(*ratios, rtol=1e-4)
        assert ((ratios[0] > 0) == (z.argmax(axis=1) != labels)).all()

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda z: losses.sample_losses(z[:, :2], [0], "dlr"), "3 or more classes for loss"),
            (
                lambda z: losses.targeted_losses(z[:, :3], [0], np.array([1]), "dlr"),
                "4 or more classes for a targeted ratio; take loss='margin'",
            ),
            (lambda z: losses.targeted_losses(z, [0], np.array([1]), "hinge"), "loss='hinge'"),
            (lambda z: losses.targeted_losses(z, [0], np.array([1, 2])), r"targets.shape=\(2,\)"),
            (lambda z: losses.targeted_losses(z, [0], 1), "`targets` must be"),
        ],
    )
    def test_too_few_classes_are_refused(self, call, message):
        with pytest.raises(ValueError, match=message):
            call(np.zeros((1, 5)))


class Reference:
    """Auto-PGD, algorithm 1 of Croce and Hein, for one image, from where the search is."""

    def __init__(self, network, centre, start, label, target, attack):
        self.hidden, self.last = network
        self.centre, self.label, self.target, self.attack = centre, label, target, attack
        self.x = self.before = start.astype("float64")
        self.values, self.best = [], None
        self.size, self.reduced, self.best_then = 2 * attack.epsilon, True, -np.inf
        self.marks = [0, *checkpoints(attack.steps)]

    def at(self, x):
        logits = np.sin(x @ self.hidden) @ self.last
        values, slopes = numpy_losses(logits[None], self.label, self.target, self.attack.loss)
        return values[0], ((slopes[0] @ self.last.T) * np.cos(x @ self.hidden)) @ self.hidden.T

    def projected(self, x):
        change = x - self.centre
        if self.attack.norm == "linf":
            change = np.clip(change, -self.attack.epsilon, self.attack.epsilon)
        else:
            change = change * min(1, self.attack.epsilon / max(np.linalg.norm(change), 1e-30))
        return np.clip(self.centre + change, 0, 1)

    def clear(self):
        """Whether rounding to float32 decides neither which loss is larger nor where to go."""
        # A ratio is as large as this where it divides by a difference that rounding decides.
        return (
            not self.faint
            and self.best[0] < 50
            and min(np.abs(np.diff(self.values)), default=1) > 1e-3
        )

    def step(self, k):
        """Where the step leads, the largest loss so far, and the step size."""
        x, (value, gradient) = self.x, self.at(self.x)
        self.values.append(value)
        if self.best is None or value > self.best[0]:
            self.best = value, x, gradient
        if k in self.marks[1:]:
            gap = k - self.marks[self.marks.index(k) - 1]
            rises = sum(self.values[i] > self.values[i - 1] for i in range(k - gap + 1, k + 1))
            stalled = not self.reduced and self.best_then >= self.best[0]
            self.reduced, self.best_then = rises <= 0.75 * gap or stalled, self.best[0]
            if self.reduced:
                self.size, (_, x, gradient) = self.size / 2, self.best
        length = max(np.linalg.norm(gradient), 1e-30)
        # The ratio of a label that is third has no gradient but for rounding.
        self.faint = length < 1e-6
        unit = np.sign(gradient) if self.attack.norm == "linf" else gradient / length
        z, pull = self.projected(x + self.size * unit), 0.75 if k else 1.0
        moved = self.projected(x + pull * (z - x) + (1 - pull) * (x - self.before))
        return moved, self.best[0], self.size


class TestAgainstThePaper:
    @pytest.mark.parametrize("norm", ["linf", "l2"])
    @pytest.mark.parametrize("loss", losses.LOSSES)
    @pytest.mark.parametrize("aimed", [False, True])
    def test_every_step_is_that_of_algorithm_1(self, norm, loss, aimed):
        """On a network of waves, so that steps overshoot and are halved."""
        rng = np.random.default_rng(7)
        network = rng.normal(size=(24, 12)), 0.3 * rng.normal(size=(12, CLASSES))
        images = (0.2 + 0.6 * rng.random((3, *SHAPE))).astype("float32")
        labels = np.array([0, 3, 1], "int32")
        targets = np.array([1, 2, 4], "int32")
        size = 0.15 if norm == "linf" else 0.6
        attack = Apgd(size, steps=24, norm=norm, loss=loss, targets=2 if aimed else 0)
        iteration = ApgdIteration.of(attack)
        start = iteration.start(attack, images, [np.random.default_rng(each) for each in range(3)])
        hidden, last = (keras.ops.convert_to_tensor(each.astype("float32")) for each in network)

        def predict(x):
            flat = keras.ops.reshape(x, (3, 24))
            return keras.ops.matmul(keras.ops.sin(keras.ops.matmul(flat, hidden)), last)

        references = [
            Reference(
                network,
                images[row].reshape(-1).astype("float64"),
                start[row].reshape(-1),
                labels[row : row + 1],
                targets[row : row + 1] if aimed else None,
                attack,
            )
            for row in range(3)
        ]
        state, sizes, compared = iteration.state(start, attack.epsilon), set(), 0
        for step in range(attack.steps):
            given = iteration.arguments(attack, 0, step, images.shape)
            given = [images, labels, *([targets] if aimed else []), *given, *state]
            found = iteration(predict, *map(keras.ops.convert_to_tensor, given))
            state = State(*map(keras.ops.convert_to_numpy, found[: len(State._fields)]))
            for row, reference in enumerate(references):
                x, best_loss, size_now = reference.step(step)
                if reference.clear():
                    np.testing.assert_allclose(state.adversarial[row].reshape(-1), x, atol=1e-4)
                    assert state.best_loss[row] == pytest.approx(best_loss, rel=1e-4, abs=1e-4)
                    assert state.step_size[row] == pytest.approx(size_now)
                    sizes.add(round(size_now / size, 6))
                    compared += 1
                reference.x = state.adversarial[row].reshape(-1).astype("float64")
                reference.before = state.previous[row].reshape(-1).astype("float64")
        assert compared > 12
        assert len(sizes) > 1

    @pytest.mark.parametrize(
        ("steps", "expected"),
        [
            (100, [22, 41, 57, 70, 80, 87, 93, 99]),
            (20, [4, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]),
            (1, []),
        ],
    )
    def test_checkpoints(self, steps, expected):
        assert checkpoints(steps) == expected

    @pytest.mark.parametrize("norm", ["linf", "l2"])
    def test_a_step_is_as_long_for_the_smallest_gradient(self, linear, images, norm):
        """As it is where a network is confident."""
        attack = Apgd(0.01, steps=1, norm=norm, loss="margin")
        faint = keras.Sequential([linear[0], keras.layers.Rescaling(1e-9)])
        found = [attacks.run(each, *images, attack) for each in (linear[0], faint)]
        np.testing.assert_allclose(found[0].images, found[1].images, atol=1e-6)


class TestStrength:
    @pytest.mark.parametrize("norm", ["linf", "l2"])
    def test_what_a_linear_network_cannot_withstand_is_found(self, linear, images, norm):
        """The smallest perturbation of a linear network is known, so who withstands is."""
        model, weights = linear
        # So small a spread that no pixel leaves [0, 1], where the perturbation would be clipped.
        inside = (0.4 + 0.2 * images[0]).astype("float32")
        labels = logits_of(weights, inside).argmax(axis=1)
        least = np.array(
            [distance(weights, *pair, norm) for pair in zip(inside, labels, strict=True)]
        )
        epsilon = float(np.median(least))
        attack = Apgd(epsilon, steps=20, norm=norm, loss="dlr", targets=4)
        found = attacks.run(model, inside, labels, attack)
        assert epsilon < 0.4
        assert not found.withstood[least < 0.98 * epsilon].any()
        assert found.withstood[least > epsilon].all()

    @pytest.mark.slow_on_jax
    def test_batches_and_order_do_not_matter(self, linear, images):
        attack = Apgd(0.01, steps=12, loss="dlr", targets=3)
        whole = attacks.run(linear[0], *images, attack)
        parts = attacks.run(linear[0], *images, attack, batch_size=7)
        np.testing.assert_allclose(whole.images, parts.images, atol=1e-6)
        rows = np.array([3, 9, 1])
        some = attacks.run(linear[0], images[0][rows], images[1][rows], attack, positions=rows)
        np.testing.assert_allclose(whole.images[rows], some.images, atol=1e-6)

    def test_ball_range_and_mask(self, linear, images):
        attack = Apgd(0.05, steps=9, norm="l2", mask=("low", 1), clip_min=0.0, clip_max=1.0)
        inside = 0.4 + 0.2 * images[0]
        change = attacks.run(linear[0], inside, images[1], attack).images - inside
        assert np.linalg.norm(change.reshape(24, -1), axis=1).max() <= 0.05 + 1e-6
        low, _ = spectrum.split(change, 1)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(low), change, atol=1e-6)

    def test_stopping_early_finds_the_same_images(self, linear, images):
        attack = Apgd(0.05, steps=30)
        ends = [
            attacks.run(linear[0], *images, attack, stop_early=early).withstood
            for early in (True, False)
        ]
        assert np.array_equal(*ends)
        assert 0 < ends[0].mean() < 1


class TestSettings:
    def test_a_record_gives_the_attack_back(self):
        for attack in (
            Apgd(0.1, loss="dlr", targets=9, mask=("high", 2)),
            Square(0.3, queries=7, norm="l2"),
            Pgd(0.1, precision="auto"),
        ):
            assert attacks.from_dict(attack.to_dict()) == attack

    @pytest.mark.parametrize(
        ("attack", "text"),
        [
            (Fgsm(0.1), "FGSM (cross-entropy, 1 step)"),
            (Pgd(0.1, steps=20, restarts=3), "PGD (cross-entropy, 20 steps, 3 restarts)"),
            (Apgd(0.1, loss="margin", targets=3), "APGD-T (margin, 3 targets, 100 steps each)"),
            (Square(0.1), "Square (5,000 queries)"),
        ],
    )
    def test_an_attack_says_its_budget(self, attack, text):
        assert str(attack) == text

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"targets": -1}, "targets=-1"),
            ({"targets": 1.5}, "targets=1.5"),
            ({"loss": "hinge"}, "loss='hinge'"),
            ({"steps": 0}, "steps=0"),
            ({"precision": "float16"}, "precision='float16'"),
            ({"norm": "l1"}, "norm='l1'"),
        ],
    )
    def test_wrong_settings_are_refused(self, settings, message):
        with pytest.raises(ValueError, match=message):
            Apgd(0.1, **settings)

    @pytest.mark.slow_on_jax
    def test_few_classes_get_the_margin_and_fewer_targets(self):
        model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
        model.add(keras.layers.Dense(3))
        pixels = np.random.default_rng(0).random((6, 2, 2, 1), "float32")
        labels = np.asarray(model.predict_on_batch(pixels)).argmax(axis=1)
        table = analysis.robust_accuracy(model, pixels, labels, attacks.standard(0.01, queries=5))
        assert table["loss"].tolist()[1:4] == ["cross_entropy", "margin", "margin"]
        assert table["targets"].tolist()[1:4] == [0, 2, 0]


def test_what_the_standard_evaluation_is():
    ce, aimed, square = attacks.standard(0.5, "l2", seed=3, queries=70, precision="float32")
    shared = {"norm": "l2", "seed": 3, "precision": "float32"}
    assert ce == Apgd(0.5, steps=100, **shared)
    assert aimed == Apgd(0.5, steps=100, loss="dlr", targets=9, **shared)
    assert square == Square(0.5, queries=70, **shared)
    with pytest.raises(ValueError, match="targets=0"):
        attacks.standard(0.1, targets=0)
