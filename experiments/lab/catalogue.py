"""Which experiments a package has, found by name and read without importing them."""

import ast
import importlib
from pathlib import Path

from hfc_keras import checks

PACKAGE = "experiments"


def experiments():
    """Return a dict from each experiment's name to the first line of its docstring.

    An experiment is a file of the package that defines ``EXPERIMENT`` and trains by recipes.
    """
    return {name: words for name, (words, kind) in _found().items() if kind == "experiment"}


def outside():
    """Return the same of experiments with a plan of their own: what others have trained."""
    return {name: words for name, (words, kind) in _found().items() if kind == "outside"}


def commands():
    """Return the same of the commands over all experiments: they define ``main`` alone."""
    return {name: words for name, (words, kind) in _found().items() if kind == "command"}


def _found():
    """First line of the docstring and kind of each file, by name."""
    found = {}
    for path in sorted(Path(__file__).parents[1].glob("[!_]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        kind = next(filter(None, map(_kind, tree.body)), None)
        found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0], kind
    return found


def _kind(node):
    """What a statement of a file makes of it; None if nothing."""
    if isinstance(node, ast.FunctionDef) and node.name == "main":
        return "command"
    if not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXPERIMENT"):
        return None
    own = {word.arg for word in getattr(node.value, "keywords", ())}
    return "outside" if "plan" in own else "experiment"


def load(name):
    """Import an experiment.

    Args:
        name: str, a name that ``experiments`` lists, or ``package.module`` of one's own.

    Returns:
        Experiment.

    Raises:
        ValueError: if there is no such module, or it is no experiment.

    Example:
        >>> load("training_heuristics").keys[:2]
        ['recipe', 'seed']
    """
    # A mere list of the experiments needs no Keras.
    from experiments.lab.experiment import Experiment

    if "." not in name:
        name = f"{PACKAGE}.{checks.choice('experiments', name, experiments())}"
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"`experiments` must be modules that can be imported ({error}). "
            f"Received: experiments={name!r}"
        ) from error
    experiment = getattr(module, "EXPERIMENT", None)
    checks.require(
        isinstance(experiment, Experiment),
        "`experiments` must be modules that end in `EXPERIMENT = Experiment(...)`",
        experiments=name,
    )
    return experiment
