"""Conditions on a letter, inequalities and what it is not, as a part of the real line."""

from __future__ import annotations

from collections.abc import Callable

from ttclib.grading.quantities import Number, equal_numbers
from ttclib.grading.readings import Bag, Infinity, Reading, Region, letters_of
from ttclib.grading.regions import HIGHEST, LOWEST, End, Part, complement, intersection, region_of, simplest, union
from ttclib.grading.syntax import Node
from ttclib.grading.tokens import Unreadable

Interpret = Callable[[Node], Reading]
_ZERO: Node = ("number", 0, None)
_ONE: Node = ("number", 1, None)


def solved(signs: tuple[str, ...], parts: tuple[Node, ...], interpret: Interpret) -> Reading | None:
    """What an inequality, or a chain of them, leaves to its one letter; None: it is not linear in one letter."""
    letters = {letter for part in parts for letter in letters_of(part)}
    if len(letters) != 1:
        return None
    letter = letters.pop()
    found = Region(((LOWEST, False, HIGHEST, False),))
    for sign, left, right in zip(signs, parts[:-1], parts[1:], strict=True):
        half = _half_line(sign, left, right, letter, interpret)
        if half is None:
            return None
        found = intersection(found, half)
    if not found.parts:
        raise Unreadable("nothing is left")
    return simplest(Region(found.parts, letter))


def joined_conditions(items: tuple[Node, ...], joined: str, interpret: Interpret) -> Reading | None:
    """Conditions on one letter as a part of the line: all of them hold, or, said so or else empty, one does."""
    found: list[Region] = []
    name = None
    for place, item in enumerate(items):
        reading = interpret(item)
        if place and item[0] != "relation" and items[0][0] == "relation" and items[0][1] == ("!=",):
            point = region_of(reading, points=True)  # "x ≠ 2, 3"
            region = complement(point) if point is not None else None
        else:
            region = region_of(reading) if item[0] == "relation" else None
        if region is None or (name and region.name and region.name != name):
            return None
        name = region.name or name
        found.append(region)
    if joined != "or":
        both = found[0]
        for region in found[1:]:
            both = intersection(both, region)
        if both.parts:
            return simplest(Region(both.parts, name))
    return simplest(Region(union(found).parts, name))


def _half_line(sign: str, left: Node, right: Node, letter: str, interpret: Interpret) -> Region | None:
    """Where ``left < right`` holds, both linear in a letter."""
    low, high, closed = left, right, sign == "<="
    if "abs" in (low[0], high[0]):
        return _about_zero(sign, left, right, letter, interpret)
    if right == ("letter", letter) and letter not in letters_of(left):
        end, above = left, True
    elif left == ("letter", letter) and letter not in letters_of(right):
        end, above = right, False
    else:
        difference: Node = ("-", low, high)
        at_zero, at_one = (put(difference, letter, node) for node in (_ZERO, _ONE))
        slope: Node = ("-", at_one, at_zero)
        try:
            line = Number(("+", ("*", slope, ("letter", letter)), at_zero))
            steepness = Number(slope).real_value()
            if steepness == 0 or not equal_numbers(Number(difference), line):
                return None
        except Unreadable:
            return None
        end, above = ("/", ("negative", at_zero), slope), steepness < 0
    reading = interpret(end)
    if not isinstance(reading, End):
        if isinstance(reading, Bag) and sign == "!=":  # x ≠ ±2
            points = region_of(reading, points=True)
            return complement(points) if points is not None else None
        return None
    if sign == "!=":
        if isinstance(reading, Infinity):
            return None
        reading.real_value()
        return Region(((LOWEST, False, reading, False), (reading, False, HIGHEST, False)))
    if isinstance(reading, Number):
        reading.real_value()
    part: Part = (reading, closed, HIGHEST, False) if above else (LOWEST, False, reading, closed)
    if isinstance(reading, Infinity):
        part = (LOWEST, False, HIGHEST, False)
    return Region((part,))


def _about_zero(sign: str, left: Node, right: Node, letter: str, interpret: Interpret) -> Region | None:
    """Where the size of something linear is below, above or not a number."""
    inside = left[0] == "abs"
    inner, bound = (left[1], right) if inside else (right[1], left)
    if letter in letters_of(bound) or sign == "!=":
        return None
    low, high = ("negative", bound), bound
    if inside:
        one, other = _half_line(sign, low, inner, letter, interpret), _half_line(sign, inner, high, letter, interpret)
        return intersection(one, other) if one is not None and other is not None else None
    one, other = _half_line(sign, inner, low, letter, interpret), _half_line(sign, high, inner, letter, interpret)
    return union([one, other]) if one is not None and other is not None else None


def put(node: Node, letter: str, value: Node) -> Node:
    """A tree with a value in a letter's place."""
    if node == ("letter", letter):
        return value
    if node[0] == "word" and letter in node[1]:
        product: Node = _ONE
        for each in node[1]:
            product = ("*", product, value if each == letter else ("letter", each))
        return product
    return tuple(put(part, letter, value) if isinstance(part, tuple) and part else part for part in node)
