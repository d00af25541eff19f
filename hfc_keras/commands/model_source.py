"""Models as a command line names them: files, repositories, networks of this project."""

import contextlib
import importlib
import importlib.util
import inspect
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

# Their classes are registered, so that models made of them load.
from hfc_keras import checks, error_texts, layers, models, regularizers  # noqa: F401
from hfc_keras.data import memory
from hfc_keras.training.published_names import published_networks
from hfc_keras.types import PathLike

FOLDER = Path("results/models")
REMOTE = "hf://"
FILES = (".keras", ".h5", ".hdf5")
# What an HDF5 file begins with, and what Keras says of one that holds no model.
HDF5, NO_MODEL = b"\x89HDF\r\n\x1a\n", "No model config"


def load(name: PathLike, imports: Sequence[str] = (), published: PathLike = FOLDER) -> keras.Model:
    """Load a model without running code that comes with it.

    Args:
        name: str or Path: a ``.keras`` or ``.h5`` file, ``hf://user/repository``, or the name of a
            trained network of this project, see ``published_networks``.
        imports: list of str, modules or Python files whose layers and functions it is made of.
        published: str or Path, the folder of those networks.

    Returns:
        keras.Model, not compiled.

    Raises:
        ValueError: if there is no such model, or it is none of known parts.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "model.keras"
        >>> models.build("small_cnn", (8, 8, 1), 10).save(path)
        >>> load(path).output_shape
        (None, 10)
    """
    known = {}
    for each in imports:
        known.update(parts_of(imported(each)))
    place = str(name) if str(name).startswith(REMOTE) else str(found(name, published))
    try:
        model: Any = keras.saving.load_model(
            place, custom_objects=known, compile=False, safe_mode=True
        )
    # Keras has no error of its own: BadZipFile, KeyError, TypeError, ValueError all occur.
    except Exception as error:
        raise ValueError(_refusal(name, error)) from error
    checks.require(
        isinstance(model, keras.Model), "`model` must be a keras.Model", model=type(model).__name__
    )
    return model


def found(name: PathLike, published: PathLike = FOLDER) -> Path:
    """Return the file of a model.

    Args:
        name: str or Path, see ``load``.
        published: str or Path.

    Returns:
        Path.

    Raises:
        ValueError: if there is none, or it is no whole file of a model.

    Example:
        >>> found("model.txt")
        Traceback (most recent call last):
        ...
        ValueError: `model` must be a .keras or .h5 file that exists, weights of PyTorch (.pth, .npz) with --architecture, hf://user/repository, or a name that `hfc-keras models` lists. Received: model='model.txt'
    """  # noqa: E501
    path = Path(name).expanduser()
    checks.require(
        not (path / "saved_model.pb").is_file(),
        "`model` must be a .keras or .h5 file; a SavedModel is code, which is not run here: in "
        f"Python, hfc_keras.inspect({str(path)!r}, images, labels) takes one",
        model=str(path),
    )
    if path.suffix.lower() not in FILES:
        networks = published_networks(published)
        own = networks.loc[networks["name"] == str(name), "path"]
        checks.require(
            len(own) == 1,
            "`model` must be a .keras or .h5 file that exists, weights of PyTorch (.pth, .npz) "
            "with --architecture, hf://user/repository, or a name that `hfc-keras models` lists",
            model=str(name),
        )
        return Path(own.iloc[0])
    checks.require(not path.is_dir(), "`model` must be a file, not a folder", model=str(path))
    checks.require(path.is_file(), "`model` must be a file that exists", model=str(path))
    try:
        with open(path, "rb") as stream:
            hdf5 = stream.read(len(HDF5)) == HDF5
            whole = zipfile.is_zipfile(stream) if path.suffix == ".keras" else hdf5
    except OSError as error:
        raise ValueError(
            f"`model` must be a file that can be read ({error.strerror}). "
            f"Received: model={str(path)!r}"
        ) from error
    checks.require(whole, f"`model` must be a whole {path.suffix} file", model=str(path))
    if path.suffix == ".keras":
        _require_room(path)
    return path


def _require_room(path: Path) -> None:
    """Refuse an archive that says it unpacks to more than the memory holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"`model` must be a whole .keras file ({error}). Received: model={str(path)!r}"
        ) from error
    memory.require_room(size, model=str(path))


def _refusal(name: PathLike, error: Exception) -> str:
    """What to do about a model that Keras does not load, in a line."""
    unknown = re.search(
        "Could not locate (?:class|function) '([^']+)'|Unknown \\w+: '([^']+)'", str(error)
    )
    if unknown:
        part = unknown[1] or unknown[2]
        reason = f"Could not locate class '{part}'"
        remedy = "; --import MODULE (or FILE.py) names the one that defines it"
    else:
        reason, remedy = error_texts.reason(error).partition(". ")[0], ""
    if NO_MODEL in reason or str(name).endswith(".weights.h5"):
        remedy = (
            "; a file of weights alone: build the model, call model.load_weights(file), then "
            "model.save('model.keras')"
        )
    if "ambda" in reason:
        remedy = "; a Lambda layer is code, which is not run: make it a registered layer"
    return (
        "`model` must be a whole Keras model of parts that Keras or hfc_keras knows "
        f"({reason}{remedy}). Received: model={str(name)!r}"
    )


def imported(name: str) -> ModuleType:
    """Import a module by its name, or a Python file.

    Args:
        name: str; the folder of the command counts as a place of modules.

    Returns:
        Module.

    Raises:
        ValueError: if it cannot be imported, with the reason.

    Example:
        >>> imported("json").__name__
        'json'
    """
    try:
        with _here():
            if not name.endswith(".py"):
                return importlib.import_module(name)
            spec = importlib.util.spec_from_file_location(Path(name).stem, name)
            module = importlib.util.module_from_spec(spec)  # pyright: ignore[reportArgumentType]
            spec.loader.exec_module(module)  # pyright: ignore[reportOptionalMemberAccess]
            return module
    # Whatever the user's own module raises.
    except Exception as error:
        raise ValueError(
            "`import` must be a module or a Python file that can be imported "
            f"({type(error).__name__}: {error_texts.reason(error)}). Received: import={name!r}"
        ) from error


@contextlib.contextmanager
def _here() -> Iterator[None]:
    """Let modules of the current folder be found, as with ``python -m``."""
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path.remove("")


def parts_of(module: ModuleType) -> dict[str, Any]:
    """Return what a module defines that a model may be made of, by name.

    Args:
        module: module.

    Returns:
        dict of classes and functions that are not imported there from Keras.

    Example:
        >>> import fractions
        >>> "Fraction" in parts_of(fractions)
        True
    """
    return {
        name: value
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and not name.startswith("_")
        and not value.__module__.startswith("keras.")
    }
