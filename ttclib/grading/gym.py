"""The scorer of a reasoning-gym task as a grader of that task's problems.

Scorers give fractions, a little even to junk in the right form: right is what gets the full score.
"""

from __future__ import annotations

import json
from dataclasses import replace

from ttclib.grading.grader import Grader
from ttclib.problems.gym import gym_score, is_gym_problem

FULL_SCORE = 0.999


def problem_grader(grader: Grader, reference: str | None, prompt: str | None, metadata: str | None) -> Grader:
    """A grader for one problem: itself, or the task's own scorer for what reasoning-gym made.

    Parameters
    ----------
    reference, prompt, metadata : str or None
        Of the problem, as the store has them.
    """
    try:
        known = json.loads(metadata or "{}")
    except (ValueError, RecursionError):  # another program's, or damaged: no task of ours
        known = None
    if not grader.name.startswith("reasoning-gym") or not isinstance(known, dict) or not is_gym_problem(known):
        return grader

    def equivalent(left: str, right: str) -> bool | None:
        if reference not in (left, right):
            return grader.equivalent(left, right)
        return gym_score(known, prompt or "", right if left == reference else left) >= FULL_SCORE

    return replace(grader, equivalent=equivalent)
