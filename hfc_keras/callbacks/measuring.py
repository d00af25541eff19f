"""What callbacks share that measure a network after some epochs."""

import contextlib
import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, cast

import keras
import pandas as pd

from hfc_keras import checks
from hfc_keras.analysis.inputs import Images, given
from hfc_keras.analysis.predictions import NEAR_CHANCE, checked
from hfc_keras.training.image_training import ImageTraining
from hfc_keras.types import ArrayLike, Floats


class Measuring(keras.callbacks.Callback):
    """Base of the callbacks that measure the network in training after some epochs.

    The numbers of every ``every``-th epoch and of the last one go into Keras' ``logs``; in the
    epochs between the same keys stand there with NaN. So a ``CSVLogger``, whose columns are those
    of the first epoch, has them all. Callbacks that come later in the list see the numbers, and so
    does ``History``, which Keras puts last.

    Of ``training.AdversarialTraining`` and ``training.FourierRegularized`` their network is
    measured. Images, labels and the contract that measures have with a model are checked when
    ``fit`` begins. A measure that refuses a network later, such as one whose logits are not finite
    any more, does not end the training: it is warned of, and the numbers are NaN.

    Args:
        images: see ``hfc_keras.analysis``; read once, when the callback is made.
        labels: int ``(examples,)`` or one-hot, or None where the images bring theirs.
        every: int from 1.
        prefix: str, what the keys in the logs begin with.
        batch_size: int from 1, images at once.

    Warns:
        UserWarning: where another callback or a metric has numbers of the same names in the logs,
            which stay.

    Raises:
        ValueError: for images that are no pixels, an ``every`` that is not a whole number from 1,
            or an empty prefix; by ``fit`` as ``analysis.changed_accuracy``.
    """

    def __init__(
        self, images: Images, labels: ArrayLike | None, every: int, prefix: str, batch_size: int
    ) -> None:
        super().__init__()
        images, found = given(images, labels)
        self.images, self.labels = checks.pixels(images), cast(Any, found)
        self.every = checks.number("every", every, minimum=1, whole=True)
        checks.require(isinstance(prefix, str) and prefix, "`prefix` must be a str", prefix=prefix)
        self.prefix, self.batch_size = prefix, batch_size
        self.table = pd.DataFrame()

    def measured(self, model: keras.Model, images: Floats, labels: ArrayLike) -> pd.DataFrame:
        """Table of the measure for a network, which a subclass makes."""
        raise NotImplementedError

    def numbers(self, table: pd.DataFrame) -> Mapping[str, float]:
        """Those of a table that go into the logs, by the rest of their keys."""
        raise NotImplementedError

    def names(self) -> list[str]:
        """Rests of all keys, known before anything is measured."""
        raise NotImplementedError

    def on_train_begin(self, logs: Any = None) -> None:
        """Refuse what cannot be measured before any time is spent."""
        self.table = pd.DataFrame()
        with _without_word_of_chance():
            self.try_out(self.network())

    def try_out(self, model: keras.Model) -> None:
        """Refuse a network, images and labels that the measure would refuse."""
        _, self.labels = checked(model, self.images, self.labels, self.batch_size)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Put the numbers of the epoch into the logs, or NaN."""
        found = dict.fromkeys(self.names(), math.nan)
        last = (self.params or {}).get("epochs") == epoch + 1
        if last or (epoch + 1) % self.every == 0:
            found.update(self._numbers_after(epoch))
        if logs is not None:
            named = {f"{self.prefix}_{name}": float(value) for name, value in found.items()}
            self._write(named, logs)

    def _write(self, named: dict[str, float], logs: Any) -> None:
        """Put numbers into the logs, but over none of another callback or of a metric."""
        taken = [key for key in named if key in logs]
        if taken:
            warnings.warn(
                f"The logs have {', '.join(taken[:3])} already, of another callback or a metric; "
                f"those of this {type(self).__name__} are left out. Give it a `prefix` of its own.",
                stacklevel=3,
            )
        logs.update({key: value for key, value in named.items() if key not in taken})

    def _numbers_after(self, epoch: int) -> Mapping[str, float]:
        try:
            with _without_word_of_chance():
                table = self.measured(self.network(), self.images, self.labels)
        except ValueError as error:
            warnings.warn(
                f"{type(self).__name__} has NaN for epoch {epoch + 1}: {error}", stacklevel=3
            )
            return {}
        table.insert(0, "epoch", epoch + 1)
        self.table = pd.concat([self.table, table], ignore_index=True)
        return self.numbers(table)

    def network(self) -> Any:
        """The network itself, of a training that is wrapped round it too."""
        return self.model.model if isinstance(self.model, ImageTraining) else self.model


@contextlib.contextmanager
def _without_word_of_chance() -> Iterator[None]:
    """Say nothing of chance, which a network in training may well be near."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=NEAR_CHANCE, category=UserWarning)
        yield
