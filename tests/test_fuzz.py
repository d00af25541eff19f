"""Public functions and values that they were not made for: a right result, or a refusal by name.

A few values for each function. ``FUZZ=10000 python -m pytest tests/test_fuzz.py`` tries that many
in all, other ones in every run.
"""

import inspect
import os
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from own import odd_values

from hfc_keras import analysis, attacks, data, layers, models, regularizers, spectrum

MODULES = (analysis, attacks, data, layers, models, regularizers, spectrum)
ALL = int(os.environ.get("FUZZ", 0))
EXAMPLES = -(-ALL // len(odd_values.CALLS)) or 4
# What other tests try with odd values, what takes no argument, or parts of this package alone.
ELSEWHERE = {
    "analysis.frequency_accuracy_by_epoch",
    "analysis.frequency_shortcuts",
    "analysis.with_statistics",
    "attacks.Result",
    "data.Dataset",
    "data.MixedSizesError",
    "data.TrainingBatches",
    "data.corrupted_split",
    "data.names",
    "layers.BatchMixUp",
    "layers.BothCopies",
    "layers.FourierPool2D",
    "layers.HybridAugment",
    "layers.RescaleToMax",
    "models.antialias",
    "models.from_torch",
    "models.names",
    "models.register",
    "models.set_state_dict",
    "models.torch_resnet",
    "regularizers.SensitivityBand",
    "spectrum.clipping",
    "spectrum.recombine_within",
}


def check(found):
    """A table's shares are shares, and an array's numbers are numbers."""
    tables = [found] if isinstance(found, pd.DataFrame) else []
    for table in tables:
        shares = table[[name for name in table if str(name).endswith(("accuracy", "share"))]]
        assert len(table) and shares.fillna(0).apply(lambda each: each.between(0, 1)).all().all()
    if isinstance(found, np.ndarray) and found.dtype.kind == "f":
        assert not np.isinf(found).any()


@pytest.mark.parametrize("name", odd_values.CALLS)
def test_a_right_result_or_a_refusal_that_says_what_was_received(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    usual = odd_values.arguments(name)
    changes = st.dictionaries(st.sampled_from(sorted(usual)), odd_values.values(), max_size=2)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=not ALL,
        suppress_health_check=list(HealthCheck),
    )
    @given(changes)
    def attempt(changed):
        # What a user's own function raises is the user's.
        assume(not callable(changed.get("change")))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                check(odd_values.CALLS[name][0](**{**usual, **changed}))
            except (ValueError, TypeError) as error:
                assert re.search("Received:? ", str(error)), (changed, error)

    attempt()


def test_the_calls_are_those_of_the_package():
    there = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in MODULES
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", "").startswith("hfc_keras")
    }
    assert there - odd_values.CALLS.keys() == ELSEWHERE
    for name, (call, usual) in odd_values.CALLS.items():
        taken = inspect.signature(call).parameters
        free = any(each.kind is each.VAR_KEYWORD for each in taken.values())
        assert usual and (free or set(usual) <= set(taken)), name
