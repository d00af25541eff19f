"""What the lab says on the terminal, in its one place that prints."""

import sys


def say(text: object, error: bool = False) -> None:
    """Print lines at once, also into a pipe.

    Args:
        text: str, or what is printed as one.
        error: bool, whether to stderr.

    Example:
        >>> say("[1/3] vanilla seed 0")
        [1/3] vanilla seed 0
    """
    print(text, file=sys.stderr if error else sys.stdout, flush=True)
