"""Bootstrap intervals against a known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta

from ttclib.analysis.intervals import METHODS, bootstrap_mean, paired_difference, simultaneous_band
from ttclib.errors import RequestError

NAN = float("nan")


def trials(draw, n_problems, n_trials=2000, seed=1):
    """Independent experiments as columns, and the truth."""
    rng = np.random.default_rng(seed)
    return draw(rng, (n_problems, n_trials))


SPREADS = {
    "even": (lambda rng, shape: rng.beta(0.7, 0.7, shape), 0.5),
    "mostly hard": (lambda rng, shape: rng.beta(0.5, 1.5, shape), 0.25),
    "right or wrong": (lambda rng, shape: (rng.random(shape) < 0.3).astype(float), 0.3),
    "two kinds": (lambda rng, shape: np.where(rng.random(shape) < 0.4, 0.9, rng.beta(1, 4, shape)), 0.48),
}


# 2,000 experiments: the share of hits has a standard error of .005, so [.93, .97] is four of them to each side.
# Of grades that are 0 or 1 the mean lies on a lattice, which moves the coverage of any interval up and down.
@pytest.mark.parametrize(
    ("spread", "n_problems"), [(name, n) for name in SPREADS for n in (50, 150) if (name, n) != ("right or wrong", 50)]
)
def test_covers_the_truth_as_often_as_it_says(spread, n_problems):
    draw, truth = SPREADS[spread]
    low, high = bootstrap_mean(trials(draw, n_problems), n_resamples=1000, bounds=(0, 1))
    assert 0.93 <= np.mean((low <= truth) & (truth <= high)) <= 0.97


def test_covers_with_ten_problems_better_than_percentiles_do():
    draw, truth = SPREADS["even"]
    values = trials(draw, 10)
    hits = {}
    for method in METHODS:
        low, high = bootstrap_mean(values, n_resamples=1000, method=method)
        hits[method] = np.mean((low <= truth) & (truth <= high))
    assert hits["percentile"] < 0.94 < hits["bca"] < 0.985


@pytest.mark.parametrize("level", [0.8, 0.99])
def test_covers_at_other_levels(level):
    draw, truth = SPREADS["mostly hard"]
    low, high = bootstrap_mean(trials(draw, 80), level=level, n_resamples=2000)
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(level, abs=0.02)


def test_a_band_holds_the_whole_curve_and_pointwise_intervals_do_not():
    # Coverage at five budgets of problems whose pass@1 is Beta(.8, 1.2): columns that hang together.
    rng, budgets, n_trials = np.random.default_rng(3), np.array([1, 2, 4, 8, 16]), 1000
    truth = np.array([quad(lambda p, k=k: (1 - (1 - p) ** k) * beta.pdf(p, 0.8, 1.2), 0, 1)[0] for k in budgets])
    held = {"band": 0, "pointwise": 0}
    for _ in range(n_trials):
        values = 1 - (1 - rng.beta(0.8, 1.2, 60)[:, None]) ** budgets
        band = simultaneous_band(values, n_resamples=500)
        low, high = bootstrap_mean(values, n_resamples=500)
        held["band"] += bool(np.all((band.low <= truth) & (truth <= band.high)))
        held["pointwise"] += bool(np.all((low <= truth) & (truth <= high)))
    assert 0.93 <= held["band"] / n_trials <= 0.97
    assert held["pointwise"] / n_trials < held["band"] / n_trials - 0.02


def test_a_band_of_independent_columns_covers_all():
    rng = np.random.default_rng(4)
    held = [
        np.all((band.low <= 0.5) & (band.high >= 0.5))
        for band in (simultaneous_band(rng.random((80, 10)), n_resamples=500) for _ in range(1000))
    ]
    assert 0.93 <= np.mean(held) <= 0.97


def test_a_band_knows_bounds_missing_values_and_columns_that_do_not_vary():
    values = np.random.default_rng(5).beta(0.3, 5, (15, 3))
    values[:, 1], values[:10, 2] = 1.0, NAN
    band = simultaneous_band(np.hstack([values, np.full((15, 1), NAN)]), bounds=(0, 1))
    assert band.low[0] >= 0 and band.mean[0] == pytest.approx(values[:, 0].mean())
    assert band.low[1] == band.high[1] == 1
    assert band.mean[2] == pytest.approx(np.nanmean(values[:, 2])) and band.low[2] < band.mean[2] < band.high[2]
    assert all(np.isnan(side[3]) for side in band)


def test_paired_differences_cover_and_are_narrower_than_separate_intervals():
    rng = np.random.default_rng(6)
    ease = rng.beta(0.7, 0.7, (80, 1500))
    gain = 0.05 + 0.1 * rng.standard_normal(ease.shape)
    found = paired_difference(ease + gain, ease, n_resamples=1000)
    assert 0.93 <= np.mean((found.low <= 0.05) & (found.high >= 0.05)) <= 0.97
    low, high = bootstrap_mean(ease, n_resamples=1000)
    assert np.mean(found.high - found.low) < np.mean(high - low) / 2


def test_a_paired_difference_counts_problems_that_both_answer():
    found = paired_difference([[0.5, NAN], [0.7, 0.9], [NAN, 0.3]], [[0.4, 0.1], [0.5, 0.2], [0.0, NAN]])
    assert found.mean.tolist() == pytest.approx([0.15, 0.7])
    assert [found.low[1], found.high[1]] == pytest.approx([0.7, 0.7])
    with pytest.raises(ValueError, match="one shape"):
        paired_difference([[0.1]], [[0.1, 0.2]])
    wide = paired_difference(np.random.default_rng(0).random((30, 6)), np.zeros((30, 6)), simultaneous=True)
    narrow = paired_difference(np.random.default_rng(0).random((30, 6)), np.zeros((30, 6)))
    assert np.all(wide.high - wide.low > narrow.high - narrow.low)


def test_no_spread_at_a_bound_is_not_certainty():
    low, high = bootstrap_mean(np.column_stack([np.ones(30), np.zeros(30), np.full(30, 0.4)]), bounds=(0, 1))
    assert low == pytest.approx([0.025 ** (1 / 30), 0, 0.4]) and high == pytest.approx([1, 1 - 0.025 ** (1 / 30), 0.4])
    without = bootstrap_mean(np.ones((30, 1)))
    assert without[0][0] == without[1][0] == 1


def test_an_unknown_method_is_refused():
    with pytest.raises(RequestError, match="unknown method 'bc'"):
        bootstrap_mean([[0.1]], method="bc")


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
