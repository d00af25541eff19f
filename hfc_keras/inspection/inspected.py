"""A model under inspection with the images, and its answers to them."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import SupportsInt

import keras
import numpy as np

from hfc_keras.analysis import chance, predictions
from hfc_keras.analysis.predictions import LEAST
from hfc_keras.inspection.budget import Budget
from hfc_keras.types import Floats, Integers


@dataclasses.dataclass(frozen=True, eq=False)
class Inspected:
    """A model from [0, 1] to logits, the images and what is known of them.

    Args:
        name: str, what the page calls the model.
        model: keras.Model, as ``models.as_classifier`` makes it.
        images: float32 ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)``, the model's own answers where there are no labels.
        labelled: bool, whether the labels are true ones.
        class_names: dict from class to name, of the classes that have one.
        train_images: float32 like images or None, for population statistics.
        budget: Budget.
        seed: int, of every random draw.
        sources: list of str, where each image is from.
    """

    name: str
    model: keras.Model
    images: Floats
    labels: Integers
    labelled: bool
    class_names: dict[int, str]
    train_images: Floats | None
    budget: Budget
    seed: int = 0
    sources: Sequence[str] = ()

    @property
    def batch_size(self) -> int:
        """Images at once."""
        return self.budget.batch_size

    @property
    def side(self) -> int:
        """Smaller side of the images in pixels."""
        return min(self.images.shape[1:3])

    @functools.cached_property
    def logits(self) -> Floats:
        """Logits of all images, float32 ``(examples, classes)``."""
        return predictions.predicted_logits(self.model, self.images, None, self.batch_size)

    @property
    def classes(self) -> int:
        """Number of classes of the model."""
        return self.logits.shape[1]

    @property
    def chance(self) -> float:
        """Accuracy of guessing among the model's classes."""
        return 1 / self.classes

    @functools.cached_property
    def answers(self) -> Integers:
        """Class that the model gives each image."""
        return self.logits.argmax(axis=1)

    @functools.cached_property
    def accuracy(self) -> float:
        """Share of all images that are right."""
        return float((self.answers == self.labels).mean())

    @functools.cached_property
    def beyond_luck(self) -> bool:
        """Whether it is right more often than answers in random order would be."""
        if not self.labelled:
            return True
        if len(set(self.labels.tolist())) == 1:
            return self.accuracy > self.chance
        return chance.beyond_luck(self.answers, self.labels)[0]

    @property
    def doubt(self) -> str:
        """Why its accuracy says nothing, the end of a sentence about it; empty if it does."""
        count = len(self.images)
        if count < LEAST:
            return f"cannot be judged by {count} image{'s' * (count > 1)}; use {LEAST} or more"
        return "" if self.beyond_luck else "is near chance on these images"

    @property
    def scored(self) -> str:
        """What a share of right answers is called."""
        agreement = "agreement with its own answers above chance"
        return "accuracy above chance" if self.labelled else agreement

    def some(self, count: int) -> tuple[Floats, Integers]:
        """Return the first images in an order drawn by the seed, and their labels.

        Args:
            count: int, how many at most.

        Returns:
            ``(images, labels)``. Mixed, so that batch statistics are of many classes.
        """
        rows = self.some_rows(count)
        return self.images[rows], self.labels[rows]

    def some_rows(self, count: int) -> Integers:
        """Return rows of the images in that order, at most ``count``."""
        return np.random.default_rng(self.seed).permutation(len(self.images))[:count]

    def class_name(self, label: SupportsInt) -> str:
        """Name of a class, or its number."""
        return self.class_names.get(int(label), str(int(label)))
