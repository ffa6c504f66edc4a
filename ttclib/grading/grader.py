"""Graders, and the grades of one problem's samples.

Equivalence is settled once a distinct answer, not once a sample, and replay compares integers.

The scorer of a reasoning-gym task is a grader of its problems. It gives fractions, a little even to junk in the right
form: right is what gets the full score.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

from ttclib.errors import RequestError, one_of
from ttclib.grading.classes import Classes, Grader
from ttclib.grading.equivalence import equivalent, keys_of
from ttclib.grading.extraction import extract_answer
from ttclib.grading.forms import form_of
from ttclib.grading.options import is_letter
from ttclib.grading.sandbox import ask_alone, bounded
from ttclib.problems.benchmarks import gym_score, is_gym_problem

# Raised whenever a pair of answers may get another grade, or an answer another class, than before.
_EXACT_RULES = 2
_MATH_RULES = 4
# Processor time of math-verify that one problem may take, in seconds; what is asked later stays ungraded.
PROBLEM_LIMIT_S = 30.0
GRADERS = ("math", "math-verify", "exact", "reasoning-gym")
_NUMBER = re.compile(r"([-+]?)(\d{1,3}(?:,\d{3})+|\d*)(?:\.(\d*))?")
Options = Mapping[str, str]


@dataclass(frozen=True)
class Grade:
    """What a grader found in one sample."""

    answer: str | None  # None: none was found
    answer_class: int | None  # None: no answer, or a letter that says nothing, since options were shuffled: no vote
    correct: bool | None  # None: could not be graded, or there is no reference


def get_grader(name: str) -> Grader:
    """The grader of that name.

    ``math`` (same value, by the rules of ``docs/grading.md``), ``exact`` (same text or same number), ``math-verify``
    (that library by itself, to be compared with) or ``reasoning-gym`` (a task's own scorer).

    Its own name carries its version: of ``math``, math-verify's and that of the rules here. That of
    ``reasoning-gym`` is ``exact`` until `problem_grader` gives it a problem's own scorer.

    Raises
    ------
    RequestError
        Unknown name.
    """
    if one_of(name, GRADERS, "grader") == "reasoning-gym":
        try:
            made_by = version("reasoning-gym")
        except PackageNotFoundError:
            raise RequestError(
                "grader 'reasoning-gym' needs the package 'reasoning-gym': install it with pip install "
                "'ttclib[benchmarks]'"
            ) from None
        return Grader(f"reasoning-gym-{made_by}", same_value, lambda answer: (_canonical(answer),), _canonical)
    if name == "exact":
        return Grader(f"exact-{_EXACT_RULES}", same_value, lambda answer: (_canonical(answer),), _canonical)
    installed = version("math-verify")
    if name == "math-verify":
        return Grader(
            f"alone-math-verify-{installed}", _by_math_verify, lambda answer: (_canonical(answer),), _canonical
        )
    return Grader(
        f"math-verify-{installed}.{_MATH_RULES}",
        equivalent,
        keys_of,
        form_of,
        equivalent,
    )


def grade_problem(
    completions: Sequence[str | None],
    reference: str | None,
    grader: Grader,
    *,
    answers: Sequence[str | None] | None = None,
    known: Iterable[tuple[str, int]] = (),
    options: Options | Sequence[Options | None] | None = None,
    references: Sequence[str | None] | None = None,
    tell: Callable[[int], None] = lambda done: None,
) -> list[Grade]:
    """Grade the samples of one problem.

    Parameters
    ----------
    reference : str or None
        Right answer; None: `correct` stays None.
    answers : sequence of str or None, optional
        Answers that are known already; where None or blank, the completion is searched.
    known : iterable of (answer, class), optional
        Classes of this problem that exist already; their numbers are kept.
    options : mapping, or sequence of mappings, optional
        What the letters of a multiple choice stand for: once, or for each sample whose options were shuffled.
    references : sequence of str or None, optional
        The right answer of each sample, where letters were shuffled for each.
    tell : callable, optional
        Told how many samples are graded, after each distinct answer.

    Returns
    -------
    list of Grade
        A completion without an answer is wrong if there is a reference: the question was asked and
        not answered. An answer that cannot be compared has `correct` None. Where options were shuffled
        a letter is no answer: its class is that of its content, and None where that is not known.
    """
    n_samples = len(completions)
    shuffled = references is not None or not (options is None or isinstance(options, Mapping))
    of_sample = list(references) if references is not None else [reference] * n_samples
    chosen: list[Options | None]
    chosen = [options] * n_samples if options is None or isinstance(options, Mapping) else list(options)
    found: list[str | None] = []
    for completion, given in zip(completions, answers or [None] * n_samples, strict=True):
        found.append(given if given is not None and given.strip() else extract_answer(completion or ""))
    graded: dict[tuple[str, str | None, int], bool | None] = {}
    with bounded(PROBLEM_LIMIT_S):
        for number, (answer, own, letters) in enumerate(zip(found, of_sample, chosen, strict=True), start=1):
            if answer is not None and (answer, own, id(letters)) not in graded:
                graded[answer, own, id(letters)] = grader.grade(own, answer, letters)
                tell(number)
    if shuffled and references is None:  # against one letter, that of another order says nothing
        graded = {
            key: None
            if is_letter(key[0]) and not any(letters and id(letters) == key[2] for letters in chosen)
            else grade
            for key, grade in graded.items()
        }
    voted = [
        _vote(answer, letters, shuffled) if answer is not None else None
        for answer, letters in zip(found, chosen, strict=True)
    ]
    grades: dict[str, bool | None] = {}
    for place, (vote, answer, own, letters) in enumerate(zip(voted, found, of_sample, chosen, strict=True)):
        if vote is not None and answer is not None:
            grade = graded[answer, own, id(letters)]
            if grades.get(vote, grade) is not grade:  # a letter beside another text than its own
                vote = voted[place] = answer
            grades.setdefault(vote, grade)
    whole = options if isinstance(options, Mapping) else None
    held = [(_vote(answer, whole, False) or answer, number) for answer, number in known]
    classes = Classes(grader, reference if references is None else None, held)
    with bounded(PROBLEM_LIMIT_S):
        numbers = classes.place(list(grades), grades)
    result = []
    for completion, answer, vote, own, letters in zip(completions, found, voted, of_sample, chosen, strict=True):
        if answer is None:
            unanswered = completion is not None and own is not None
            result.append(Grade(None, None, False if unanswered else None))
        else:
            of_class = numbers[vote] if vote is not None else None
            result.append(Grade(answer, of_class, graded[answer, own, id(letters)]))
    return result


def _vote(answer: str, options: Options | None, shuffled: bool) -> str | None:
    """What an answer votes for: itself, or what its letter stands for; None: that is not known."""
    if (options is None and not shuffled) or not (letter := is_letter(answer)):
        return answer
    return (options or {}).get(letter, None if shuffled else answer)


def same_value(reference: str, answer: str) -> bool:
    """Whether two answers are the same text or the same number, digit by digit.

    Examples
    --------
    >>> same_value("1,234", "1234.0"), same_value("7", "-7")
    (True, False)
    """
    return _canonical(reference) == _canonical(answer)


def _by_math_verify(reference: str, answer: str) -> bool | None:
    found = ask_alone(reference.strip().strip("$"), answer.strip().strip("$"))
    return found if isinstance(found, bool) else None


def _canonical(answer: str) -> str:
    text = answer.strip().strip("$").rstrip(".").strip()
    number = _NUMBER.fullmatch(text)
    if number is None or not (number[2] or number[3]):
        return text
    whole, behind = number[2].replace(",", "").lstrip("0") or "0", (number[3] or "").rstrip("0")
    sign = "-" if number[1] == "-" and (whole, behind) != ("0", "") else ""
    return sign + whole + ("." + behind if behind else "")


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
