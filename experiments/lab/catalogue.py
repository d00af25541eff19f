"""Which experiments there are, found by name and read without importing them."""

import ast
import importlib
from pathlib import Path

from hfc_keras import checks

FOLDER = Path(__file__).parents[1]
COMMANDS = ("all", "claims", "scale", "seal")
# Experiments that train nothing: what they measure or judge was trained by others.
OUTSIDE = ("given_networks", "published_networks")
PARTS = ("Settings", "KEYS", "recipes", "measure", "summary", "figures")


def experiments():
    """Return a dict from each experiment's name to the first line of its docstring.

    An experiment is a file of this folder that defines ``recipes``, ``measure`` and ``figures``.
    """
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if {"recipes", "measure", "figures"} <= defined:
            found[path.stem] = _summary(tree)
    return found


def commands():
    """Return a dict from each command over all experiments to the first line of its docstring."""
    return _summaries(COMMANDS)


def outside():
    """Return a dict from each experiment on networks of others to its docstring's first line."""
    return _summaries(OUTSIDE)


def _summaries(names):
    paths = {name: FOLDER / f"{name}.py" for name in names}
    texts = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    return {name: _summary(ast.parse(text)) for name, text in texts.items()}


def _summary(tree):
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def load(name):
    """Import an experiment.

    Args:
        name: str, a name that ``experiments`` lists, or ``package.module`` of one's own.

    Returns:
        module.

    Raises:
        ValueError: if there is no such module, or it is no experiment.

    Example:
        >>> load("training_heuristics").KEYS[:2]
        ['recipe', 'seed']
    """
    if "." not in name:
        name = f"experiments.{checks.choice('experiments', name, experiments())}"
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"`experiments` must be modules that can be imported ({error}). "
            f"Received: experiments={name!r}"
        ) from error
    missing = [part for part in PARTS if not hasattr(module, part)]
    checks.require(
        not missing,
        f"`experiments` must be modules that define {', '.join(PARTS)}; missing: {missing}",
        experiments=name,
    )
    return module
