"""An answer as the grader sees it: as text, as the values that it may mean, as an option, a time, a range."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ttclib.grading.cleaning import Cleaned, clean, laid_bare
from ttclib.grading.evaluation import TooLarge
from ttclib.grading.extraction import extract_answer
from ttclib.grading.interpretation import interpret
from ttclib.grading.quantities import Number, agree_roughly
from ttclib.grading.readings import Bag, Reading, Sequence
from ttclib.grading.syntax import parse_answer
from ttclib.grading.tokens import Unreadable
from ttclib.grading.wording import Option, clock, is_word, names, option, plain_range, words

LONGEST = 1000
_LONGEST_SOLUTION = 20_000
_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"\d,\d{3}(?!\d)")
_DERIVATIVE = re.compile(r"\\frac\s*\{d\s*[A-Za-z]?\}\s*\{d\s*[A-Za-z]\}[^=]*=([^=]+)$")
_SPOKEN = re.compile(r"(?<![\\{A-Za-z])[A-Za-z]{2,}")
_SENTENCE = 5  # words that make an answer a sentence, also where LaTeX stands in it
_SOLUTION = re.compile(r"\\boxed|####|<answer>|\banswer\b|答案", re.I)
_BOX = re.compile(r"\\(?:boxed|fbox|mathrm|text|frac|sqrt)(?![A-Za-z])")
_ABOUT = re.compile(r"\\approx(?![A-Za-z])")
# The left side of an equation that names a value, and what shows that it does more than that.
_LONGEST_NAME = 80
_NAMES = re.compile(r"[A-Za-z\\|\[(#]")
_NO_NAME = re.compile(r"\\forall|[<>=,]")
_ANGLE = re.compile(r"m?\s*\\(?:measured)?angle\s*\{?([A-Z]+)\}?\s*=")
_COMMAND = re.compile(r"\\(?!text\b|[{},;!% ])")


@dataclass(frozen=True)
class Answer:
    """What is known of an answer."""

    text: str  # as it was written, or what a whole solution ends in
    bare: str  # without wrappers
    plain: str  # in words and signs, for the comparison as text
    readings: tuple[Reading, ...] = ()  # all that it may mean; none: it is text, or LaTeX that is not understood
    product: Reading | None = None  # of a word: what it is as a product of letters
    option: Option | None = None
    latex: bool = False  # whether it is LaTeX that was not understood
    refused: bool = False  # whether it is too long, or a number too large, to be compared by value
    time: tuple[int, int, int, str | None] | None = None
    range: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    domain: str | None = None
    angle: str | None = None
    cleaned: Cleaned | None = None


@lru_cache(maxsize=50_000)
def read(text: str) -> Answer:
    """Read an answer; never raises."""
    stripped = text.strip()
    if _PLAIN_NUMBER.fullmatch(stripped) and len(stripped) < LONGEST:
        return Answer(stripped, stripped, stripped, (Number(parse_answer(stripped)),))
    if _SOLUTION.search(stripped[:_LONGEST_SOLUTION]) and re.search(r"[^\W\d_]{3}|答案", _BOX.sub("", stripped)):
        found = extract_answer(
            stripped if "\\boxed" in stripped or len(stripped) > LONGEST or "\n" in stripped else laid_bare(stripped)
        )
        if found and found != stripped:
            return read(found)
    if len(stripped) > LONGEST:
        mathematics = "\\" in stripped or not re.search(r"[^\W\d_]{2}", stripped[:LONGEST])
        return Answer(stripped, stripped, stripped.casefold(), latex=mathematics, refused=mathematics)
    bare = laid_bare(stripped)
    plain = words(bare)
    chosen = option(bare)
    if (time := clock(bare)) is not None:
        return Answer(stripped, bare, plain, time=time)
    cleaned = clean(stripped)
    if (span := plain_range(bare) or plain_range(cleaned.text)) is not None:
        return Answer(stripped, bare, plain, range=span)
    if (
        is_word(bare)
        and is_word(cleaned.text)
        and not cleaned.text.startswith(("\\mathbb", "\\emptyset"))
        and names(bare) is None
    ):
        product = Number(("word", bare)) if bare.isalpha() and bare.isascii() else None
        return Answer(stripped, bare, plain, product=product, option=chosen)
    readings, refused = readings_of(cleaned)
    spoken = len(_SPOKEN.findall(cleaned.text)) >= _SENTENCE
    latex = not readings and not refused and not spoken and bool(_COMMAND.search(cleaned.text))
    listed = names(bare) if not any(isinstance(reading, Number) for reading in readings) else None
    return Answer(
        stripped, bare, plain, readings, None, chosen, latex, refused and not readings, None, None, listed,
        cleaned.domain, angle[1] if (angle := _ANGLE.match(cleaned.text)) else None, cleaned,
    )  # fmt: skip


def readings_of(cleaned: Cleaned) -> tuple[tuple[Reading, ...], bool]:
    """All that a cleaned text may mean, and whether something in it is too large."""
    found: list[Reading] = []
    refused = False
    texts = _variants(cleaned.text)
    if cleaned.product is not None:
        texts.append(cleaned.product)
    if cleaned.parameter and cleaned.text.isascii() and cleaned.text.isalpha():
        return (Number(("word", cleaned.text)),), False  # "kx for any k"
    for text in texts:
        renames: list[dict[str, str] | None] = [None]
        if cleaned.parameter:
            renames.append({cleaned.parameter: "\\parameter"})
        for thousands in (True, False) if _THOUSANDS.search(text) and ",0" not in text else (True,):
            for renamed in renames:
                try:
                    reading = interpret(parse_answer(text, thousands=thousands, renamed=renamed))
                    if not thousands and isinstance(reading, Bag):  # "1,234" is no list in another order
                        reading = Sequence("", "", reading.items)
                    found.append(reading)
                except TooLarge:
                    refused = True
                except (Unreadable, RecursionError, OverflowError):
                    continue
    return tuple(found), refused


def _variants(text: str) -> list[str]:
    """A text, and its sides where it says that one is about another, or that a thing with a name is a value."""
    found = [text]
    if _ABOUT.search(text):
        sides = [side.strip() for side in _ABOUT.split(text)]
        if len(sides) == 2 and all(_has_number(side) for side in sides):
            name, sign, _ = sides[0].rpartition("=")
            found = [sides[0], name + sign + sides[1]] if _agree(*sides) else sides[:1]
    if "\\log" in text and not re.search(r"\\log\s*_", text):
        found.append(text.replace("\\log", "\\lg"))  # to base 10, as at school
    if (named := _named_value(text)) is not None:
        found.append(named)
    return found


def _named_value(text: str) -> str | None:
    """The right side of an equation whose left side is a name that the grammar does not have; None: it is none."""
    head, sign, tail = text.rpartition("=")
    if sign and (derivative := _DERIVATIVE.match(text)):
        return derivative[1]
    if not sign or not tail.strip() or len(head) > _LONGEST_NAME or not _NAMES.match(head.strip()):
        return None
    if any(head.count(one) != head.count(other) for one, other in ("()", "{}")):
        return None
    if _NO_NAME.search(re.sub(r"\{[^{}]*\}|\([^()]*\)", "", head)) or (head.startswith("\\frac") and "{d" not in head):
        return None
    try:
        parse_answer(head)
    except (Unreadable, RecursionError):
        return tail.strip()
    return None


def _agree(exact: str, decimal: str) -> bool:
    """Whether a decimal stands for what is said to be about it."""
    try:
        sides = [interpret(parse_answer(text)) for text in (exact.rpartition("=")[2], decimal)]
    except (TooLarge, Unreadable, RecursionError, OverflowError):
        return False
    one, other = sides
    return isinstance(one, Number) and isinstance(other, Number) and agree_roughly(one, other)


def _has_number(side: str) -> bool:
    return bool(re.search(r"\d|\\pi|\\sqrt", side))
