r"""Time the library on a card that can be had for minutes only, beside PyTorch by hand.

First the card's own rates are measured: the product of two large matrices and a copy. Then, for
ResNet-18 and ResNet-50 at 32 and at 224 pixels: a plain training step, an adversarial one with
PGD-10, the standard evaluation, the filter, the heat map and the Fourier sensitivity, by this
package on JAX (unless KERAS_BACKEND names another backend) and as one writes them in PyTorch, with
torch.compile, channels last and bfloat16. `share` is the share of the matrix rate, for the filter
of the copy rate, that the operations of the task make of the measured time.

The table is written after every row, and a row only if it is whole: a run that is cut keeps what is
done, and `--resume` goes on behind it, on the same card and with the same versions. A row that does
not fit into the card's memory is left out, and a smaller batch suggested. `--fast` is a trial with
tiny sizes on a processor.
"""

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence

from benchmarks import command_line

MINUTES = 8
NAME = "gpu"


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line asks for.

    Args:
        arguments: sequence of str.
    """
    from benchmarks.card.work import TASKS

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=MINUTES,
        help=f"begin no row after that; default: {MINUTES}",
    )
    command_line.add_choice(parser, "--only", TASKS)
    parser.add_argument(
        "--batch", type=command_line.positive, help="images at once; default: by size"
    )
    parser.add_argument("--resume", action="store_true", help="keep the rows that are there")
    parser.add_argument("--fast", action="store_true", help="tiny sizes, in a minute, no result")
    parser.add_argument("--results", help=f"folder; default: {command_line.DEFAULT}")
    chosen = parser.parse_args(arguments)
    if not chosen.minutes > 0:
        parser.error(f"argument --minutes: must be above 0. Received: {chosen.minutes:g}")
    return chosen


def main(arguments: Sequence[str]) -> None:
    """Choose the backend and how it takes memory, and only then import it.

    Args:
        arguments: sequence of str.
    """
    chosen = parsed(arguments)
    if importlib.util.find_spec("jax"):
        os.environ.setdefault("KERAS_BACKEND", "jax")
    # Both packages share the card.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    from benchmarks.peers import packages

    packages.import_first()
    from benchmarks.card import measuring

    measuring.run(chosen, command_line.folder(chosen), arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
