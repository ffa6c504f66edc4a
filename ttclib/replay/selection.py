"""Choosing among the solutions that a search ends with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

SELECTIONS = ("weighted_best_of_n", "best_of_n", "majority_vote")


class Solution(NamedTuple):
    """A solution with its grade.

    Attributes
    ----------
    score : float
        NaN: not scored.
    answer_class : int
        Negative: no answer.
    correct : float
        1, 0, or NaN: could not be graded.
    """

    score: float
    answer_class: int
    correct: float


def select(solutions: Sequence[Solution], selection: str = "weighted_best_of_n") -> float:
    """Chance that the chosen answer is right, ties shared equally.

    The rules are those of the pool's strategies with the whole pool as budget
    (`ttclib.replay.best_of_n`, `ttclib.replay.voting`): what has no answer, no score or no grade
    does not vote, and nobody's vote elects a wrong answer.

    Parameters
    ----------
    solutions : sequence of Solution
    selection : {"weighted_best_of_n", "best_of_n", "majority_vote"}

    Returns
    -------
    float
        In [0, 1]; NaN where no solution is graded, or none scored and the selection needs scores.

    Examples
    --------
    >>> found = [Solution(0.9, 0, 1.0), Solution(0.5, 1, 0.0), Solution(0.45, 1, 0.0), Solution(0.3, 2, 0.0)]
    >>> select(found, "best_of_n"), select(found, "weighted_best_of_n")
    (1.0, 0.0)
    """
    if selection not in SELECTIONS:
        raise ValueError(f"unknown selection '{selection}': allowed {', '.join(SELECTIONS)}")
    by_heads = selection == "majority_vote"
    if all(math.isnan(solution.correct) for solution in solutions):
        return math.nan
    if not by_heads and all(math.isnan(solution.score) for solution in solutions):
        return math.nan
    if selection == "best_of_n":
        ranked = [solution for solution in solutions if not math.isnan(solution.correct)]
        scored = [solution for solution in ranked if not math.isnan(solution.score)]
        top = max((solution.score for solution in scored), default=math.nan)
        best = [solution.correct for solution in scored if solution.score == top] or [s.correct for s in ranked]
        return sum(best) / len(best)
    votes: dict[int, float] = {}
    graded: dict[int, list[float]] = {}
    for score, answer_class, correct in solutions:
        weight = 1.0 if by_heads else score
        if answer_class >= 0 and not math.isnan(correct) and not math.isnan(weight):
            votes[answer_class] = votes.get(answer_class, 0.0) + weight
            graded.setdefault(answer_class, []).append(correct)
    if not votes:
        return 0.0
    most = max(votes.values())
    # Sums that differ by rounding tie; relative, since products of many step scores are tiny.
    elected = [graded[name] for name, weight in votes.items() if weight >= most - 1e-12 * abs(most)]
    return sum(sum(grades) / len(grades) for grades in elected) / len(elected)
