"""An answer as the grader sees it, and the three ways to compare two: as text, as values, by math-verify.

The first that can tell decides. math-verify is asked only where an answer is LaTeX that
`ttclib.grading.syntax` cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache

from ttclib.grading.cleaning import clean, words
from ttclib.grading.evaluation import TooLarge
from ttclib.grading.readings import Reading, equal, interpret, keys
from ttclib.grading.sandbox import ask
from ttclib.grading.syntax import parse_answer
from ttclib.grading.tokens import Unreadable

LONGEST = 1000
_LONGEST_ASKED = 400
_THOUSANDS = re.compile(r"\d,\d{3}(?!\d)")
_LETTERS = re.compile(r"[^\W\d_]+", re.A)
_SPOKEN = re.compile(r"(?<![\\{A-Za-z])[A-Za-z]{2,}")
_SENTENCE = 5  # words that make an answer a sentence, also where LaTeX stands in it
_CLOCK = re.compile(r"\d{1,2}:[0-5]\d")
# What math-verify may be shown: LaTeX without quotes, attributes or anything that only code has.
_SHOWN = re.compile(r"[\w\s\\{}()\[\]<>+\-*/^=.,:;!|&%']*", re.A)
_COMMAND = re.compile(r"\\(?!text\b|[{},;!% ])")
# Numbers to the power of a number to a power, and powers and factorials of that size.
_TOWER = re.compile(r"\d\s*\^[\s{(]*-?[\d.]+[\s})]*\^|\^[\s{(]*\d{5}|\d{5}[\s})]*!|![\s})]*!")
_CODE = re.compile(r"__|'\w+'|\\(?:input|include|write|read|open|immediate|def|let|catcode|csname|lua\w*)(?![A-Za-z])")


@dataclass(frozen=True)
class Answer:
    """What is known of an answer.

    Attributes
    ----------
    text : str
        As it was written.
    plain : str
        In words and signs, for the comparison as text.
    readings : tuple of Reading
        All that it may mean; none: it is text, or LaTeX that is not understood.
    unit : str or None
    latex : bool
        Whether it is LaTeX that was not understood.
    refused : bool
        Whether it is too long, or a number too large, to be compared by value.
    """

    text: str
    plain: str
    readings: tuple[Reading, ...] = ()
    unit: str | None = None
    latex: bool = False
    refused: bool = False


@lru_cache(maxsize=50_000)
def read(text: str) -> Answer:
    """Read an answer; never raises."""
    stripped = text.strip()
    if len(stripped) > LONGEST:
        mathematics = "\\" in stripped or not re.search(r"[^\W\d_]{2}", stripped[:LONGEST])
        return Answer(stripped, stripped.casefold(), latex=mathematics, refused=mathematics)
    plain = words(stripped)
    cleaned = clean(stripped)
    variants = [(cleaned.text, True)]
    if _THOUSANDS.search(cleaned.text):
        variants.append((cleaned.text, False))
    if cleaned.whole != cleaned.text:
        variants.append((cleaned.whole, True))
    readings: list[Reading] = []
    refused = False
    for variant, thousands in variants:
        try:
            readings.append(interpret(parse_answer(variant, thousands=thousands)))
        except TooLarge:
            refused = True
        except (Unreadable, RecursionError):
            continue
    spoken = len(_SPOKEN.findall(cleaned.whole)) >= _SENTENCE
    latex = not readings and not refused and not spoken and bool(_COMMAND.search(cleaned.whole))
    return Answer(stripped, plain, tuple(readings), cleaned.unit, latex, refused and not readings)


def equivalent(left: str, right: str) -> bool | None:
    r"""Whether two answers are the same; the order does not matter.

    Returns
    -------
    bool or None
        None: it cannot be told, since a number is too large, LaTeX too long or not understood by
        either reader, or math-verify ran out of time or memory.

    Examples
    --------
    >>> equivalent(r"\frac{1}{2}", "0.5"), equivalent("(1, 2)", "(2, 1)")
    (True, False)
    >>> equivalent("9^{9^{9^{9}}}", "7") is None
    True
    """
    return _equivalent(*sorted((left, right)))


@lru_cache(maxsize=100_000)
def _equivalent(left: str, right: str) -> bool | None:
    one, other = read(left), read(right)
    if one.text == other.text or (one.plain == other.plain != "" and not _differ_in_case(one, other)):
        return True
    if one.refused or other.refused:
        return None
    if one.readings and other.readings:
        return _same_unit(one.unit, other.unit) and any(
            _equal(reading, another) for reading in one.readings for another in other.readings
        )
    if not (one.latex or other.latex) or any(_is_words(answer) for answer in (one, other)):
        return False
    return _by_math_verify(one, other)


def keys_of(text: str) -> frozenset[Hashable]:
    """Marks of an answer: two answers that share none are different, or only math-verify can tell."""
    answer = read(text)
    found: set[Hashable] = {("text", answer.plain)}
    for reading in answer.readings:
        found.update(keys(reading))
    if answer.latex:
        found.add("latex")
    return frozenset(found)


def asks_math_verify(left: str, right: str) -> bool:
    """Whether only math-verify might tell these apart."""
    return read(left).latex or read(right).latex


def _equal(left: Reading, right: Reading) -> bool:
    try:
        return equal(left, right)
    except (OverflowError, RecursionError):
        return False


def _differ_in_case(one: Answer, other: Answer) -> bool:
    """Whether two are mathematics that differs in capital letters: R^2 and r^2."""
    if not (one.readings and other.readings) or "\\text" in one.text + other.text:
        return False
    if _LETTERS.fullmatch(one.plain) and len(one.plain) > 1:
        return False
    left, right = ("".join(_LETTERS.findall(answer.text)) for answer in (one, other))
    return left != right and not any(_CLOCK.fullmatch(answer.text) for answer in (one, other))


def _is_words(answer: Answer) -> bool:
    return not answer.readings and not answer.latex


def _same_unit(left: str | None, right: str | None) -> bool:
    return left is None or right is None or left == right


def _by_math_verify(one: Answer, other: Answer) -> bool | None:
    for answer in (one, other):
        if len(answer.text) > _LONGEST_ASKED or _TOWER.search(answer.text):
            return None
    shown = [
        bool(_SHOWN.fullmatch(answer.text.strip("$"))) and not _CODE.search(answer.text) for answer in (one, other)
    ]
    if not all(shown):  # what is no LaTeX is no answer to what is
        return None if not any(shown) else False
    found = ask(one.text.strip("$ "), other.text.strip("$ "))
    return found if isinstance(found, bool) else None
