"""Beyond the pool: predicted pass@k with intervals, how far such predictions miss, and where majority voting ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.fits import FITS, BetaBinomial, CoveragePowerLaw, ScaledBetaBinomial, fit_coverage_power_law
from ttclib.analysis.groups import ordered_interval, resample_weights
from ttclib.analysis.intervals import bootstrap_mean
from ttclib.errors import RequestError, one_of
from ttclib.replay.coverage import pass_at_k

Fit = CoveragePowerLaw | BetaBinomial | ScaledBetaBinomial


def fit_coverage(n_samples: ArrayLike, n_correct: ArrayLike, model: str = "beta_binomial") -> Fit:
    """Fit one of the models of coverage to counts.

    Parameters
    ----------
    n_samples, n_correct : array_like of int, shape (problems,)
    model : {"beta_binomial", "scaled_beta_binomial", "power_law"}
        The power law is fitted to pass@k at the powers of two up to the smallest pool.

    Returns
    -------
    CoveragePowerLaw, BetaBinomial or ScaledBetaBinomial
    """
    one_of(model, FITS, "model of coverage")
    fit = FITS[model]
    n, c = np.broadcast_arrays(np.atleast_1d(n_samples), np.atleast_1d(n_correct))
    if fit is not None:
        return fit(n, c)
    k = 2 ** np.arange(int(np.log2(max(1, n.min()))) + 1)
    return fit_coverage_power_law(k, np.mean(pass_at_k(n[:, None], c[:, None], k[None]), axis=0))


def extrapolate_pass_at_k(
    n_samples: ArrayLike,
    n_correct: ArrayLike,
    k: Sequence[int],
    *,
    model: str = "beta_binomial",
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
) -> pl.DataFrame:
    """Predicted pass@k for any k, also above the pool, with an interval over problems.

    Parameters
    ----------
    n_samples, n_correct : array_like of int, shape (problems,)
    k : sequence of int
    model
        As in `fit_coverage`.
    level, n_resamples, seed
        Of the bootstrap: problems are drawn and the model is fitted anew. That the model may be wrong is not
        in the interval; `extrapolation_miss` shows it.

    Returns
    -------
    polars.DataFrame
        `model`, `k`, `predicted`, `ci_low`, `ci_high`, `within_pool`.
    """
    n, c = np.broadcast_arrays(np.atleast_1d(n_samples), np.atleast_1d(n_correct))
    draws = np.asarray(k, dtype=float)
    predicted = []
    for weights in resample_weights(len(c), n_resamples, seed):
        drawn = np.repeat(np.arange(len(c)), weights.astype(int))
        try:
            predicted.append(np.asarray(fit_coverage(n[drawn], c[drawn], model).predict(draws)))
        except RequestError:
            if not predicted:
                raise
            predicted.append(np.full(len(draws), np.nan))  # a draw that leaves the fit open tells nothing
    table = np.stack(predicted)
    low, high = ordered_interval(table, level)
    return pl.DataFrame(
        {
            "model": [model] * len(draws),
            "k": [int(value) for value in draws],
            "predicted": table[0],
            "ci_low": low,
            "ci_high": high,
            "within_pool": (draws <= n.min()).tolist(),
        }
    )


def extrapolation_miss(
    correct: ArrayLike, *, models: Sequence[str] = tuple(FITS), n_splits: int = 5, seed: int = 0
) -> pl.DataFrame:
    """How far predictions from half the samples miss what the other half, or all of them, show.

    Parameters
    ----------
    correct : array_like of float, shape (problems, samples)
        1, 0, NaN: not graded or no sample. Every problem needs two graded samples.
    models : sequence of str
    n_splits : int
        Random halvings of each problem's samples.
    seed : int

    Returns
    -------
    polars.DataFrame
        `model`, `k`, `predicted` (from one half), `measured`, `measured_on`, `miss` (predicted − measured, mean over
        the halvings) and `miss_sd` (its standard deviation over them). Up to half the pool pass@k is measured
        on the other half, above on all samples, which hold the fitted half as well.
    """
    table = np.asarray(correct, dtype=float)
    graded = (~np.isnan(table)).sum(axis=1)
    if not len(table) or graded.min() < 2:
        raise RequestError("two halves need at least two graded samples of every problem")
    rng = np.random.default_rng(seed)
    ks = 2 ** np.arange(int(np.log2(graded.min())) + 1)
    half = graded // 2
    predicted: dict[str, list[np.ndarray]] = {model: [] for model in models}
    measured = []
    whole = np.nansum(table, axis=1)
    for _ in range(n_splits):
        order = np.where(np.isnan(table), np.inf, rng.random(table.shape)).argsort(axis=1)
        first = np.arange(table.shape[1])[None] < half[:, None]
        right = np.where(first, np.take_along_axis(table, order, axis=1), 0.0).sum(axis=1)
        for model in models:
            predicted[model].append(np.asarray(fit_coverage(half, right, model).predict(ks)))
        other = pass_at_k((graded - half)[:, None], (whole - right)[:, None], ks[None])
        full = pass_at_k(graded[:, None], whole[:, None], ks[None])
        held_out = ks <= (graded - half).min()
        measured.append(np.where(held_out, np.mean(other, axis=0), np.mean(full, axis=0)))
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
    """Where majority voting ends as votes go on.

    Attributes
    ----------
    limit : float array, shape (problems,)
        1: the most frequent answer is right, 0: wrong, between: the most frequent tie; NaN: nothing graded.
    pass_at_1 : float array, shape (problems,)
    accuracy, ci_low, ci_high : float
        Mean of `limit` over problems.
    n_rising, n_falling : int
        Problems on which many votes do better, or worse, than one.
    """

    limit: np.ndarray
    pass_at_1: np.ndarray
    accuracy: float
    ci_low: float
    ci_high: float
    n_rising: int
    n_falling: int


def majority_limit(answer_ids: ArrayLike, correct: ArrayLike, *, level: float = 0.95, seed: int = 0) -> MajorityLimit:
    """What majority voting comes to for ever more votes: each problem's most frequent answer.

    It need not rise with the votes: a problem whose right answer is not the most frequent one is lost in
    the end, however often one sample gets it. The pool stands for the policy, so a problem whose first two
    answers are nearly as frequent may be told wrongly; the interval over problems does not hold that.

    Parameters
    ----------
    answer_ids, correct : array_like, shape (problems, samples)
        As in `majority_vote`; pools of one size.
    level, seed
        Of the bootstrap over problems.

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
    voting = (ids >= 0) & ~np.isnan(right)
    graded = (~np.isnan(right)).any(axis=1)
    limit = np.array([_mode(ids[row, voting[row]], right[row, voting[row]]) for row in range(len(ids))])
    limit = np.where(graded, limit, np.nan)
    once = np.where(graded, np.where(voting, right, 0.0).sum(axis=1) / ids.shape[1], np.nan)
    low, high = bootstrap_mean(limit[:, None], level=level, seed=seed)
    known = limit[~np.isnan(limit)]
    return MajorityLimit(
        limit=limit,
        pass_at_1=once,
        accuracy=float(known.mean()) if len(known) else float("nan"),
        ci_low=float(low[0]),
        ci_high=float(high[0]),
        n_rising=int((limit > once + 1e-12).sum()),
        n_falling=int((limit < once - 1e-12).sum()),
    )


def _mode(ids: np.ndarray, right: np.ndarray) -> float:
    """Correctness of the most frequent answer, ties split; 0 where nobody votes."""
    if not len(ids):
        return 0.0
    _, answer, heads = np.unique(ids, return_inverse=True, return_counts=True)
    class_right = np.bincount(answer, right) / heads
    return float(class_right[heads == heads.max()].mean())
