"""Which experiments there are, found by name and read without importing them."""

import ast
from pathlib import Path


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
