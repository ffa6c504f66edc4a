"""Whether two answers are the same, in three ways: as text, as values, by math-verify.

The first that can tell decides. math-verify is asked only where an answer is LaTeX that
`ttclib.grading.syntax` cannot read, and only what has a meaning of its own: sums, integrals, limits.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from functools import lru_cache

from ttclib.grading.answers import Answer, read, readings_of
from ttclib.grading.cleaning import Cleaned
from ttclib.grading.equality import equal, keys
from ttclib.grading.evaluation import TooLarge
from ttclib.grading.readings import Reading
from ttclib.grading.sandbox import Exhausted, ask
from ttclib.grading.tokens import Unreadable
from ttclib.grading.wording import same_time, written

_LONGEST_ASKED = 400
_LETTERS = re.compile(r"[^\W\d_]+", re.A)
_ADDED = re.compile(r"\+\s*([CcKk])\s*$")
_RATIO = re.compile(r"\d+(?:\s*:\s*\d+)+")
_TO = re.compile(r"\d\W*\bto\b|\\text\s*\{\s*to\b")
_SPACED = re.compile(r"[A-Za-z](?: [A-Za-z]){2,}")
_OF_X = re.compile(r"[tuvxyz]")
_LETTER_ALONE = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-df-z(])")
_COMMAND = re.compile(r"\\(?!text\b|[{},;!% ])")
# What math-verify is asked about, and what it may be shown: LaTeX without quotes, equations, or what only code has.
_ASKED = re.compile(r"\\(?:int|iint|oint|sum|prod|lim|det|Re|Im)(?![A-Za-z])")
_SHOWN = re.compile(r"[\w\s\\{}()\[\]<>+\-*/^=.,:;!|&%']*", re.A)
_KNOWN_COMMANDS = re.compile(
    r"\\(?:int|sum|prod|lim|to|rightarrow|infty|frac|sqrt|pi|cdot|times|sin|cos|tan|ln|log|exp|arcsin|arccos|arctan|left|"
    r"right|binom|le|ge|[a-z]*alpha|beta|gamma|theta|lambda|mu|phi|omega|dfrac|tfrac|mathrm|limits|displaystyle|det|Re|Im|"
    r"cot|sec|csc|sinh|cosh|tanh|[,;!:{} ])"
)
_EQUATION = re.compile(r"=(?![^{}]*\})")  # one outside of a sum's bounds
# Numbers to the power of a number to a power, and powers and factorials of that size.
_TOWER = re.compile(r"\d\s*\^[\s{(]*-?[\d.]+[\s})]*\^|\^[\s{(]*\d{5}|\d{5}[\s})]*!|![\s})]*!")
_CODE = re.compile(r"__|'\w+'|\\(?:input|include|write|read|open|immediate|def|let|catcode|csname|lua\w*)(?![A-Za-z])")


def equivalent(reference: str, answer: str, options: Mapping[str, str] | None = None) -> bool | None:
    r"""Whether an answer says what the reference does.

    Parameters
    ----------
    options : mapping, optional
        What the letters of a multiple choice stand for.

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
    >>> equivalent("B", "12", {"A": "10", "B": "12"})
    True
    """
    try:
        return _with_options(reference, answer, options) if options else _equivalent(reference, answer)
    except Exhausted:  # not remembered: another problem may ask
        return None


def _with_options(reference: str, answer: str, options: Mapping[str, str]) -> bool | None:
    """By content where a side names a letter; a letter beside another option's text says nothing true."""
    one, other = read(reference).option, read(answer).option
    if one is not None and other is not None:
        if one.letter != other.letter:
            return False
        return other.content is None or one.letter not in options or _contents(options[one.letter], other.content)
    if one is not None and one.letter in options:
        return _equivalent(options[one.letter], answer)
    if other is not None and other.letter in options:
        if other.content is not None and not _contents(options[other.letter], other.content):
            return False
        return _equivalent(reference, options[other.letter])
    return _equivalent(reference, answer)


def _contents(left: str, right: str) -> bool:
    return _equivalent(left, right) is not False


@lru_cache(maxsize=100_000)
def _equivalent(reference: str, answer: str) -> bool | None:
    one, other = read(reference), read(answer)
    if one.text == other.text:
        return True
    if one.option is not None or other.option is not None:
        found = _by_option(one, other)
        if found is not None:
            return found
    if one.time is not None or other.time is not None:
        return one.time is not None and other.time is not None and same_time(one.time, other.time)
    if one.range is not None and _TO.search(one.bare) and _RATIO.fullmatch(other.bare):
        return _equivalent(":".join(one.range), other.text)  # "5 to 2"
    if other.range is not None and _TO.search(other.bare) and _RATIO.fullmatch(one.bare):
        return _equivalent(one.text, ":".join(other.range))
    if one.range is not None or other.range is not None:
        return one.range is not None and one.range == other.range
    if one.angle is not None and other.angle is not None and not _same_angle(one.angle, other.angle):
        return False
    if one.domain is not None and other.domain is not None and one.domain != other.domain:
        return False
    if one.domain is None and other.domain is not None and other.domain[-1].isdigit():  # true for x > 0 only
        return False
    if one.plain == other.plain != "" and not _differ_in_case(one, other):
        return True
    for word, letters in ((one, other), (other, one)) if one.product or other.product else ():
        if word.product is not None and _SPACED.fullmatch(letters.bare):
            return word.bare == letters.bare.replace(" ", "")
    if one.names is not None and other.names is not None:
        return one.names == other.names
    if one.refused or other.refused:
        return None
    left, right = _means(one, other), _means(other, one)
    if left and right:
        found = _any_equal(left, right)
        if found is False and one.cleaned and other.cleaned and (constants := _constants(one, other)):
            found = _any_equal(*constants)
        return found
    if not (one.latex or other.latex) or any(_is_words(each) for each in (one, other)):
        return False
    return _by_math_verify(one, other)


def _any_equal(left: tuple[Reading, ...], right: tuple[Reading, ...]) -> bool | None:
    """Whether any two readings are equal; None: of one that is not it cannot be told."""
    unsure = False
    for reading in left:
        for another in right:
            found = _equal(reading, another)
            if found:
                return True
            unsure |= found is None
    return None if unsure else False


def _constants(one: Answer, other: Answer) -> list[tuple[Reading, ...]]:
    """What two answers mean if each has a constant whose name does not matter: ``+ C``, or one that is declared."""
    found: list[tuple[Reading, ...]] = []
    names: list[str] = []
    for answer, beside in ((one, other), (other, one)):
        if answer.cleaned is None or beside.cleaned is None:
            return []
        name = answer.cleaned.parameter
        if name is None and (added := _ADDED.search(answer.cleaned.text)) and _OF_X.search(answer.cleaned.text):
            name = added[1]
        if name is None and beside.cleaned.parameter is not None:
            allowed = "kmn" if beside.cleaned.domain == "Z" else "CcKk"
            possible = [letter for letter in set(_LETTER_ALONE.findall(answer.cleaned.text)) if letter in allowed]
            name = possible[0] if len(possible) == 1 else None
        if name is None:
            return []
        names.append(name)
        found.append(readings_of(Cleaned(answer.cleaned.text, name))[0])
    said = any(answer.cleaned is not None and answer.cleaned.parameter for answer in (one, other))
    return found if said or "C" in names else []


def keys_of(text: str) -> frozenset[Hashable]:
    """Marks of an answer: two answers that share none are different, or only math-verify can tell."""
    answer = read(text)
    found: set[Hashable] = {("text", answer.plain)}
    if answer.option is not None:
        found.add(("option", answer.option.letter))
        if answer.option.content:
            found |= keys_of(answer.option.content)
    if answer.time is not None:
        found.add(("time", answer.time[1]))
    if answer.range is not None:
        found.add(answer.range)
        if answer.range[0] != "base":
            found |= keys_of(":".join(answer.range))
    if answer.cleaned is not None:
        letters = set(_LETTER_ALONE.findall(answer.cleaned.text))
        if answer.cleaned.parameter is not None or letters & {*"CcKkmn"}:
            found.add("constant")
    if answer.names is not None:
        found.add(answer.names)
    for reading in (*answer.readings, *([answer.product] if answer.product is not None else [])):
        found.update(keys(reading))
    if answer.latex:
        found.add("latex")
    return frozenset(found)


def _by_option(one: Answer, other: Answer) -> bool | None:
    """Whether two answers choose the same option; None: the letters do not tell."""
    left, right = one.option, other.option
    if left is not None and right is not None:
        if left.letter != right.letter:
            return False if left.content or right.content or _bare_letter(one) == _bare_letter(other) else None
        if left.content is None or right.content is None:
            return None if _bare_letter(one) and _bare_letter(other) else True
        return _contents(left.content, right.content)
    if left is not None and left.content is not None and left.letter != other.plain.upper():
        return _equivalent(left.content, other.text)
    if right is not None and right.content is not None:
        return _equivalent(one.text, right.content)
    return None


def _same_angle(left: str, right: str) -> bool:
    """Whether two names of angles may be one: ABC and CBA, or B."""
    if len(left) == len(right):
        return left in (right, right[::-1])
    return left[len(left) // 2] == right[len(right) // 2]


def _bare_letter(answer: Answer) -> bool:
    return len(answer.bare) == 1


def _means(answer: Answer, other: Answer) -> tuple[Reading, ...]:
    """What an answer may mean beside another: a word is a product beside an expression only."""
    if answer.product is not None and other.readings:
        return (answer.product,)
    return answer.readings


def _equal(left: Reading, right: Reading) -> bool | None:
    try:
        return equal(left, right)
    except TooLarge:
        return None
    except (OverflowError, RecursionError, Unreadable):
        return False


def _differ_in_case(one: Answer, other: Answer) -> bool:
    """Whether two are mathematics that differs in capital letters: R^2 and r^2."""
    if not (one.readings and other.readings):
        return False
    left, right = ("".join(_LETTERS.findall(written(answer.bare))) for answer in (one, other))
    return left != right


def _is_words(answer: Answer) -> bool:
    return not answer.readings and not answer.latex


def _by_math_verify(one: Answer, other: Answer) -> bool | None:
    """What math-verify says; None where neither side is understood, False where one only is."""
    if not (_ASKED.search(one.bare) or _ASKED.search(other.bare)):
        return None if one.latex and other.latex else False
    for answer in (one, other):
        if len(answer.text) > _LONGEST_ASKED or _TOWER.search(answer.text):
            return None
        if not _SHOWN.fullmatch(answer.text.strip("$")) or _CODE.search(answer.text):
            return False
        if _COMMAND.search(_KNOWN_COMMANDS.sub("", answer.text)) or "\\text" in answer.text:
            return False
    left, right = (re.sub(r"^\s*\\?[A-Za-z]\w*\s*=", "", answer.text.strip("$ ")) for answer in (one, other))
    if _EQUATION.search(left) or _EQUATION.search(right):
        return False
    found = ask(left, right)
    return found if isinstance(found, bool) else None
