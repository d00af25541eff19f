"""Correlations over trainings, and the intervals of their bootstrap."""

import numpy as np
import pytest
from scipy import stats

from hfc_keras.reporting.statistics.correlation_intervals import (
    COEFFICIENTS,
    correlation_interval,
    correlations,
)

TIED = np.array([1.0, 2.0, 2.0, 3.0, 5.0, 4.0, 7.0, 7.0])
OTHER = np.array([2.0, 1.0, 3.0, 3.0, 4.0, 6.0, 5.0, 8.0])


def references(coefficient):
    return {"spearman": stats.spearmanr, "pearson": stats.pearsonr}[coefficient]


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
class TestCorrelation:
    def test_value_and_interval_are_those_of_scipy_draw_by_draw(self, coefficient):
        told = {"replicates": 200, "coefficient": coefficient}
        found = correlation_interval(TIED, OTHER, np.random.default_rng(3), **told)
        reference = references(coefficient)
        assert found.value == pytest.approx(reference(TIED, OTHER).statistic)
        rows = np.random.default_rng(3).integers(8, size=(200, 8))
        drawn = [reference(TIED[row], OTHER[row]).statistic for row in rows]
        ends = np.quantile(drawn, [0.025, 0.975])
        np.testing.assert_allclose((found.low, found.high), ends)

    def test_no_end_passes_one(self, coefficient):
        found = correlation_interval(TIED, 2 * TIED + 1, replicates=500, coefficient=coefficient)
        assert found.value == pytest.approx(1) and -1 <= found.low <= found.high <= 1

    def test_few_trainings_have_no_interval_and_constants_no_correlation(self, coefficient):
        few = correlation_interval([1, 2, 3], [1, 2, 4], coefficient=coefficient)
        assert few.value > 0.9 and np.isnan([few.low, few.high]).all()
        constant = correlation_interval([1, 1, 1, 1, 1], OTHER[:5], coefficient=coefficient)
        assert np.isnan([constant.value, constant.low, constant.high]).all()

    def test_at_an_equal_third_measure_it_is_the_correlation_of_residuals(self, coefficient, rng):
        third = rng.normal(size=30)
        first, second = third + rng.normal(size=30), rng.normal(size=30) - 2 * third
        told = {"replicates": 50, "coefficient": coefficient, "at_equal": third}
        found = correlation_interval(first, second, **told)
        if coefficient == "spearman":
            first, second, third = (stats.rankdata(each) for each in (first, second, third))
        left = [each - np.polyval(np.polyfit(third, each, 1), third) for each in (first, second)]
        assert found.value == pytest.approx(stats.pearsonr(*left).statistic)
        assert -1 <= found.low < found.value < found.high <= 1


def test_draws_without_a_correlation_are_left_out():
    """One training in five stands out: a third of the draws do not have it and are constant."""
    found = correlation_interval([0, 0, 0, 0, 1], [0, 0, 0, 0, 1], replicates=500)
    assert (found.value, found.low, found.high) == (1, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1, 2], [1]), {}, r"x=\(2,\), y=\(1,\)"),
        (([1, 2], [1, 2]), {"at_equal": [1]}, r"y=\(2,\), at_equal=\(1,\)"),
        (([], []), {}, "must be of the same trainings"),
        (([1, 2], [1, np.nan]), {}, "must be finite"),
        (([1, 2], [1, 2]), {"coefficient": "kendall"}, "must be one of 'spearman', 'pearson'"),
        (([1, 2], [1, 2]), {"replicates": 0}, "`replicates` must be a whole number from 1"),
    ],
)
def test_what_has_no_correlation_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        correlation_interval(*arguments, **options)


def test_rank_correlations_are_those_of_scipy(rng):
    pairs = rng.integers(5, size=(2, 20, 12)).astype(float)
    expected = [stats.spearmanr(*each).statistic for each in pairs.swapaxes(0, 1)]
    np.testing.assert_allclose(correlations(pairs), expected)


def test_interval_of_a_correlation_stays_within_its_bounds():
    x = np.arange(5.0)
    found = correlation_interval(x, x + [0, 0, 0, 0, 0.5])
    assert (found.value, found.high) == (1, 1)
    assert -1 <= found.low <= 1


def test_seeds_of_a_training_are_no_further_trainings(rng):
    x, y = rng.normal(size=(2, 12))
    once = correlation_interval(x, y)
    thrice = correlation_interval(np.tile(x[:, None], 3), np.tile(y[:, None], 3))
    assert thrice == once


def test_chance_is_within_the_interval_of_unrelated_trainings():
    rng, held = np.random.default_rng(1), 0
    for _ in range(60):
        found = correlation_interval(*rng.normal(size=(2, 20)), replicates=400)
        held += found.low <= 0 <= found.high
    assert held >= 50


def test_few_trainings_have_no_interval():
    found = correlation_interval([1, 2, 3], [3, 1, 2])
    assert np.isnan(found.low) and np.isnan(found.high)
    assert found.value == pytest.approx(-0.5)
    # In perfect order by chance once in twelve times.
    assert np.isnan(correlation_interval(range(4), range(4)).low)
    assert np.isnan(correlation_interval([1], [2]).value)
