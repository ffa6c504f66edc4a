"""Best-of-N: keep the sample with the highest score, exactly averaged over all subsets.

What is not scored or not graded is treated as `ttclib.replay.estimate` says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ttclib.replay.arrays import as_grades, as_table, check_one_shape, rows_by_size
from ttclib.replay.budgets import as_budgets
from ttclib.replay.coverage import log_binomial
from ttclib.replay.estimate import Estimate


def expected_best_of_n(scores: ArrayLike, correct: ArrayLike, budgets: ArrayLike) -> np.ndarray:
    """Chance that the top-scored of N samples is right, over every size-N subset of the pool.

    Of n samples in order of score, the i-th best (from 0) wins a random subset of size N with
    probability ``C(n − 1 − i, N − 1) / C(n, N)``. Samples of equal score share the weight of their
    ranks equally, which is what breaking ties at random gives on average.

    Parameters
    ----------
    scores : array_like of float, shape (problems, samples)
        Any real score, higher is better. NaN: not scored; picked only where nothing that was drawn is scored,
        and then at random.
    correct : array_like of float or bool, shape (problems, samples)
        1 right, 0 wrong. NaN: could not be graded, which the choice does not see and which counts as not right.
    budgets : array_like of int, shape (budgets,)
        N, at least 1.

    Returns
    -------
    numpy.ndarray, shape (problems, budgets)
        In [0, 1]; NaN where N exceeds the pool or no sample of the problem is graded.

    Raises
    ------
    ValueError
        If a budget is below 1 or not whole, or shapes differ.

    See Also
    --------
    best_of_n : with the share of choices that were not graded, and for pools of unequal size.

    References
    ----------
    Expectation of an order statistic without replacement; Snell et al. 2024, arXiv:2408.03314,
    for the strategy.

    Examples
    --------
    >>> expected_best_of_n([[0.9, 0.5, 0.1]], [[1, 0, 0]], [1, 2, 3]).round(4).tolist()
    [[0.3333, 0.6667, 1.0]]
    """
    return best_of_n(scores, correct, budgets).accuracy


def best_of_n(
    scores: ArrayLike, correct: ArrayLike, budgets: ArrayLike, *, pool_sizes: ArrayLike | None = None
) -> Estimate:
    """`expected_best_of_n` with the chance that the sample picked is not graded.

    Parameters
    ----------
    scores, correct, budgets
        As in `expected_best_of_n`.
    pool_sizes : array_like of int, shape (problems,), keyword-only, optional
        Samples of each problem, which stand first in its row; what follows is padding.

    Returns
    -------
    Estimate
        Exact.

    Raises
    ------
    ValueError
        As `expected_best_of_n`, or pool sizes do not fit.

    Examples
    --------
    >>> best_of_n([[0.9, 0.5, 0.1]], [[None, 1, 0]], [1, 3]).ungraded.round(4).tolist()
    [[0.3333, 1.0]]
    """
    score, right = as_table(scores, "scores"), as_grades(correct)
    check_one_shape(scores=score, correct=right)
    sizes = np.atleast_1d(as_budgets(budgets))
    accuracy, ungraded = (np.full((len(score), len(sizes)), np.nan) for _ in range(2))
    for rows, size in rows_by_size(pool_sizes, score.shape):
        cells = right[rows, :size]
        lacking = np.isnan(cells)
        values = [np.where(lacking, 0.0, cells), lacking.astype(float)] if lacking.any() else [cells]
        found = mean_of_the_best(score[rows, :size], values, sizes)
        known = ~lacking.all(axis=1)
        accuracy[rows[known]] = found[0][known]
        ungraded[rows[known]] = found[1][known] if lacking.any() else np.where(sizes > size, np.nan, 0.0)
    return Estimate(accuracy, np.where(np.isnan(accuracy), np.nan, 0.0), ungraded)


def expected_largest(values: ArrayLike, budgets: ArrayLike, *, pool_sizes: ArrayLike | None = None) -> np.ndarray:
    """Expected largest value of N samples, over every size-N subset of the pool.

    Parameters
    ----------
    values : array_like of float, shape (problems, samples)
        For example completion tokens: N trials side by side are waited for as long as the longest of them decodes.
    budgets : array_like of int, shape (budgets,)
    pool_sizes : array_like of int, shape (problems,), keyword-only, optional
        As in `best_of_n`.

    Returns
    -------
    numpy.ndarray, shape (problems, budgets)
        NaN where N exceeds the pool or the problem has a NaN.

    Examples
    --------
    >>> expected_largest([[3.0, 1.0, 2.0]], [1, 2, 3]).round(4).tolist()
    [[2.0, 2.6667, 3.0]]
    """
    table, sizes = as_table(values, "values"), np.atleast_1d(as_budgets(budgets))
    expected = np.full((len(table), len(sizes)), np.nan)
    for rows, size in rows_by_size(pool_sizes, table.shape):
        expected[rows] = -np.sort(-table[rows, :size], axis=1) @ rank_weights(size, sizes)
    return expected


def rank_weights(n_samples: int, budgets: ArrayLike) -> np.ndarray:
    """Chance that the sample of each rank is the best of a random subset.

    Parameters
    ----------
    n_samples : int
        Size n of the pool.
    budgets : array_like of int, shape (budgets,)

    Returns
    -------
    numpy.ndarray, shape (n_samples, budgets)
        Each column sums to 1; NaN where N exceeds n.

    Raises
    ------
    ValueError
        If a budget is below 1 or not whole.

    Examples
    --------
    >>> rank_weights(3, [2])[:, 0].round(4).tolist()
    [0.6667, 0.3333, 0.0]
    """
    sizes = np.atleast_1d(as_budgets(budgets)).astype(float)[None, :]
    below = np.arange(n_samples - 1, -1, -1, dtype=float)[:, None]  # samples ranked lower
    possible = (below >= sizes - 1) & (sizes <= n_samples)
    b, s = np.where(possible, below, sizes - 1), sizes  # stand-ins where the chance is 0
    log_weight = log_binomial(b, s - 1) - log_binomial(np.maximum(n_samples, s), s)
    return np.where(sizes > n_samples, np.nan, np.where(possible, np.exp(log_weight), 0.0))


def mean_of_the_best(score: np.ndarray, values: list[np.ndarray], budgets: np.ndarray) -> list[np.ndarray]:
    """Expected values of the best of N by score, NaN last; samples that tie share their chance."""
    unscored = np.isnan(score)
    if unscored.any():
        score = np.where(unscored, 0.0, score)
        order = np.lexsort((-score, unscored), axis=1)
    else:
        order = np.argsort(-score, axis=1)
    score = np.take_along_axis(score, order, axis=1)
    starts = np.ones(score.shape, dtype=bool)  # of a run of samples that tie
    starts[:, 1:] = score[:, 1:] != score[:, :-1]
    if unscored.any():
        last = np.take_along_axis(unscored, order, axis=1)
        starts[:, 1:] |= last[:, 1:] != last[:, :-1]
    weights = rank_weights(score.shape[1], budgets)
    return [mean_of_runs(starts, np.take_along_axis(value, order, axis=1)) @ weights for value in values]


def mean_of_runs(starts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Replace each value by the mean of its run; a run begins where `starts` is true, at least in each row."""
    run = np.cumsum(starts.ravel()) - 1
    return (np.bincount(run, values.ravel()) / np.bincount(run))[run].reshape(values.shape)
