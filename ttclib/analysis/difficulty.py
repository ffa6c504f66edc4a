"""How hard a problem is for a policy, and its bin."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


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


def _row_mean(values: ArrayLike) -> np.ndarray:
    table = np.asarray(values, dtype=float)
    known = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        return np.where(known, table, 0.0).sum(axis=1) / known.sum(axis=1)
