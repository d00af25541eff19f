r"""Time this package and others, in one run on one machine.

Every package gets the same network, weights and images: a ResNet-8 at width 3 with batch
normalization, and published networks of this project, one trained on natural images and one on
adversarial ones; for PyTorch they are converted, and their logits compared. Settings are the same,
too, but for two things. This package's attacks compute in bfloat16 where the machine has it, as
they do unasked; their time in float32 stands beside it. And in the standard evaluation AutoAttack
of torchattacks also runs FAB-T, and takes 10 steps of APGD where this package takes 100; a last
evaluation takes 10 in both. All ways of a task are called in turn, those of a second or so at least
nine times. The first call, which compiles, is told apart; `seconds` is the median of the others,
and `ratio` the seconds of hfc_keras over those of the way, so that 0.5 is half its time.

Then it is checked that all found the same: robust accuracy within one point of hfc_keras' own,
adversarial images inside the ball, the same components, the same curve. In the standard evaluation
hfc_keras' robust accuracy may be at most half a point above the other one. A way that fails is
called not comparable and has no ratio; where nothing is compared, `comparable` is empty. A package
that is missing is named, with the command that installs it, and the rest goes on.

tasks:
  pgd          PGD-20, L-inf 8/255, every image to the end
  standard     the standard evaluation beside AutoAttack of torchattacks
  filters      low and high components, spectrum.split beside scipy.fft and torch.fft
  sensitivity  Fourier sensitivity beside the same by hand in PyTorch
  training     adversarial steps in bfloat16 and float32; fit beside a bare loop
  profile      the gradient of an attack step in bfloat16 and float32; its convolutions alone
"""

import argparse
import sys
from collections.abc import Sequence

from benchmarks import command_line, threads

TASKS = ("pgd", "standard", "filters", "sensitivity", "training", "profile")
REPEATS, FAST_REPEATS = 5, 1


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line asks for.

    Args:
        arguments: sequence of str.
    """
    parser = command_line.parser(__doc__, fast="few images and one repeat, to try it out")
    parser.prog = "python -m benchmarks.peers"
    command_line.add_choice(parser, "--only", TASKS)
    parser.add_argument(
        "--examples", type=command_line.positive, help="images in one call; default: by task"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Limit the cores, and only then import what counts them.

    Args:
        arguments: sequence of str.
    """
    chosen = parsed(arguments)
    count = threads.limit(chosen.threads)
    from benchmarks.peers import packages

    packages.import_first()
    from benchmarks.peers import running
    from benchmarks.peers.options import Options

    repeats = chosen.repeats or (FAST_REPEATS if chosen.fast else REPEATS)
    options = Options(count, chosen.examples, repeats, chosen.fast)
    running.run(chosen.only, options, command_line.folder(chosen), arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
