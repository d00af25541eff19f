"""Kills trainings and runs (kill -9), resumes them, and compares them with uninterrupted ones.

Four parts. `instants`: trainings of five kinds (plain; batch normalization, dropout and
augmentation; adversarial; Fourier-regularized; half precision with shuffled labels and mix-up), in
turn, are killed at random instants. `renames`: one training is killed before each of its renames.
`runs`: `python -m experiments.all` with two workers is killed at random instants, in turn the
command itself and one of its processes. `cost`: what keeping state takes of an epoch of the quick
profile, on random images of the size of CIFAR-10. Each killed one is resumed by the same call or
command, and all that it leaves, weights and tables, is compared bit by bit.

On two cores that do nothing else the full run takes about 25 minutes: instants 6, renames 3, runs
14, cost 2. The exit status is 1 if one did not end equal, a row was lost or state costs more than
2 %.
"""

import argparse
import sys
from collections.abc import Sequence

from benchmarks import command_line, threads

PARTS = ("instants", "renames", "runs", "cost")
KINDS = ("plain", "batch_norm", "adversarial", "regularized", "half_precision")
# By option: what it is, and what `--fast` makes of it.
KILLS, RUNS = (50, 5), (20, 1)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line asks for.

    Args:
        arguments: sequence of str.
    """
    fast = f"{KILLS[1]} kills, {RUNS[1]} of a run, shorter trainings"
    parser = command_line.parser(__doc__, fast=fast, repeats=False)
    parser.prog = "python -m benchmarks.survival"
    for name, choices in {"--parts": PARTS, "--kinds": KINDS}.items():
        command_line.add_choice(parser, name, choices)
    positive = command_line.positive
    parser.add_argument("--kills", type=positive, help=f"kills of trainings; default: {KILLS[0]}")
    parser.add_argument("--runs", type=positive, help=f"kills of runs; default: {RUNS[0]}")
    parser.add_argument("--seed", type=positive, default=1, help="of the instants; default: 1")
    chosen = parser.parse_args(arguments)
    chosen.kills = chosen.kills or KILLS[chosen.fast]
    chosen.runs = chosen.runs or RUNS[chosen.fast]
    return chosen


def main(arguments: Sequence[str]) -> None:
    """Limit the cores, and only then import what counts them.

    Args:
        arguments: sequence of str.
    """
    chosen = parsed(arguments)
    count = threads.limit(chosen.threads)
    from benchmarks.kills import counting

    survived = counting.run(chosen, count, command_line.folder(chosen), arguments)
    sys.exit(0 if survived else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
