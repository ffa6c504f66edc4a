"""Graders, and the grades of one problem's samples.

Equivalence is settled once a distinct answer, not once a sample, and replay compares integers. Answers
that equal the reference are one class; the others are compared among each other only where they share
a mark (`Grader.keys`), so that hundreds of distinct answers take few comparisons.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from ttclib.errors import RequestError, one_of
from ttclib.grading import answers as mathematics
from ttclib.grading.extraction import extract_answer

# Raised whenever a pair of answers may get another grade, or an answer another class, than before.
_EXACT_RULES = 2
_MATH_RULES = 2
# Classes that an answer is compared with, of those that share a mark with it. Marks of values are so
# fine that one or two do; LaTeX that only math-verify reads has one mark for all.
_MOST_COMPARISONS = 16
_NUMBER = re.compile(r"([-+]?)(\d{1,3}(?:,\d{3})+|\d*)(?:\.(\d*))?")


@dataclass(frozen=True)
class Grader:
    """A way to compare answers.

    Attributes
    ----------
    name : str
        With its version: grades of another version stand beside these, not over them.
    equivalent : callable
        ``equivalent(reference, answer)``, symmetric; raises or returns None where it cannot tell.
    keys : callable, optional
        Marks of an answer: of two that share none, neither is looked at as the other's equivalent.
    """

    name: str
    equivalent: Callable[[str, str], bool | None]
    keys: Callable[[str], Iterable[Hashable]] | None = None


@dataclass(frozen=True)
class Grade:
    """What a grader found in one sample; None: no answer, or could not be graded."""

    answer: str | None
    answer_class: int | None
    correct: bool | None


def get_grader(name: str) -> Grader:
    """The grader of that name: ``exact`` (same text or same number), ``math`` (same value) or ``reasoning-gym``.

    Its own name carries its version: of ``math``, math-verify's and that of the rules here. That of
    ``reasoning-gym`` is ``exact`` until `problem_grader` gives it a problem's own scorer.

    Raises
    ------
    RequestError
        Unknown name.
    """
    if one_of(name, ("math", "exact", "reasoning-gym"), "grader") == "reasoning-gym":
        try:
            made_by = version("reasoning-gym")
        except PackageNotFoundError:
            raise RequestError(
                "grader 'reasoning-gym' needs the package 'reasoning-gym': install it with pip install "
                "'ttclib[benchmarks]'"
            ) from None
        return Grader(f"reasoning-gym-{made_by}", same_value, lambda answer: (_canonical(answer),))
    if name == "exact":
        return Grader(f"exact-{_EXACT_RULES}", same_value, lambda answer: (_canonical(answer),))
    installed = version("math-verify")
    return Grader(f"math-verify-{installed}.{_MATH_RULES}", mathematics.equivalent, mathematics.keys_of)


def grade_problem(
    completions: Sequence[str | None],
    reference: str | None,
    grader: Grader,
    *,
    answers: Sequence[str | None] | None = None,
    known: Iterable[tuple[str, int]] = (),
) -> list[Grade]:
    """Grade the samples of one problem.

    Parameters
    ----------
    completions : sequence of str or None
    reference : str or None
        Right answer; None: `correct` stays None.
    grader : Grader
    answers : sequence of str or None, optional
        Answers that are known already; where None or blank, the completion is searched.
    known : iterable of (answer, class), optional
        Classes of this problem that exist already; they are kept.

    Returns
    -------
    list of Grade
        A completion without an answer is wrong if there is a reference: the question was asked and
        not answered. An answer that cannot be compared has `correct` None.
    """
    classes = _Classes(grader, reference, known)
    result = []
    for completion, given in zip(completions, answers or [None] * len(completions), strict=True):
        answer = given if given is not None and given.strip() else extract_answer(completion or "")
        if answer is None:
            unanswered = completion is not None and reference is not None
            result.append(Grade(None, None, False if unanswered else None))
        else:
            result.append(Grade(answer, *classes.place(answer)))
    return result


class _Classes:
    """The classes of one problem's answers, that of the right ones among them."""

    def __init__(self, grader: Grader, reference: str | None, known: Iterable[tuple[str, int]]) -> None:
        self._grader = grader
        self._reference = reference
        self._class_of: dict[str, int] = {}
        self._correct: dict[str, bool | None] = {}
        self._first: dict[int, str] = {}  # of each class, the answer that stands for it
        self._sharing: dict[Hashable, list[int]] = defaultdict(list)
        self._right: int | None = None
        for answer, number in known:
            self._enter(answer, number)

    def place(self, answer: str) -> tuple[int, bool | None]:
        """Class and grade of an answer."""
        if answer not in self._correct:
            self._correct[answer] = None if self._reference is None else self._same(self._reference, answer)
        if answer not in self._class_of:
            number = self._right_class() if self._correct[answer] else self._find(answer)
            self._enter(answer, 1 + max(self._first, default=-1) if number is None else number)
            if self._correct[answer] and self._right is None:
                self._right = self._class_of[answer]
        return self._class_of[answer], self._correct[answer]

    def _right_class(self) -> int | None:
        if self._right is None and self._reference is not None:
            self._right = self._find(self._reference)
        return self._right

    def _find(self, answer: str) -> int | None:
        numbers: Iterable[int] = self._first
        if self._grader.keys is not None:
            shared = dict.fromkeys(n for key in self._grader.keys(answer) for n in self._sharing.get(key, ()))
            numbers = sorted(shared)[:_MOST_COMPARISONS]
        # An answer that is not right is in no class of right ones.
        skipped = self._right if answer != self._reference else None
        return next((n for n in numbers if n != skipped and self._same(self._first[n], answer)), None)

    def _same(self, left: str, right: str) -> bool | None:
        try:
            return self._grader.equivalent(left, right)
        except Exception:  # whatever a comparison trips over: not comparable is not 'wrong'
            return None

    def _enter(self, answer: str, number: int) -> None:
        self._class_of.setdefault(answer, number)
        if number not in self._first:
            self._first[number] = answer
            for key in self._grader.keys(answer) if self._grader.keys is not None else ():
                self._sharing[key].append(number)


def same_value(reference: str, answer: str) -> bool:
    """Whether two answers are the same text or the same number, digit by digit.

    Examples
    --------
    >>> same_value("1,234", "1234.0"), same_value("7", "-7")
    (True, False)
    """
    return _canonical(reference) == _canonical(answer)


def _canonical(answer: str) -> str:
    text = answer.strip().strip("$").rstrip(".").strip()
    number = _NUMBER.fullmatch(text)
    if number is None or not (number[2] or number[3]):
        return text
    whole, behind = number[2].replace(",", "").lstrip("0") or "0", (number[3] or "").rstrip("0")
    sign = "-" if number[1] == "-" and (whole, behind) != ("0", "") else ""
    return sign + whole + ("." + behind if behind else "")
