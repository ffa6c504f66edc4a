"""Best-of-N: keep the sample with the highest score, exactly averaged over all subsets."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ttclib.replay.arrays import as_grades, as_table, check_one_shape
from ttclib.replay.budgets import as_budgets
from ttclib.replay.factorials import log_binomial


def expected_best_of_n(scores: ArrayLike, correct: ArrayLike, budgets: ArrayLike) -> np.ndarray:
    """Chance that the top-scored of N samples is right, over every size-N subset of the pool.

    Of n samples in order of score, the i-th best (from 0) wins a random subset of size N with
    probability ``C(n − 1 − i, N − 1) / C(n, N)``. Samples of equal score share the weight of their
    ranks equally, which is what breaking ties at random gives on average.

    Parameters
    ----------
    scores : array_like of float, shape (problems, samples)
        Any real score, higher is better. NaN: not scored; it ranks below every scored sample.
    correct : array_like of float or bool, shape (problems, samples)
        1 right, 0 wrong. NaN: could not be graded; such a sample takes a place in the budget,
        ranks below every graded one and is never counted as right.
    budgets : array_like of int, shape (budgets,)
        N, at least 1.

    Returns
    -------
    numpy.ndarray, shape (problems, budgets)
        In [0, 1]; NaN where N exceeds the pool or the problem has no graded or no scored sample.

    Raises
    ------
    ValueError
        If a budget is below 1 or not whole, or shapes differ.

    Notes
    -----
    For pools of unequal size call it once a size (`ttclib.analysis.accuracy_curves` does).

    References
    ----------
    Expectation of an order statistic without replacement; Snell et al. 2024, arXiv:2408.03314,
    for the strategy.

    Examples
    --------
    >>> expected_best_of_n([[0.9, 0.5, 0.1]], [[1, 0, 0]], [1, 2, 3]).round(4).tolist()
    [[0.3333, 0.6667, 1.0]]
    """
    score, right = as_table(scores, "scores"), as_grades(correct)
    check_one_shape(scores=score, correct=right)
    ungraded, unscored = np.isnan(right), np.isnan(score)
    expected = _mean_of_the_best(score, np.where(ungraded, 2, unscored), np.where(ungraded, 0.0, right), budgets)
    expected[np.all(ungraded, axis=1) | np.all(unscored, axis=1)] = np.nan
    return expected


def expected_winner(scores: ArrayLike, values: ArrayLike, budgets: ArrayLike) -> np.ndarray:
    """Expected value of the sample that best-of-N picks, over every size-N subset of the pool.

    With completion tokens as values this is the length of the answer that a user gets to read, while N
    times their mean is what was spent. A verifier that likes long answers shows here.

    Parameters
    ----------
    scores : array_like of float, shape (problems, samples)
        As in `expected_best_of_n`. NaN: not scored; picked only where nothing else was drawn.
    values : array_like of float, shape (problems, samples)
        Of any size; a NaN makes its problem NaN.
    budgets : array_like of int, shape (budgets,)

    Returns
    -------
    numpy.ndarray, shape (problems, budgets)
        NaN where N exceeds the pool or no sample is scored.

    Raises
    ------
    ValueError
        If a budget is below 1 or not whole, or shapes differ.

    Examples
    --------
    >>> expected_winner([[0.9, 0.5]], [[300, 100]], [1, 2]).tolist()
    [[200.0, 300.0]]
    """
    score, value = as_table(scores, "scores"), as_table(values, "values")
    check_one_shape(scores=score, values=value)
    unscored, unknown = np.isnan(score), np.isnan(value).any(axis=1)
    expected = _mean_of_the_best(score, unscored, np.where(np.isnan(value), 0.0, value), budgets)
    expected[np.all(unscored, axis=1) | unknown] = np.nan
    return expected


def expected_largest(values: ArrayLike, budgets: ArrayLike) -> np.ndarray:
    """Expected largest value of N samples, over every size-N subset of the pool.

    Parameters
    ----------
    values : array_like of float, shape (problems, samples)
        For example completion tokens: N trials decode for as long as the longest of them.
    budgets : array_like of int, shape (budgets,)

    Returns
    -------
    numpy.ndarray, shape (problems, budgets)
        NaN where N exceeds the pool or the problem has a NaN.

    Examples
    --------
    >>> expected_largest([[3.0, 1.0, 2.0]], [1, 2, 3]).round(4).tolist()
    [[2.0, 2.6667, 3.0]]
    """
    table = np.asarray(values, dtype=float)
    return -np.sort(-table, axis=1) @ rank_weights(table.shape[1], budgets)


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


def _mean_of_the_best(score: np.ndarray, tier: np.ndarray, value: np.ndarray, budgets: ArrayLike) -> np.ndarray:
    """Expected value of the best of N by tier, from 0, then by score; samples that tie share their chance."""
    score = np.where(tier > 0, 0.0, score)
    order = np.lexsort((-score, tier), axis=1) if tier.any() else np.argsort(-score, axis=1)
    tier, score, value = (np.take_along_axis(table, order, axis=1) for table in (tier, score, value))
    starts = np.ones(score.shape, dtype=bool)  # of a run of samples that tie
    starts[:, 1:] = (tier[:, 1:] != tier[:, :-1]) | (score[:, 1:] != score[:, :-1])
    return _mean_of_runs(starts, value) @ rank_weights(score.shape[1], budgets)


def _mean_of_runs(starts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Replace each value by the mean of its run; a run begins where `starts` is true, at least in each row."""
    run = np.cumsum(starts.ravel()) - 1
    return (np.bincount(run, values.ravel()) / np.bincount(run))[run].reshape(values.shape)
