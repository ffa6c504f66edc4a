"""How many attempts of a small model equal one answer of a larger one, in the pool and, by a fit, beyond it.

A perfect verifier picks among the attempts, so k of them come to pass@k. Up to the pool's size that is measured; beyond
it the beta-binomial says what it would be, which is an estimate and is kept apart. With equal FLOPs the small model may
spend c = M + 3·(M − 1)/R attempts, so that the number needed says from which R on the larger model is ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.cost import flops_matched_multiplier
from ttclib.analysis.fits import BetaBinomial, fit_beta_binomial
from ttclib.analysis.resampling import Resamples, ends
from ttclib.analysis.weighted_fits import covered, weighted_beta_binomials
from ttclib.errors import RequestError
from ttclib.replay.coverage import pass_at_k

MOST = 1e9  # attempts beyond which nobody looks
_TIE = 1e-9

ESTIMATE_SCHEMA = {
    "exchange_rate": pl.Float64,
    "multiplier": pl.Float64,
    "accuracy_small": pl.Float64,
    "accuracy_large": pl.Float64,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "within_pool": pl.Boolean,
    "n_problems": pl.Int64,
}


@dataclass(frozen=True)
class Needed:
    """The attempts at which the small model passes the larger one, and the R that they mean."""

    # attempts, attempts_low, attempts_high: whole attempts and the ends of their interval; inf: more than were looked
    # at
    attempts: float
    attempts_low: float
    attempts_high: float
    # crossing, crossing_low, crossing_high: R above which the larger model is ahead: inf: the small one is ahead at
    # every R, 0: it never is
    crossing: float
    crossing_low: float
    crossing_high: float


@dataclass(frozen=True)
class BeyondPool:
    """A small model's pass@k against a larger model's one answer, as measured and as fitted."""

    # the fit at each exchange rate, columns as in `ESTIMATE_SCHEMA`; `within_pool`: as many attempts are held
    frame: pl.DataFrame
    # measured, fitted: from the pool, in which more attempts than it holds are infinitely many; and from the fit
    measured: Needed
    fitted: Needed
    fit: BetaBinomial
    pool_ends_at: int  # attempts that every problem holds

    @property
    def needed(self) -> pl.DataFrame:
        """What it takes to catch up, a row for the pool and one for the fit."""
        rows = [("pool", *astuple(self.measured)), ("fit", *astuple(self.fitted))]
        names = ("told_by", *(one.name for one in fields(Needed)))
        return pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows])


def beyond_pool(
    n_samples: ArrayLike,
    n_correct: ArrayLike,
    large: ArrayLike,
    ratios: Sequence[float],
    *,
    param_ratio: float,
    training_tokens_ratio: float = 1.0,
    n_resamples: int = 300,
    seed: int = 0,
) -> BeyondPool:
    """What ever more attempts of the small model would come to against the larger model's one answer.

    Parameters
    ----------
    n_samples, n_correct : array_like of int, shape (problems,)
        Of the small model: graded attempts, and the right ones.
    large : array_like of float, shape (problems,)
        The larger model's accuracy on the same problems.
    ratios : sequence of float
        R.
    param_ratio, training_tokens_ratio : float
        M and t of `flops_matched_multiplier`.
    n_resamples, seed
        Problems are weighted as in `ttclib.analysis.resampling`, for both models at once, and the fit is made anew
        under each weighting. That the model may be wrong is not in the interval.

    Raises
    ------
    RequestError
        Fewer than two problems, one without an attempt, or no right or no wrong attempt at all.
    """
    n, c = (np.asarray(one, dtype=int) for one in np.broadcast_arrays(n_samples, n_correct))
    theirs = np.asarray(large, dtype=float)
    if len(n) < 2 or n.min() < 1 or theirs.shape != n.shape:
        raise RequestError("attempts against one answer: give two problems or more, each with an attempt and an answer")
    fit, size = fit_beta_binomial(n, c), int(n.min())
    allowed = np.array(
        [flops_matched_multiplier(param_ratio, rate, training_tokens_ratio=training_tokens_ratio) for rate in ratios]
    )
    resamples = Resamples(len(n), n_resamples, seed)
    weights, pseudo = resamples.weights, resamples.pseudo[:, None]
    mass = weights.sum(axis=1, keepdims=True) + pseudo
    ks = np.arange(1, size + 1)
    held = np.asarray(pass_at_k(n[:, None], c[:, None], ks[None]))
    typical, reference = int(np.median(n)), float(theirs.mean())
    draws = []
    for solved in (0.0, 1.0):  # by the small model; the larger one fails where it succeeds, and the other way round
        alpha, beta = weighted_beta_binomials(
            np.append(n, typical), np.append(c, round(solved * typical)), np.hstack([weights, pseudo]), near=fit
        )
        other = (weights @ theirs[:, None] + pseudo * (1 - solved)) / mass
        measured = (weights @ held + pseudo * solved) / mass
        draws.append(
            (
                covered(alpha, beta, allowed) - other,
                _first(measured, other[:, 0]),
                fitted_attempts(alpha, beta, other[:, 0]),
            )
        )
    (worst, worst_held, worst_fit), (best, best_held, best_fit) = draws
    low, high = ends(worst, best)
    point = np.asarray(fit.predict(allowed)) - reference
    made = {"param_ratio": param_ratio, "training_tokens_ratio": training_tokens_ratio}
    at_fit = fitted_attempts(np.array([fit.alpha]), np.array([fit.beta]), np.array([reference]))[0]
    at_held = _first(held.mean(axis=0)[None], np.array([reference]))[0]
    return BeyondPool(
        frame=pl.DataFrame(
            {
                "exchange_rate": np.asarray(ratios, dtype=float),
                "multiplier": allowed,
                "accuracy_small": point + reference,
                "accuracy_large": np.full(len(allowed), reference),
                "difference": point,
                "ci_low": np.minimum(low, point),
                "ci_high": np.maximum(high, point),
                "within_pool": allowed <= size * (1 + 1e-9),
                "n_problems": np.full(len(allowed), len(n)),
            },
            schema=ESTIMATE_SCHEMA,
        ),
        measured=_needed(at_held, *(float(end) for end in ends(best_held, worst_held)), **made),
        fitted=_needed(at_fit, *(float(end) for end in ends(best_fit, worst_fit)), **made),
        fit=fit,
        pool_ends_at=size,
    )


def fitted_attempts(alpha: np.ndarray, beta: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The fewest whole attempts whose pass@k exceeds a level, by bisection; inf: more than `MOST`.

    Examples
    --------
    >>> fitted_attempts(np.array([1.0]), np.array([1.0]), np.array([0.74])).tolist()  # pass@3 = .75
    [3.0]
    """
    low, high = np.zeros(len(alpha)), np.full(len(alpha), np.log2(MOST))
    for _ in range(60):
        middle = (low + high) / 2
        reached = _at(alpha, beta, 2.0**middle) > wanted
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    found = np.ceil(2.0**high - 1e-6)
    found = np.where(_at(alpha, beta, np.full(len(alpha), MOST)) > wanted, found, np.inf)
    found = np.where(_at(alpha, beta, np.ones(len(alpha))) > wanted, 1.0, found)
    return np.where(np.isnan(alpha) | np.isnan(wanted), np.nan, found)


def crossing_of(attempts: float, param_ratio: float, training_tokens_ratio: float = 1.0) -> float:
    """R at which equal FLOPs pay for so many attempts: above it the small model may spend fewer.

    Examples
    --------
    >>> crossing_of(257.75, 14), crossing_of(14, 14), crossing_of(float("inf"), 14)
    (0.16, inf, 0.0)
    """
    spare = attempts - param_ratio
    return 3 * (training_tokens_ratio * param_ratio - 1) / spare if spare > 0 else float("inf")


def _at(alpha: np.ndarray, beta: np.ndarray, attempts: np.ndarray) -> np.ndarray:
    """pass@k of each fit at its own k."""
    return covered(alpha, beta, attempts[:, None])[:, 0]


def _first(coverage: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The first column + 1 that exceeds a level, row by row; inf: none does."""
    above = coverage > wanted[:, None] + _TIE
    return np.where(above.any(axis=1), above.argmax(axis=1) + 1.0, np.inf)


def _needed(attempts: float, low: float, high: float, **made: Any) -> Needed:
    attempts, low, high = float(attempts), float(min(low, attempts)), float(max(high, attempts))
    # More attempts are a smaller R.
    return Needed(attempts, low, high, *(crossing_of(one, **made) for one in (attempts, high, low)))
