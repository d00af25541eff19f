"""What ``python -m hfc_keras`` offers: a module a command, a dataclass a command line."""

from hfc_keras.commands.selfcheck import Selfcheck as Selfcheck

COMMANDS = {"selfcheck": Selfcheck}
