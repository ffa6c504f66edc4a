"""Bootstrap intervals against a known truth."""

from __future__ import annotations

import numpy as np
import pytest

from ttclib.analysis.intervals import bootstrap_mean

NAN = float("nan")


def test_covers_the_truth_about_as_often_as_it_says():
    # 1,500 experiments of 60 problems each, Beta(.7, .7): mean .5. A percentile bootstrap of 60 problems covers
    # a little less than 95 %; the count of hits has a standard error of .006, so [.92, .965] is five of them wide.
    n_trials, n_problems = 1500, 60
    values = np.random.default_rng(1).beta(0.7, 0.7, size=(n_problems, n_trials))
    low, high = bootstrap_mean(values, n_resamples=1000)
    coverage = np.mean((low <= 0.5) & (high >= 0.5))
    assert 0.92 <= coverage <= 0.965


def test_width_is_that_of_the_normal_approximation():
    values = np.random.default_rng(2).beta(0.7, 0.7, size=(400, 1))
    low, high = bootstrap_mean(values, n_resamples=4000)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(400), rel=0.06)


def test_a_higher_level_is_wider():
    values = np.random.default_rng(3).random((50, 1))
    inner, outer = bootstrap_mean(values, level=0.8), bootstrap_mean(values, level=0.99)
    assert outer[0] < inner[0] < inner[1] < outer[1]


def test_missing_values_are_left_out_column_by_column():
    full = np.random.default_rng(4).random((30, 1))
    table = np.hstack([full, np.where(np.arange(30)[:, None] < 10, NAN, full), np.full((30, 1), NAN)])
    low, high = bootstrap_mean(table, seed=5)
    assert low[0] < full.mean() < high[0]
    assert low[1] < full[10:].mean() < high[1]
    assert np.isnan(low[2]) and np.isnan(high[2])
    assert low[0] == pytest.approx(bootstrap_mean(full, seed=5)[0][0])


def test_no_problem_and_nothing_known_give_nan():
    for table in (np.empty((0, 2)), np.full((3, 2), NAN)):
        low, high = bootstrap_mean(table)
        assert low.shape == high.shape == (2,)
        assert np.isnan(low).all() and np.isnan(high).all()


def test_one_problem_has_no_spread():
    low, high = bootstrap_mean([[0.3]])
    assert low[0] == high[0] == pytest.approx(0.3)


def test_seed_decides():
    values = np.random.default_rng(6).random((20, 3))
    first, again, other = (bootstrap_mean(values, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_columns_share_their_draws():
    column = np.random.default_rng(7).random((20, 1))
    low, high = bootstrap_mean(np.hstack([column, column + 1]))
    assert low[1] - low[0] == pytest.approx(1) and high[1] - high[0] == pytest.approx(1)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_refuses_a_level_outside_0_1(level):
    with pytest.raises(ValueError, match="level"):
        bootstrap_mean([[0.1]], level=level)


def test_refuses_a_flat_list():
    with pytest.raises(ValueError, match="shape"):
        bootstrap_mean([0.1, 0.2])
