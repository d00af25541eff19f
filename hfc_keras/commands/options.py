"""Options that several commands share; imports nothing that takes long."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import tyro


def told(metavar: str | None = None, name: str | None = None, *aliases: str) -> Any:
    """Return how the help shows an option whose text tells its default: without a None.

    Args:
        metavar: str or None, the word that stands for its value.
        name: str or None, another name of the option.
        *aliases: str, further names.

    Returns:
        For ``Annotated``.
    """
    return tyro.conf.arg(
        metavar=metavar, name=name, aliases=list(aliases) or None, help_behavior_hint=""
    )


IMPORTS: TypeAlias = Annotated[tuple[str, ...], told("MODULE", "import")]
DATA_DIR: TypeAlias = Annotated[Path | None, told("FOLDER")]
PIXELS: TypeAlias = Annotated[tuple[str, ...], told("LOW..HIGH")]
OUTPUT: TypeAlias = Annotated[
    Literal["logits", "softmax", "sigmoid", "binary"] | None, told("logits|softmax|sigmoid|binary")
]
OUTPUT_NAME: TypeAlias = Annotated[str | None, told("NAME")]
FLAG: TypeAlias = Annotated[bool, tyro.conf.FlagCreatePairsOff, told()]
# Where the files of a command are written is nothing of what they say.
PLACES = ("out", "data_dir", "published")


def command_line(name: str, asked: Any) -> str:
    """Return the command that makes the same again.

    Args:
        name: str, of the command.
        asked: its dataclass; its first field is positional.

    Returns:
        str, without options that have their defaults or only say where files are.

    Example:
        >>> @dataclasses.dataclass
        ... class Asked:
        ...     models: tuple = ()
        ...     fast: bool = False
        ...     image_size: tuple = ()
        >>> command_line("inspect", Asked(("a b.keras",), True, (64,)))
        "hfc-keras inspect 'a b.keras' --fast --image-size 64"
    """
    first, *others = dataclasses.fields(asked)
    words = ["hfc-keras", name, *getattr(asked, first.name)]
    for field in others:
        value = getattr(asked, field.name)
        if field.name in PLACES or value == field.default:
            continue
        words.append("--" + {"imports": "import"}.get(field.name, field.name).replace("_", "-"))
        if value is not True:
            words += map(str, value if isinstance(value, tuple) else [value])
    return shlex.join(words)


def pixel_range(pixels: Sequence[str]) -> tuple[float, float] | None:
    """Return the range of pixels that was given.

    Args:
        pixels: list of str, such as 0..255, or 0 and 255; none where none was given.

    Returns:
        tuple of two floats or None.

    Raises:
        ValueError: if it is none.

    Example:
        >>> pixel_range(["0..255"])
        (0.0, 255.0)
    """
    from hfc_keras import checks

    if not pixels:
        return None
    parts = pixels[0].split("..") if len(pixels) == 1 else pixels
    try:
        low, high = map(float, parts)
    except ValueError:
        checks.require(False, "`pixels` must be a range such as 0..255 or 0 255", pixels=pixels)
    return low, high
