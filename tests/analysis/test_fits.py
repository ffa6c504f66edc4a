"""Scaling fits: published curves, known distributions given back, and brute force beside the likelihoods."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, expit
from scipy.stats import betabinom

from ttclib.analysis.extrapolation import extrapolate_pass_at_k, extrapolation_miss, fit_coverage, majority_limit
from ttclib.analysis.fits import (
    BetaBinomial,
    CoveragePowerLaw,
    ScaledBetaBinomial,
    fit_beta_binomial,
    fit_coverage_power_law,
    fit_scaled_beta_binomial,
)
from ttclib.analysis.quadrature import log_mean_over_beta, sloped_log_mean_over_beta
from ttclib.errors import RequestError
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.voting import majority_vote

NAN = float("nan")


@pytest.mark.parametrize(("a", "b"), [(-1.33, -0.43), (-0.75, -0.46)])
def test_the_published_power_laws_are_given_back(a, b):
    k = np.array([1, 10, 100, 1000, 10_000])
    fit = fit_coverage_power_law(k, np.exp(a * k**b))
    assert (fit.a, fit.b) == pytest.approx((a, b), rel=1e-6)
    first, second = fit
    assert (first, second) == (fit.a, fit.b)


def test_the_published_curve():
    law = CoveragePowerLaw(-1.33, -0.43)
    assert [law.predict(k) for k in (1, 100, 10_000)] == pytest.approx([0.2645, 0.8323, 0.9750], abs=5e-5)


def test_points_without_a_logarithm_are_left_out_and_full_coverage_is_kept():
    k = np.array([1, 2, 4, 8, 16])
    coverage = np.exp(-1.0 * k**-0.5)
    fit = fit_coverage_power_law([*k, 1, 2], [*coverage, 0, NAN])
    assert (fit.a, fit.b) == pytest.approx((-1, -0.5))
    saturated = fit_coverage_power_law([1, 2, 4, 1000], [0.5, 0.8, 0.95, 1.0])
    assert saturated.predict(1000) > 0.99


@pytest.mark.parametrize(
    ("k", "coverage", "message"),
    [
        ([1, 2], [0.5], "as many"),
        ([0, 2], [0.5, 0.6], "k must be at least 1"),
        ([1, 2], [0.5, 1.2], r"coverage in \[0, 1\]"),
        ([1, 2], [0.5, 1.0], "two sample counts"),
        ([2, 2], [0.5, 0.6], "two sample counts"),
    ],
)
def test_power_law_refusals(k, coverage, message):
    with pytest.raises(ValueError, match=message):
        fit_coverage_power_law(k, coverage)


@given(st.floats(0.05, 20), st.floats(0.05, 20), st.integers(1, 300))
def test_beta_prediction_is_the_mean_over_the_distribution(a, b, k):
    # E[(1 − p)^k] is a ratio of beta functions: B(a, b + k) / B(a, b).
    assert BetaBinomial(a, b).predict(k) == pytest.approx(1 - np.exp(betaln(a, b + k) - betaln(a, b)), abs=1e-9)


@settings(max_examples=30)
@given(st.floats(0.05, 30), st.floats(0.05, 30), st.integers(0, 2000), st.integers(0, 2000))
def test_quadrature_equals_the_closed_form_without_scale(a, b, right, wrong):
    found = log_mean_over_beta(np.array([right], float), np.array([wrong], float), a, b)[0]
    assert found == pytest.approx(betaln(a + right, b + wrong) - betaln(a, b), rel=1e-6, abs=1e-6)


@settings(max_examples=30)
@given(st.floats(0.3, 5), st.floats(0.3, 5), st.integers(0, 30), st.integers(0, 30), st.floats(0.05, 0.999))
def test_quadrature_equals_scipys_integral_with_scale(a, b, right, wrong, scale):
    found = np.exp(log_mean_over_beta(np.array([right], float), np.array([wrong], float), a, b, scale)[0])

    def integrand(x):
        return (scale * x) ** right * (1 - scale * x) ** wrong

    expected = quad(integrand, 0, 1, weight="alg", wvar=(a - 1, b - 1), epsabs=0)[0] / np.exp(betaln(a, b))
    assert found == pytest.approx(expected, rel=1e-6)


def counts(alpha, beta, n_samples, n_problems, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.binomial(n_samples, scale * rng.beta(alpha, beta, n_problems))


@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 1.5), (2.0, 5.0), (0.6, 0.4)])
def test_beta_binomial_gives_back_what_made_the_counts(alpha, beta):
    fit = fit_beta_binomial(64, counts(alpha, beta, 64, 4000))
    assert (fit.alpha, fit.beta) == pytest.approx((alpha, beta), rel=0.12)
    assert fit.predict(1000) == pytest.approx(BetaBinomial(alpha, beta).predict(1000), abs=0.02)


def test_beta_binomial_is_the_maximum_of_scipys_likelihood():
    c = counts(0.5, 1.0, 20, 300, seed=3)
    fit = fit_beta_binomial(np.full(300, 20), c)
    here = betabinom.logpmf(c, 20, *fit).sum()
    for factor in (0.98, 1.02):
        assert here > betabinom.logpmf(c, 20, fit.alpha * factor, fit.beta).sum()
        assert here > betabinom.logpmf(c, 20, fit.alpha, fit.beta * factor).sum()


def test_scaled_fit_gives_back_the_support_and_never_fits_worse():
    c = counts(1.0, 1.5, 128, 1500, scale=0.6, seed=1)
    scaled, plain = fit_scaled_beta_binomial(128, c), fit_beta_binomial(128, c)
    assert scaled.scale == pytest.approx(0.6, abs=0.05)
    right, wrong = c.astype(float), 128.0 - c
    assert (
        log_mean_over_beta(right, wrong, *scaled).sum()
        > log_mean_over_beta(right, wrong, plain.alpha, plain.beta).sum() + 5
    )
    truth = ScaledBetaBinomial(1.0, 1.5, 0.6)
    assert scaled.predict([1, 4, 100]) == pytest.approx(truth.predict([1, 4, 100]), abs=0.02)
    alpha, beta, scale = scaled
    assert (alpha, beta, scale) == (scaled.alpha, scaled.beta, scaled.scale)


def test_scaled_fit_of_unscaled_counts_predicts_the_same():
    c = counts(0.5, 1.0, 32, 800, seed=2)
    k = [1, 10, 100]
    assert fit_scaled_beta_binomial(32, c).predict(k) == pytest.approx(fit_beta_binomial(32, c).predict(k), abs=0.02)


def test_pools_of_unequal_size_and_problems_without_samples():
    n = np.array([10, 20, 30, 0] * 300)
    rng = np.random.default_rng(4)
    c = rng.binomial(n, rng.beta(0.8, 1.2, len(n)))
    assert tuple(fit_beta_binomial(n, c)) == pytest.approx((0.8, 1.2), rel=0.2)


@pytest.mark.parametrize(
    ("n", "c", "message"),
    [
        (4, [5], "between 0 and n_samples"),
        (4, [-1], "between 0 and n_samples"),
        (4, [1.5], "whole numbers"),
        (4, [0, 0], "no right sample in 2 problems"),
        (4, [4, 4], "no wrong sample in 2 problems"),
    ],
)
def test_beta_binomial_refusals(n, c, message):
    for fit in (fit_beta_binomial, fit_scaled_beta_binomial):
        with pytest.raises(RequestError, match=message):
            fit(n, c)


def test_counts_extrapolate_better_than_the_curve():
    # 32 samples of 3,000 problems tell pass@10,000 when the spread is a beta distribution; the curve is biased.
    c = counts(0.3, 3.0, 32, 3000, seed=5)
    truth = BetaBinomial(0.3, 3.0).predict(10_000)
    by_counts = extrapolate_pass_at_k(32, c, [10_000], n_resamples=30)
    by_curve = fit_coverage(32, c, "power_law").predict(10_000)
    assert by_counts["ci_low"][0] < truth < by_counts["ci_high"][0]
    assert 2 * abs(by_counts["predicted"][0] - truth) < abs(by_curve - truth)
    assert by_counts["within_pool"].to_list() == [False]


def test_within_the_pool_the_prediction_is_near_the_estimate():
    c = counts(0.5, 1.0, 64, 500, seed=6)
    table = extrapolate_pass_at_k(64, c, [1, 8, 64], n_resamples=20)
    measured = [np.mean(pass_at_k(64, c, k)) for k in (1, 8, 64)]
    assert table["predicted"].to_list() == pytest.approx(measured, abs=0.02)
    assert table["within_pool"].all()
    with pytest.raises(RequestError, match="unknown model of coverage 'line'"):
        fit_coverage(64, c, "line")


def test_how_far_half_the_samples_miss_the_other_half():
    rng = np.random.default_rng(7)
    size = np.array([30] + [32] * 299)  # one problem has 15 left
    table = extrapolation_miss(size, rng.binomial(size, rng.beta(0.4, 1.0, 300)), n_splits=3)
    assert table["model"].unique().sort().to_list() == ["beta_binomial", "power_law", "scaled_beta_binomial"]
    rows = table.filter(model="beta_binomial")
    assert rows["k"].to_list() == [1, 2, 4, 8, 16]
    assert rows["measured_on"].to_list() == ["other half"] * 4 + ["all samples"]
    assert rows["miss"].abs().max() < 0.04
    assert table.select((table["predicted"] - table["measured"] - table["miss"]).abs().max()).item() < 1e-12
    with pytest.raises(RequestError, match="at least two graded samples"):
        extrapolation_miss([1, 4], [1, 2])


def test_majority_need_not_rise():
    # Half the problems are right with .6, half with .4, two answers: many votes end at 1 and 0, .5 as with one vote.
    rng = np.random.default_rng(8)
    correct = (rng.random((200, 400)) < np.repeat([0.65, 0.35], 100)[:, None]).astype(float)
    found = majority_limit(correct.astype(int), correct)
    assert (found.n_rising, found.n_falling) == (100, 100) and found.accuracy == 0.5
    assert found.ci_low < 0.5 < found.ci_high
    assert found.limit.tolist() == [1.0] * 100 + [0.0] * 100


@given(st.integers(0, 10_000))
def test_majority_limit_is_the_vote_of_the_whole_pool(seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(-1, 3, (4, 6))
    right = np.where(rng.random((4, 6)) < 0.1, np.nan, ids == 0)
    votes = majority_vote(ids, right, [1, 6])
    found = majority_limit(ids, right)
    np.testing.assert_allclose(found.pass_at_1, votes[:, 0])
    np.testing.assert_allclose(found.limit, votes[:, 1])


def test_majority_limit_splits_ties_and_leaves_out_the_ungraded():
    found = majority_limit([[0, 1], [0, 1], [2, 2]], [[1, 0], [NAN, NAN], [0, 0]])
    assert found.limit[[0, 2]].tolist() == [0.5, 0] and np.isnan(found.limit[1])
    assert found.accuracy == 0.25 and (found.n_rising, found.n_falling) == (0, 0)
    with pytest.raises(RequestError, match="one shape"):
        majority_limit([[0]], [[1, 0]])


@settings(max_examples=4, deadline=None)
@given(st.integers(1, 10_000))
def test_a_problem_that_weighs_twice_is_two_problems(seed):
    rng = np.random.default_rng(seed)
    c = np.append(rng.integers(0, 9, 12), [2, 7])
    twice = np.append(c, c[:3])
    for fit in (fit_beta_binomial, fit_scaled_beta_binomial):
        weighed = fit(8, c, weights=[2.0] * 3 + [1.0] * 11)
        assert weighed.predict(5) == pytest.approx(fit(8, twice).predict(5), abs=2e-5)


def test_the_interval_of_a_prediction_covers():
    # Of problems drawn from a known beta; the model is right, so what is left is which problems were drawn.
    truth, hits = BetaBinomial(0.6, 0.9).predict(64), 0
    for seed in range(8):
        row = extrapolate_pass_at_k(32, counts(0.6, 0.9, 32, 60, seed=seed), [64], n_resamples=40).row(0, named=True)
        hits += row["ci_low"] <= truth <= row["ci_high"]
    assert hits >= 6


@settings(max_examples=30)
@given(st.floats(-4, 3), st.floats(-4, 3), st.floats(-3, 6), st.integers(0, 200), st.integers(0, 200))
def test_slopes_of_the_quadrature_equal_differences(log_alpha, log_beta, odds, right, wrong):
    at, counts = np.array([log_alpha, log_beta, odds]), (np.array([right], float), np.array([wrong], float))

    def found(place):
        return sloped_log_mean_over_beta(*counts, *np.exp(place[:2]), float(expit(place[2])))

    slopes = found(at)[1][0]
    for axis, step in enumerate(1e-5 * np.eye(3)):
        difference = (found(at + step)[0][0] - found(at - step)[0][0]) / 2e-5
        assert slopes[axis] == pytest.approx(difference, rel=1e-4, abs=1e-4)
