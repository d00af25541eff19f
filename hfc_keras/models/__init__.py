"""Networks that end in logits."""

from .catalogue import build as build
from .catalogue import names as names
