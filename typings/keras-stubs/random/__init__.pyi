from collections.abc import Sequence
from typing import Any

import keras

from hfc_keras.types import Tensor

class SeedGenerator:
    state: keras.Variable
    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None: ...

_Seed = int | SeedGenerator | None

def normal(
    shape: Sequence[Any],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: str | None = None,
    seed: _Seed = None,
) -> Tensor: ...
def randint(
    shape: Sequence[Any],
    minval: int,
    maxval: int,
    dtype: str = "int32",
    seed: _Seed = None,
) -> Tensor: ...
def shuffle(x: Tensor, axis: int = 0, seed: _Seed = None) -> Tensor: ...
def uniform(
    shape: Sequence[Any],
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: str | None = None,
    seed: _Seed = None,
) -> Tensor: ...
