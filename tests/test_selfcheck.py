import functools

import keras
import numpy as np
import pandas as pd
import pytest
from keras import ops

from hfc_keras import __main__ as command_line
from hfc_keras import attacks, data, models
from hfc_keras.commands import selfcheck
from hfc_keras.selfchecks import attack_checks, model_checks
from hfc_keras.selfchecks.subject import Subject
from hfc_keras.training import Recipe, published

EXAMPLES = 32
NAMES = [check.__name__ for check in (*model_checks.CHECKS, *attack_checks.CHECKS)]


@keras.saving.register_keras_serializable(package="tests")
class AlwaysNoise(keras.layers.GaussianNoise):
    """Adds noise in inference, too."""

    def call(self, inputs, training=None):
        return super().call(inputs, training=True)


@keras.saving.register_keras_serializable(package="tests")
class OwnStatistics(keras.layers.Layer):
    """Subtracts the mean of the batch, in inference, too."""

    def call(self, inputs):
        return inputs - ops.mean(inputs, axis=0, keepdims=True)


@keras.saving.register_keras_serializable(package="tests")
class HiddenSoftmax(keras.layers.Layer):
    """A softmax that no name gives away."""

    def call(self, inputs):
        return ops.softmax(inputs)


@pytest.fixture(scope="module")
def digit_images():
    test = data.load("digits", examples=(1, EXAMPLES)).test
    return test.images, test.labels


@pytest.fixture(scope="module")
def trained():
    keras.utils.set_random_seed(0)
    train = data.load("digits", examples=(800, 1)).train
    model = models.build("small_cnn", (8, 8, 1), 10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss)
    model.fit(train.images, train.labels, batch_size=50, epochs=5, verbose=0)
    return model


def found(model, digit_images, **options):
    checks = selfcheck.run(model, *digit_images, **{"epsilon": 0.1, **options})
    return {check.name: check for check in checks}


@pytest.mark.slow
def test_a_trained_network_fails_nothing(trained, digit_images):
    checks = found(trained, digit_images)
    assert list(checks) == NAMES
    assert not [check for check in checks.values() if check.status == "fail"]
    predicted = trained.predict(digit_images[0], verbose=0).argmax(axis=1)
    assert checks["accuracy"].value == (predicted == digit_images[1]).mean()
    assert checks["epsilon_zero"].value == checks["accuracy"].value
    assert checks["large_epsilon"].value < 0.1 < checks["random_noise"].value
    assert 0 < checks["within_ball"].value <= 0.1 + 1e-6


@pytest.mark.slow
def test_large_logits_are_recognised(trained, digit_images):
    masked = keras.Sequential([trained, keras.layers.Rescaling(50.0)])
    checks = found(masked, digit_images)
    assert list(checks) == NAMES
    assert checks["zero_gradient"].status == "fail"
    assert checks["zero_gradient"].value > 0.5


@pytest.mark.parametrize(
    ("last", "name", "hint"),
    [
        (keras.layers.Softmax(), "logits", "end the model in a linear layer"),
        (AlwaysNoise(0.1), "deterministic", "the model is random"),
        (OwnStatistics(), "batch_independent", "batch statistics"),
        (keras.layers.Rescaling(float("inf")), "finite", "NaN or infinite"),
    ],
)
def test_an_unusable_model_fails_and_is_not_attacked(last, name, hint, trained, digit_images):
    checks = found(keras.Sequential([trained, last]), digit_images)
    assert checks[name].status == "fail" and hint in checks[name].message
    assert list(checks) == [*NAMES[: NAMES.index(name) + 1], "attacks"]
    assert "not run" in checks["attacks"].message


def test_nan_passes_nothing(digit_images):
    first = keras.layers.Dense(10, bias_initializer=keras.initializers.Constant(float("nan")))
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), first])
    checks = found(model, digit_images)
    assert checks["logits"].status == "warn" and checks["finite"].status == "fail"


def test_few_images_say_little(trained, digit_images):
    few = tuple(each[:5] for each in digit_images)
    check = model_checks.accuracy(Subject(trained, *few, 0.1, 0))
    assert check.status == "warn" and "--examples" in check.message


class Told:
    """A subject whose accuracies are given, to put one check to the test."""

    epsilon, seed, chance, one_image, clean_accuracy = 0.1, 0, 0.1, 0.005 + 1e-9, 0.9
    images = np.full((200, 4, 4, 1), 0.5, "float32")
    fgsm = "fgsm"

    def __init__(self, **accuracy):
        self.given = {"fgsm": 0.4, "pgd": 0.3, "noise": 0.8, **accuracy}

    def pgd(self, epsilon=None, **options):
        key = options or {"epsilon": epsilon}
        return "pgd " + " ".join(f"{name}={value}" for name, value in key.items())

    def accuracy(self, attack):
        return self.given.get(attack, self.given["fgsm" if attack == "fgsm" else "pgd"])

    def accuracy_on(self, images):
        assert np.abs(images - self.images).min() == pytest.approx(self.epsilon)
        return self.given["noise"]


@pytest.mark.parametrize(
    ("check", "good", "bad", "status"),
    [
        ("epsilon_zero", {"pgd epsilon=0.0": 0.9}, {"pgd epsilon=0.0": 0.895}, "fail"),
        ("monotone", {"pgd epsilon=0.2": 0.305}, {"pgd epsilon=0.2": 0.31}, "fail"),
        ("large_epsilon", {"pgd loss=margin": 0.15}, {"pgd loss=margin": 0.16}, "fail"),
        ("pgd_beats_fgsm", {"fgsm": 0.295}, {"fgsm": 0.29}, "fail"),
        ("steps_converged", {"pgd steps=40": 0.295}, {"pgd steps=40": 0.29}, "warn"),
        ("restarts", {"pgd restarts=5": 0.3}, {"pgd restarts=5": 0.305}, "fail"),
        ("random_noise", {"noise": 0.395}, {"noise": 0.39}, "fail"),
        ("margin_loss", {"pgd loss=margin": 0.25}, {"pgd loss=margin": 0.24}, "fail"),
    ],
)
def test_each_accuracy_has_its_limit(check, good, bad, status):
    check = getattr(attack_checks, check)
    assert check(Told(**good)).status == "pass"
    assert check(Told(**bad)).status == status


def test_random_squares_break_what_they_can(trained, digit_images):
    rows = np.arange(EXAMPLES)
    left = [
        attack_checks._withstand_squares(Subject(trained, *digit_images, epsilon, seed=0), rows)
        for epsilon in (1e-6, 0.5)
    ]
    predicted = trained.predict(digit_images[0], verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(left[0], predicted == digit_images[1])
    assert left[1].mean() < 0.5


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    """Saved models, good and not."""
    folder = tmp_path_factory.mktemp("a folder of models")

    class Unknown(keras.layers.Layer):
        """Registered nowhere."""

        def call(self, inputs):
            return inputs

    lasts = {
        "plain": [],
        "softmax": [keras.layers.Softmax()],
        "unknown": [Unknown()],
        "lambda": [keras.layers.Lambda(lambda logits: logits)],
        "hidden": [HiddenSoftmax()],
        "five": [keras.layers.Dense(5)],
        "flat": [keras.layers.Reshape((10, 1))],
    }
    for name, layers in lasts.items():
        keras.Sequential([keras.Input((8, 8, 1)), trained, *layers]).save(folder / f"{name}.keras")
    first = [keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 255)]
    levels = [*first, trained, keras.layers.Softmax()]
    keras.Sequential(levels).save(folder / "levels.keras")
    np.savez(folder / "bare.npz", images=np.zeros((3, 8, 8, 1), "uint8"))
    (folder / "cut.keras").write_bytes((folder / "plain.keras").read_bytes()[:500])
    (folder / "other.h5").touch()
    return folder


class TestCommand:
    def run(self, folder, name, *options):
        model, examples = str(folder / name), ["--examples", str(EXAMPLES)]
        given = [] if "--data" in options else ["--dataset", "digits"]
        return command_line.main(["selfcheck", model, *given, *examples, *options])

    @pytest.mark.slow
    def test_prints_a_line_a_check(self, folder, digit_images, capsys):
        assert self.run(folder, "plain.keras", "--epsilon", "0.1") == 0
        output = capsys.readouterr()
        lines = output.out.splitlines()
        assert [line.split()[1] for line in lines[:-2]] == NAMES
        assert {line.split()[0] for line in lines[:-2]} <= {"pass", "warn"}
        assert lines[-1].endswith(f"0 fail; {EXAMPLES} images of digits, L-inf 0.1")
        assert output.err == ""

    @pytest.mark.parametrize("options", [[], ["--output", "logits"]])
    def test_a_failure_is_the_exit_status(self, options, folder, capsys):
        assert self.run(folder, "hidden.keras", *options) == 1
        assert "(--output softmax)" in capsys.readouterr().out

    def test_what_the_last_layer_says_is_converted_and_told(self, folder, monkeypatch, capsys):
        monkeypatch.setattr(attack_checks, "CHECKS", ())
        assert self.run(folder, "softmax.keras") == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("The model ends in a softmax; the logits before it are tested")
        assert lines[1].startswith("pass  logits")
        assert self.run(folder, "levels.keras", "--output", "softmax") == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("The model divides pixels by 255 or the like")
        assert lines[1].startswith("pass  logits")

    def test_the_standard_evaluation_comes_last(self, folder, monkeypatch, capsys):
        monkeypatch.setattr(attack_checks, "CHECKS", ())
        few = {"targets": 2, "queries": 20, "precision": "float32"}
        standard = functools.partial(attacks.standard, **few)
        monkeypatch.setattr(attacks, "standard", standard)
        assert self.run(folder, "plain.keras", "--standard", "--epsilon", "0.05") == 0
        *_, title, clean, first, aimed, squares, robust = capsys.readouterr().out.splitlines()
        assert title == "Standard evaluation, L-inf 0.05, each attack on what is left:"
        assert clean.endswith(f"no attack, {EXAMPLES} images")
        assert "APGD (cross-entropy, 100 steps) on" in first
        assert "APGD-T (DLR, 2 targets, 100 steps each) on" in aimed
        assert "Square (20 queries) on" in squares
        numbers = [float(line.split()[0]) for line in (clean, first, aimed, squares, robust)]
        assert numbers == sorted(numbers, reverse=True)
        assert robust.endswith("search led in float32")

    def test_no_standard_evaluation_of_a_model_that_fails(self, folder, capsys):
        assert self.run(folder, "hidden.keras", "--standard", "--output", "logits") == 1
        assert "No standard evaluation: mend first what fails above" in capsys.readouterr().out

    def test_takes_a_published_network_and_what_it_was_trained_on(
        self, trained, tmp_path, monkeypatch, capsys
    ):
        monkeypatch.setattr(attack_checks, "CHECKS", ())
        recipe = Recipe(dataset="digits", examples=(20, 10), model="small_cnn", epochs=1)
        history = pd.DataFrame({"epoch": [1], "loss": 1.0, "accuracy": 0.5, "val_accuracy": 0.25})
        path = tmp_path / "a.keras"
        published.write(path, recipe, data.load("digits", examples=(20, 10)), trained, history)
        name = "digits-small_cnn-examples=20x10-epochs=1-seed=0"
        command = ["selfcheck", name, "--published", str(tmp_path), "--examples", "20"]
        assert command_line.main(command) == 0
        printed = capsys.readouterr().out
        assert "pass  logits" in printed and printed.endswith(
            "20 images of digits, L-inf 0.03137\n"
        )

    @pytest.mark.parametrize(
        ("name", "options", "message"),
        [
            ("missing.keras", [], "must be a file that exists"),
            ("other.h5", [], "must be a whole .h5 file"),
            ("cut.keras", [], "must be a whole .keras file"),
            ("unknown.keras", [], "Could not locate class 'Unknown'"),
            ("lambda.keras", [], "Lambda"),
            ("softmax.keras", ["--output", "logits"], "must be 'softmax', which is what"),
            ("five.keras", [], "the data must have the model's 5 classes, or --class-indices"),
            ("flat.keras", [], "must return (batch, classes)"),
            ("plain.keras", ["--dataset", "digitz"], "nearest: 'digits'"),
            ("plain.keras", ["--dataset", "synthetic"], "--image-size 8 8 resizes them"),
            ("plain.keras", ["--data", "{}/bare.npz"], "`data` must have labels"),
            ("plain.keras", ["--epsilon", "0"], "`epsilon` must be above 0"),
            ("plain.keras", ["--examples", "0"], "Received: examples=0"),
        ],
    )
    def test_unusable_input_is_one_line(self, name, options, message, folder, capsys):
        assert self.run(folder, name, *[each.format(folder) for each in options]) == 2
        output = capsys.readouterr()
        assert output.err.startswith("error: ") and message in output.err
        assert output.err.count("\n") == 1 and output.out == ""

    @pytest.mark.parametrize("arguments", [[], ["selfcheck", "--help"]])
    def test_help(self, arguments, capsys):
        with pytest.raises(SystemExit) as stop:
            command_line.main(arguments)
        assert stop.value.code == 0
        assert "robust accuracy of a model can be believed" in capsys.readouterr().out
