"""All kills in one run: each of them, counts, and what keeping state costs."""

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import threads, timing
from benchmarks.kills import cost, runs, trainings
from hfc_keras import files
from hfc_keras.types import PathLike, Record

NAME = "survival"
# Most of a tiny training's time is compiling; each epoch has the same renames.
EPOCHS, FEW_EPOCHS, RENAMED_EPOCHS = 12, 4, 3


def run(
    chosen: argparse.Namespace, cores: int, folder: PathLike, arguments: Sequence[str] = ()
) -> bool:
    """Kill what is asked for, and write the tables; that of the kills after each of them.

    Args:
        chosen: what the command line asks for: parts, kinds, kills, runs, seed, fast.
        cores: int.
        folder: str or Path.
        arguments: sequence of str, what the command was given.

    Returns:
        bool, whether all ended equal, no row was lost, and, unless it is a trial, state costs no
        more than it may.
    """
    folder, about = Path(folder), {"processor": threads.processor(), "threads": cores}
    with tempfile.TemporaryDirectory() as place:
        kills = []
        for kill in _kills(chosen, Path(place)):
            kills.append(kill)
            print(json.dumps(kill), file=sys.stderr, flush=True)
            table = pd.DataFrame(kills)
            files.write_whole(folder / f"{NAME}_kills.csv", table.to_csv(index=False))
        # Only now, as it starts threads of TensorFlow, and a copy of a process has none of them.
        costs = cost.rows(Path(place), chosen.fast) if "cost" in chosen.parts else []
    tables = {f"{NAME}_kills": kills, NAME: counts(kills), f"{NAME}_cost": costs}
    for name, rows in tables.items():
        if rows:
            timing.save(name, pd.DataFrame(rows), arguments, folder, **about)
    for rows in tables.values():
        if rows and rows is not kills:
            print(f"{pd.DataFrame(rows).to_string(index=False)}\n")
    print(f"wrote {', '.join(f'{name}.csv' for name, rows in tables.items() if rows)} to {folder}")
    survived = all(each["equal"] and not each["rows_lost"] for each in kills)
    # An epoch of a few images is too short to say anything.
    return survived and (chosen.fast or all(each["share"] <= each["limit"] for each in costs))


def _kills(chosen: argparse.Namespace, place: Path) -> Iterator[Record]:
    """Rows of the table of kills."""
    rng = np.random.default_rng(chosen.seed)
    epochs = FEW_EPOCHS if chosen.fast else EPOCHS
    if "instants" in chosen.parts:
        made = [trainings.Trainings(kind, epochs, place / "instants") for kind in chosen.kinds]
        at_instants = itertools.cycle([each.at_instants(rng) for each in made])
        yield from (next(each) for each in itertools.islice(at_instants, chosen.kills))
    if "renames" in chosen.parts:
        kind, few = chosen.kinds[0], min(epochs, RENAMED_EPOCHS)
        yield from trainings.Trainings(kind, few, place / "renames").at_renames()
    if "runs" in chosen.parts:
        yield from itertools.islice(runs.Runs(place / "runs").at_instants(rng), chosen.runs)


def counts(kills: Sequence[Record]) -> list[Record]:
    """Counts of kills by part and kind.

    Args:
        kills: list of dict.

    Returns:
        list of dict: part, kind, kills, equal, rows_lost, outlived.

    Example:
        >>> counts([{"part": "runs", "kind": "worker", "equal": True, "rows_lost": 0}])[0]["equal"]
        1
    """
    grouped: dict[tuple[str, str], list[Record]] = {}
    for kill in kills:
        grouped.setdefault((kill["part"], kill["kind"]), []).append(kill)
    return [
        {
            "part": part,
            "kind": kind,
            "kills": len(group),
            "equal": sum(each["equal"] for each in group),
            "rows_lost": sum(each["rows_lost"] for each in group),
            "outlived": sum(each.get("outlived", 0) for each in group),
        }
        for (part, kind), group in grouped.items()
    ]
