"""Command line of the package: ``python -m hfc_keras``."""

import os
import sys
from collections.abc import Sequence

from hfc_keras import endings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: list of str or None; None is the process's own. None at all prints the help.

    Returns:
        int, the exit status.

    Raises:
        SystemExit: if a signal stopped it, with status 130 or 143.
    """
    # TensorFlow greets on stderr at import; warnings and errors still come through.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with endings.met():
        with endings.at_once():
            import tyro

            from hfc_keras.commands import COMMANDS

        arguments = sys.argv[1:] if arguments is None else arguments
        command = tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="python -m hfc_keras",
            description="Tools for a Keras model of yours. "
            "Add --help to a command for its options.",
            args=arguments or ["--help"],
        )
        return command.execute()


if __name__ == "__main__":
    endings.start()
    sys.exit(main())
