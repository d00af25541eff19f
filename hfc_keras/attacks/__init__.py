"""Attacks: along the gradient and by random search, with norm, loss and step as values."""

from hfc_keras.attacks.apgd import Apgd as Apgd
from hfc_keras.attacks.attack import Result as Result
from hfc_keras.attacks.attack import fgsm as fgsm
from hfc_keras.attacks.attack import pgd as pgd
from hfc_keras.attacks.attack import run as run
from hfc_keras.attacks.attack_settings import Fgsm as Fgsm
from hfc_keras.attacks.attack_settings import Pgd as Pgd
from hfc_keras.attacks.kinds import from_dict as from_dict
from hfc_keras.attacks.presets import standard as standard
from hfc_keras.attacks.presets import strong as strong
from hfc_keras.attacks.square import Square as Square
