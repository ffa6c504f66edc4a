"""Choosing among the solutions that a search ends with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttclib.errors import one_of
from ttclib.replay.listing import TIE
from ttclib.replay.tree import added
from ttclib.replay.voting import check_weights

SELECTIONS = ("weighted_best_of_n", "best_of_n", "majority_vote")


class Solution(NamedTuple):
    """A solution with its grade."""

    score: float  # NaN: not scored
    answer_class: int  # negative: no answer
    correct: float  # 1, 0, or NaN: could not be graded


class Choice(NamedTuple):
    """What was chosen, ties shared equally."""

    accuracy: float  # chance that it is right, in [0, 1]; NaN where no solution is graded
    ungraded: float  # chance that it was not graded, which counts as not right


def choose(solutions: Sequence[Solution], selection: str = "weighted_best_of_n") -> Choice:
    """The answer that a selection takes among solutions.

    The rules are those of the pool's strategies with the whole pool as budget (`ttclib.replay.estimate`): no grade
    is seen; a solution without what the selection reads is taken only where all are without, at random.

    Parameters
    ----------
    selection : {"weighted_best_of_n", "best_of_n", "majority_vote"}

    Raises
    ------
    RequestError
        Unknown selection, or a score below 0 weighs a vote.

    Examples
    --------
    >>> found = [Solution(0.9, 0, 1.0), Solution(0.5, 1, 0.0), Solution(0.45, 1, 0.0), Solution(0.3, 2, 0.0)]
    >>> choose(found, "best_of_n").accuracy, choose(found, "weighted_best_of_n").accuracy
    (1.0, 0.0)
    """
    one_of(selection, SELECTIONS, "selection")
    if all(math.isnan(solution.correct) for solution in solutions):
        return Choice(math.nan, math.nan)
    comparable = [
        solution
        for solution in solutions
        if (selection == "best_of_n" or solution.answer_class >= 0)
        and (selection == "majority_vote" or not math.isnan(solution.score))
    ]
    if not comparable:
        return _any_of(solutions)
    if selection == "best_of_n":
        top = max(solution.score for solution in comparable)
        return _any_of([solution for solution in comparable if solution.score == top])
    voters: dict[int, list[Solution]] = {}
    for solution in comparable:
        voters.setdefault(solution.answer_class, []).append(solution)
    if selection == "majority_vote":
        votes = {name: float(len(found)) for name, found in voters.items()}
    else:
        check_weights(np.array([solution.score for solution in comparable]))
        votes = {name: added(solution.score for solution in found) for name, found in voters.items()}
    least = max(votes.values()) * (1 - TIE)
    elected = [_any_of(voters[name]) for name, weight in votes.items() if weight >= least]
    return Choice(*(added(part) / len(elected) for part in zip(*elected, strict=True)))


def _any_of(solutions: Sequence[Solution]) -> Choice:
    """One of them at random."""
    grades = [solution.correct for solution in solutions]
    right = sum(grade for grade in grades if not math.isnan(grade))
    return Choice(right / len(grades), sum(map(math.isnan, grades)) / len(grades))
