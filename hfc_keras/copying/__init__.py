"""Copies of models in memory, made from the objects themselves and not from their configs.

A config would have to be read back. That needs the user's classes and functions by name, warns
of code that is run, and fails where there is no ``get_config``.
"""

from hfc_keras.copying.copier import Copier as Copier
from hfc_keras.copying.reach import holds_foreign as holds_foreign
from hfc_keras.copying.reach import layers as layers
