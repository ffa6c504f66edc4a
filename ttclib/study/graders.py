"""Graders side by side on the samples of a store: where they differ, and how far that moves every curve.

Nothing is written: grading is looked at as a source of error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ttclib.errors import RequestError, one_of
from ttclib.grading import (
    GRADERS,
    Comparison,
    Grade,
    Graded,
    compare_graders,
    extract_answer,
    get_grader,
    problem_choice,
)
from ttclib.replay.strategy import reading
from ttclib.samples import Pool
from ttclib.store.texts import load_answers
from ttclib.study import findings
from ttclib.study.answers import Answer
from ttclib.study.differences import differences
from ttclib.study.opening import Notify
from ttclib.study.question import question
from ttclib.study.study import Study

STORED = "stored"  # the grades that the store holds, whoever gave them
COMPARED = (*(name for name in GRADERS if name != "reasoning-gym"), STORED)
_OF_CURVE = ("grader", "strategy", "variant", "budget", "accuracy", "difference", "ci_low", "ci_high", "n_problems")


@dataclass(frozen=True)
class Graders:
    """What several graders make of the same samples."""

    found: Comparison  # their grades, and the pairs of reference and answer that they do not grade alike
    # `grader, strategy, variant, budget, accuracy, difference, ci_low, ci_high, n_problems`: accuracy by each grader,
    # and what it is less by the first one's grades, problem by problem, with the interval of that difference
    frame: pl.DataFrame

    @property
    def first(self) -> str:
        """The grader that the others are held against."""
        return self.found.names[0]

    def pairs(self, limit: int | None = None) -> pl.DataFrame:
        """References and answers that are graded otherwise, the most frequent first: a column a grader."""
        told = {True: "right", False: "wrong", None: "not told"}
        rows = [
            {"reference": one.reference, "answer": one.answer, "samples": one.n_samples}
            | {name: told[correct] for name, correct in one.correct.items()}
            for one in self.found.disagreements[:limit]
        ]
        kinds = {"reference": pl.String, "answer": pl.String, "samples": pl.Int64} | dict.fromkeys(
            self.found.names, pl.String
        )
        return pl.DataFrame(rows, schema=kinds)


def ask_graders(study: Study, names: Sequence[str], *, notify: Notify = lambda text: None) -> Answer[Graders]:
    """Grade the samples of a study by several graders, and replay every strategy that reads samples by each.

    Parameters
    ----------
    study : Study
        Of one policy under one setting.
    names : sequence of str
        Of `COMPARED`, at least two; the others are held against the first.

    Raises
    ------
    RequestError
        Fewer than two graders, one that is not known, several settings, or no sample has a reference.
    """
    chosen = list(dict.fromkeys(one_of(name, COMPARED, "grader") for name in names))
    if len(chosen) < 2:
        raise RequestError(f"graders {','.join(names)}: give at least two of {', '.join(COMPARED)}")
    if len(study.members) > 1:
        raise RequestError(f"'{study.store}' holds several settings of '{study.policy}': name one with --setting")
    pool = study.pool
    problems = _problems(pool)
    if not any(problem.reference is not None for problem in problems):
        raise RequestError(f"'{study.store}' holds no reference answer of '{pool.policy}': nothing can be graded")
    if not any(text is not None for one in problems for text in (*one.completions, *one.answers)):
        raise RequestError(f"'{study.store}' holds neither texts nor answers of '{pool.policy}': nothing can be graded")
    notify(
        f"grade: {sum(len(one.completions) for one in problems):,} samples of '{pool.policy}' by {', '.join(chosen)}"
    )
    found = compare_graders(problems, {name: None if name == STORED else get_grader(name) for name in chosen})
    sides = {name: _as_graded(study, found, name) for name in chosen}
    asked = question(strategies=reading("pool"), lacking="leave out")
    first = sides.pop(chosen[0])
    apart = {name: differences(first, side, (chosen[0], name), asked) for name, side in sides.items()}
    frames = [_before(chosen[0], next(iter(apart.values())).frame), *(_after(n, one.frame) for n, one in apart.items())]
    result = Graders(found, pl.concat(frames))
    notes = tuple(dict.fromkeys(note for one in apart.values() for note in one.notes))
    return Answer(result, findings.of_graders(result), study.caption(asked, study.compared(asked)), notes)


def _before(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    none = pl.lit(None, pl.Float64)
    return frame.with_columns(
        pl.lit(name).alias("grader"), accuracy="first", difference=pl.lit(0.0), ci_low=none, ci_high=none
    ).select(_OF_CURVE)


def _after(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit(name).alias("grader"), accuracy="second").select(_OF_CURVE)


def _as_graded(study: Study, found: Comparison, name: str) -> Study:
    """The study with one grader's grades and classes in place of those that the store holds."""
    if name == STORED:
        return study
    pool = study.pool
    correct = np.full(pool.present.shape, np.nan)
    classes = np.full(pool.present.shape, -1)
    for row, grades in enumerate(found.grades[name]):
        for col, grade in enumerate(grades):
            correct[row, col] = np.nan if grade.correct is None else float(grade.correct)
            classes[row, col] = -1 if grade.answer_class is None else grade.answer_class
    member = replace(study.members[0], pool=replace(pool, correct=correct, answer_ids=classes))
    return Study((member,), study.store)


def _problems(pool: Pool) -> list[Graded]:
    """The texts of a pool, in the order of its rows and columns."""
    found = []
    for row, (problem_id, texts) in enumerate(load_answers(pool).items()):
        # Found once for all graders; only what an import stated stands in no completion.
        found_there = [None if text is None else extract_answer(text) for text in texts.completions]
        answers = [stated if one is None else one for one, stated in zip(found_there, texts.stated, strict=True)]
        choice = problem_choice(texts.prompt, texts.metadata)
        options = None if choice.shuffled else choice.options
        found.append(
            Graded(problem_id, texts.reference, texts.completions, answers, options, _stored(pool, row, texts.stated))
        )
    return found


def _stored(pool: Pool, row: int, stated: Sequence[str | None]) -> list[Grade]:
    """The grades of one problem's samples as the store reads them."""
    known = zip(stated, pool.correct[row], pool.answer_ids[row], strict=False)
    return [
        Grade(answer, None if label < 0 else int(label), None if np.isnan(correct) else bool(correct))
        for answer, correct, label in known
    ]
