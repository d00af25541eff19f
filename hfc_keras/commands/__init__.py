"""What ``hfc-keras`` offers: one dataclass per command line, one file each.

The files import nothing that takes long: a command loads what it needs when it runs.
"""

from hfc_keras.commands.doctor import Doctor as Doctor
from hfc_keras.commands.filter import Filter as Filter
from hfc_keras.commands.inspect import Inspect as Inspect
from hfc_keras.commands.models import Models as Models
from hfc_keras.commands.selfcheck import Selfcheck as Selfcheck

COMMANDS = {
    "inspect": Inspect,
    "filter": Filter,
    "selfcheck": Selfcheck,
    "doctor": Doctor,
    "models": Models,
}
