import types

import keras
import numpy as np
import pytest
from PIL import Image

from experiments import all as every_experiment
from experiments import batch_size
from experiments.measures import changed_images
from hfc_keras import __main__ as command_line
from hfc_keras import data, models
from hfc_keras.commands.sized_images import sized_images
from hfc_keras.lab.parallel import tasks


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photographs of several sizes."""
    top, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name in ("cat", "dog"):
        (top / name).mkdir()
        for number in range(10):
            pixels = rng.integers(0, 256, (12 + number % 2, 10, 3), dtype="uint8")
            Image.fromarray(pixels).save(top / name / f"{number}.png")
    return top


@pytest.fixture
def model():
    return models.build("small_cnn", (12, 14, 3), 2)


def of_any_size(channels):
    return keras.Sequential([keras.Input((None, None, channels)), keras.layers.Flatten()])


def test_images_of_several_sizes_come_in_the_models(photos, model):
    dataset, size = sized_images(model, photos)
    assert dataset.image_shape == (12, 14, 3) and size == (12, 14)
    want = data.load(photos, image_size=(12, 14))
    np.testing.assert_array_equal(dataset.test.pixels, want.test.pixels)
    dataset, size = sized_images(model, photos, image_size=9)
    assert dataset.image_shape == (9, 9, 3) and size is None
    with pytest.raises(data.MixedSizesError, match="--image-size"):
        sized_images(of_any_size(3), photos)


@pytest.mark.parametrize(
    "name, shape, got, resized",
    [
        ("digits", (8, 8, 1), (8, 8, 1), None),
        ("digits", (12, 10, 1), (12, 10, 1), (12, 10)),
        ("digits", (12, 12, 3), (8, 8, 1), None),
        ("synthetic", (24, 24, 3), (24, 24, 3), (24, 24)),
        ("synthetic", (8, 8, 1), (32, 32, 3), None),
    ],
)
def test_images_are_resized_where_that_makes_them_fit(name, shape, got, resized):
    dataset, size = sized_images(models.build("small_cnn", shape, 10), name, examples=4)
    assert (dataset.image_shape, size) == (got, resized)


def test_a_model_of_any_size_takes_images_as_they_are():
    assert sized_images(of_any_size(1), "digits", examples=4)[0].image_shape == (8, 8, 1)


@pytest.mark.parametrize(
    "options, said, status",
    [
        ([], "images resized to the model's 12 x 14 pixels (--image-size", (0, 1)),
        (["--image-size", "12", "14"], None, (0, 1)),
        (["--image-size", "9"], "the model's input shape", (2,)),
    ],
)
def test_selfcheck_says_to_what_it_resized(options, said, status, photos, model, tmp_path, capsys):
    model.save(tmp_path / "m.keras")
    told = [str(tmp_path / "m.keras"), "--dataset", str(photos), "--examples", "4", *options]
    assert command_line.main(["selfcheck", *told]) in status
    output = "".join(capsys.readouterr())
    assert output.count("resized to") == (said is not None and status == (0, 1))
    assert said is None or said in output


@pytest.mark.parametrize(
    "told, size",
    [([], None), (["--image-size", "32"], 32), (["--image-size", "32", "24"], (32, 24))],
)
def test_every_experiment_takes_a_size(told, size):
    import tyro

    settings = tyro.cli(batch_size.Settings, args=told)
    assert settings.base_recipe().image_size == size
    whole = tyro.cli(every_experiment.Settings, args=told)
    assert whole.image_size == size and "image_size" in tasks.SHARED


def test_the_size_left_out_changes_no_recipe():
    assert "image_size" not in batch_size.Settings().base_recipe().to_dict()


@pytest.mark.parametrize("size, found", [(None, True), (16, False)])
def test_published_corruptions_stay_out_where_images_are_resized(size, found, monkeypatch):
    monkeypatch.setattr(data, "corrupted_split", lambda *told, **options: "published")
    cell = types.SimpleNamespace(
        settings=batch_size.Settings(dataset="cifar10", image_size=size),
        recipe=types.SimpleNamespace(image_size=size),
    )
    assert (changed_images._published(cell, 5, (3,)) is not None) == found
