"""Parts of the real line: intervals, points and their unions; and conditions on a letter, read as such parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cmp_to_key

from ttclib.grading.quantities import Number, equal_numbers
from ttclib.grading.readings import Bag, Infinity, Reading, Region, Sequence, letters_of
from ttclib.grading.syntax import Node
from ttclib.grading.tokens import Unreadable

End = Number | Infinity
Part = tuple[End, bool, End, bool]
LOWEST, HIGHEST = Infinity(-1), Infinity(1)


def region_of(reading: Reading, *, points: bool = False) -> Region | None:
    """A reading as a part of the line; None: it is none. `points`: also a number or set of numbers."""
    if isinstance(reading, Region):
        return reading
    try:
        if isinstance(reading, Sequence) and len(reading.items) == 2 and reading.opening in ("(", "["):
            low, high = reading.items
            if isinstance(low, End) and isinstance(high, End) and _order(low, high) < 0:
                part = (low, reading.opening == "[", high, reading.closing == "]")
                return Region((part,), reading.name)
        if points and isinstance(reading, Number):
            reading.real_value()
            return Region(((reading, True, reading, True),))
        if isinstance(reading, Bag):
            found = [region_of(item, points=points) for item in reading.items]
            known = [each for each in found if each is not None]
            if len({region.name for region in known if region.name}) > 1:
                return None
            if len(known) == len(found) and (known or points):
                return union(known)
    except Unreadable:
        return None
    return None


def simplest(region: Region) -> Reading:
    """One interval as an interval, points alone as a set, else the region."""
    if region.parts and all(part[0] is part[2] for part in region.parts):
        return Bag("set", tuple(part[0] for part in region.parts))
    if len(region.parts) == 1:
        low, low_closed, high, high_closed = region.parts[0]
        return Sequence("[" if low_closed else "(", "]" if high_closed else ")", (low, high), region.name)
    return region if region.parts else Bag("set", ())


def same_region(left: Region, right: Region) -> bool:
    """Whether two are the same part of the line."""
    return len(left.parts) == len(right.parts) and all(
        one[1] == other[1] and one[3] == other[3] and _same_end(one[0], other[0]) and _same_end(one[2], other[2])
        for one, other in zip(left.parts, right.parts, strict=True)
    )


def _position(end: End) -> float:
    return math.inf * end.sign if isinstance(end, Infinity) else end.real_value()


def _same_end(left: End, right: End) -> bool:
    if isinstance(left, Infinity) or isinstance(right, Infinity):
        return left == right
    return equal_numbers(left, right)


def _order(left: End, right: End) -> int:
    if _same_end(left, right):
        return 0
    return -1 if _position(left) < _position(right) else 1


def _by_low_end(one: Part, other: Part) -> int:
    return _order(one[0], other[0]) or other[1] - one[1]


def union(regions: list[Region]) -> Region:
    """All that is in one of several regions, in disjoint parts."""
    parts = sorted(
        (part for region in regions for part in region.parts),
        key=cmp_to_key(_by_low_end),
    )
    found: list[Part] = []
    for part in parts:
        if found:
            low, low_closed, high, high_closed = found[-1]
            touches = _order(part[0], high)
            if touches < 0 or (touches == 0 and (part[1] or high_closed)):
                ahead = _order(part[2], high)
                if ahead > 0:
                    high, high_closed = part[2], part[3]
                elif ahead == 0:
                    high_closed = high_closed or part[3]
                found[-1] = (low, low_closed, high, high_closed)
                continue
        found.append(part)
    names = {region.name for region in regions if region.name}
    return Region(tuple(found), names.pop() if len(names) == 1 else None)


def intersection(left: Region, right: Region) -> Region:
    """What is in both of two regions."""
    found: list[Part] = []
    for one in left.parts:
        for other in right.parts:
            low, low_closed = _inner(one[0], one[1], other[0], other[1], 1)
            high, high_closed = _inner(one[2], one[3], other[2], other[3], -1)
            order = _order(low, high)
            if order < 0:
                found.append((low, low_closed, high, high_closed))
            elif order == 0 and low_closed and high_closed:
                found.append((low, True, low, True))
    return Region(tuple(found), left.name or right.name)


def _inner(one: End, one_closed: bool, other: End, other_closed: bool, side: int) -> tuple[End, bool]:
    order = _order(one, other) * side
    if order == 0:
        return one, one_closed and other_closed
    return (one, one_closed) if order > 0 else (other, other_closed)


def complement(region: Region) -> Region:
    """What is in a region not."""
    found: list[Part] = []
    low: End = LOWEST
    low_closed = False
    for part in region.parts:
        if _order(low, part[0]) < 0:
            found.append((low, low_closed, part[0], not part[1]))
        elif low_closed and not part[1]:
            found.append((low, True, low, True))
        low, low_closed = part[2], not part[3]
    if low != HIGHEST:
        found.append((low, low_closed, HIGHEST, False))
    return Region(tuple(found), region.name)


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
