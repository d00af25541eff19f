"""Networks that end in logits."""

from hfc_keras.models.catalogue import build as build
from hfc_keras.models.catalogue import names as names
