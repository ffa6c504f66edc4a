"""What is suspicious in the grades of a pool: no answers found, or none right; each with an example."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ttclib.grading.grader import Grade

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
