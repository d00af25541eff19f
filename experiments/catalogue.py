"""Which experiments there are, found by name and read without importing them."""

import ast
import importlib
from pathlib import Path

from hfc_keras import checks

PARTS = ("Settings", "KEYS", "recipes", "measure", "summary", "figures")


def experiments():
    """Return a dict from each experiment's name to the first line of its docstring.

    An experiment is a file of this folder that defines ``recipes``, ``measure`` and ``figures``.
    """
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if {"recipes", "measure", "figures"} <= defined:
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


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
