"""A tiny experiment that the environment can make fail, cell by cell."""

import os
import signal
import sys
import time

import pandas as pd

from hfc_keras import files
from hfc_keras.analysis import predictions
from hfc_keras.lab import settings
from hfc_keras.lab.experiment import Experiment


class UnpicklableError(Exception):
    """Cannot be made again from its arguments, as some errors of TensorFlow."""

    def __init__(self, message, node):
        super().__init__(message)


class Settings(settings.Settings):
    """Settings of this experiment."""


def recipes(settings):
    """Return six recipes, two of them the same training."""
    plain = settings.base_recipe().but(model="small_cnn", examples=(40, 20), epochs=1)
    others = {f"dropout_{rate}": plain.but(dropout=rate / 10) for rate in (1, 2, 3, 4)}
    return {"plain": plain, "again": plain, **others}


def measure(cell):
    """Return the accuracy, or do what the environment says."""
    actions = dict(pair.split("=") for pair in os.environ.get("TINY", "").split())
    action = actions.get(cell.name)
    if action in ("SIGINT", "SIGTERM", "SIGKILL"):
        os.kill(os.getppid(), getattr(signal, action))
        time.sleep(600)
    if action == "wait":
        for _ in range(6000):
            time.sleep(0.1)
    if action == "end":
        os.kill(os.getpid(), signal.SIGKILL)
    ended = cell.settings.store / "ended"
    if action == "end_once" and not ended.exists():
        ended.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "diverge":
        raise FloatingPointError("The loss must stay finite")
    if action == "logits":
        predictions.require_finite(3)
    if action == "unusable":
        raise files.UnusableFileError("`file` must be whole")
    if action == "fail":
        raise UnpicklableError("something else", node=1)
    _, history = cell.fit()
    sys.stdout.write("measured")
    names = ["accuracy"] * (2 if action == "twice" else 1)
    return pd.DataFrame({"measure": names, "value": history["accuracy"].iloc[-1]})


def summary(table):
    """Return the number of rows in words."""
    return f"{len(table)} rows"


def figures(table, plan):
    """Draw nothing."""
    if "figures" in os.environ.get("TINY", ""):
        raise RuntimeError("no figure")
    return {}


EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=measure,
    keys=["recipe", "seed", "measure"],
    summary=summary,
    figures=figures,
)
