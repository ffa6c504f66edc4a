"""Voting in a pool so small that all its subsets can be listed; compiles nothing."""

from __future__ import annotations

import numpy as np

TIE = 1e-12  # sums of weights that differ by rounding tie; relative, since products of step scores are tiny
_AT_A_TIME = 1 << 15


def listed_election(column: np.ndarray, weight: np.ndarray, class_right: np.ndarray) -> np.ndarray:
    """The elected answer's correctness averaged over all subsets of each size, from 0 to the whole pool.

    Parameters
    ----------
    column : int array, shape (samples,)
        Class of a sample; −1: it does not vote.
    weight : float array, shape (samples,)
        At least 0.
    class_right : float array, shape (classes,)

    Returns
    -------
    numpy.ndarray, shape (1 + samples,)
        A subset in which nobody votes counts 0.

    Examples
    --------
    >>> listed_election(np.array([0, 0, 1]), np.ones(3), np.array([1.0, 0.0])).round(4).tolist()
    [0.0, 0.6667, 0.6667, 1.0]
    """
    n_samples = len(column)
    cast = (column[:, None] == np.arange(len(class_right))).astype(float)
    places = np.arange(n_samples)
    summed, count = np.zeros((2, n_samples + 1))
    for first in range(0, 1 << n_samples, _AT_A_TIME):
        subset = np.arange(first, min(first + _AT_A_TIME, 1 << n_samples))
        drawn = (subset[:, None] >> places & 1).astype(float)
        total = np.where(drawn @ cast > 0, drawn @ (cast * weight[:, None]), -np.inf)
        leads = (total > -np.inf) & (total >= total.max(axis=1, keepdims=True) * (1 - TIE))
        right = leads @ class_right / np.maximum(1, leads.sum(axis=1))
        size = drawn.sum(axis=1).astype(int)
        summed += np.bincount(size, right, n_samples + 1)
        count += np.bincount(size, minlength=n_samples + 1)
    return summed / count
