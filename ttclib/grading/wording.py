r"""Answers that are words and not mathematics: names, phrases, clock times, ranges, option letters.

Each is compared as it is written, for case and punctuation. A word is a word: ``listen`` is no product
of letters, unless what it is compared with is plainly one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ttclib.grading.tokens import FUNCTIONS

_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_PHRASE = re.compile(r"[A-Za-z][A-Za-z '.!?-]*")
_NUMBERED = re.compile(r"([A-Za-z]{3,})(?: [A-Za-z]+)*,? \d[A-Za-z0-9 ,.'-]*")  # "Team 1", "March 3, 2020"
_BARE_WORD = re.compile(r"[A-Za-z]{2,}")
_FIGURE = re.compile(r"\\(?:triangle|angle|measuredangle|odot|parallel)\s*\{?[A-Z]+'*\}?")
_MATHEMATICAL = FUNCTIONS | {
    *("pi", "infinity", "Infinity", "inf", "oo", "infty", "theta", "alpha", "beta", "gamma", "lambda", "and", "or"),
}
_SAME_PHRASE = {
    "dne": "does not exist",
    "doesn't exist": "does not exist",
    "no solutions": "no solution",
    "no real solutions": "no real solution",
    "no real roots": "no real root",
    "infinitely many solutions": "infinitely many",
    "infinite solutions": "infinitely many",
    "can not be determined": "cannot be determined",
}
_POINT_FIRST = re.compile(r"[.,] ?\d")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_HYPHEN = re.compile(r"(?<=[a-z])-(?=[a-z])")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")
_SAYS_NOTHING = re.compile(r"^(?:(?:there (?:is|are)|it is|it's|they are) )?(?:(?:the|an?|on) )?(?=[a-z]{2})")
_IN_BRACKETS = re.compile(r"[({\[]\s*([^(){}\[\],]*?)\s*[)}\]]")
_SEPARATOR = re.compile(r"\s*([,;:])\s*")
_CLOCK = re.compile(
    r"(?:at\s+)?(\d{1,2})(?::([0-5]\d))?(?::([0-5]\d))?\s*(?:o'?clock)?\s*(?:([ap])\.?\s?m\b\.?)?(?:\s*(?:in the\s+)?"
    r"(morning|afternoon|evening))?",
    re.I,
)
_PLAIN = r"(?:\d+(?:,\d{3})*(?:\.\d+)?)"
_RANGE = re.compile(rf"(?:from\s+)?([-+]?{_PLAIN})((?:\s*(?:--?-?|to|through)\s*{_PLAIN})+)")
_HEXADECIMAL = re.compile(r"(?=[0-9]*[A-Fa-f])(?=[A-Fa-f]*\d)([0-9A-Fa-f]+)\s*_\s*\{?\(?(\d\d?)\)?\}?")
_DATE = re.compile(r"\d+(?:\s*/\s*\d+){2,}")
_OPTION = re.compile(
    r"(?:(?i:(?:the\s+)?(?:correct\s+)?(?:option|choice|answer)\s*:?\s*)|[故应]?选项?\s*)?(?:\(\s*([A-Ja-j])\s*\)|[\[<]\s*([A-J])\s*[\]>]|([A-J])(?=\s*[.):]|\s*$|\s-\s+[A-Za-z]{3})|([a-j])\))"
    r"\s*(?:[.):]|-\s(?=\s*[A-Za-z]{3}))?\s*(.*)",
    re.S,
)
_NAMED_OPTION = re.compile(
    r"(?:the\s+)?(?:correct\s+)?(?:option|choice|answer)\s*(?:is\b|:)?\s*\(?([A-J])\)?\s*[.):]?\s*(.*)", re.S | re.I
)


@dataclass(frozen=True)
class Option:
    """A letter of a multiple choice, and the text that stands beside it."""

    letter: str
    content: str | None


def words(text: str) -> str:
    r"""An answer without wrappers as words: for two answers that are text and not mathematics.

    Examples
    --------
    >>> words(r"\text{(C)}"), words("  Evelyn. "), words("No  Solution")
    ('c', 'evelyn', 'no solution')
    """
    text = written(text).casefold()
    text = text.rstrip(" .,:;\"'*`").lstrip(" :;\"'*`")
    if text[:1] in ".," and not _POINT_FIRST.match(text):  # ".3" is no 3
        text = text.lstrip(" .,:;\"'*`")
    if _LETTERS.search(text):
        text = _HYPHEN.sub(" ", text.strip("!?"))
        text = _SAYS_NOTHING.sub("", _ORDINAL.sub("", text))
    if text[:1] in "({[" and (inner := _IN_BRACKETS.fullmatch(text)) and re.search(r"[^\W\d]", inner[1]):
        text = inner[1]
    return _SAME_PHRASE.get(text, text)


def written(text: str) -> str:
    """An answer without wrappers in one spacing, its case as it is."""
    if "\\text" in text:
        text = _TEXT.sub(r" \1 ", text)
    text = _SEPARATOR.sub(r"\1 ", text.replace("\\$", "").replace("$", ""))
    return " ".join(text.split()).rstrip(" ,;").lstrip(" ;")


def is_word(text: str) -> bool:
    r"""Whether an answer without wrappers is a word or name, and so no product of its letters.

    Examples
    --------
    >>> is_word("BCA"), is_word("x"), is_word("pi"), is_word("2ab"), is_word(r"\text{no}")
    (True, False, False, False, True)
    """
    if text.startswith("\\text") and (inner := _TEXT.fullmatch(text)):
        return re.search(r"[^\W\d_]", inner[1]) is not None
    if _FIGURE.fullmatch(text):
        return True
    if (numbered := _NUMBERED.fullmatch(text)) and numbered[1] not in _MATHEMATICAL:
        return True
    text = text.strip("()[]{} ")
    if not _PHRASE.fullmatch(text):
        return False
    return any(word not in _MATHEMATICAL for word in _BARE_WORD.findall(text))


def names(text: str) -> tuple[str, ...] | None:
    r"""The names of a list, in their order; None: it is no list of names.

    Examples
    --------
    >>> names("Ann, Bob and \\text{Cleo}"), names("A, 2")
    (('ann', 'bob', 'cleo'), None)
    """
    if "," not in text and " and " not in text and ";" not in text:
        return None
    flat = re.sub(r"\(([A-Ja-j])\)", r"\1", written(text)).strip("(){}[]")
    found = [part.strip(" .()\"'") for part in re.split(r"\s*[,;]\s*(?:and\s+|&\s*)?|\s+and\s+|\s*&\s*", flat)]
    found = [re.sub(r"^(?:and|the)\s+", "", part) for part in found if part]
    if len(found) < 2 or not all(re.fullmatch(r"[^\W\d_][^\W\d_' .-]*", part) for part in found):
        return None
    return tuple(part.casefold() if len(part) > 1 else part for part in found)


def clock(text: str) -> tuple[int, int, int, str | None] | None:
    r"""Hour, minute, second and half of the day of a clock time; None: it is none.

    The half is ``a``, ``p``, ``0`` where a zero before the hour says that it is not past noon, or None.

    Examples
    --------
    >>> clock("05:45"), clock("5:45 \\text{ p.m.}"), clock("3:4")
    ((5, 45, 0, '0'), (5, 45, 0, 'p'), None)
    """
    if ":" not in text and "m" not in text.casefold() and "clock" not in text:
        return None
    flat = written(text).replace(": ", ":") if re.search(r"\d:\d", text) else written(text)
    if " : " in text or not (found := _CLOCK.fullmatch(flat.strip(". "))):
        return None
    hour, minute, second, half, part = found.groups()
    half = half.lower() if half else {"morning": "a", "afternoon": "p", "evening": "p"}.get((part or "").lower())
    if int(hour) > 24 or (minute is None and half is None and not re.search(r"o'?clock", flat)):
        return None
    return int(hour), int(minute or 0), int(second or 0), half or ("0" if len(hour) > 1 and hour[0] == "0" else None)


def same_time(left: tuple[int, int, int, str | None], right: tuple[int, int, int, str | None]) -> bool:
    """Whether two clock times are one; one without its half of the day may be either, one past noon is told."""
    if left[1:3] != right[1:3] or {left[3], right[3]} == {"0", "p"}:
        return False
    left, right = ((*time[:3], None if time[3] == "0" else time[3]) for time in (left, right))
    if left[3] and right[3]:
        return left[3] == right[3] and left[0] % 12 == right[0] % 12
    if not left[3] and not right[3]:
        return left[0] == right[0]
    told, bare = (left, right) if left[3] else (right, left)
    return bare[0] == told[0] or bare[0] == told[0] % 12 + (12 if told[3] == "p" else 0)


def plain_range(text: str) -> tuple[str, ...] | None:
    """The numbers of ``2010-2015``, a score or a telephone number; None: it is no such thing.

    Examples
    --------
    >>> plain_range("2010-2015"), plain_range("3 to 5"), plain_range("x-2")
    (('2010', '2015'), ('3', '5'), None)
    """
    flat = text.replace("{-}", "-").replace("\\text{-}", "-").replace("$", "")
    flat = re.sub(r"\\text\s*\{\s*(to|through|-+)\s*\}", r" \1 ", flat)
    if found := _RANGE.fullmatch(flat.strip()):
        rest = re.split(r"\s*(?:--?-?|to|through)\s*", found[2])
        return (found[1], *(part for part in rest if part))
    if digits := _HEXADECIMAL.fullmatch(flat.strip()):
        try:
            return ("base", str(int(digits[1], int(digits[2]))), digits[2])
        except ValueError:  # no digits of that base
            return ("base", digits[1], digits[2])
    if _DATE.fullmatch(flat.strip()):
        return ("/", *re.split(r"\s*/\s*", flat.strip()))
    return None


def option(text: str) -> Option | None:
    r"""The option letter that an answer names, and the text beside it; None: it names none.

    Examples
    --------
    >>> option("(B) 12"), option("Option C"), option("B"), option("BC") is None
    (Option(letter='B', content='12'), Option(letter='C', content=None), Option(letter='B', content=None), True)
    """
    flat = re.sub(r"\\text\s*\{([^{}]*)\}", r"\1", text, count=1) if "\\text" in text[:8] else text
    flat = flat.strip()
    if flat.startswith("{") and "}" in flat:
        flat = re.sub(r"^\{([^{}]*)\}", r"\1", flat)
    if not flat or len(flat) > 400:
        return None
    if found := _OPTION.fullmatch(flat):
        letter = found[1] or found[2] or found[3] or found[4]
        content = found[5].strip(" .")
        if re.match(r"[,;]|and\b|or\b", content):
            return None
        if letter.islower() and content:
            return None
        return Option(letter.upper(), content or None)
    if (found := _NAMED_OPTION.fullmatch(flat)) and (not found[2] or not found[2][0].islower()):
        return Option(found[1].upper(), found[2].strip(" .") or None)
    return None
