"""Find the answer in a completion, tell equivalent answers apart from different ones, grade them.

Equivalence is settled once a distinct answer, not once a sample: a class of equivalent answers has
one grade, and replay compares integers.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ttclib.errors import one_of

# "#### 7" or "#7"; "# Step 2" is a heading.
_HASH = re.compile(r"^[ \t]*(?:####[ \t]*|#(?![#\s]))([^#\s].*?)[ \t]*$", re.M)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_SAID = re.compile(r"answer is:?\s*\$?(.+?)\$?\s*(?:\.\s|\.?$|\n)", re.I | re.S)
_NUMBER = re.compile(r"[-+]?(?:\d[\d,]*)?\.?\d+")


@dataclass(frozen=True)
class Grader:
    """A way to compare answers.

    Attributes
    ----------
    name : str
        With its version: grades of another version stand beside these, not over them.
    equivalent : callable
        ``equivalent(reference, answer)``; raises or returns None where it cannot tell.
    """

    name: str
    equivalent: Callable[[str, str], bool | None]


@dataclass(frozen=True)
class Grade:
    """What a grader found in one sample; None: no answer, or could not be graded."""

    answer: str | None
    answer_class: int | None
    correct: bool | None


def extract_answer(completion: str) -> str | None:
    r"""The final answer of a completion.

    Looks for the last ``\boxed{…}``, then the last line such as ``#### 7`` (GSM8K) or ``#7`` (the
    lab; a heading has a space there), then "the answer is …". A box that is cut off is no answer.

    Parameters
    ----------
    completion : str

    Returns
    -------
    str or None
        None: no answer found.

    Examples
    --------
    >>> extract_answer("so it is $\\boxed{\\frac{1}{2}}$.")
    '\\frac{1}{2}'
    >>> extract_answer("7*7\n49\n#49")
    '49'
    >>> extract_answer("7*7") is None
    True
    """
    if boxes := list(_BOXED.finditer(completion)):
        return _until_closed(completion, boxes[-1].end())
    if hashed := _HASH.findall(completion):
        return str(hashed[-1])
    if said := _SAID.findall(completion):
        return str(said[-1]).strip() or None
    return None


def get_grader(name: str) -> Grader:
    """The grader of that name: ``exact`` (same text or same number) or ``math`` (math-verify).

    Raises
    ------
    RequestError
        Unknown name.
    """
    if one_of(name, ("math", "exact"), "grader") == "exact":
        return Grader("exact-1", same_value)
    from importlib.metadata import version

    return Grader(f"math-verify-{version('math-verify')}", _math_equivalent)


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
    classes: list[tuple[str, int]] = list(known)
    found: dict[str, int] = dict(classes)
    grades: dict[int, bool | None] = {}
    result = []
    for completion, given in zip(completions, answers or [None] * len(completions), strict=True):
        answer = given if given is not None and given.strip() else extract_answer(completion or "")
        if answer is None:
            unanswered = completion is not None and reference is not None
            result.append(Grade(None, None, False if unanswered else None))
            continue
        if answer not in found:
            match = next((number for other, number in classes if _safely(grader, other, answer)), None)
            found[answer] = match if match is not None else 1 + max((number for _, number in classes), default=-1)
            if match is None:
                classes.append((answer, found[answer]))
        number = found[answer]
        if number not in grades:
            grades[number] = None if reference is None else _safely(grader, reference, answer)
        result.append(Grade(answer, number, grades[number]))
    return result


def same_value(reference: str, answer: str) -> bool:
    """Whether two answers are the same text or the same number.

    Examples
    --------
    >>> same_value("1,234", "1234.0"), same_value("7", "-7")
    (True, False)
    """
    left, right = _plain(reference), _plain(answer)
    if left == right:
        return True
    if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
        return Fraction(left.replace(",", "")) == Fraction(right.replace(",", ""))
    return False


def _plain(answer: str) -> str:
    return answer.strip().strip("$").rstrip(".").strip()


def _math_equivalent(reference: str, answer: str) -> bool | None:
    if same_value(reference, answer):
        return True
    left, right = _plain(reference), _plain(answer)
    if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
        return False
    (gold, gold_value), (candidate, value) = _parse(left), _parse(right)
    if not gold or not candidate:
        return None if not gold else False
    # Most pairs are two different numbers, for which no symbolic comparison is needed. Per cent stays
    # with math-verify, which takes 50 % for 50 as well as for 1/2.
    if gold_value is not None and value is not None and "%" not in left + right:
        apart = abs(gold_value - value) > 1e-3 * max(1.0, abs(gold_value), abs(value))
        if apart:
            return False
    from math_verify import verify

    return bool(verify(gold, candidate, timeout_seconds=_limit_s()))


@lru_cache(maxsize=20_000)
def _parse(text: str) -> tuple[list[Any], complex | None]:
    """What an answer means to math-verify, and its value where that is a number."""
    from math_verify import parse

    meaning = parse(f"${text}$", parsing_timeout=_limit_s())
    try:
        return meaning, complex(meaning[0].evalf(12)) if meaning and meaning[0].is_number else None
    except (AttributeError, TypeError, ValueError, OverflowError):
        return meaning, None  # a set, an equation, infinity


def _limit_s() -> int | None:
    # math-verify's time limits are alarms, which only a main thread may set.
    return 5 if threading.current_thread() is threading.main_thread() else None


def _safely(grader: Grader, reference: str, answer: str) -> bool | None:
    try:
        return grader.equivalent(reference, answer)
    except Exception:  # whatever a symbolic comparison trips over: not comparable is not 'wrong'
        return None


def _until_closed(text: str, begin: int) -> str | None:
    """The text up to the brace that closes the one before `begin`; None: empty, or cut before it."""
    depth, position = 1, begin
    while position < len(text):
        if text[position] == "\\":  # "\{" is a sign, not a brace
            position += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[begin:position].strip() or None
        position += 1
    return None
