"""Sizes to which experiments resize their images."""

import types

import pytest

from experiments import all as every_experiment
from experiments import batch_size
from experiments.measures import changed_images
from hfc_keras import data
from hfc_keras.lab.parallel import tasks


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
