"""The frequency profile of a model: every question asked, whatever fails."""

import contextlib
import functools
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras

from hfc_keras import checks, contract, endings, error_texts, models
from hfc_keras.analysis import predictions
from hfc_keras.inspection import arguments
from hfc_keras.inspection.budget import Budget
from hfc_keras.inspection.chosen_images import ChosenImages, chosen_images, population_images
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.outcome import Outcome
from hfc_keras.inspection.profile import Profile
from hfc_keras.inspection.progress import steps
from hfc_keras.inspection.remedies import remedies
from hfc_keras.inspection.section import NotApplicableError
from hfc_keras.inspection.sections import SECTIONS
from hfc_keras.types import ArrayLike, Floats

KINDS = (UserWarning, RuntimeWarning)
NO_LABELS = "needs true labels"
GUESSING = "The model {}, so that this says nothing of it."


def inspect(
    model: Any,
    images: Any,
    labels: ArrayLike | None = None,
    *,
    class_names: Sequence[str] | Mapping[int, str] | None = None,
    train_images: ArrayLike | None = None,
    pixels: Sequence[float] | None = None,
    output: str | None = None,
    output_name: str | int | None = None,
    preprocessing: Callable[..., Any] | str | None = None,
    fast: bool = False,
    examples: int | None = None,
    seed: int = 0,
    name: str | None = None,
    data_name: str = "images",
    progress: bool | None = None,
    notes: Sequence[str] = (),
    sources: Sequence[str] = (),
) -> Profile:
    """Which frequencies of an image a model lives on: its profile, in tables, figures and words.

    Args:
        model: what ``models.as_classifier`` takes: anybody's keras.Model or function of images; or
            a dict from names to several of them, to be set side by side.
        images: uint8 or float in [0, 1] ``(examples, height, width, channels)``; or a
            ``data.Split`` or a data set of (images, labels) batches, with ``labels`` left out.
        labels: int ``(examples,)`` or one-hot, in the numbering of the model's classes; None if
            there are none. The model's own answers to the images stand for them then, accuracy
            is the share of answers that stay, and what needs labels is left out.
        class_names: list of str, one per class of the model, or dict from class to name.
        train_images: like ``images``, what the model was trained on, for population statistics of
            batch normalization; None takes ``images``.
        pixels: pair of floats or None, see ``models.as_classifier``.
        output: str or None, see ``models.as_classifier``.
        output_name: str, int or None, see ``models.as_classifier``.
        preprocessing: ``"caffe"``, ``"torch"``, ``"tf"``, a layer, a function or None, see
            ``models.as_classifier``.
        fast: bool, whether to use fewer images and steps: one to two minutes for a network of
            CIFAR's size on two cores, instead of some ten.
        examples: int or None, images to use at most, drawn by the seed.
        seed: int from 0, of every random draw.
        name: str or None, what the page calls the model; None is the model's own name.
        data_name: str, what the page calls the images.
        progress: bool, whether to show it; None is on a terminal and in a notebook.
        notes: list of str, what the page must say of the images.
        sources: list of str, one per image, by which the tables call them; their rows if empty.

    Returns:
        Profile.

    Raises:
        ValueError: for images, labels or a model that no measure takes. A measure that fails
            later is shown as failed with its reason, and the others go on.

    Example:
        >>> from hfc_keras import data
        >>> test = data.load("digits", examples=(1, 30)).test
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
        >>> profile = inspect(keras.Sequential(layers), test, fast=True)
        >>> profile.frequency_accuracy["component"].tolist()[:3]
        ['original', 'low', 'high']
    """
    started = time.perf_counter()
    given = arguments.models_by_name(model, name)
    notes = arguments.strings("notes", notes)
    seed = checks.number("seed", seed, minimum=0, whole=True)
    chosen = chosen_images(images, labels, examples, seed, sources)
    budget = Budget.of(chosen.pixels.shape[1:], len(chosen.pixels), fast)
    as_given = functools.partial(
        models.as_classifier,
        pixels=pixels,
        output=output,
        output_name=output_name,
        preprocessing=preprocessing,
    )
    with quiet() as told:
        train = population_images(train_images, budget.population, seed)
        own = (chosen, class_names, train, budget, seed)
        subjects = {each: _inspected(each, as_given(one), *own) for each, one in given.items()}
        helped = {each: remedies(subject) for each, subject in subjects.items()}
    notes = [*notes, *arguments.doubts(chosen.labels, len(chosen.pixels)), *_unique(told)]
    outcomes = _outcomes(subjects, notes, progress)
    return Profile(
        subjects=subjects,
        outcomes=outcomes,
        remedies=helped,
        data_name=data_name,
        fast=fast,
        seconds=time.perf_counter() - started,
        notes=notes,
    )


def _inspected(
    name: str,
    model: keras.Model,
    chosen: ChosenImages,
    class_names: Sequence[str] | Mapping[int, str] | None,
    train_images: Floats | None,
    budget: Budget,
    seed: int,
) -> Inspected:
    """Check a model with the images, and take its own answers for labels where there are none."""
    images, labels = chosen.pixels, chosen.labels
    predictions.checked_images(model, images, budget.batch_size)
    found = contract.form_of(model, images)
    known = arguments.names_of_classes(class_names, found.classes)
    if train_images is not None:
        contract.model_input(model, train_images, "train_images")
    logits = predictions.predicted_logits(model, images, None, budget.batch_size)
    own = logits.argmax(axis=1) if labels is None else labels
    own = checks.class_indices(own, len(images), found.classes)
    told = (labels is not None, known, train_images, budget, seed, chosen.sources)
    subject = Inspected(name, model, images, own, *told)
    vars(subject)["logits"] = logits  # Not predicted again.
    return subject


def _outcomes(
    subjects: dict[str, Inspected], notes: Sequence[str], progress: bool | None
) -> list[Outcome]:
    """Every section with every model, then the figures; what the notes say is not said again."""
    several = len(subjects) > 1
    outcomes = {section.key: Outcome(section, several=several) for section in SECTIONS}
    said = set(notes)
    for section, subject in steps(SECTIONS, subjects, progress):
        with quiet() as told:
            _measure(outcomes[section.key], subject)
        _note(outcomes[section.key], _told_of(subject, told, several, said), said)
    for outcome in outcomes.values():
        with quiet() as told:
            _draw(outcome, subjects)
        _note(outcome, _unique(told), said)
    return list(outcomes.values())


def _note(outcome: Outcome, notes: Sequence[str], said: set[str]) -> None:
    """Note with a section what was warned of, each thing once on a page."""
    new = [text for text in notes if text not in said]
    said.update(new)
    outcome.notes += new


def _told_of(
    subject: Inspected, told: Sequence[warnings.WarningMessage], several: bool, said: set[str]
) -> list[str]:
    """Warnings with the model they are of, but that it guesses, which the page says by itself."""
    return [
        f"{subject.name}: {text}" if several and text not in said else text
        for text in _unique(told)
        if subject.beyond_luck or not text.startswith(predictions.NEAR_CHANCE)
    ]


def _measure(outcome: Outcome, subject: Inspected) -> None:
    """Measure and read a section, or keep the reason why not."""
    section = outcome.section
    if section.needs_labels and not subject.labelled:
        outcome.left_out[subject.name] = NO_LABELS
        return
    started = time.perf_counter()
    try:
        table = section.measure(subject)
        outcome.tables[subject.name] = table
        reading = section.read(table, subject)
        if section.needs_skill and subject.doubt:
            reading = reading._replace(sentence=GUESSING.format(subject.doubt))
        outcome.readings[subject.name] = reading
    except NotApplicableError as reason:
        outcome.left_out[subject.name] = str(reason)
    # Whatever one measure stumbles over is told on the page; the others go on.
    except Exception as error:
        outcome.errors[subject.name] = _failure(error)
    outcome.seconds += time.perf_counter() - started


def _draw(outcome: Outcome, subjects: dict[str, Inspected]) -> None:
    """Draw a section, or keep the reason why not."""
    measured = {name: subjects[name] for name in outcome.readings}
    if not measured:
        return
    try:
        tables = {name: outcome.tables[name] for name in measured}
        outcome.figures = outcome.section.draw(tables, measured)
    # As above.
    except Exception as error:
        outcome.figure_error = _failure(error)


def _failure(error: Exception) -> str:
    """Why something failed, in a line, unless it is the user who stops it."""
    if endings.stopping():
        raise error
    return f"{type(error).__name__}: {error_texts.reason(error)}"


@contextlib.contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Keep what is warned of in a block, for the page."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        warnings.simplefilter("always", RuntimeWarning)
        yield told


def _unique(told: Sequence[warnings.WarningMessage]) -> list[str]:
    texts = (str(each.message) for each in told if issubclass(each.category, KINDS))
    return list(dict.fromkeys(texts))
