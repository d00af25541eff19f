"""From ``pip install`` to the profile of one's own model: the README's commands and lines."""

import dataclasses
import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from own.given import NETWORKS, PHOTOS, present

from hfc_keras import __main__ as command_line
from hfc_keras import data, models
from hfc_keras.commands import model_source
from hfc_keras.inspection.half_radius import about, crossing

pytestmark = pytest.mark.jax
README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SHELL, LINES = re.search(r"```\n(.*?)```.*?```python\n(.*?)```", README, re.DOTALL).groups()
COMMAND = SHELL.splitlines()[-1].partition("hfc-keras ")[2]
COUNT = 60


@dataclasses.dataclass(frozen=True)
class Made:
    """A model that plain Keras makes, what it is trained on, and how its user calls ``inspect``."""

    model: Callable[[], keras.Model]
    loss: str = "sparse_categorical_crossentropy"
    shape: tuple[int, int, int] = (8, 8, 1)
    classes: int = 10
    scale: float = 1.0
    epochs: int = 6
    # What each answer of the model stands for.
    class_of: Callable[[np.ndarray], np.ndarray] = lambda outputs: outputs.argmax(axis=1)
    data: str = "FOLDER"
    options: str = ""

    def answers(self, model, images):
        """Class that the model gives each image of [0, 1]."""
        return self.class_of(model.predict(self.scale * images, verbose=0))


def softmax():
    convolution = keras.layers.Conv2D(8, 3, activation="relu")
    last = [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((8, 8, 1)), convolution, *last])


def of_applications():
    """One with preprocessing inside, whose batch norms know their statistics after some steps."""
    options = {"alpha": 0.35, "minimalistic": True, "weights": None, "classes": 10}
    model = keras.applications.MobileNetV3Small((96, 96, 3), **options)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5
    return model


def binary():
    last = keras.layers.Dense(1, activation="sigmoid")
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), last])


OWN = """
    import keras

    @keras.saving.register_keras_serializable(package="own")
    class Centered(keras.layers.Layer):
        def build(self, input_shape):
            self.middle = self.add_weight(shape=(), initializer="zeros")

        def call(self, images):
            return images - self.middle

    @keras.saving.register_keras_serializable(package="own")
    class Network(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.centered, self.flat = Centered(), keras.layers.Flatten()
            self.dense = keras.layers.Dense(10)

        def call(self, images):
            return self.dense(self.flat(self.centered(images)))
"""


def subclassed():
    Path("own_layers.py").write_text(textwrap.dedent(OWN))
    return model_source.imported("own_layers.py").Network()


KINDS = {
    "softmax": Made(softmax),
    "binary": Made(
        binary,
        "binary_crossentropy",
        classes=2,
        epochs=12,
        class_of=lambda outputs: (outputs[:, 0] > 0.5).astype(int),
        data="test.npz",
    ),
    "subclassed": Made(
        subclassed,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        options="--import own_layers.py",
    ),
    "applications": Made(
        of_applications, shape=(96, 96, 3), scale=255.0, epochs=2, data="test.npz"
    ),
}


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.slow] * (name == "applications")) for name in KINDS
    ]
)
def made(request, tmp_path, monkeypatch):
    """One of them; the working folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    return KINDS[request.param]


def stored(made):
    """Save a trained model and test images in the working folder, and return them."""
    keras.utils.set_random_seed(0)
    digits, parts = data.load("digits", examples=(600, COUNT)), []
    for part in (digits.train, digits.test):
        own = made.shape == part.images.shape[1:]
        images = part.images if own else data.as_images_like(part.images, made.shape)
        parts.append((np.rint(255 * images).astype("uint8"), part.labels % made.classes))
    (seen, known), (pixels, labels) = parts
    model = made.model()
    model.compile(keras.optimizers.Adam(1e-2), made.loss, metrics=["accuracy"])
    model.fit(made.scale / 255 * seen, known, batch_size=20, epochs=made.epochs, verbose=0)
    model.save("MODEL.keras")
    np.savez("test.npz", x_test=pixels, y_test=labels)
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        place = Path("FOLDER", str(label))
        place.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(place / f"{index:02}.png", image, scale=False)
    return model, pixels, labels


def half_radius(made, model, images, labels, radii):
    """Radius at which half of the accuracy above chance is back, by NumPy and ``predict``."""
    rows, columns = (np.fft.fftfreq(side, 1 / side) for side in made.shape[:2])
    distance = np.hypot(rows[:, None], columns)[..., None]
    spectra, accuracy = np.fft.fft2(images, axes=(1, 2)), []
    for radius in (np.inf, *radii):
        low = np.fft.ifft2(spectra * (distance <= radius), axes=(1, 2)).real
        accuracy.append((made.answers(model, low.astype("float32")) == labels).mean())
    clean, *low = accuracy
    return crossing(pd.Series(low, radii), (clean + 1 / made.classes) / 2)


def test_it_takes_three_commands_or_three_lines():
    lines = [line for line in LINES.splitlines() if line]
    assert len(SHELL.splitlines()) == len(lines) == 3 and COMMAND.startswith("inspect ")


def test_the_command_and_the_lines_profile_a_model_of_ones_own(made, only, capsys):
    only("answers", "frequency_accuracy")
    model, pixels, labels = stored(made)
    images = (pixels / 255).astype("float32")
    right = made.answers(model, images) == labels
    accuracy = model.evaluate(made.scale * images, labels, verbose=0)[1]
    assert accuracy == pytest.approx(right.mean()) and accuracy > 1 / made.classes + 0.2
    told = f"{accuracy:.2f} of {COUNT} images right"

    command = COMMAND.replace("FOLDER", made.data)
    assert command_line.main([*command.split(), *made.options.split()]) == 0
    printed, folder = capsys.readouterr().out, Path("frequency_profile")
    page = (folder / "profile.html").read_text()
    answers = pd.read_csv(folder / "answers.csv")
    assert answers["right"].sum() == right.sum() and answers["examples"].sum() == COUNT
    radii = pd.read_csv(folder / "frequency_accuracy.csv")["radius"].dropna().unique()
    radius = half_radius(made, model, images, labels, radii)
    nyquist = f"{made.shape[0] / 2:g} cycles per image"
    headline = f": those up to {about(radius, radii.min())} of {nyquist} are enough for half"
    assert told in printed and headline in printed and told in page and headline in page

    names = {"model": model, "images": pixels, "labels": labels}
    exec(compile(LINES, "README.md", "exec"), names)  # noqa: S102
    profile = names["profile"]
    assert told in profile.summary[0] and headline in profile.headlines[0]
    assert told in (folder / "profile.html").read_text() and profile.failed == []


@pytest.mark.slow
def test_every_question_is_put_to_one_of_keras_applications(tmp_path):
    keras.utils.set_random_seed(0)
    of_applications().save(tmp_path / "MODEL.keras")
    digits = data.load("digits", examples=(1, 24)).test
    images = data.as_images_like(digits.images, (96, 96, 3))
    np.savez(tmp_path / "test.npz", x_test=images, y_test=digits.labels)
    command = f"inspect {tmp_path}/MODEL.keras --data {tmp_path}/test.npz --fast --out {tmp_path}"
    assert command_line.main(command.split()) == 0
    # Untrained, so that the page says first what to look at.
    assert "near chance" in (tmp_path / "profile.html").read_text()
    kinds = pd.read_csv(tmp_path / "frequency_accuracy.csv")["bn_statistics"].unique().tolist()
    assert kinds == ["moving", "batch", "population"]
    assert (tmp_path / "profile.html").stat().st_size < 6e6


# JAX' compiler, whose optimizations the tests do without, takes half an hour.
@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_published_network_that_knows_more_classes_than_the_data_have(tmp_path):
    network = NETWORKS / "efficientnet_lite0.keras"
    present(network, PHOTOS)
    indices = "482 491 497 217 566 569 571 574 701 0".split()
    command = ["inspect", str(network), "--data", str(PHOTOS), "--class-indices", *indices]
    assert command_line.main([*command, "--fast", "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "profile.json").read_text())
    share = float(re.search(r"Answers: (0\.\d+) of 200", record["summary"][0])[1])
    assert 0.55 < share < 0.75
    page = tmp_path / "profile.html"
    assert "10 of the 1000 classes" in page.read_text() and page.stat().st_size < 6e6


# It takes 20 s on two cores that others use, too, and 1.1 GB, of which TensorFlow alone takes two
# thirds. The bounds are the two minutes of `--help`, six times as long, and nearly three times the
# memory.
@pytest.mark.tensorflow
@pytest.mark.slow
def test_fast_is_two_minutes_and_little_memory(new_python, tmp_path, rng):
    model = models.build("resnet20", (32, 32, 3), 10)
    pixels = rng.integers(0, 256, (1000, 32, 32, 3), "uint8")
    # All answers are right and of many classes, so that no measure ends early.
    logits = model.predict((pixels / 255).astype("float32"), verbose=0)
    last, mean = model.layers[-1], logits.mean(axis=0)
    last.set_weights([last.kernel, last.bias - mean])
    model.save(tmp_path / "resnet20.keras")
    np.savez(tmp_path / "test.npz", x_test=pixels, y_test=(logits - mean).argmax(axis=1))
    told = new_python(f"""
import os, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
start = time.perf_counter()
from hfc_keras import __main__ as command_line
os.chdir({str(tmp_path)!r})
assert command_line.main("inspect resnet20.keras --data test.npz --fast".split()) == 0
# Of this process alone: the peak that getrusage returns begins with that of its parent.
peak = open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]
print(time.perf_counter() - start, int(peak) / 1e6)
""")
    seconds, gigabytes = map(float, told.splitlines()[-1].split())
    assert seconds < 120 and gigabytes < 3
