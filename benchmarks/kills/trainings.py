"""Trainings in processes that are killed."""

import itertools
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.kills import leavings
from hfc_keras import attacks, files, training
from hfc_keras.types import Record

# Early instants leave nothing, late ones nearly all.
TRIES = 20
PLAIN = training.Recipe(
    dataset="digits",
    examples=(300, 100),
    model="small_cnn",
    width=0.5,
    learning_rate=3e-3,
    batch_size=50,
    epochs=3,
)
KINDS = {
    "plain": PLAIN,
    "batch_norm": PLAIN.but(
        normalization="batch", dropout=0.5, augmentation="crop_flip", schedule="cosine"
    ),
    "adversarial": PLAIN.but(adversary=attacks.Pgd(0.1, steps=2)),
    "regularized": PLAIN.but(regularizer="low"),
    "half_precision": PLAIN.but(precision="mixed_bfloat16", labels="shuffled", mix_up=0.4),
}


class Trainings:
    """One kind of training, its uninterrupted run, and kills of others.

    Args:
        kind: str, one of ``KINDS``.
        epochs: int.
        folder: Path, for everything.
    """

    def __init__(self, kind: str, epochs: int, folder: Path) -> None:
        self.kind, self.recipe, self.folder = kind, KINDS[kind].but(epochs=epochs), folder / kind
        self.whole, self.numbers = self.folder / "whole", itertools.count(1)
        start = time.perf_counter()
        _require_end(_waited(self._started(self.whole)), self.whole)
        self.seconds = time.perf_counter() - start
        self.renames = int((self.whole / "renames.txt").read_text())

    def at_instants(self, rng: np.random.Generator) -> Iterator[Record]:
        """Kill one training after the other at a random instant of it, and resume it.

        Args:
            rng: numpy.random.Generator.

        Yields:
            dict, a row of the table of kills.
        """
        while True:
            for _ in range(TRIES):
                folder, after = self._next(), float(rng.uniform(0, self.seconds))
                process = self._started(folder)
                time.sleep(after)
                os.kill(process, signal.SIGKILL)
                # It may have been faster than the whole one.
                if _waited(process) == -signal.SIGKILL:
                    break
            else:
                raise RuntimeError(f"{self.kind}: no training ran when it was to be killed")
            yield {"part": "instants", **self._resumed(folder), "after": round(after, 3)}

    def at_renames(self) -> Iterator[Record]:
        """Kill a training before each of its renames, and resume it.

        Yields:
            dict, a row of the table of kills.
        """
        for rename in range(1, self.renames + 1):
            folder = self._next()
            status = _waited(self._started(folder, rename))
            if status != -signal.SIGKILL:
                raise RuntimeError(f"{self.kind}: rename {rename} ended with {status}")
            yield {"part": "renames", **self._resumed(folder), "after": rename}

    def _next(self) -> Path:
        return self.folder / f"{next(self.numbers):03d}"

    def _resumed(self, folder: Path) -> Record:
        kept = len(training.Store(folder / "store").epochs(self.recipe))
        start = time.perf_counter()
        _require_end(_waited(self._started(folder)), folder)
        seconds = round(time.perf_counter() - start, 2)
        found = leavings.compared(folder, self.whole)
        return {"kind": self.kind, "epochs_kept": kept, **found, "seconds": seconds}

    def _started(self, folder: Path, fatal: int | None = None) -> int:
        """Number of a process that trains; it has imported what this one has."""
        folder.mkdir(parents=True, exist_ok=True)
        sys.stdout.flush()
        process = os.fork()
        if process:
            return process
        status = 1
        try:
            said = os.open(folder / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for stream in (1, 2):
                os.dup2(said, stream)
            _train(self.recipe, folder, fatal)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)


def _train(recipe: training.Recipe, folder: Path, fatal: int | None) -> None:
    """Train and write the history as a table; die before a rename, if one is named."""
    count, replace = itertools.count(1), os.replace

    def counted(source: object, target: object) -> None:
        if next(count) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)  # pyright: ignore[reportArgumentType]: it passes on what it gets

    os.replace = counted
    _, history = training.fit(recipe, folder / "store")
    files.write_whole(folder / "history.csv", history.to_csv(index=False))
    (folder / "renames.txt").write_text(str(next(count) - 1))


def _waited(process: int) -> int:
    """Exit status of a process; minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _require_end(status: int, folder: Path) -> None:
    if status:
        said = (folder / "said.txt").read_text(errors="replace").strip().splitlines()
        raise RuntimeError(f"A training ended with {status}: {' | '.join(said[-3:])}")
