"""Graders side by side, and what is suspicious in grades, so that grading is seen as a source of error."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ttclib.grading.classes import Grader
from ttclib.grading.grader import Grade, Options, grade_problem

# Fewer samples than this say nothing of a pool.
FEWEST = 8
_TAIL = 80


@dataclass
class Doubts:
    r"""Counts of one pool's grades, and an example of what they lack.

    Examples
    --------
    >>> doubts = Doubts("policy 'm'")
    >>> for number in range(10):
    ...     doubts.add("p", "7", "It is seven.", Grade(None, None, False))
    >>> print(*doubts.lines(), sep="\n")
    policy 'm': no answer was found in 10 of 10 samples, as in that of problem 'p' which ends '…It is seven.'
    """

    pool: str
    _counts: Counter[str] = field(default_factory=Counter)
    _without: str = ""
    _wrong: str = ""

    def add(self, problem_id: str, reference: str | None, completion: str | None, grade: Grade) -> None:
        """Count one sample."""
        if completion is None and grade.answer is None:
            return
        self._counts["samples"] += 1
        if grade.answer is None:
            self._counts["without"] += 1
            ends = " ".join((completion or "").split())[-_TAIL:]
            self._without = self._without or f"that of problem {problem_id!r} which ends '…{ends}'"
        elif grade.correct is not None:
            self._counts["graded"] += 1
            self._counts["right"] += grade.correct
            if not grade.correct and not self._wrong:
                self._wrong = f"{grade.answer[:_TAIL]!r} where {(reference or '')[:_TAIL]!r} is right"
        if grade.answer is not None and grade.answer_class is None:
            self._counts["letters"] += 1

    def lines(self) -> list[str]:
        """What is to be said, a line each; none where nothing is suspicious."""
        n_samples, found = self._counts["samples"], []
        if n_samples >= FEWEST and 2 * self._counts["without"] > n_samples:
            found.append(
                f"{self.pool}: no answer was found in {self._counts['without']:,} of {n_samples:,} samples, as in "
                f"{self._without}"
            )
        if self._counts["graded"] >= FEWEST and not self._counts["right"]:
            found.append(
                f"{self.pool}: none of {self._counts['graded']:,} answers is right; for example {self._wrong}: look at "
                "the references and at how answers are stated"
            )
        if self._counts["letters"]:
            found.append(
                f"{self.pool}: {self._counts['letters']:,} answers are letters of options in an order of their own: "
                "they get no vote"
            )
        return found


@dataclass(frozen=True)
class Graded:
    """One problem with its samples, to be graded."""

    problem_id: str
    reference: str | None
    completions: Sequence[str | None]
    answers: Sequence[str | None]  # those that were stated beside the completions; None where none was
    options: Options | None = None  # what the letters of a multiple choice stand for
    stored: Sequence[Grade] = ()  # grades that the samples have already


@dataclass(frozen=True)
class Disagreement:
    """A reference and an answer that graders do not grade alike."""

    problem_id: str
    reference: str
    answer: str
    correct: dict[str, bool | None]  # by grader; None: it could not tell
    n_samples: int  # samples that gave this answer


@dataclass(frozen=True)
class Comparison:
    """What several graders find in the same samples."""

    names: tuple[str, ...]
    grades: dict[str, list[list[Grade]]]  # by grader; for each problem one a sample
    disagreements: tuple[Disagreement, ...]  # the most frequent first
    # n_samples, n_answers: samples with an answer, and distinct answers of problems
    n_samples: int
    n_answers: int

    def counts(self) -> list[dict[str, Any]]:
        """A row for each pair of graders: how many samples and answers they grade otherwise, and in which way."""
        rows: list[dict[str, Any]] = []
        for place, first in enumerate(self.names):
            for second in self.names[place + 1 :]:
                apart = [one for one in self.disagreements if one.correct[first] is not one.correct[second]]
                rows.append(
                    {
                        "grader": first,
                        "other_grader": second,
                        "differing_answers": len(apart),
                        "differing_samples": sum(one.n_samples for one in apart),
                        "only_grader_right": _right(apart, first, second),
                        "only_other_right": _right(apart, second, first),
                        "differing_share": sum(one.n_samples for one in apart) / self.n_samples
                        if self.n_samples
                        else None,
                    }
                )
        return rows


def compare_graders(problems: Iterable[Graded], graders: dict[str, Grader | None]) -> Comparison:
    """Grade the same samples by several graders.

    Parameters
    ----------
    graders : dict of str to Grader or None
        By the name that it is shown under; None: the grades that the samples have already.

    Examples
    --------
    >>> from ttclib.grading import get_grader
    >>> both = {name: get_grader(name) for name in ("math", "exact")}
    >>> found = compare_graders([Graded("p", "1/2", [None] * 3, ["0.5", "1/2", "3"])], both)
    >>> [(one.answer, one.correct) for one in found.disagreements]
    [('0.5', {'math': True, 'exact': False})]
    """
    grades: dict[str, list[list[Grade]]] = {name: [] for name in graders}
    apart: list[Disagreement] = []
    n_samples = n_answers = 0
    for problem in problems:
        found = {name: _grades(problem, grader) for name, grader in graders.items()}
        for name, graded in found.items():
            grades[name].append(graded)
        said: dict[str, dict[str, bool | None]] = {}
        times: dict[str, int] = defaultdict(int)
        for of_sample in zip(*found.values(), strict=True):
            answer = next((grade.answer for grade in of_sample if grade.answer is not None), None)
            if answer is not None:
                said[answer] = {name: grade.correct for name, grade in zip(found, of_sample, strict=True)}
                times[answer] += 1
        n_samples += sum(times.values())
        n_answers += len(said)
        apart += [
            Disagreement(problem.problem_id, problem.reference or "", answer, correct, times[answer])
            for answer, correct in said.items()
            if len(set(correct.values())) > 1
        ]
    apart.sort(key=lambda one: (-one.n_samples, one.problem_id, one.answer))
    return Comparison(tuple(graders), grades, tuple(apart), n_samples, n_answers)


def _grades(problem: Graded, grader: Grader | None) -> list[Grade]:
    if grader is None:
        return list(problem.stored)
    return grade_problem(
        problem.completions, problem.reference, grader, answers=problem.answers, options=problem.options
    )


def _right(apart: Sequence[Disagreement], first: str, second: str) -> int:
    return sum(one.n_samples for one in apart if one.correct[first] and not one.correct[second])
