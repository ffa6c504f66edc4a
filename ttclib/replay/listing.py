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
    # A subset is one of the first half of the samples and one of the rest: what they gather is gathered once each.
    n_samples, n_low = len(column), (len(column) + 1) // 2
    cast = column == np.arange(len(class_right))[:, None]
    (low_votes, low_sum, low_size), (high_votes, high_sum, high_size) = (
        _gathered(cast[:, half], weight[half]) for half in (slice(n_low), slice(n_low, None))
    )
    summed, count = np.zeros((2, n_samples + 1))
    step = max(1, _AT_A_TIME >> n_low)
    for first in range(0, len(high_size), step):
        part = slice(first, first + step)
        total = low_sum[:, None] + high_sum[:, part, None]  # (classes, subsets of the rest, of the first half)
        np.copyto(total, -1.0, where=~(low_votes[:, None] | high_votes[:, part, None]))
        leads = total >= np.maximum(total.max(axis=0), 0.0) * (1 - TIE)
        right = np.tensordot(class_right, leads, 1) / np.maximum(1, leads.sum(axis=0))
        size = (low_size + high_size[part, None]).ravel()
        summed += np.bincount(size, right.ravel(), n_samples + 1)
        count += np.bincount(size, minlength=n_samples + 1)
    return summed / count


def _gathered(cast: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every subset of some samples: whether a class has a vote, the sum of its votes, and the subset's size."""
    drawn = np.arange(1 << len(weight)) >> np.arange(len(weight))[:, None] & 1
    return cast.astype(int) @ drawn > 0, (cast * weight) @ drawn, drawn.sum(axis=0)
