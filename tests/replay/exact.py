"""The estimators again, by listing every subset of the pool: slow, obvious, for comparison only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np


def mean_over_subsets(n_samples: int, size: int, value: Callable[[tuple[int, ...]], float]) -> float:
    """Mean of `value` over all subsets of that size."""
    return float(np.mean([value(subset) for subset in combinations(range(n_samples), size)]))


def any_right(correct: Sequence[float]) -> Callable[[tuple[int, ...]], float]:
    """1 if the subset holds a right sample."""
    return lambda subset: float(any(correct[i] == 1 for i in subset))


def top_scored(scores: Sequence[float], correct: Sequence[float]) -> Callable[[tuple[int, ...]], float]:
    """Correctness of the best-scored sample, ties averaged: graded before ungraded, scored before unscored."""

    def rank(i: int) -> tuple[bool, bool, float]:
        graded, scored = not np.isnan(correct[i]), not np.isnan(scores[i])
        return (graded, graded and scored, scores[i] if graded and scored else 0.0)

    def value(subset: tuple[int, ...]) -> float:
        best = max(rank(i) for i in subset)
        return float(np.mean([np.nan_to_num(correct[i]) for i in subset if rank(i) == best]))

    return value


def elected(
    ids: Sequence[int], weights: Sequence[float], correct: Sequence[float]
) -> Callable[[tuple[int, ...]], float]:
    """Correctness of the answer with the largest sum of weights, ties averaged; 0 when nobody votes."""

    def value(subset: tuple[int, ...]) -> float:
        voters = [i for i in subset if ids[i] >= 0 and not np.isnan(correct[i]) and not np.isnan(weights[i])]
        totals: dict[int, float] = {}
        for i in voters:
            totals[ids[i]] = totals.get(ids[i], 0.0) + weights[i]
        if not totals:
            return 0.0
        best = max(totals.values())
        winners = [answer for answer, total in totals.items() if np.isclose(total, best, rtol=1e-10, atol=1e-15)]
        right = {answer: np.mean([correct[i] for i in range(len(ids)) if _votes(i, answer)]) for answer in winners}
        return float(np.mean(list(right.values())))

    def _votes(i: int, answer: int) -> bool:
        return ids[i] == answer and not np.isnan(correct[i]) and not np.isnan(weights[i])

    return value
