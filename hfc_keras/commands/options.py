"""Options that several commands share; imports nothing that takes long."""

from typing import Annotated, TypeAlias

import tyro

IMPORTS: TypeAlias = Annotated[tuple[str, ...], tyro.conf.arg(name="import", metavar="MODULE")]
FLAG = tyro.conf.FlagCreatePairsOff
