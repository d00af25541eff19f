"""What ``python -m hfc_keras`` offers: one module per command, one dataclass per command line."""

from hfc_keras.commands.selfcheck import Selfcheck as Selfcheck

COMMANDS = {"selfcheck": Selfcheck}
