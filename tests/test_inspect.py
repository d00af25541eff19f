"""The profile of a model: what it measures, what it says, and the page of it."""

import html.parser
import json
import re
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from own import plain

import hfc_keras
from hfc_keras import analysis, data, models
from hfc_keras.inspection.budget import Budget
from hfc_keras.inspection.half_radius import crossing
from hfc_keras.inspection.sections import SECTIONS

pytestmark = pytest.mark.jax
COUNT = 60
KEYS = [each.key for each in SECTIONS]


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", examples=(600, COUNT))


@pytest.fixture(scope="module")
def softmax(digits):
    return plain.softmax(digits.train)


@pytest.fixture(scope="module")
def profile(softmax, digits):
    names = [f"<b>{name}</b>" for name in digits.class_names]
    test = digits.test
    return hfc_keras.inspect(
        softmax,
        test.images,
        test.labels,
        class_names=names,
        data_name="<i>digits</i>",
        fast=True,
    )


@pytest.fixture(scope="module")
def text(profile):
    return profile.to_html()


def test_every_question_has_a_table_and_a_sentence(profile):
    assert list(profile.tables) == KEYS and profile.failed == []
    assert len(profile.summary) == len(KEYS)
    for key in KEYS:
        assert isinstance(getattr(profile, key), pd.DataFrame) and key in dir(profile)
    assert set(KEYS) - {"selfcheck", "first_layer"} <= set(profile.figures)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        profile.nothing  # noqa: B018


def test_its_numbers_are_those_of_the_measures(profile, softmax, digits):
    classifier, test = models.as_classifier(softmax), digits.test
    right = (softmax.predict(test.images, verbose=0).argmax(axis=1) == test.labels).mean()
    assert profile.answers["right"].sum() / COUNT == right
    assert profile.summary[0].startswith(f"Answers: {right:.2f} of {COUNT} images right")
    radii = profile.frequency_accuracy["radius"].dropna().unique()
    own = analysis.frequency_accuracy(classifier, test.images, test.labels, radii)
    shown = profile.frequency_accuracy
    np.testing.assert_allclose(shown["accuracy"], own["accuracy"])
    rings = analysis.fourier_sensitivity(classifier, test.images, test.labels)
    np.testing.assert_allclose(profile.fourier_sensitivity["mean"], rings["mean"], atol=1e-5)


class Page(html.parser.HTMLParser):
    """What a page holds: tags, addresses, text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.open, self.headings, self.alts = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.addresses += [given[name] for name in ("src", "href") if name in given]
        if tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        if tag == "img":
            self.alts.append(given.get("alt"))


def test_the_page_is_whole_and_fetches_nothing(profile, text):
    page = Page(text)
    assert all(each.startswith(("data:", "#")) for each in page.addresses)
    assert "script" not in page.tags and "url(" not in text and "@import" not in text
    assert page.headings[0] == 1 and set(page.headings[1:]) == {2}
    assert page.alts and all(page.alts)
    assert len(text) < 6e6
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    links = {each[1:] for each in page.addresses if each.startswith("#")}
    assert links <= set(ids)
    for sentence in profile.summary:
        assert (
            sentence.partition(": ")[2][:30]
            .replace("'", "&#39;")
            .replace('"', "&#34;")
            .replace("<", "&lt;")
            .replace(">", "&gt;")
            in text
        )


def test_markup_in_names_is_text(text):
    assert "<b>" not in text and "<i>" not in text
    assert "&lt;b&gt;" in text and "&lt;i&gt;digits" in text


def test_a_notebook_shows_it_in_a_frame(profile, text, monkeypatch):
    monkeypatch.setattr(type(profile), "to_html", lambda self: text)
    shown = profile._repr_html_()
    assert shown.startswith("<iframe") and "srcdoc=" in shown
    assert Page(shown).tags == ["iframe"]


def test_saved_beside_each_other(profile, text, tmp_path, monkeypatch):
    monkeypatch.setattr(type(profile), "to_html", lambda self: text)
    written = profile.save(tmp_path / "new", formats=("pdf",))
    names = {path.name for path in written}
    assert {"profile.html", "profile.json", *(f"{key}.csv" for key in KEYS)} <= names
    assert {f"{key}.pdf" for key in profile.figures} <= names
    table = pd.read_csv(tmp_path / "new" / "frequency_accuracy.csv")
    pd.testing.assert_frame_equal(table, profile.frequency_accuracy, check_dtype=False)
    record = json.loads((tmp_path / "new" / "profile.json").read_text())
    assert record["images"] == COUNT and record["summary"] == profile.summary
    with pytest.raises(ValueError, match="`format` must be one of"):
        profile.save(tmp_path, formats=("bmp",))
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="`out` must be a folder that can be written"):
        profile.save(tmp_path / "file")


def test_several_models_stand_side_by_side(softmax, digits, only):
    only("answers", "frequency_accuracy", "calibration")
    other = keras.models.clone_model(softmax)
    test = digits.test
    found = hfc_keras.inspect({"a": softmax, "b": other}, test.images, test.labels, fast=True)
    assert found.names == ["a", "b"] and len(found.summary) == 6
    assert found.frequency_accuracy["model"].unique().tolist() == ["a", "b"]
    text = found.to_html()
    assert "The models side by side" in text and '<th scope="col">b</th>' in text


def test_a_note_says_which_model_it_is_of(softmax, digits, only, monkeypatch):
    only("answers", "frequency_accuracy")
    measure = analysis.frequency_accuracy

    def warned(*arguments, **options):
        warnings.warn("batches are small", stacklevel=2)
        return measure(*arguments, **options)

    monkeypatch.setattr(analysis, "frequency_accuracy", warned)
    both, test = {"a": softmax, "b": keras.models.clone_model(softmax)}, digits.test
    found = hfc_keras.inspect(both, test.images, test.labels)
    # That one of them guesses is said above all sections.
    assert found.outcomes[1].notes == ["a: batches are small", "b: batches are small"]
    assert "b is near chance" in found.to_html()
    alone = hfc_keras.inspect(softmax, test.images, test.labels)
    assert alone.outcomes[1].notes == ["batches are small"]


def test_without_labels_the_models_own_answers_stand_for_them(softmax, digits, only):
    only("answers", "frequency_accuracy", "calibration")
    found = hfc_keras.inspect(softmax, digits.test.images, fast=True)
    original = found.frequency_accuracy.set_index("component").loc["original", "accuracy"]
    assert original == 1.0
    assert "calibration" not in found.tables and found.failed == []
    assert any("Not measured: needs true labels" in each for each in found.summary)
    assert "There are no labels" in found.to_html()


def test_what_fails_is_told_and_the_others_go_on(softmax, digits, only, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no <room> left")

    only("answers", "band_stop_accuracy", "shift_consistency")
    monkeypatch.setattr(analysis, "band_stop_accuracy", fail)
    found = hfc_keras.inspect(softmax, digits.test.images, digits.test.labels, fast=True)
    assert found.failed == ["Band stop"] and "shift_consistency" in found.tables
    assert "Failed: RuntimeError: no &lt;room&gt; left" in found.to_html()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda x, y: (x, (y + 3) % 10), "classes in another order"),
        (lambda x, y: (x, np.zeros_like(y)), None),
    ],
)
def test_another_order_of_classes_is_seen(change, told, softmax, digits, only):
    only("answers")
    images, labels = change(digits.test.images, digits.test.labels)
    found = hfc_keras.inspect(softmax, images, labels, fast=True)
    texts = [each.text for each in found.remedies["plain"]]
    assert any(told in each for each in texts) if told else texts == []


def test_a_wrong_range_of_pixels_is_seen(softmax, digits, only):
    only("answers", "band_stop_accuracy")
    # It was trained on levels, which nothing in it says.
    levels = keras.Sequential([keras.Input((8, 8, 1)), Shrunk(), softmax], name="levels")
    test = digits.test
    wrong = hfc_keras.inspect(levels, test.images, test.labels, pixels=(0, 1), fast=True)
    assert any("--pixels 0 255" in each.text for each in wrong.remedies["levels"])
    right = hfc_keras.inspect(levels, test.images, test.labels, pixels=(0, 255), fast=True)
    assert right.remedies["levels"] == []
    assert right.answers["right"].sum() > 2 * wrong.answers["right"].sum()


@keras.saving.register_keras_serializable(package="tests")
class Shrunk(keras.layers.Layer):
    """Divides by 255, with a weight before that hides it."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(1, 1), initializer="ones", trainable=False)

    def call(self, inputs):
        return inputs * self.scale[0, 0] / 255


class Own(keras.Model):
    """A model of one's own class."""

    def __init__(self, first, **options):
        super().__init__(**options)
        self.first, self.flat = first, keras.layers.Flatten()
        self.dense = keras.layers.Dense(10)

    def call(self, images):
        return self.dense(self.flat(self.first(images)))


@pytest.mark.parametrize(
    ("first", "told"),
    [
        (keras.layers.Conv2D(2, 3, name="first"), "The 2 filters of 3 x 3 in 'first'"),
        (keras.layers.ReLU(name="first"), "no convolution of the images"),
    ],
)
def test_layers_of_a_model_of_ones_own_class_are_seen(first, told, digits, only):
    only("feature_spectrum", "first_layer")
    model = Own(first, name="own")
    model(digits.test.images[:1])
    found = hfc_keras.inspect(model, digits.test.images, digits.test.labels)
    assert found.failed == [] and told in found.summary[1]
    assert found.feature_spectrum["layer"].unique().tolist() == ["images", "first"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"images": np.zeros((2, 8, 8))}, "must be \\(batch, height, width, channels\\)"),
        ({"images": np.full((2, 8, 8, 1), 3.0)}, "must be in \\[0, 1\\]|Divide|0-255"),
        ({"images": np.zeros((2, 9, 9, 1))}, "must have the model's input shape"),
        ({"labels": [0, 10]}, "from 0 to 9"),
        ({"examples": 0}, "`examples` must be a whole number from 1"),
        ({"seed": -1}, "`seed` must be a whole number from 0"),
        ({"model": {}}, "`model` must be a model, or a dict of at least one"),
        ({"model": 3}, "model"),
    ],
)
def test_what_cannot_be_measured_is_refused(options, match, softmax):
    given = {"images": np.zeros((2, 8, 8, 1)), "labels": [0, 1], "model": softmax, **options}
    model, images = given.pop("model"), given.pop("images")
    with pytest.raises(ValueError, match=match):
        hfc_keras.inspect(model, images, given.pop("labels"), fast=True, **given)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("side", [8, 32, 96, 224])
def test_a_budget_fits_the_images(side, fast):
    budget = Budget.of((side, side, 3), 1000, fast)
    assert 0 < min(budget.radii) and max(budget.radii) == side / 2
    assert max(budget.shifts) <= side // 4 and 8 <= budget.batch_size <= 256
    assert Budget.of((side, side, 3), 7, fast).filtered == 7


def test_where_a_curve_crosses_a_level():
    values = pd.Series([0.5, 0.2, 0.8], index=[1.0, 2.0, 4.0])
    assert crossing(values, 0.4) == 1.0
    assert crossing(values, 0.9) is None
