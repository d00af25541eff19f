"""Options that several commands share; imports nothing that takes long."""

import dataclasses
import shlex
from typing import Annotated, Any, TypeAlias

import tyro

IMPORTS: TypeAlias = Annotated[tuple[str, ...], tyro.conf.arg(name="import", metavar="MODULE")]
FLAG = tyro.conf.FlagCreatePairsOff
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
