"""Which experiments a package has, found by name and read without importing them."""

import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hfc_keras import checks

if TYPE_CHECKING:
    from hfc_keras.lab.experiment import Experiment


def experiments(package: str) -> dict[str, str]:
    """Return a dict from each experiment's name to the first line of its docstring.

    An experiment is a file of the package that defines ``EXPERIMENT`` and trains by recipes.

    Args:
        package: str, such as ``"experiments"``.

    Raises:
        ValueError: if there is no such package.
    """
    return _of_kind(package, "experiment")


def outside(package: str) -> dict[str, str]:
    """Return the same of experiments with a plan of their own: what others have trained."""
    return _of_kind(package, "outside")


def commands(package: str) -> dict[str, str]:
    """Return the same of the commands over all experiments: they define ``main`` alone."""
    return _of_kind(package, "command")


def _of_kind(package: str, wanted: str) -> dict[str, str]:
    """First line of the docstring of each file of a kind, by name."""
    found = importlib.util.find_spec(package)
    folders = (found and found.submodule_search_locations) or ()
    checks.require(folders, "`package` must be a package that can be imported", package=package)
    summaries = {}
    for path in sorted(path for folder in folders for path in Path(folder).glob("[!_]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if next(filter(None, map(_kind, tree.body)), None) == wanted:
            summaries[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return summaries


def _kind(node: ast.stmt) -> str | None:
    """What a statement of a file makes of it; None if nothing."""
    if isinstance(node, ast.FunctionDef) and node.name == "main":
        return "command"
    if not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXPERIMENT"):
        return None
    own = {word.arg for word in getattr(node.value, "keywords", ())}
    return "outside" if "plan" in own else "experiment"


def module_of(name: str, package: str) -> str:
    """Module of an experiment.

    Args:
        name: str, a name that ``experiments`` lists, or ``package.module`` of one's own.
        package: str, whose names need no dot.

    Returns:
        str.

    Raises:
        ValueError: if the package has no such experiment.

    Example:
        >>> module_of("own.linear_models", "experiments")
        'own.linear_models'
    """
    if "." in name:
        return name
    return f"{package}.{checks.choice('experiments', name, experiments(package))}"


def load(name: str) -> "Experiment":
    """Import an experiment.

    Args:
        name: str, its module.

    Returns:
        Experiment.

    Raises:
        ValueError: if there is no such module, or it is no experiment.
    """
    # A mere list of the experiments needs no Keras.
    from hfc_keras.lab.experiment import Experiment

    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"`experiments` must be modules that can be imported ({error}). "
            f"Received: experiments={name!r}"
        ) from error
    experiment = getattr(module, "EXPERIMENT", None)
    if not isinstance(experiment, Experiment):
        checks.require(
            False,
            "`experiments` must be modules that end in `EXPERIMENT = Experiment(...)`",
            experiments=name,
        )
    return experiment


def importable(experiment: "Experiment") -> tuple[str, "Experiment"]:
    """Return an experiment as other processes import it, also the one that is run as a file.

    Args:
        experiment: Experiment.

    Returns:
        ``(name, Experiment)``, the name as ``load`` takes it.

    Raises:
        ValueError: if the name of its file is that of something else.
    """
    own, name = sys.modules[experiment.module], experiment.name
    name = Path(name).stem if name.endswith(".py") else name
    if own.__name__ != "__main__":
        return own.__name__, experiment
    found = load(name)
    there = Path(sys.modules[name].__file__ or "")
    checks.require(
        there.samefile(own.__file__ or ""),
        "The file of an experiment that runs in several processes must have a name of its own",
        name=name,
        imported=str(there),
    )
    return name, found
