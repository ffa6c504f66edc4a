"""Beyond the pool: predicted pass@k with intervals, how far such predictions miss, and where majority voting ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.fits import (
    FITS,
    BetaBinomial,
    CoveragePowerLaw,
    ScaledBetaBinomial,
    fit_coverage_power_law,
    fit_scaled_beta_binomial,
)
from ttclib.analysis.resampling import Resamples, ends, interval
from ttclib.analysis.weighted_fits import covered, weighted_beta_binomials
from ttclib.errors import RequestError, one_of
from ttclib.replay.coverage import pass_at_k

Fit = CoveragePowerLaw | BetaBinomial | ScaledBetaBinomial


def fit_coverage(
    n_samples: ArrayLike,
    n_correct: ArrayLike,
    model: str = "beta_binomial",
    *,
    weights: ArrayLike | None = None,
    near: Fit | None = None,
) -> Fit:
    """Fit one of the models of coverage to counts.

    Parameters
    ----------
    n_samples, n_correct : array_like of int, shape (problems,)
    weights : array_like of float, shape (problems,), optional
        How much each problem counts; None: all alike.
    near : fit, optional
        Of nearly the same counts, where the search may start.
    model : {"beta_binomial", "scaled_beta_binomial", "power_law"}
        The power law is fitted to pass@k at the powers of two up to the smallest pool.
    """
    one_of(model, FITS, "model of coverage")
    fit = FITS[model]
    n, c = np.broadcast_arrays(np.atleast_1d(n_samples), np.atleast_1d(n_correct))
    if isinstance(near, ScaledBetaBinomial):
        return fit_scaled_beta_binomial(n, c, weights=weights, near=near)
    if fit is not None:
        return fit(n, c, weights=weights)
    k = 2 ** np.arange(int(np.log2(max(1, n.min()))) + 1)
    mass = np.ones(len(n)) if weights is None else np.asarray(weights, dtype=float)
    covered = np.asarray(pass_at_k(n[:, None], c[:, None], k[None]))
    return fit_coverage_power_law(k, mass @ covered / mass.sum())


def extrapolate_pass_at_k(
    n_samples: ArrayLike,
    n_correct: ArrayLike,
    k: Sequence[int],
    *,
    model: str = "beta_binomial",
    n_resamples: int = 300,
) -> pl.DataFrame:
    """Predicted pass@k for any k, also above the pool, with an interval over problems.

    Parameters
    ----------
    n_samples, n_correct : array_like of int, shape (problems,)
        All that is needed: a pool of counts will do.
    model
        As in `fit_coverage`.
    n_resamples : int
        Of the interval: problems are weighted as in `ttclib.analysis.resampling`, with a pseudo-problem that is never
        solved for the lower end and always for the upper one, and the model is fitted anew to each weighting.
        That the model may be wrong is not in the interval; `extrapolation_miss` shows it.

    Returns
    -------
    polars.DataFrame
        `model`, `k`, `predicted`, `ci_low`, `ci_high`, `within_pool`.
    """
    n, c = np.broadcast_arrays(np.atleast_1d(n_samples), np.atleast_1d(n_correct))
    draws = np.asarray(k, dtype=float)
    found = fit_coverage(n, c, model)
    point = np.asarray(found.predict(draws))
    resamples = Resamples(len(c), n_resamples, 0)
    typical = int(np.median(n[n > 0]))
    sides = []
    for solved in (0, typical):
        size, right = np.append(n, typical), np.append(c, solved)
        predicted = np.full((n_resamples, len(draws)), np.nan)
        if isinstance(found, BetaBinomial):
            masses = np.column_stack([resamples.weights, resamples.pseudo])
            sides.append(covered(*weighted_beta_binomials(size, right, masses, near=found), draws))
            continue
        for row, (weights, pseudo) in enumerate(zip(resamples.weights, resamples.pseudo, strict=True)):
            try:
                fit = fit_coverage(size, right, model, weights=np.append(weights, pseudo), near=found)
            except RequestError:
                continue  # a weighting that leaves the fit open tells nothing
            predicted[row] = np.asarray(fit.predict(draws))
        sides.append(predicted)
    low, high = ends(sides[0], sides[1])
    return pl.DataFrame(
        {
            "model": [model] * len(draws),
            "k": [int(value) for value in draws],
            "predicted": point,
            "ci_low": np.minimum(low, point),
            "ci_high": np.maximum(high, point),
            "within_pool": (draws <= n.min()).tolist(),
        }
    )


def extrapolation_miss(
    n_samples: ArrayLike,
    n_correct: ArrayLike,
    *,
    models: Sequence[str] = tuple(FITS),
    n_splits: int = 5,
    seed: int = 0,
) -> pl.DataFrame:
    """How far predictions from half the samples miss what the other half, or all of them, show.

    Parameters
    ----------
    n_samples, n_correct : array_like of int, shape (problems,)
        Graded samples and right ones, at least two samples each: which of them are in a half is drawn
        (hypergeometric), so counts are all that is needed.
    n_splits : int
        Random halvings of each problem's samples.

    Returns
    -------
    polars.DataFrame
        `model`, `k`, `predicted` (from one half), `measured`, `measured_on`, `miss` (predicted − measured, mean over
        the halvings) and `miss_sd` (its standard deviation over them). Up to half the pool pass@k is measured
        on the other half, above on all samples, which hold the fitted half as well.

    Raises
    ------
    RequestError
        A problem has fewer than two samples.
    """
    graded, whole = (np.asarray(one, dtype=int) for one in np.broadcast_arrays(n_samples, n_correct))
    if not graded.size or graded.min() < 2:
        raise RequestError("two halves need at least two graded samples of every problem")
    rng = np.random.default_rng(seed)
    ks = 2 ** np.arange(int(np.log2(graded.min())) + 1)
    half = graded // 2
    predicted: dict[str, list[np.ndarray]] = {model: [] for model in models}
    measured = []
    for _ in range(n_splits):
        right = rng.hypergeometric(whole, graded - whole, half)
        for model in models:
            predicted[model].append(np.asarray(fit_coverage(half, right, model).predict(ks)))
        other = pass_at_k((graded - half)[:, None], (whole - right)[:, None], ks[None])
        full = pass_at_k(graded[:, None], whole[:, None], ks[None])
        apart = ks <= (graded - half).min()
        measured.append(np.where(apart, np.mean(other, axis=0), np.mean(full, axis=0)))
    seen = np.stack(measured)
    rows = []
    for model in models:
        made = np.stack(predicted[model])
        miss = made - seen
        for column, k in enumerate(ks):
            rows.append(
                {
                    "model": model,
                    "k": int(k),
                    "predicted": float(made[:, column].mean()),
                    "measured": float(seen[:, column].mean()),
                    "measured_on": "other half" if k <= (graded - half).min() else "all samples",
                    "miss": float(miss[:, column].mean()),
                    "miss_sd": float(miss[:, column].std()),
                }
            )
    return pl.DataFrame(rows)


@dataclass(frozen=True)
class MajorityLimit:
    """Where majority voting ends as votes go on."""

    # float, shape (problems,); 1: the most frequent answer is right, 0: wrong, between: the most frequent tie; NaN:
    # nothing graded
    limit: np.ndarray
    pass_at_1: np.ndarray  # float, shape (problems,)
    # accuracy, ci_low, ci_high: mean of `limit` over problems
    accuracy: float
    ci_low: float
    ci_high: float
    # n_rising, n_falling: problems on which many votes do better, or worse, than one
    n_rising: int
    n_falling: int


def majority_limit(answer_ids: ArrayLike, correct: ArrayLike) -> MajorityLimit:
    """What majority voting comes to for ever more votes: each problem's most frequent answer.

    It need not rise with the votes: a problem whose right answer is not the most frequent one is lost in
    the end, however often one sample gets it. The pool stands for the policy, so a problem whose first two
    answers are nearly as frequent may be told wrongly; the interval over problems does not hold that.

    Parameters
    ----------
    answer_ids, correct : array_like, shape (problems, samples)
        As in `majority_vote`: votes do not see grades, and what could not be graded counts as not right.

    Examples
    --------
    >>> found = majority_limit([[0, 0, 1], [1, 1, 0]], [[1, 1, 0], [0, 0, 1]])
    >>> found.accuracy, found.n_rising, found.n_falling
    (0.5, 1, 1)
    """
    ids, right = np.asarray(answer_ids), np.asarray(correct, dtype=float)
    if ids.ndim != 2 or ids.shape != right.shape:
        raise RequestError(
            f"answers and grades must share one shape (problems, samples), got {ids.shape}, {right.shape}"
        )
    graded = ~np.isnan(right).all(axis=1)
    given = np.where(np.isnan(right), 0.0, right)
    limit = np.array([_mode(*row) for row in zip(ids, given, strict=True)])
    limit = np.where(graded, limit, np.nan)
    once = np.where(graded, given.sum(axis=1) / max(1, ids.shape[1]), np.nan)
    found = interval(limit)
    return MajorityLimit(
        limit=limit,
        pass_at_1=once,
        accuracy=float(found.estimate),
        ci_low=float(found.low),
        ci_high=float(found.high),
        n_rising=int((limit > once + 1e-12).sum()),
        n_falling=int((limit < once - 1e-12).sum()),
    )


def _mode(ids: np.ndarray, right: np.ndarray) -> float:
    """Correctness of the most frequent answer, ties split; of a random sample where nobody answers."""
    voting = ids >= 0
    if not voting.any():
        return float(right.mean()) if len(right) else 0.0
    _, answer, heads = np.unique(ids[voting], return_inverse=True, return_counts=True)
    class_right = np.bincount(answer.ravel(), right[voting]) / heads
    return float(class_right[heads == heads.max()].mean())
