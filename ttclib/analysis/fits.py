"""How coverage grows with samples: a power law fitted to the curve, and distributions of pass@1 fitted to counts.

A curve fit is biased at finite k. The better way is to fit how pass@1 is spread over problems, by the
likelihood of each problem's count of right samples, and to integrate that: Schaeffer et al. 2025,
arXiv:2502.17578.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares, minimize
from scipy.special import betaln, digamma, expit, gammaln

from ttclib.analysis.quadrature import log_mean_over_beta, sloped_log_mean_over_beta
from ttclib.errors import RequestError

LARGEST_LOG = 12.0  # of alpha and beta


class CoveragePowerLaw(NamedTuple):
    """Coverage ``exp(a·k^b)``."""

    a: float  # below 0
    b: float  # below 0 where coverage rises

    def predict(self, k: ArrayLike) -> np.ndarray | float:
        """Coverage at k samples.

        Examples
        --------
        >>> CoveragePowerLaw(-1.33, -0.43).predict([1, 100, 10_000]).round(4).tolist()
        [0.2645, 0.8323, 0.975]
        """
        value = np.exp(self.a * np.asarray(k, dtype=float) ** self.b)
        return float(value) if np.ndim(value) == 0 else value


class BetaBinomial(NamedTuple):
    """pass@1 over problems ~ Beta(alpha, beta)."""

    alpha: float  # also the exponent with which the failures 1 − pass@k fall for many samples: k^(−alpha)
    beta: float

    def predict(self, k: ArrayLike) -> np.ndarray | float:
        """pass@k over problems: ``1 − Γ(α+β)Γ(β+k) / (Γ(β)Γ(α+β+k))``.

        Examples
        --------
        >>> round(BetaBinomial(1, 1).predict(3), 6)
        0.75
        """
        draws = np.asarray(k, dtype=float)
        a, b = self.alpha, self.beta
        value = -np.expm1(gammaln(a + b) + gammaln(b + draws) - gammaln(b) - gammaln(a + b + draws))
        return float(value) if np.ndim(value) == 0 else value


class ScaledBetaBinomial(NamedTuple):
    """pass@1 over problems ~ scale · Beta(alpha, beta): no problem is easier than `scale`."""

    alpha: float
    beta: float
    scale: float  # in (0, 1]; 1: the beta distribution itself

    def predict(self, k: ArrayLike) -> np.ndarray | float:
        """pass@k over problems, the mean of ``1 − (1 − p)^k``.

        Examples
        --------
        >>> round(ScaledBetaBinomial(1, 1, 1.0).predict(3), 6)
        0.75
        """
        draws = np.atleast_1d(np.asarray(k, dtype=float))
        log_fail = log_mean_over_beta(np.zeros(draws.size), draws.ravel(), self.alpha, self.beta, self.scale)
        value = -np.expm1(np.minimum(log_fail, 0.0)).reshape(draws.shape)
        return float(value[0]) if np.ndim(k) == 0 else value


def fit_coverage_power_law(k: ArrayLike, coverage: ArrayLike) -> CoveragePowerLaw:
    """Fit coverage ≈ ``exp(a·k^b)`` by least squares in log coverage.

    Parameters
    ----------
    k : array_like of int, shape (points,)
        Samples, at least 1.
    coverage : array_like of float, shape (points,)
        pass@k, in [0, 1]. Points at 0 have no logarithm and are left out, NaN likewise.

    Returns
    -------
    CoveragePowerLaw
        A named tuple (a, b) with `predict`.

    Raises
    ------
    RequestError
        (a ValueError) Shapes differ, a value is out of its range, or fewer than two points lie strictly
        between 0 and 1.

    References
    ----------
    Brown et al. 2024, arXiv:2407.21787, section 3.

    Examples
    --------
    >>> a, b = fit_coverage_power_law([1, 10, 100], [0.2645, 0.6106, 0.8323])
    >>> round(a, 2), round(b, 2)
    (-1.33, -0.43)
    """
    draws, share = np.asarray(k, dtype=float).ravel(), np.asarray(coverage, dtype=float).ravel()
    if draws.shape != share.shape:
        raise RequestError(f"k and coverage must be as many, got {draws.size} and {share.size}")
    if np.any(draws < 1) or np.any((share < 0) | (share > 1)):
        raise RequestError("k must be at least 1 and coverage in [0, 1]")
    kept = ~np.isnan(share) & (share > 0)
    between = kept & (share < 1)
    if len(np.unique(draws[between])) < 2:
        raise RequestError("a power law needs coverage strictly between 0 and 1 at two sample counts or more")
    # log(−log coverage) is a line in log k: exact without noise, a start with it.
    slope, intercept = np.polyfit(np.log(draws[between]), np.log(-np.log(share[between])), 1)
    log_k, log_share = np.log(draws[kept]), np.log(share[kept])

    def residuals(at: np.ndarray) -> np.ndarray:
        return log_share + np.exp(np.clip(at[0] + at[1] * log_k, -700, 700))

    found = least_squares(residuals, [intercept, slope], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return CoveragePowerLaw(float(-np.exp(found.x[0])), float(found.x[1]))


def fit_beta_binomial(n_samples: ArrayLike, n_correct: ArrayLike, *, weights: ArrayLike | None = None) -> BetaBinomial:
    """Fit the spread of pass@1 over problems, Beta(alpha, beta), by maximum likelihood on counts.

    Parameters
    ----------
    n_samples : array_like of int
        Samples of each problem, at least 0; one number for all will do.
    n_correct : array_like of int, shape (problems,)
        Right ones, 0 to n_samples.
    weights : array_like of float, shape (problems,), optional
        How much each problem counts; None: all alike.

    Returns
    -------
    BetaBinomial
        A named tuple (alpha, beta) with `predict`. Where problems do not differ more than chance both
        grow to the bound of the search, e^12.

    Raises
    ------
    RequestError
        (a ValueError) Counts out of range, or no right or no wrong sample at all, which leaves the fit open.

    References
    ----------
    Schaeffer et al. 2025, arXiv:2502.17578.

    Examples
    --------
    >>> fit = fit_beta_binomial(4, [0, 1, 2, 3, 4])  # as many of each count: Beta(1, 1)
    >>> round(fit.alpha, 3), round(fit.beta, 3)
    (1.0, 1.0)
    """
    n, c, times = distinct_counts(n_samples, n_correct, weights)

    share = times / times.sum()

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = np.exp(at)
        both = digamma(a + b) - digamma(n + a + b)
        slope = np.array(
            [share @ (digamma(c + a) - digamma(a) + both), share @ (digamma(n - c + b) - digamma(b) + both)]
        )
        return -float(share @ (betaln(c + a, n - c + b) - betaln(a, b))), -slope * (a, b)

    found = minimize(
        loss, _start(n, c, times), jac=True, method="L-BFGS-B", bounds=[(-LARGEST_LOG, LARGEST_LOG)] * 2,
        options={"ftol": 1e-13, "gtol": 1e-8},
    )  # fmt: skip
    return BetaBinomial(*map(float, np.exp(found.x)))


def fit_scaled_beta_binomial(
    n_samples: ArrayLike,
    n_correct: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    near: ScaledBetaBinomial | None = None,
) -> ScaledBetaBinomial:
    """Fit scale · Beta(alpha, beta), a spread of pass@1 with support (0, scale), by maximum likelihood on counts.

    Parameters
    ----------
    n_samples, n_correct, weights
        As in `fit_beta_binomial`.
    near : ScaledBetaBinomial, optional
        A fit to nearly the same counts, from which the search then starts; None: from several points.

    Returns
    -------
    ScaledBetaBinomial
        A named tuple (alpha, beta, scale) with `predict`. Its likelihood is never below that of `fit_beta_binomial`,
        which is the case scale = 1.

    Raises
    ------
    RequestError
        As `fit_beta_binomial`.

    References
    ----------
    Schaeffer et al. 2025, arXiv:2502.17578.
    """
    n, c, times = distinct_counts(n_samples, n_correct, weights)
    share = times / times.sum()

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = np.exp(at[:2])
        value, slopes = sloped_log_mean_over_beta(c, n - c, a, b, float(expit(at[2])))
        return -float(share @ value), -(share @ slopes)

    plain = fit_beta_binomial(n_samples, n_correct, weights=weights)
    best = BetaBinomial(*plain)
    lowest = float(-(times @ (betaln(c + best.alpha, n - c + best.beta) - betaln(*best))) / times.sum())
    result = ScaledBetaBinomial(best.alpha, best.beta, 1.0)
    largest = float((c / n).max())
    scales = (min(0.97, max(0.05, largest)), 0.5 * (largest + 1) if largest < 1 else 0.99)
    starts = [np.append(_start(n, c / scale, times), np.log(scale / (1 - scale))) for scale in scales]
    if near is not None:
        scale = min(near.scale, 0.99)
        starts = [np.array([np.log(near.alpha), np.log(near.beta), np.log(scale / (1 - scale))])]
    for begin in starts:
        bounds = [(-LARGEST_LOG, LARGEST_LOG)] * 3
        begin[:2] = np.clip(begin[:2], -5, 5)
        found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12, "gtol": 1e-7})
        if found.fun < lowest - 1e-12:
            lowest, at = found.fun, found.x
            result = ScaledBetaBinomial(float(np.exp(at[0])), float(np.exp(at[1])), float(expit(at[2])))
    return result


FITS = {
    "beta_binomial": fit_beta_binomial,
    "scaled_beta_binomial": fit_scaled_beta_binomial,
    "power_law": None,  # fitted to the curve of pass@k, not to counts
}


def distinct_counts(
    n_samples: ArrayLike, n_correct: ArrayLike, weights: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct (n, c) and how many problems have them, under each weighting; problems without samples are left out.

    Parameters
    ----------
    n_samples, n_correct : array_like of int, shape (problems,)
    weights : array_like of float, shape (problems,) or (weightings, problems), optional
        None: all alike.

    Returns
    -------
    n, c : float array, shape (pairs,)
    mass : float array, shape (pairs,) or (weightings, pairs)

    Raises
    ------
    RequestError
        Counts out of range, weights of another number of problems, or no right or no wrong sample at all.
    """
    n, c = np.broadcast_arrays(np.asarray(n_samples, dtype=float), np.asarray(n_correct, dtype=float))
    n, c = n.ravel(), c.ravel()
    whole = (n == np.floor(n)) & (c == np.floor(c))
    if not whole.all() or np.any((c < 0) | (c > n)):
        raise RequestError("n_correct must be whole numbers between 0 and n_samples")
    mass = np.ones(n.size) if weights is None else np.asarray(weights, dtype=float)
    if mass.shape[-1:] != n.shape or mass.ndim > 2:
        raise RequestError(f"weights must be one a problem, {n.size}, got shape {mass.shape}")
    counted = n > 0
    n, c, mass = n[counted], c[counted], mass[..., counted]
    if not c.sum() or not (n - c).sum():
        which = "right" if not c.sum() else "wrong"
        raise RequestError(f"no {which} sample in {len(n)} problems: how pass@1 is spread cannot be told")
    width = n.max() + 1
    pairs, number = np.unique(n * width + c, return_inverse=True)
    alike = np.zeros((len(number), len(pairs)))
    alike[np.arange(len(number)), number.ravel()] = 1.0
    return pairs // width, pairs % width, mass @ alike


def _start(n: np.ndarray, c: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Log alpha and log beta by moments."""
    share = np.clip(c / n, 0, 1)
    mean = float(np.clip(np.average(share, weights=times), 1e-3, 1 - 1e-3))
    spread = float(np.average((share - mean) ** 2, weights=times)) - mean * (1 - mean) * float(np.mean(1 / n))
    total = np.clip(mean * (1 - mean) / max(spread, 1e-3) - 1, 0.1, 100)
    return np.log([mean * total, (1 - mean) * total])
