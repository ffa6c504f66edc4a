"""How hard a problem is for a policy, its bin, and what knowing it takes.

"Ease" is the number that difficulty is cut by: pass@1 (oracle) or the verifier's mean score
(predicted), higher is easier. Bin 1 is the easiest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from ttclib.analysis.groups import ordered_interval, resample_weights
from ttclib.errors import RequestError

ABSOLUTE_THRESHOLDS = (0.5, 0.1)  # easy 50-100 %, medium 10-50 %, hard 0-10 %: Liu et al., arXiv:2502.06703


def oracle_difficulty(correct: ArrayLike) -> np.ndarray:
    """pass@1 of each problem, from ground truth.

    Parameters
    ----------
    correct : array_like of float, shape (problems, samples)
        1, 0, NaN: not graded.

    Returns
    -------
    numpy.ndarray, shape (problems,)
        In [0, 1], higher is easier; NaN: no graded sample.
    """
    return _row_mean(correct)


def predicted_difficulty(final_scores: ArrayLike) -> np.ndarray:
    """Mean final PRM score of each problem: difficulty without ground truth.

    Parameters
    ----------
    final_scores : array_like of float, shape (problems, samples)
        Aggregated step scores; NaN: not scored.

    Returns
    -------
    numpy.ndarray, shape (problems,)
        Higher is easier; NaN: no scored sample.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, section 3.2.
    """
    return _row_mean(final_scores)


def difficulty_bins(ease: ArrayLike, n_bins: int = 5) -> np.ndarray:
    """Quantile bins of equal size, 1 the easiest.

    Parameters
    ----------
    ease : array_like of float, shape (problems,)
        pass@1 or mean score. Problems that tie keep their order, so bins differ by one at most.
    n_bins : int
        At least 1.

    Returns
    -------
    numpy.ndarray of int, shape (problems,)
        1 … n_bins; 0: `ease` is NaN, the problem is in no bin.

    Examples
    --------
    >>> difficulty_bins([0.9, 0.1, 0.5, float("nan")], 3).tolist()
    [1, 3, 2, 0]
    """
    values = np.asarray(ease, dtype=float)
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1, got {n_bins}")
    known = np.flatnonzero(~np.isnan(values))
    bins = np.zeros(len(values), dtype=int)
    ranked = known[np.argsort(-values[known], kind="stable")]
    bins[ranked] = 1 + np.arange(len(ranked)) * n_bins // max(1, len(ranked))
    return bins


def threshold_bins(ease: ArrayLike, thresholds: Sequence[float] = ABSOLUTE_THRESHOLDS) -> np.ndarray:
    """Bins by absolute thresholds, 1 the easiest; a value on a threshold belongs to the easier bin.

    Parameters
    ----------
    ease : array_like of float, any shape
    thresholds : sequence of float
        Descending. By default easy 50–100 %, medium 10–50 %, hard 0–10 % pass@1.

    Returns
    -------
    numpy.ndarray of int, the shape of `ease`
        1 … len(thresholds) + 1; 0: `ease` is NaN.

    Raises
    ------
    RequestError
        Thresholds do not descend.

    References
    ----------
    Liu et al. 2025, arXiv:2502.06703, for the default.

    Examples
    --------
    >>> threshold_bins([1.0, 0.5, 0.3, 0.1, 0.02]).tolist()
    [1, 1, 2, 2, 3]
    """
    cuts = np.asarray(thresholds, dtype=float)
    if np.any(np.diff(cuts) > 0) or np.isnan(cuts).any():
        raise RequestError(f"thresholds {list(thresholds)}: give them from the easiest down, such as 0.5,0.1")
    values = np.asarray(ease, dtype=float)
    bins = 1 + (values[..., None] < cuts).sum(axis=-1)
    return np.where(np.isnan(values), 0, bins)


def bin_thresholds(ease: ArrayLike, bins: ArrayLike) -> tuple[float, ...]:
    """The ease that parts each bin from the next, halfway between their nearest problems.

    With them a new problem is put in a bin (`threshold_bins`). Where problems tie across the edge,
    the threshold is that value, and new problems of it go to the easier bin.

    Examples
    --------
    >>> bin_thresholds([0.9, 0.1, 0.5], [1, 3, 2])
    (0.7, 0.3)
    """
    values, numbers = np.asarray(ease, dtype=float), np.asarray(bins)
    cuts = []
    for number in range(1, int(numbers.max(initial=0))):
        easier, harder = values[(numbers <= number) & (numbers > 0)], values[numbers > number]
        cuts.append((float(easier.min()) + float(harder.max())) / 2)
    return tuple(cuts)


def check_bins(bins: np.ndarray, n_folds: int = 2) -> None:
    """Refuse bins that are too small to choose on one fold and score on another.

    Raises
    ------
    RequestError
        Fewer problems than folds x bins, or a bin with fewer problems than folds.
    """
    numbers = bins[bins > 0]
    if not len(numbers):
        raise RequestError("no problem is in a difficulty bin: grade or score the samples first")
    count = int(numbers.max())
    if len(numbers) < n_folds * count:
        raise RequestError(
            f"{len(numbers)} problems in {count} bins: {n_folds} folds need at least {n_folds * count} problems; "
            f"use at most {len(numbers) // n_folds} bins"
        )
    sizes = np.bincount(numbers, minlength=count + 1)[1:]
    if sizes.min() < n_folds:
        number = int(sizes.argmin()) + 1
        raise RequestError(
            f"difficulty bin {number} holds {sizes.min()} problems, {n_folds} folds need at least {n_folds}: "
            "use fewer bins, other thresholds or more problems"
        )


def cheap_difficulty(values: ArrayLike, k: int, *, n_draws: int = 1, seed: int = 0) -> np.ndarray:
    """Difficulty as k samples would tell it: means of random size-k subsets.

    Parameters
    ----------
    values : array_like of float, shape (problems, samples)
        Grades or scores; NaN: unknown or no sample.
    k : int
        Samples drawn, at least 1.
    n_draws : int
        Independent draws of the k samples.
    seed : int

    Returns
    -------
    numpy.ndarray, shape (n_draws, problems)
        NaN where a problem has fewer than k known values.

    Raises
    ------
    RequestError
        k is below 1, or no problem has k known values.

    Examples
    --------
    >>> cheap_difficulty([[1, 1, 1], [0, 0, 0]], 2).tolist()
    [[1.0, 0.0]]
    """
    table = np.asarray(values, dtype=float)
    known = ~np.isnan(table)
    if k < 1 or k > known.sum(axis=1).max(initial=0):
        raise RequestError(f"{k} difficulty samples: allowed 1 to {known.sum(axis=1).max(initial=0)}, the largest pool")
    rng = np.random.default_rng(seed)
    ease = np.empty((n_draws, len(table)))
    for draw in range(n_draws):
        keys = np.where(known, rng.random(table.shape), np.inf)
        chosen = np.argpartition(keys, k - 1, axis=1)[:, :k]
        ease[draw] = np.take_along_axis(table, chosen, axis=1).mean(axis=1)  # NaN where fewer are known
    return ease


def difficulty_table(ease: ArrayLike, bins: ArrayLike) -> pl.DataFrame:
    """What each bin holds, its ties and the problems never solved.

    Parameters
    ----------
    ease : array_like of float, shape (problems,)
    bins : array_like of int, shape (problems,)

    Returns
    -------
    polars.DataFrame
        One row a bin: `bin`, `n_problems`, `ease_low`, `ease_mean`, `ease_high`, `n_never` (ease 0: with
        pass@1 never solved), `n_always` (ease 1), `n_tied` (problems whose ease also stands in another bin:
        their order decided). A row with bin 0 counts the problems without an ease.
    """
    values, numbers = np.asarray(ease, dtype=float), np.asarray(bins, dtype=int)
    rows = []
    for number in range(0 if (numbers == 0).any() else 1, int(numbers.max(initial=0)) + 1):
        inside = values[numbers == number]
        elsewhere = values[(numbers != number) & (numbers > 0)]
        empty = number == 0 or not len(inside)
        rows.append(
            {
                "bin": number,
                "n_problems": len(inside),
                "ease_low": None if empty else float(inside.min()),
                "ease_mean": None if empty else float(inside.mean()),
                "ease_high": None if empty else float(inside.max()),
                "n_never": int((inside == 0).sum()),
                "n_always": int((inside == 1).sum()),
                "n_tied": int(np.isin(inside, elsewhere).sum()),
            }
        )
    return pl.DataFrame(rows, schema=_TABLE_SCHEMA)


_TABLE_SCHEMA = {
    "bin": pl.Int64,
    "n_problems": pl.Int64,
    "ease_low": pl.Float64,
    "ease_mean": pl.Float64,
    "ease_high": pl.Float64,
    "n_never": pl.Int64,
    "n_always": pl.Int64,
    "n_tied": pl.Int64,
}


@dataclass(frozen=True)
class Agreement:
    """How far two difficulties agree.

    Attributes
    ----------
    spearman : float
        Rank correlation over problems, ties at their mean rank; NaN where one of them is constant.
    spearman_low, spearman_high : float
        Bootstrap interval over problems.
    confusion : int array, shape (bins, bins)
        Problems by bin of the first (rows) and of the second (columns).
    same_bin, within_one : float
        Share of problems in the same bin, and at most one apart.
    n_problems : int
        That have both.
    """

    spearman: float
    spearman_low: float
    spearman_high: float
    confusion: np.ndarray
    same_bin: float
    within_one: float
    n_problems: int


def difficulty_agreement(
    first: ArrayLike,
    second: ArrayLike,
    n_bins: int = 5,
    *,
    level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Agreement of two difficulties of the same problems, such as oracle and predicted.

    Parameters
    ----------
    first, second : array_like of float, shape (problems,)
        Ease; a problem without one of them is left out.
    n_bins : int
        Quantile bins for the confusion.

    Raises
    ------
    RequestError
        No problem has both.

    Examples
    --------
    >>> difficulty_agreement([0.1, 0.5, 0.9], [0.2, 0.4, 0.6], 3).confusion.tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    both = ~np.isnan(a) & ~np.isnan(b)
    if not both.any():
        raise RequestError("no problem has both difficulties: grade and score the same samples")
    a, b = a[both], b[both]
    weights = resample_weights(len(a), n_resamples, seed)
    replicates = np.array([_spearman(a, b, drawn) for drawn in weights])
    low, high = ordered_interval(replicates, level)
    row, column = difficulty_bins(a, n_bins), difficulty_bins(b, n_bins)
    confusion = np.zeros((n_bins, n_bins), dtype=int)
    np.add.at(confusion, (row - 1, column - 1), 1)
    apart = np.abs(row - column)
    return Agreement(
        float(replicates[0]),
        float(low),
        float(high),
        confusion,
        float((apart == 0).mean()),
        float((apart <= 1).mean()),
        len(a),
    )


def _spearman(a: np.ndarray, b: np.ndarray, counts: np.ndarray) -> float:
    drawn = np.repeat(np.arange(len(a)), counts.astype(int))
    x, y = rankdata(a[drawn]), rankdata(b[drawn])
    x, y = x - x.mean(), y - y.mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread > 0 else float("nan")


def _row_mean(values: ArrayLike) -> np.ndarray:
    table = np.asarray(values, dtype=float)
    known = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        return np.where(known, table, 0.0).sum(axis=1) / known.sum(axis=1)
