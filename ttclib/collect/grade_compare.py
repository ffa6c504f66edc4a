"""Graders side by side on the samples of a store; nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ttclib.collect.keeper import Notify
from ttclib.errors import RequestError, one_of
from ttclib.grading import (
    GRADERS,
    Comparison,
    Graded,
    compare_graders,
    extract_answer,
    get_grader,
    problem_choice,
)
from ttclib.samples import Pool
from ttclib.store import connect

COMPARED = tuple(name for name in GRADERS if name != "reasoning-gym")
_TEXTS = """
    SELECT problem_id, completion, stated, reference_answer, prompt, metadata
    FROM samples LEFT JOIN problems USING (problem_id)
    LEFT JOIN (SELECT policy, problem_id, setting, sample_index,
                      first(answer ORDER BY grader <> 'given', grader DESC) FILTER (WHERE answer IS NOT NULL) AS stated
               FROM grades GROUP BY ALL) USING (policy, problem_id, setting, sample_index)
    WHERE policy = $1 AND setting = $2 ORDER BY problem_id, sample_index
"""


def compare_on_pool(pool: Pool, names: Sequence[str], *, notify: Notify = lambda text: None) -> Comparison:
    """Grade the samples of a pool by several graders.

    Parameters
    ----------
    pool : Pool
        As `ttclib.store.load_pool` reads it.
    names : sequence of str
        Of `COMPARED`, at least two.
    notify : callable

    Raises
    ------
    RequestError
        Fewer than two graders, one that is not known, or no sample has a reference.
    """
    chosen = list(dict.fromkeys(one_of(name, COMPARED, "grader") for name in names))
    if len(chosen) < 2:
        raise RequestError(f"--compare {','.join(names)}: give at least two of {', '.join(COMPARED)}")
    problems = _problems(pool, notify)
    if not any(problem.reference is not None for problem in problems):
        raise RequestError(f"'{pool.store}' holds no reference answer of '{pool.policy}': nothing can be graded")
    n_samples = sum(len(problem.completions) for problem in problems)
    notify(f"grade: {n_samples:,} samples of '{pool.policy}' by {', '.join(chosen)}")
    return compare_graders(problems, {name: get_grader(name) for name in chosen})


def regraded_pools(pool: Pool, comparison: Comparison) -> dict[str, Pool]:
    """The pool as each grader sees it.

    Returns
    -------
    dict of str to Pool
        By grader: its grades and classes in place of those that are read from the store.
    """
    found = {}
    for name, problems in comparison.grades.items():
        correct = np.full(pool.present.shape, np.nan)
        classes = np.full(pool.present.shape, -1)
        for row, grades in enumerate(problems):
            for col, grade in enumerate(grades):
                correct[row, col] = np.nan if grade.correct is None else float(grade.correct)
                classes[row, col] = -1 if grade.answer_class is None else grade.answer_class
        found[name] = replace(pool, correct=correct, answer_ids=classes)
    return found


def _problems(pool: Pool, notify: Notify) -> list[Graded]:
    """The texts of a pool, in the order of its rows and columns."""
    with connect(pool.store, notify=notify) as con:
        rows = con.execute(_TEXTS, [pool.policy, pool.setting.name]).fetchall()
    by_problem: dict[str, list[tuple[str | None, ...]]] = defaultdict(list)
    for problem_id, *texts in rows:
        by_problem[problem_id].append(tuple(texts))
    found = []
    for problem_id in pool.problem_ids:
        samples = by_problem[problem_id]
        completions, stated, references, prompts, metadata = zip(*samples, strict=True)
        # Only what an import stated stands in no completion: an answer that is found there is found again.
        answers = [
            text if completion is None or extract_answer(completion) is None else None
            for completion, text in zip(completions, stated, strict=True)
        ]
        choice = problem_choice(prompts[0], metadata[0])
        options = None if choice.shuffled else choice.options
        found.append(Graded(problem_id, references[0], completions, answers, options))
    return found
