"""The form of an answer: what makes two answers one class where no reference says so.

Two answers are of one class exactly if their forms are equal, so the relation is an equivalence whatever
the order and whatever else is in the pool: it is its own transitive closure. A form is

- a number's value, exactly, as it is written: ``1/2`` is ``0.5``, ``0.333333`` is no third;
- without what stands around it: a unit, a per cent sign, a currency, ``x =``; ``12``, ``12 cm`` and ``12 kg`` are one,
  so are ``40`` and ``40 %``, but not ``0.4``;
- with brackets and order: ``(1, 2)`` is a tuple, ``1, 2`` and ``2, 1`` are one list; names keep their order;
- of an expression its values at the points, and where it has none;
- an option by its letter, a word by its letters without case, a clock time by hour and minute;
- of LaTeX that is not understood its text.
"""

from __future__ import annotations

from collections.abc import Hashable

from ttclib.grading.answers import Answer, read
from ttclib.grading.evaluation import TooLarge, Undecided
from ttclib.grading.quantities import Number
from ttclib.grading.readings import Bag, Infinity, Matrix, Reading, Region, Relation, Sequence
from ttclib.grading.syntax import Node
from ttclib.grading.tokens import Unreadable


def form_of(text: str) -> Hashable:
    r"""The form of an answer.

    Examples
    --------
    >>> form_of("12 cm") == form_of("12") == form_of(r"\$12"), form_of("(1,2)") == form_of("1,2")
    (True, False)
    """
    answer = read(text)
    try:
        return _form(answer)
    except (TooLarge, Unreadable, OverflowError, RecursionError):
        return "text", answer.plain


def _form(answer: Answer) -> Hashable:
    if answer.option is not None:
        return "option", answer.option.letter
    if answer.time is not None:
        hour, minute, second, half = answer.time
        return "time", hour, minute, second, None if half == "0" else half
    if answer.range is not None:
        return "range", answer.range
    if answer.names is not None:
        return "names", answer.names
    if answer.readings:
        return reading_form(answer.readings[0])
    return "text", answer.plain or answer.text


def reading_form(reading: Reading) -> Hashable:
    """The form of what an answer says."""
    if isinstance(reading, Number):
        return "number", reading.base, reading.marks()
    if isinstance(reading, Infinity):
        return "infinity", reading.sign
    if isinstance(reading, Sequence):
        return "sequence", reading.opening, reading.closing, tuple(map(reading_form, reading.items))
    if isinstance(reading, Bag):
        if len(reading.items) == 1:
            return reading_form(reading.items[0])
        kind = "all" if reading.kind == "all" else "set"
        if len({item.unit for item in reading.items if isinstance(item, Number)}) > 1:
            return kind, frozenset((item.unit if isinstance(item, Number) else None, reading_form(item))
                                   for item in reading.items)  # fmt: skip
        names = [item.name for item in reading.items if isinstance(item, Relation) and item.name is not None]
        if len(set(names)) == len(reading.items):
            return kind, frozenset(
                (item.name, reading_form(item)) for item in reading.items if isinstance(item, Relation)
            )
        return kind, frozenset(map(reading_form, reading.items))
    if isinstance(reading, Matrix):
        return "matrix", tuple(tuple(map(reading_form, row)) for row in reading.rows)
    if isinstance(reading, Region):
        return "region", tuple(
            (reading_form(low), low_closed, reading_form(high), high_closed)
            for low, low_closed, high, high_closed in reading.parts
        )
    return _relation_form(reading)


def _relation_form(reading: Relation) -> Hashable:
    if reading.value is not None and not reading.curve:
        return reading_form(reading.value)
    if reading.difference is None:
        raise Unreadable("no form")
    first = reading.difference.value(0)
    if first is None or isinstance(first, Undecided) or first == 0:
        return "relation", reading.sign, reading.difference.marks()
    divisor = _at_first(reading.difference)
    if reading.sign in ("<", "<="):
        divisor = ("abs", divisor)
    scaled = Number(("/", reading.difference.node, divisor))
    return "relation", reading.sign, frozenset(reading.difference.letters), scaled.marks()


def _at_first(number: Number) -> Node:
    from ttclib.grading.equality import _frozen

    return _frozen(number.node)
