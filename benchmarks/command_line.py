"""Options that several benchmarks share; read before any numerical package is imported."""

import argparse
from collections.abc import Sequence

from hfc_keras import files

DEFAULT, TRIAL = "results/benchmarks", "results/.trial"


def parser(description: str | None, fast: str, repeats: bool = True) -> argparse.ArgumentParser:
    """Parser with the options of all.

    Args:
        description: str, the module's docstring, which ``--help`` shows.
        fast: str, what ``--fast`` makes of the work.
        repeats: bool, whether calls are timed several times.
    """
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if repeats:
        made.add_argument("--repeats", type=positive, help="timed calls of each way")
    made.add_argument(
        "--threads", type=positive, metavar="N", help="cores to use; default: all there are"
    )
    made.add_argument(
        "--fast", action="store_true", help=f"{fast}; written to {TRIAL}, and no result"
    )
    made.add_argument("--results", help=f"folder of table, record and figure; default: {DEFAULT}")
    return made


def add_choice(made: argparse.ArgumentParser, option: str, choices: Sequence[str]) -> None:
    """Add an option that takes some of the names it lists; by default all of them.

    Args:
        made: argparse.ArgumentParser.
        option: str, such as ``"--only"``.
        choices: sequence of str.
    """
    made.add_argument(
        option,
        nargs="+",
        choices=choices,
        default=choices,
        metavar=option.removeprefix("--").upper(),
        help=f"of: {', '.join(choices)}",
    )


def folder(chosen: argparse.Namespace) -> str:
    """Folder that a run writes to; a trial never overwrites a result unless it is told to.

    Args:
        chosen: what a parser of ``parser`` made of the command line.

    Returns:
        str.

    Raises:
        SystemExit: if it cannot be written, before anything is measured.
    """
    path = chosen.results or (TRIAL if chosen.fast else DEFAULT)
    try:
        return str(files.writable_folder(path, "results"))
    except files.UnusableFileError as error:
        raise SystemExit(f"error: {error}") from error


def positive(text: str) -> int:
    """Whole number from 1 of an argument.

    Args:
        text: str.

    Raises:
        argparse.ArgumentTypeError: for anything else.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1. Received: {text}")
    return int(text)
