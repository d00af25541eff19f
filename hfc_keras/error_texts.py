"""What errors of other people's code say, in one line."""

import re


def reason(error: Exception) -> str:
    r"""First line of what went wrong, which Keras sets in bold within a page of its own.

    Args:
        error: Exception, of anybody's code.

    Returns:
        str without terminal codes and full stop, or "no message".

    Example:
        >>> reason(KeyError("calling Own.call().\n\n\x1b[1mno such key\x1b[0m\n\nArguments"))
        'no such key'
        >>> reason(SyntaxError("invalid syntax", ("own.py", 1, 1, "x =")))
        'invalid syntax (own.py, line 1)'
    """
    # The text of a KeyError is its message as `repr` writes it.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    bold = re.search(r"\x1b\[1m(.*?)\x1b\[0m", text, re.DOTALL)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", bold[1] if bold else text)
    return plain.strip().partition("\n")[0].strip().rstrip(".") or "no message"
