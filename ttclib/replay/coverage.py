"""pass@k: the chance that at least one of k samples is right, from counts alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ttclib.replay.budgets import as_budgets
from ttclib.replay.estimate import Estimate
from ttclib.replay.factorials import log_avoided


def pass_at_k(n_samples: ArrayLike, n_correct: ArrayLike, k: ArrayLike) -> np.ndarray | float:
    """Unbiased pass@k from a pool of samples, in closed form.

    The share of the size-k subsets of the pool that hold a right sample,
    ``1 − C(n − c, k) / C(n, k)``, computed from logarithms so that pools of any size work.

    Parameters
    ----------
    n_samples : array_like of int
        Size n of the pool, at least 0, samples that were not graded included. Broadcasts with the others.
    n_correct : array_like of int
        Right samples c in the pool, 0 to n.
    k : array_like of int
        Samples drawn, at least 1.

    Returns
    -------
    float or numpy.ndarray
        In [0, 1]; NaN where k > n, since a pool says nothing about more samples than it holds.

    Raises
    ------
    ValueError
        If k is below 1, a number is not whole, or c lies outside 0 … n.

    References
    ----------
    Chen et al. 2021, arXiv:2107.03374; Brown et al. 2024, arXiv:2407.21787.

    Examples
    --------
    >>> round(pass_at_k(10, 3, 5), 7)
    0.9166667
    >>> pass_at_k(10, 3, 11)
    nan
    """
    n, c, draws = np.broadcast_arrays(
        np.asarray(n_samples, dtype=float), np.asarray(n_correct, dtype=float), as_budgets(k, "k").astype(float)
    )
    if not (np.all(n == np.floor(n)) and np.all(c == np.floor(c))):
        raise ValueError("n_samples and n_correct must be whole numbers")
    if np.any((c < 0) | (c > n)):
        raise ValueError("n_correct must lie between 0 and n_samples")
    certain = n - c < draws  # every subset of size k holds a right sample
    # Where certain or undefined, stand-ins keep factorials of negative numbers away.
    log_all_wrong = log_avoided(np.where(certain, 1, n), np.where(certain, 0, c), np.where(certain, 1, draws))
    some_right = np.where(c == 0, 0.0, np.clip(-np.expm1(log_all_wrong), 0.0, 1.0))  # rounding would leave [0, 1]
    value = np.where(draws > n, np.nan, np.where(certain, 1.0, some_right))
    return float(value) if value.ndim == 0 else value


def coverage(n_samples: ArrayLike, n_correct: ArrayLike, n_ungraded: ArrayLike, budgets: ArrayLike) -> Estimate:
    """pass@k of several problems, with the chance that only an ungraded sample could have been right.

    Parameters
    ----------
    n_samples, n_correct, n_ungraded : array_like of int, shape (problems,)
        Samples of each pool, of these the right ones, and those that were not graded.
    budgets : array_like of int, shape (budgets,)
        k, at least 1.

    Returns
    -------
    Estimate
        Exact. NaN where k exceeds the pool or all of it is ungraded.

    Raises
    ------
    ValueError
        As `pass_at_k`; right and ungraded ones together are more than there are samples.

    Examples
    --------
    >>> found = coverage([4], [1], [1], [1, 2])
    >>> found.accuracy.round(4).tolist(), found.ungraded.round(4).tolist()
    ([[0.25, 0.5]], [[0.25, 0.3333]])
    """
    n, c, u = (np.atleast_1d(np.asarray(count, dtype=float))[:, None] for count in (n_samples, n_correct, n_ungraded))
    if np.any(u < 0) or np.any(c + u > n):
        raise ValueError("n_correct and n_ungraded together must lie between 0 and n_samples")
    sizes = np.atleast_1d(as_budgets(budgets, "k"))[None]
    known = np.where(u < n, 1.0, np.nan)
    least, most = (known * np.asarray(pass_at_k(n, count, sizes)) for count in (c, c + u))
    return Estimate(least, np.where(np.isnan(least), np.nan, 0.0), most - least)


def split_counts(
    n_samples: ArrayLike, n_correct: ArrayLike, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Two halves of each pool at random, where its counts are all that is known.

    Which samples are right was never said, so the right ones of a half are hypergeometric.

    Parameters
    ----------
    n_samples, n_correct : array_like of int, shape (problems,)
        Of an odd number of samples the second half has one more.

    Returns
    -------
    ((n_samples, n_correct), (n_samples, n_correct))
        Integer arrays of that shape, which add up to what was given.

    Raises
    ------
    ValueError
        A number is not whole or negative, or more are right than there are.

    Examples
    --------
    >>> (n, c), (m, d) = split_counts([10, 7], [10, 3], np.random.default_rng(0))
    >>> n.tolist(), m.tolist(), (c + d).tolist()
    ([5, 3], [5, 4], [10, 3])
    """
    given = [np.asarray(count, dtype=float) for count in (n_samples, n_correct)]
    n, c = (np.floor(count).astype(np.int64) for count in given)
    if not (np.array_equal(n, given[0]) and np.array_equal(c, given[1])):
        raise ValueError("n_samples and n_correct must be whole numbers")
    if np.any((c < 0) | (c > n)):
        raise ValueError("n_correct must lie between 0 and n_samples")
    half = n // 2
    right = np.where(half > 0, rng.hypergeometric(c, n - c, half), 0)
    return (half, right), (n - half, c - right)
