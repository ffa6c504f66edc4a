"""Difficulty from the question: what a store knows of it, read and given to the predictor once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ttclib.analysis.difficulty import Difficulty, difficulty_of_questions
from ttclib.analysis.predicting import FEWEST, PREDICTORS, features_of, levels_of, predicted_ease
from ttclib.errors import RequestError
from ttclib.samples import Pool, Questions
from ttclib.store import is_collected, load_questions
from ttclib.store.kept import Kept, store_state

Notify = Callable[[str], None]
_QUESTIONS: Kept[Questions] = Kept(lambda found: int(found.hidden.nbytes) + 1000 * len(found.problem_ids))


@dataclass(frozen=True)
class Promised:
    """pass@1 as the questions of a pool promise it, out of fold."""

    predictor: str
    ease: np.ndarray  # float, shape (problems,)
    reads_hidden: bool
    within: bool  # whether it can tell problems of one level apart

    def difficulty(self, rows: np.ndarray, bins: Any, seed: int) -> Difficulty:
        """Of some of the problems, binned among these."""
        return difficulty_of_questions(
            self.ease[rows], bins, predictor=self.predictor, reads_hidden=self.reads_hidden, seed=seed
        )


_PROMISED: Kept[Promised] = Kept(lambda found: int(found.ease.nbytes), largest=32)


def questions_of(pool: Pool) -> Questions:
    """What the store of a pool knows of its questions.

    Raises
    ------
    RequestError
        The pool is in memory.
    """
    path = Path(pool.store)
    if not is_collected(path):
        raise RequestError(
            f"'{pool.store}' is a pool in memory, without its questions: import the samples into a store"
        )
    key = (str(path.absolute()), pool.policy, pool.setting.name, tuple(pool.problem_ids))

    def read() -> Questions:
        return load_questions(path, policy=pool.policy, setting=pool.setting.name, problem_ids=pool.problem_ids)

    return _QUESTIONS.get(key, store_state(path), read)


def ease_of(pool: Pool) -> np.ndarray:
    """pass@1 of each problem, NaN where no sample is graded."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(pool.n_graded > 0, pool.n_correct / pool.n_graded, np.nan), dtype=float)


def promised(pool: Pool, predictor: str, seed: int = 0) -> Promised:
    """pass@1 as each question promises it, taught by the pool's other problems.

    Raises
    ------
    RequestError
        As `features_of` and `predicted_ease` do.
    """
    questions, ease = questions_of(pool), ease_of(pool)
    key = (pool.store, pool.policy, pool.setting.name, tuple(pool.problem_ids), ease.tobytes(), predictor, seed)

    def find() -> Promised:
        read = features_of(questions, predictor)
        level = level_of(questions, ease)
        within = level is None or read.tell_within(level[1])
        return Promised(predictor, predicted_ease(read, ease, seed=seed), "hidden" in read.blocks, within)

    return _PROMISED.get(key, store_state(Path(pool.store)), find)


def level_of(questions: Questions, ease: np.ndarray) -> tuple[str, np.ndarray] | None:
    """The level that the benchmark states, by its name, and each problem's; None: it states none."""
    return levels_of(questions.metadata, ease)


def predictors_of(pool: Pool) -> Mapping[str, str]:
    """For each predictor why the store cannot tell difficulty by it; empty: it can."""
    found = {}
    for predictor in PREDICTORS:
        try:
            features_of(questions_of(pool), predictor)
            if (known := int((pool.n_graded > 0).sum())) < FEWEST:
                raise RequestError(
                    f"{predictor} difficulty: {known} problems have a pass@1, a predictor wants {FEWEST}: "
                    "sample and grade more"
                )
        except RequestError as error:
            found[predictor] = str(error)
        else:
            found[predictor] = ""
    return found
