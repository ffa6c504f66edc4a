"""pass@k: the chance that at least one of k samples is right, from counts alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from ttclib.replay.budgets import as_budgets
from ttclib.replay.estimate import Estimate

_LARGEST_TABLE = 1 << 20
_FEW = 1 << 10  # samples of a pool for which differences of log-factorials lose no more than 1e-12
_HALF_LOG_2_PI = 0.5 * np.log(2 * np.pi)


def log_factorial(values: np.ndarray) -> np.ndarray:
    """``log(v!)`` of whole numbers of at least 0, given as floats or ints.

    Examples
    --------
    >>> log_factorial(np.array([0, 1, 4])).round(4).tolist()
    [0.0, 0.0, 3.1781]
    """
    largest = int(values.max()) if values.size else 0
    if largest >= _LARGEST_TABLE:
        return gammaln(values + 1.0)
    return log_factorials(largest)[values.astype(np.int64)]


def log_factorials(largest: int) -> np.ndarray:
    """``log(v!)`` for v = 0 … largest, and some more."""
    return _table(max(1024, 1 << largest.bit_length()))


def log_binomial(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """``log C(n, k)`` for 0 <= k <= n."""
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k)


def log_avoided(n: np.ndarray, c: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Logarithm of the chance that k of n samples hold none of c: ``log(C(n − c, k) / C(n, k))``, c + k <= n.

    In a large pool the logarithms of the four factorials are so much larger than what is left of them that
    digits would be lost: there Stirling's series is subtracted term by term.

    Examples
    --------
    >>> np.exp(log_avoided(np.array([10.0, 1e7]), np.array([3.0, 1.0]), np.array([5.0, 10.0]))).round(7).tolist()
    [0.0833333, 0.999999]
    """
    if n.size == 0 or n.max() <= _FEW:
        return log_factorial(n - c) - log_factorial(n - c - k) - log_factorial(n) + log_factorial(n - k)
    large = n + 1.0
    # Of (x − 1/2)·log x at n + 1, n + 1 − c, n + 1 − k and n + 1 − c − k the terms in log(n + 1) cancel.
    main = sum(sign * (large - less - 0.5) * np.log1p(-less / large) for sign, less in ((1, c), (1, k), (-1, c + k)))
    return main + _tail(large - c) + _tail(large - k) - _tail(large) - _tail(large - c - k)


def _tail(x: np.ndarray) -> np.ndarray:
    """What Stirling's formula lacks of log Γ(x), x >= 1."""
    far = np.maximum(x, 32.0)
    series = (1 - (1 - 1 / (3.5 * far**2)) / (30 * far**2)) / (12 * far)
    near = np.minimum(x, 32.0)
    return np.where(x >= 32, series, gammaln(near) - (near - 0.5) * np.log(near) + near - _HALF_LOG_2_PI)


@lru_cache(maxsize=12)
def _table(size: int) -> np.ndarray:
    return gammaln(np.arange(size) + 1.0)


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
