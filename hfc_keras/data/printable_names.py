"""Names that can be printed, written into a table and drawn."""

import unicodedata
from collections.abc import Iterable

from hfc_keras import checks

# Control characters, halves of a character, ends of lines and paragraphs.
UNPRINTED = {"Cc", "Cs", "Zl", "Zp"}
# These turn the direction in which the rest of a line is read.
TURNING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable_names(names: Iterable[object], kind: str = "class") -> tuple[str, ...]:
    r"""Return names as a tuple of str, after a check of their characters.

    A line break, a tab, a zero byte or a terminal's escape in a name would spoil tables and
    figures, or do on a terminal what nobody asked for.

    Args:
        names: sequence of str or of what ``str`` takes.
        kind: str, what they name.

    Returns:
        tuple of str.

    Raises:
        ValueError: if one holds such a character.

    Example:
        >>> printable_names(["cat", "dog\n"])
        Traceback (most recent call last):
        ...
        ValueError: class names must be of characters that can be printed, without line breaks, tabs or other control characters. Received: name='dog\n'
    """  # noqa: E501
    found = tuple(map(str, names))
    for name in found:
        checks.require(
            not any(_unprinted(character) for character in name),
            f"{kind} names must be of characters that can be printed, without line breaks, tabs "
            "or other control characters",
            name=name,
        )
    return found


def printable(name: str) -> str:
    r"""Return a name that can be printed, whatever it is.

    Args:
        name: str.

    Returns:
        str, with a question mark for each character that ``printable_names`` refuses.

    Example:
        >>> printable("dog\n.png")
        'dog?.png'
    """
    return "".join("?" if _unprinted(character) else character for character in name)


def _unprinted(character: str) -> bool:
    return unicodedata.category(character) in UNPRINTED or character in TURNING
