import numpy as np
import pandas as pd
import pytest

from hfc_keras import reporting
from hfc_keras.reporting.statistics.shares import recipes_at_chance


def test_shares_of_clean_accuracy():
    share = reporting.share_of_clean(np.array([0.2, 0.3]), 0.6)
    np.testing.assert_allclose(share, [1 / 3, 0.5])
    assert reporting.share_of_clean(0.2, 0.4) == 0.5
    assert np.isnan(reporting.share_of_clean(0.0, 0.0))
    assert np.isnan(reporting.share_of_clean(pd.Series([0.1]), np.nan)).all()
    with pytest.raises(ValueError, match="from 0 to 1. Received: clean=60"):
        reporting.share_of_clean(30, 60)


def test_chance_is_that_of_a_binomial_draw():
    rng = np.random.default_rng(0)
    guesses = rng.binomial(500, 0.1, 10_000) / 500
    # Two standard deviations to one side.
    assert 0.96 < reporting.at_chance(guesses, 500, 10).mean() < 0.99
    assert not reporting.at_chance(0.2, 500, 10)
    with pytest.raises(ValueError, match="`classes` at least 2. Received: examples=5.0, classes=1"):
        reporting.at_chance(0.2, 5, 1)


def test_recipes_are_judged_by_the_mean_over_their_seeds():
    rows = {"recipe": ["a", "a", "b"], "accuracy": [0.05, 0.15, 0.4]}
    table = pd.DataFrame(rows).assign(classes=10, examples=1000)
    assert recipes_at_chance(table) == {"a"}
    assert recipes_at_chance(table.drop(columns="classes")) == set()
