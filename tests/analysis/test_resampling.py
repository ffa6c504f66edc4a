"""The one interval: closed forms, brute force, coverage by simulation, and winners that chance does not make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, ttest_1samp

from ttclib.analysis.resampling import Resamples, ends, interval
from ttclib.analysis.winners import holm, leads
from ttclib.errors import RequestError

NAN = float("nan")


@given(st.integers(1, 60), st.data())
def test_on_right_and_wrong_it_is_clopper_pearson(n, data):
    right = data.draw(st.integers(0, n))
    found = interval(np.array([1.0] * right + [0.0] * (n - right)))
    exact = binomtest(right, n).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_forty_of_forty():
    found = interval([1.0] * 40)
    assert float(found.low) == pytest.approx(0.912, abs=5e-4) and float(found.high) == 1.0
    assert float(interval([0.0] * 40).high) == pytest.approx(0.088, abs=5e-4)


def test_drawn_weights_agree_with_the_closed_form():
    # Rows of two clusters force the drawn way on 0/1 data; so does a band of one column.
    values = np.array([1.0] * 33 + [0.0] * 7)
    exact = interval(values)
    drawn = interval(np.repeat(values, 2), clusters=np.repeat(np.arange(40), 2))
    assert (drawn.low, drawn.high) == pytest.approx((exact.low, exact.high), abs=0.006)
    nearly = interval(np.clip(values, 1e-7, 1 - 1e-7))
    assert (nearly.low, nearly.high) == pytest.approx((exact.low, exact.high), abs=0.006)


def test_gaffke_by_brute_force():
    values = np.random.default_rng(1).random(12)
    weights = np.random.default_rng(2).dirichlet(np.ones(13), 200_000)
    low = np.quantile(weights[:, :12] @ values, 0.025)
    high = np.quantile(weights[:, :12] @ values + weights[:, 12], 0.975)
    found = interval(values)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)


def test_a_difference_is_paired_and_has_the_worst_problem_at_minus_one():
    base = np.linspace(0.1, 0.8, 100)
    found = interval((base + 0.1, base), "difference")
    # All differences are alike: the weight of the pseudo-problem alone moves the mean.
    share = beta.ppf(0.975, 1, 100)
    assert float(found.low) == pytest.approx(0.1 * (1 - share) - share, abs=0.002)
    assert float(found.high) == pytest.approx(0.1 * (1 - share) + share, abs=0.002)
    assert interval(base + 0.1 - base, "difference").low == found.low
    same = interval((base, base), "difference")
    assert same.estimate == 0 and same.low < 0 < same.high


def test_a_ratio_of_sums():
    top, bottom = np.array([3.0, 1.0, 0.0]), np.array([4.0, 2.0, 2.0])
    found = interval((top, bottom), "ratio")
    assert float(found.estimate) == 0.5 and 0 < found.low < 0.5 < found.high < 1
    assert np.isnan(interval((np.zeros(3), np.zeros(3)), "ratio").estimate)
    wide, narrow = interval((top, bottom), "ratio"), interval((np.tile(top, 30), np.tile(bottom, 30)), "ratio")
    assert narrow.high - narrow.low < wide.high - wide.low


def test_without_bounds_it_is_as_wide_as_students_t():
    values = np.random.default_rng(0).normal(50, 10, 9)
    found = interval(values, bounds=None)
    exact = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1.0)


def test_missing_values_are_left_out_column_by_column():
    table = np.array([[1.0, NAN, NAN], [0.5, 0.5, NAN], [0.2, 0.2, NAN], [0.9, NAN, NAN]])
    found = interval(table)
    assert found.estimate[:2] == pytest.approx([0.65, 0.35]) and np.isnan(found.estimate[2]) and np.isnan(found.low[2])
    alone = interval(np.array([0.5, 0.2]))
    assert found.high[1] == pytest.approx(float(alone.high), abs=0.02)


def test_groups_have_a_row_each_after_all():
    values, groups = np.array([0.2, 0.4, 0.6, 0.8, 1.0]), np.array([1, 1, 3, 3, 0])
    found = interval(values, groups=groups)
    assert found.estimate[[0, 1, 3]] == pytest.approx([0.6, 0.3, 0.7]) and np.isnan(found.estimate[2])
    assert found.low.shape == (4,) and interval(values[:, None], groups=groups).low.shape == (4, 1)
    assert (found.low[[0, 1, 3]] < found.estimate[[0, 1, 3]]).all()


@given(st.integers(2, 25), st.integers(1, 1000))
def test_rows_of_one_problem_weigh_as_one(n, seed):
    values = np.random.default_rng(seed).random(n)
    once = interval(values, n_resamples=500)
    twice = interval(np.concatenate([values, values]), clusters=np.tile(np.arange(n), 2), n_resamples=500)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high), abs=1e-9)
    order = np.argsort(np.tile(np.arange(n), 2), kind="stable")  # the same rows in another order
    mixed = interval(np.tile(values, 2)[order], clusters=np.tile(np.arange(n), 2)[order] + 7, n_resamples=500)
    assert (mixed.low, mixed.high) == pytest.approx((once.low, once.high), abs=1e-9)


def test_a_band_holds_whole_curves():
    rng = np.random.default_rng(0)
    truth, hits, pointwise = np.linspace(0.3, 0.7, 8), 0, 0
    for _ in range(100):
        chance = np.clip(truth + rng.normal(0, 0.2, (60, 1)) + rng.normal(0, 0.15, (60, 8)), 0, 1)
        centre = truth  # clipping is symmetric enough at these spreads to move the mean by less than .004
        band = interval(chance, family="simultaneous", n_resamples=2000)
        point = interval(chance, n_resamples=2000)
        hits += bool(((band.low <= centre) & (centre <= band.high)).all())
        pointwise += bool(((point.low <= centre) & (centre <= point.high)).all())
        assert (band.low <= point.low + 1e-12).all() and (band.high >= point.high - 1e-12).all()
    assert hits >= 91 and pointwise < hits


@pytest.mark.parametrize("n", [10, 40])
@pytest.mark.parametrize("truth", [0.5, 0.97])
def test_means_are_covered(n, truth):
    rng = np.random.default_rng([n, int(truth * 100)])
    for values in (rng.binomial(16, truth, (n, 400)) / 16, rng.beta(0.5 * truth, 0.5 * (1 - truth), (n, 400))):
        found = interval(values, n_resamples=1500)
        assert ((found.low <= truth) & (truth <= found.high)).mean() > 0.925


def test_ends_may_be_open():
    draws = np.array([[1.0, NAN], [np.inf, NAN], [2.0, NAN], [3.0, 5.0]])
    low, high = ends(draws, draws, 0.9)
    assert low.tolist() == [1.0, 5.0] and high.tolist() == [np.inf, 5.0]
    assert np.isnan(ends(np.full((3, 1), NAN), np.full((3, 1), NAN))[0]).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(RequestError, match="unknown kind of interval 'median'"):
        interval([0.5], "median")
    with pytest.raises(RequestError, match="unknown family"):
        interval([0.5], family="all")
    with pytest.raises(ValueError, match=r"lies outside the bounds \(0.0, 1.0\)"):
        interval([0.5, 1.5])
    for level in (0, 1):
        with pytest.raises(ValueError, match="level"):
            interval([0.5], level=level)
    with pytest.raises(ValueError, match="one shape"):
        interval(([0.5], [0.5, 0.4]), "difference")
    with pytest.raises(ValueError, match="takes a pair"):
        interval([0.5], "ratio")
    with pytest.raises(ValueError, match="one a row"):
        Resamples.of(3, clusters=[0, 1])


def test_seeds_move_an_end_by_little():
    values = np.random.default_rng(3).beta(0.5, 0.3, 100)
    low = [float(interval(values, seed=seed).low) for seed in range(5)]
    assert max(low) - min(low) < 0.004 and low[0] == float(interval(values, seed=0).low)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([NAN, 0.5]).tolist()[1] == 0.5 and np.isnan(holm([NAN, 0.5])[0])


def lead(first, second, **settings):
    """Verdicts on columns of two tables."""
    found = interval((first, second), "difference", n_resamples=1500)
    return leads(list((first - second).T), found.low, found.high, **settings)


def test_a_lead_within_the_margin_is_none():
    first = np.full((1000, 1), 0.509)
    assert lead(first, np.full((1000, 1), 0.5)) == ["too close"]
    assert lead(first + 0.05, np.full((1000, 1), 0.5)) == ["small"]
    assert lead(np.full((1000, 1), 0.5), first + 0.05, names=("a", "b")) == ["b"]


def test_two_equal_models_that_are_always_right_have_no_winner():
    assert lead(np.ones((50, 1)), np.full((50, 1), 1 - 5e-11)) == ["too close"]


def test_the_row_s_own_interval_must_leave_out_0():
    assert leads([[0.3] * 200], [-0.01], [0.6]) == ["too close"]
    assert leads([[NAN, NAN]], [NAN], [NAN]) == [None]


@pytest.mark.parametrize("scene", ["equal", "greedy", "constant"])
def test_false_winners_are_rare(scene):
    """Tables of 18 rows, both sides truly as good: at most 5 % may hold a winner (a long run is in the benchmarks)."""
    rng = np.random.default_rng(len(scene))
    truth = 0.97 if scene == "constant" else 0.9
    false = 0
    for _ in range(80):
        rows = []
        for n in [250] * 3 + [50] * 15:
            small = rng.beta(5 * truth, 5 * (1 - truth), n)
            large = np.full(n, truth) if scene == "constant" else rng.beta(5 * truth, 5 * (1 - truth), n)
            rows.append(small - ((rng.random(n) < large) if scene == "greedy" else large))
        found = [interval(row, "difference", n_resamples=500) for row in rows]
        told = leads(rows, [one.low for one in found], [one.high for one in found])
        false += any(one in ("small", "large") for one in told)
    assert false <= 9  # 80 · .05 at the 1 % level


@pytest.mark.parametrize(("greedy", "wanted"), [(False, 0.9), (True, 0.4)])
def test_it_decides_where_it_can(greedy, wanted):
    """10 points on 250 problems, among 18 rows of which the others are equal."""
    rng = np.random.default_rng(5)
    decided = 0
    for _ in range(200):
        chance = rng.beta(2, 2, 250)
        large = (rng.random(250) < 0.5).astype(float) if greedy else np.clip(chance - 0.1, 0, 1)
        small = np.full(250, 0.6) if greedy else chance
        rows = [small - large] + [np.zeros(50)] * 17
        found = interval(rows[0], "difference", n_resamples=800)
        low, high = np.array([found.low] + [-0.1] * 17), np.array([found.high] + [0.1] * 17)
        decided += leads(rows, low, high)[0] == "small"
    assert decided / 200 >= wanted - 0.07
