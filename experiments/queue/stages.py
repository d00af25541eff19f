"""The order in which the trainings behind all results are made, as a table.

A stage names trainings by an experiment that has them. They are trained first, seed by seed, and
then measured by every experiment of the profile in which one of its recipes is the same training.
"""

import dataclasses
import fnmatch
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from hfc_keras import checks
from hfc_keras.lab import discovery
from hfc_keras.lab.parallel.tasks import SHARED, Part, part_of
from hfc_keras.training import Recipe

# Experiments whose attacks take longer than all else that is measured of the same networks.
LATE = ("kernel_smoothing", "smooth_training")
FIVE, THREE, MORE, ONE = (0, 1, 2, 3, 4), (0, 1, 2), (3, 4), (0,)


class Row(NamedTuple):
    """Trainings of a stage.

    Attributes:
        stage: str, the name.
        profile: str.
        trainings: dict from an experiment to its recipes, patterns with spaces between.
        seeds: tuple of int.
        published: tuple of int, seeds whose networks --publish writes to the published folder.
    """

    stage: str
    profile: str
    trainings: dict[str, str]
    seeds: tuple[int, ...]
    published: tuple[int, ...] = ()


_HEURISTICS = {
    "training_heuristics": "dropout mix_up adversarial",
    "component_training": "low_* high_*",
}
_METHODS = {
    "fourier_regularization": "vanilla lsf msf hsf asf",
    "fourier_sensitivity": "noise low_pass",
    "amplitude_phase": "apr_sp",
    "anti_aliasing": "aligned blurpool",
}
TABLE = (
    Row("a", "standard", {"training_heuristics": "vanilla batch_norm"}, FIVE, ONE),
    Row("b", "standard", _HEURISTICS, THREE),
    Row("c", "full", {"training_heuristics": "vanilla batch_norm"}, THREE, ONE),
    Row("d", "standard", _METHODS, THREE),
    Row("e", "full", {"training_heuristics": "dropout mix_up adversarial"}, THREE),
    Row(
        "f",
        "standard",
        {
            "label_shuffle": "*",
            "architectures": "lenet alexnet vgg",
            "batch_size": "*",
            "batchnorm_on_low": "*",
        },
        THREE,
    ),
    Row("f", "standard", {**_HEURISTICS, **_METHODS}, MORE),
    # For the claims of the quick profile that five seeds are expected to decide.
    Row(
        "g",
        "quick",
        {
            "training_heuristics": "*",
            "misaligned_predictions": "*",
            "batch_size": "*",
            "label_shuffle": "*",
            "architectures": "*",
            "batchnorm_on_low": "*",
            "band_stop": "*",
            "fourier_heat_map": "*",
            "fourier_regularization": "vanilla lsf msf hsf asf",
            "amplitude_phase": "vanilla apr_sp",
            "anti_aliasing": "vanilla aligned critical blurpool flc",
            "contextual_convolution": "*",
            "optimizers": "*",
            "kernel_smoothing": "*",
        },
        MORE,
    ),
)
NAMES = tuple(dict.fromkeys(row.stage for row in TABLE))
# Profiles that are run in this order unless experiments are named.
PROFILES = ("standard", "full")
# Experiments that compare all trainings seed by seed take the seeds that all of them have.
SEEDS = {"compare_all": THREE, "two_views": THREE}
# Bytes of all published networks.
BUDGET = 26_000_000


class Round:
    """Parts of a run that are done together, and before those of the next round.

    Args:
        heading: str, what is done; empty for a run of one round.
        parts: list of tasks.Part.
        published: sequence of str, hashes of the recipes whose networks are to be published.
    """

    def __init__(self, heading: str, parts: Sequence[Part], published: Iterable[str] = ()) -> None:
        self.heading, self.parts, self.published = heading, parts, set(published)

    def publish(self, say: Callable[[str], object]) -> None:
        """Publish finished networks that are not published yet, as long as they stay in the budget.

        Args:
            say: function of a line.

        Raises:
            UnusableFileError: if the folder cannot be written.
        """
        for part in self.parts:
            done = [cell for cell in part.plan.cells() if cell.label in part.results.rows]
            for cell in done:
                if cell.recipe.hash not in self.published:
                    continue
                self.published.remove(cell.recipe.hash)
                if cell.store.publishes(cell.recipe):
                    continue
                path = cell.publish()
                folder = path.parent
                size = sum(each.stat().st_size for each in folder.iterdir() if each.is_file())
                if size <= BUDGET:
                    say(f"wrote {path}")
                    continue
                for each in folder.glob(f"{path.stem}.*"):
                    each.unlink()
                say(f"not published, since {folder} would pass {BUDGET / 1e6:.0f} MB: {cell.label}")


def rows(profiles: Collection[str], stages: Collection[str] | None = None) -> list[Row]:
    """Rows of the table, in its order.

    Args:
        profiles: sequence of str.
        stages: sequence of str, or None for all of the profiles.

    Returns:
        list of Row.

    Raises:
        ValueError: for a stage that does not exist, stands twice or is of another profile.

    Example:
        >>> [row.stage for row in rows(["full"])]
        ['c', 'e']
    """
    for name in stages or ():
        checks.choice("stages", name, NAMES)
    chosen = [row for row in TABLE if row.profile in profiles]
    found = {row.stage for row in chosen}
    if stages is None:
        return chosen
    checks.require(
        stages and len(set(stages)) == len(stages),
        "`stages` must hold at least one and none twice",
        stages=stages,
    )
    checks.require(
        set(stages) <= found,
        f"`stages` must be of the profiles that are given, those of which are {sorted(found)}",
        stages=stages,
        profile=profiles,
    )
    return [row for row in chosen if row.stage in stages]


def rounds(options: Any, names: Sequence[str], command: str) -> list[Round]:
    """Rounds of a run in the order of the table.

    Args:
        options: Settings of ``experiments.all``.
        names: sequence of str, experiments that measure.
        command: str, for the record.

    Returns:
        list of Round, those that have a part.

    Raises:
        ValueError: for what an experiment refuses.
    """
    found = []
    for row in rows(options.profile, options.stages):
        seeds = tuple(seed for seed in row.seeds if options.seeds is None or seed in options.seeds)
        if not seeds:
            continue
        settings = dataclasses.replace(options, profile=row.profile, seeds=seeds, publish=False)
        wanted = {recipe.hash for recipe in _trainings(row, settings)}
        # The experiments that a row names come first.
        first = set(map(_module, row.trainings))
        ordered = sorted(names, key=lambda name: name not in first)
        parts = [_part(name, settings, command, wanted) for name in ordered]
        parts = [part for part in parts if part]
        published = [
            recipe.but(seed=seed).hash
            for recipe in _trainings(row, settings)
            for seed in row.published
        ]
        if parts:
            words = " ".join(map(str, seeds))
            heading = f"stage {row.stage}, profile {row.profile}, seeds {words}"
            found.append(Round(heading, parts, published if options.publish else ()))
    checks.require(
        found,
        "`stages`, `seeds` and `experiments` must leave something to do",
        stages=options.stages,
        seeds=options.seeds,
    )
    return found


def _trainings(row: Row, settings: Any) -> list[Recipe]:
    """Recipes that a row names, with the first seed."""
    found = []
    for name, patterns in row.trainings.items():
        recipes = _recipes(_module(name), settings)
        for pattern in patterns.split():
            matching = fnmatch.filter(recipes, pattern)
            checks.require(matching, f"{name} must have a recipe {pattern}", stage=row.stage)
            found += [recipes[each] for each in matching]
    return found


def _recipes(name: str, settings: Any) -> dict[str, Recipe]:
    """Recipes of an experiment by name."""
    experiment = discovery.load(name)
    options = {field: getattr(settings, field) for field in SHARED}
    if experiment.recipes is None:
        checks.require(False, "`experiments` must train by recipes in a stage", experiments=name)
    try:
        return experiment.recipes(experiment.settings(**options))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _module(name: str) -> str:
    """Module of an experiment that a row names."""
    return name if "." in name else f"experiments.{name}"


def _part(name: str, settings: Any, command: str, wanted: Collection[str]) -> Part | None:
    """Part of an experiment that measures wanted trainings; None if none is."""
    title = name.rpartition(".")[2]
    seeds = tuple(seed for seed in settings.seeds if seed in SEEDS.get(title, settings.seeds))
    recipes = _recipes(name, settings)
    chosen = tuple(each for each, recipe in recipes.items() if recipe.hash in wanted)
    if not (seeds and chosen):
        return None
    return part_of(name, dataclasses.replace(settings, seeds=seeds), command, chosen)
