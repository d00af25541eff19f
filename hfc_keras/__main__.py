"""Command line of the package: ``hfc-keras``, the same as ``python -m hfc_keras``."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from hfc_keras import __version__, endings, full_memory


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: list of str or None; None is the process's own. None at all prints the help.

    Returns:
        int, the exit status: 0; 1 if a check failed or something could not be completed; 2 for a
        wrong call or input that cannot be used.

    Raises:
        SystemExit: if a signal stopped it, with status 130 or 143, or after the help.
    """
    # TensorFlow greets on stderr at import; warnings and errors still come through.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments == ["--version"]:
        print(f"hfc-keras {__version__}")
        return 0
    with endings.met():
        with endings.at_once():
            import tyro

            from hfc_keras.commands import COMMANDS

        command = tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="hfc-keras",
            description="Frequency analysis of a Keras model. --version prints the version; "
            "COMMAND --help lists the options of a command.",
            args=arguments or ["--help"],
        )
        with endings.at_once():
            from hfc_keras.commands.greeting import start_backend

            if not start_backend():
                return 2
        try:
            return command.execute()
        except ValueError as error:
            # Refusals are one line; what one of ours does not say so is a fault and has its trace.
            if "Received: " not in str(error):
                raise
            print(f"error: {error}", file=sys.stderr)
            return 2
        except full_memory.LargeBatchError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1


def run() -> NoReturn:
    """Run a command as a process of its own."""
    endings.start()
    sys.exit(main())


if __name__ == "__main__":
    run()
