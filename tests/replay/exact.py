"""The estimators again, by listing every subset of the pool: slow, obvious, for comparison only.

A value is a pair: how right the chosen sample is, and how often it is not graded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

import numpy as np

Value = Callable[[tuple[int, ...]], "np.ndarray"]


def mean_over_subsets(n_samples: int, size: int, value: Callable[[tuple[int, ...]], object]) -> np.ndarray:
    """Mean of `value` over all subsets of that size."""
    return np.mean([value(subset) for subset in combinations(range(n_samples), size)], axis=0)


def at_each_size(n_samples: int, value: Value) -> np.ndarray:
    """The mean pair at N = 1 … n, shape (2, n)."""
    return np.array([mean_over_subsets(n_samples, size, value) for size in range(1, n_samples + 1)]).T


def any_of(members: Iterable[int], correct: Sequence[float]) -> np.ndarray:
    """One of them at random."""
    grades = np.array([correct[i] for i in members])
    return np.array([np.nansum(grades), np.isnan(grades).sum()]) / len(grades)


def any_right(correct: Sequence[float]) -> Value:
    """Whether the subset holds a right sample; if not, whether it holds one that is not graded."""

    def value(subset: tuple[int, ...]) -> np.ndarray:
        right = any(correct[i] == 1 for i in subset)
        return np.array([right, not right and any(np.isnan(correct[i]) for i in subset)], dtype=float)

    return value


def top_scored(scores: Sequence[float], correct: Sequence[float]) -> Value:
    """The best-scored sample, ties averaged; where none is scored, any."""

    def value(subset: tuple[int, ...]) -> np.ndarray:
        scored = [i for i in subset if not np.isnan(scores[i])]
        best = max((scores[i] for i in scored), default=None)
        return any_of([i for i in scored if scores[i] == best] or subset, correct)

    return value


def elected(ids: Sequence[int], weights: Sequence[float], correct: Sequence[float]) -> Value:
    """The answer with the largest sum of weights, ties averaged, as right as those in the pool who vote for it."""
    voting = {i for i in range(len(ids)) if ids[i] >= 0 and not np.isnan(weights[i])}

    def value(subset: tuple[int, ...]) -> np.ndarray:
        totals: dict[int, float] = {}
        for i in voting & set(subset):
            totals[ids[i]] = totals.get(ids[i], 0.0) + weights[i]
        if not totals:
            return any_of(subset, correct)
        best = max(totals.values())
        winners = [answer for answer, total in totals.items() if np.isclose(total, best, rtol=1e-10, atol=1e-15)]
        return np.mean([any_of([i for i in voting if ids[i] == answer], correct) for answer in winners], axis=0)

    return value
