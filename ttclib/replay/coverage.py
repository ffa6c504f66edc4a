"""pass@k: the chance that at least one of k samples is right."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ttclib.replay.budgets import as_budgets
from ttclib.replay.factorials import log_factorial


def pass_at_k(n_samples: ArrayLike, n_correct: ArrayLike, k: ArrayLike) -> np.ndarray | float:
    """Unbiased pass@k from a pool of samples, in closed form.

    The share of the size-k subsets of the pool that hold a right sample,
    ``1 − C(n − c, k) / C(n, k)``, computed through log-gamma so that pools of any size work.

    Parameters
    ----------
    n_samples : array_like of int
        Size n of the pool, at least 0. Broadcasts with the others.
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
    wrong = n - c
    certain = wrong < draws  # every subset of size k holds a right sample
    # Where certain or undefined, stand-ins keep factorials of negative numbers away.
    w, m, d = np.where(certain, 1, wrong), np.where(certain, 1, n), np.where(certain, 1, draws)
    log_all_wrong = log_factorial(w) - log_factorial(w - d) - log_factorial(m) + log_factorial(m - d)
    some_right = np.where(c == 0, 0.0, np.clip(-np.expm1(log_all_wrong), 0.0, 1.0))  # rounding would leave [0, 1]
    value = np.where(draws > n, np.nan, np.where(certain, 1.0, some_right))
    return float(value) if value.ndim == 0 else value
