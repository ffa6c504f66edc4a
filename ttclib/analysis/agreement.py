"""How far two difficulties agree, and what few samples tell of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from ttclib.analysis.binning import difficulty_bins
from ttclib.analysis.ease import oracle_difficulty
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE, Resamples, ends, interval
from ttclib.errors import RequestError
from ttclib.samples.blocks import row_blocks


@dataclass(frozen=True)
class Agreement:
    """How far two difficulties agree.

    Attributes
    ----------
    same_bin, within_one : float
        Share of problems in the same bin, and at most one apart.
    """

    spearman: float  # rank correlation over problems, ties at their mean rank; NaN where one of them is constant
    # spearman_low, spearman_high: its interval over problems
    spearman_low: float
    spearman_high: float
    # within_level, within_level_low, within_level_high: the same among problems of one level of the benchmark, all
    # levels together; NaN where no level is given
    within_level: float
    within_level_low: float
    within_level_high: float
    # slope, slope_low, slope_high: calibration: by how much the first rises where the second says 1 more; 1 is right,
    # below 1 the second is too extreme
    slope: float
    slope_low: float
    slope_high: float
    # offset, offset_low, offset_high: calibration: by how much the second is too high, on average
    offset: float
    offset_low: float
    offset_high: float
    confusion: np.ndarray  # int, shape (bins, bins); problems by bin of the first (rows) and of the second (columns)
    same_bin: float
    same_bin_low: float
    same_bin_high: float
    within_one: float
    n_problems: int  # that have both


def difficulty_agreement(
    first: ArrayLike,
    second: ArrayLike,
    n_bins: int = 5,
    *,
    strata: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> Agreement:
    """Agreement of two difficulties of the same problems, such as oracle and predicted.

    Problems that tie are parted at random, apart for each of the two: a constant agrees with nothing.

    Parameters
    ----------
    first, second : array_like of float, shape (problems,)
        Ease; a problem without one of them is left out. Where one is told by some samples, let the other be told by
        samples that these do not contain (`cheap_difficulty` gives both).
    n_bins : int
        Quantile bins for the confusion.
    strata : array_like of int, shape (problems,), optional
        The level of each problem, from 0, for `within_level`.

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
    strata = None if strata is None else np.asarray(strata)[both]
    # A correlation has no worst problem: the pseudo-problem is left out.
    drawn = Resamples(len(a), n_resamples, seed).weights if n_resamples else np.empty((0, len(a)))

    def told(measure: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float, float]:
        found = measure(drawn)
        low, high = ends(found, found, level)
        return float(measure(np.ones((1, len(a))))[0]), float(low), float(high)

    row, column = difficulty_bins(a, n_bins, seed=seed), difficulty_bins(b, n_bins, seed=seed + 1)
    confusion = np.zeros((n_bins, n_bins), dtype=int)
    np.add.at(confusion, (row - 1, column - 1), 1)
    apart = np.abs(row - column)
    nothing = (float("nan"),) * 3
    rank = told(lambda weights: _spearman(a, b, weights))
    within = nothing if strata is None else told(lambda weights: _within(a, b, strata, weights))
    slope = told(lambda weights: _slope(a, b, weights))
    offset = told(lambda weights: (weights @ (b - a)) / weights.sum(axis=1))
    same = [float(np.ravel(one)[0]) for one in interval((apart == 0).astype(float), level=level, seed=seed)]
    return Agreement(
        *rank, *within, *slope, *offset, confusion, same[0], same[1], same[2], float((apart <= 1).mean()), len(a)
    )


def _slope(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of the first over the second, by weighted least squares, for each row of weights; NaN: that hardly varies."""
    w = weights / weights.sum(axis=1, keepdims=True)
    x, y = second - (w @ second)[:, None], first - (w @ first)[:, None]
    spread = (w * x * x).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-4 * (w * y * y).sum(axis=1), (w * x * y).sum(axis=1) / spread, np.nan)


def _within(a: np.ndarray, b: np.ndarray, strata: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank correlation inside strata, ranks taken in each and then pooled by weight."""
    products, squares = np.zeros(len(weights)), np.zeros((2, len(weights)))
    for stratum in np.unique(strata):
        member = strata == stratum
        total = weights[:, member].sum(axis=1)
        w = weights[:, member] / total[:, None]
        x, y = _weighted_ranks(a[member], w), _weighted_ranks(b[member], w)
        x, y = x - (w * x).sum(axis=1, keepdims=True), y - (w * y).sum(axis=1, keepdims=True)
        products += total * (w * x * y).sum(axis=1)
        squares += total * np.stack([(w * x * x).sum(axis=1), (w * y * y).sum(axis=1)])
    spread = np.sqrt(squares.prod(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-12, products / spread, np.nan)


def _spearman(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted rank correlation for each row of weights; a tie takes the middle of its ranks."""
    w = weights / weights.sum(axis=1, keepdims=True)
    x, y = _weighted_ranks(a, w), _weighted_ranks(b, w)
    x, y = x - (w * x).sum(axis=1, keepdims=True), y - (w * y).sum(axis=1, keepdims=True)
    spread = np.sqrt((w * x * x).sum(axis=1) * (w * y * y).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-12, (w * x * y).sum(axis=1) / spread, np.nan)


def _weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    dense = rankdata(values, method="dense").astype(int) - 1
    mass = np.zeros((len(weights), int(dense.max()) + 1))
    for value in range(mass.shape[1]):
        mass[:, value] = weights[:, dense == value].sum(axis=1)
    return (np.cumsum(mass, axis=1) - mass / 2)[:, dense]


def cheap_difficulty(
    values: ArrayLike, k: int, correct: ArrayLike | None = None, *, n_draws: int = 1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Difficulty as k samples would tell it, and pass@1 on the samples that were not drawn.

    Parameters
    ----------
    values : array_like of float, shape (problems, samples)
        Grades or scores; NaN: unknown or no sample.
    k : int
        Samples drawn, at least 1.
    correct : array_like of float, shape (problems, samples), optional
        Grades, against which it is judged; None: `values` are grades.
    n_draws : int
        Independent draws of the k samples.

    Returns
    -------
    told, unseen : numpy.ndarray, shape (n_draws, problems)
        Mean of k values, NaN where a problem has fewer; pass@1 of the others, NaN where none is left.

    Raises
    ------
    RequestError
        k is below 1, or no problem has k known values.

    Examples
    --------
    >>> told, unseen = cheap_difficulty([[1, 1, 1], [0, 0, 0]], 2)
    >>> told.tolist(), unseen.tolist()
    ([[1.0, 0.0]], [[1.0, 0.0]])
    """
    table = np.asarray(values)
    table = table if table.dtype.kind == "f" else table.astype(float)
    grades = table if correct is None else np.asarray(correct)
    most = int((~np.isnan(table)).sum(axis=1).max(initial=0))
    if k < 1 or k > most:
        raise RequestError(f"{k} difficulty samples: allowed 1 to {most}, the largest pool")
    rng = np.random.default_rng(seed)
    told, unseen = np.empty((n_draws, len(table))), np.empty((n_draws, len(table)))
    for draw in range(n_draws):
        for rows in row_blocks(table.shape):
            told[draw, rows], unseen[draw, rows] = _probed(table[rows], grades[rows], k, rng)
    return told, unseen


def _probed(table: np.ndarray, grades: np.ndarray, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Means of k random values of each problem, and of the grades of the others."""
    keys = np.where(np.isnan(table), np.inf, rng.random(table.shape))
    chosen = np.argpartition(keys, k - 1, axis=1)[:, :k]
    others = np.array(grades, dtype=float)
    np.put_along_axis(others, chosen, np.nan, axis=1)
    # NaN where fewer are known than asked for.
    return np.take_along_axis(table, chosen, axis=1).mean(axis=1, dtype=float), oracle_difficulty(others)
