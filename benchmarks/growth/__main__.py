r"""Time and memory of the main measures over the size of their work.

Frequency accuracy, Fourier sensitivity, heat map, PGD and the filter, on a ResNet-8 of half the
width: over the side of the images (8 to 512 pixels), the batch, the radii, the steps, the waves and
the number of images. Each point is measured in a process of its own; its memory is the peak beyond
that of a tiny call. Exponents are the slopes of log-log least squares through the four largest
sizes, with 95% intervals; beside each stands what the arithmetic says. The verdict is `above` where
the whole interval lies above that; else `undecided` where half of it is wider than 0.5, or
`within`.

On two cores that do nothing else the full run takes about 12 minutes and that of `--fast` about 7:
98 and 68 processes, of which each needs five seconds to begin.
"""

import argparse
import sys
from collections.abc import Sequence

from benchmarks import command_line, threads
from benchmarks.growth import tasks

REPEATS, FAST_REPEATS = 3, 2


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line asks for.

    Args:
        arguments: sequence of str.
    """
    fast = "four sizes up to 256 where a network is called, and two repeats"
    parser = command_line.parser(__doc__, fast=fast)
    parser.prog = "python -m benchmarks.growth"
    for name, choices in {"--only": tasks.MEASURES, "--over": tasks.AXES}.items():
        command_line.add_choice(parser, name, choices)
    chosen = parser.parse_args(arguments)
    if not tasks.growths(chosen.only, chosen.over):
        parser.error(
            f"argument --only: must name a measure that grows in one of --over. "
            f"Received: {' '.join(chosen.only)}, --over {' '.join(chosen.over)}"
        )
    return chosen


def main(arguments: Sequence[str]) -> None:
    """Limit the cores, and only then import what counts them.

    Args:
        arguments: sequence of str.
    """
    chosen = parsed(arguments)
    count = threads.limit(chosen.threads)
    from benchmarks.growth import running

    repeats = chosen.repeats or (FAST_REPEATS if chosen.fast else REPEATS)
    running.run(chosen, repeats, count, command_line.folder(chosen), arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
