"""Parts of the real line: intervals, points, and their unions."""

from __future__ import annotations

import math
from functools import cmp_to_key

from ttclib.grading.quantities import Number, equal_numbers
from ttclib.grading.readings import Bag, Infinity, Reading, Region, Sequence
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
