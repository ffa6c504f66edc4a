"""Attempts that equal a larger model's one answer: against listing, closed forms and fits one at a time."""

from __future__ import annotations

import numpy as np
import pytest

from ttclib.analysis.beyond_pool import beyond_pool, crossing_of, fitted_attempts
from ttclib.analysis.cost import flops_matched_multiplier
from ttclib.analysis.extrapolation import extrapolate_pass_at_k
from ttclib.analysis.fits import BetaBinomial, fit_beta_binomial
from ttclib.analysis.weighted_fits import covered, weighted_beta_binomials
from ttclib.errors import RequestError
from ttclib.replay.coverage import pass_at_k

RATES = [0.01, 0.1, 1.0, 10.0, 100.0]


def counts(alpha: float, beta: float, n_problems: int = 300, n: int = 10, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.binomial(n, rng.beta(alpha, beta, n_problems))


@pytest.mark.parametrize(("n", "alpha", "beta"), [(10, 0.3, 1.2), (10, 40, 40), (500, 0.3, 60), (10, 0.02, 0.03)])
def test_many_weightings_at_once_come_to_the_fits_one_at_a_time(n, alpha, beta):
    c = counts(alpha, beta, n=n)
    near, weights = fit_beta_binomial(n, c), np.random.default_rng(1).standard_exponential((12, len(c)))
    found = covered(*weighted_beta_binomials(np.full(len(c), n), c, weights, near=near), [1, 10, 1000])
    for row, own in zip(found, weights, strict=True):
        assert row == pytest.approx(fit_beta_binomial(n, c, weights=own).predict([1, 10, 1000]), rel=1e-4)


def test_a_weighting_that_leaves_the_fit_open_tells_nothing():
    c, weights = np.array([0, 3, 10]), np.array([[1.0, 0, 0], [0, 0, 1.0], [1, 1, 1]])
    alpha, _ = weighted_beta_binomials(np.full(3, 10), c, weights, near=fit_beta_binomial(10, c))
    assert np.isnan(alpha).tolist() == [True, True, False]


def test_attempts_are_the_fewest_whole_ones_that_pass():
    c, large = counts(0.5, 2.0), np.full(300, 0.42)
    found = beyond_pool(10, c, large, RATES, param_ratio=8.0)
    curve = [float(np.mean(pass_at_k(10, c, k))) for k in range(1, 11)]
    assert found.measured.attempts == next(k for k, value in enumerate(curve, 1) if value > 0.42)
    fit = fit_beta_binomial(10, c)
    assert fit.predict(found.fitted.attempts) > 0.42 >= fit.predict(found.fitted.attempts - 1)
    assert found.measured.attempts_low <= found.measured.attempts <= found.measured.attempts_high
    for row in found.frame.to_dicts():
        spent = flops_matched_multiplier(8.0, row["exchange_rate"])
        assert row["multiplier"] == pytest.approx(spent) and row["within_pool"] == (spent <= 10)
        assert row["difference"] == pytest.approx(fit.predict(spent) - 0.42)
        assert row["ci_low"] <= row["difference"] <= row["ci_high"]


def test_the_crossing_pays_for_just_the_attempts():
    for attempts in (9.0, 20.0, 1e6):
        assert flops_matched_multiplier(8.0, crossing_of(attempts, 8.0)) == pytest.approx(attempts)
    assert flops_matched_multiplier(8.0, crossing_of(30.0, 8.0, 2.0), training_tokens_ratio=2.0) == pytest.approx(30)
    assert crossing_of(8.0, 8.0) == np.inf and crossing_of(np.inf, 8.0) == 0


@pytest.mark.parametrize(
    ("large", "attempts", "crossing"), [(0.999, np.inf, 0.0), (0.0, 1.0, np.inf)], ids=["never", "at once"]
)
def test_the_ends(large, attempts, crossing):
    c = np.array([0] * 100 + [10] * 50 + [5] * 50)  # of half the problems nothing is ever solved
    found = beyond_pool(10, c, np.full(200, large), RATES, param_ratio=8.0)
    assert (found.measured.attempts, found.measured.crossing) == (attempts, crossing)
    assert found.needed["told_by"].to_list() == ["pool", "fit"]


def test_bisection_finds_what_listing_does():
    fits = [BetaBinomial(0.3, 2.0), BetaBinomial(2.0, 50.0), BetaBinomial(1.0, 1.0)]
    wanted = [0.5, 0.9, 0.74]
    found = fitted_attempts(*(np.array(side) for side in zip(*fits, strict=True)), np.array(wanted))
    for fit, level, attempts in zip(fits, wanted, found, strict=True):
        assert attempts == next(k for k in range(1, 10_000) if fit.predict(k) > level + 1e-12)
    assert fitted_attempts(np.array([1e-4]), np.array([1.0]), np.array([0.9])).tolist() == [np.inf]


def test_the_interval_of_the_estimate_holds_the_truth():
    held, truth = 0, BetaBinomial(0.6, 2.0)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = beyond_pool(10, counts(0.6, 2.0, 200, seed=seed), rng.random(200) < 0.5, [0.1], param_ratio=8.0,
                            n_resamples=200)  # fmt: skip
        row = found.frame.row(0, named=True)
        held += row["ci_low"] <= truth.predict(row["multiplier"]) - 0.5 <= row["ci_high"]
    assert held >= 35  # of 40 at 95 %


def test_bands_of_predictions_are_of_the_same_fits():
    c = counts(0.5, 2.0)
    frame = extrapolate_pass_at_k(np.full(300, 10), c, [1, 100], n_resamples=60)
    assert (frame["ci_low"] < frame["predicted"]).all() and (frame["predicted"] < frame["ci_high"]).all()
    assert frame["within_pool"].to_list() == [True, False]


@pytest.mark.parametrize(
    ("n", "c", "large"),
    [([10], [5], [0.5]), ([10, 0], [5, 0], [0.5, 0.5]), ([10, 10], [5, 5], [0.5]), ([9, 9], [0, 0], [0.1, 0.1])],
)
def test_refused(n, c, large):
    with pytest.raises(RequestError):
        beyond_pool(n, c, large, RATES, param_ratio=8.0)
