"""What an answer says: a number, an expression, a set, an interval, a matrix, an equation; and equality of these.

Equality is symmetric by construction: it compares values, and treats both sides alike.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from ttclib.grading.evaluation import N_POINTS, Value, evaluate, same
from ttclib.grading.syntax import Node
from ttclib.grading.tokens import Unreadable

_MOST_ITEMS = 64
_FEWEST_PLACES, _FEWEST_DIGITS = 6, 5
_KEY_WIDTH = 1e-4
_INVERSE = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Number:
    """A number, or an expression in letters by its values at a few points.

    Attributes
    ----------
    at : tuple of Fraction or complex
        Values at the points; one where there are no letters. Per cent counts as written: 50 % is 50.
    share : tuple or None
        The same with per cent as hundredths; None: no per cent sign.
    places : int or None
        Digits behind the point of a number that is written as a decimal.
    base : int or None
        Base that the digits were written in.
    """

    at: tuple[Value, ...]
    share: tuple[Value, ...] | None = None
    places: int | None = None
    base: int | None = None


@dataclass(frozen=True)
class Infinity:
    """Infinity, of a sign."""

    sign: int


@dataclass(frozen=True)
class Sequence:
    """Items in order, in brackets: a tuple or an interval."""

    opening: str
    closing: str
    items: tuple[Reading, ...]


@dataclass(frozen=True)
class Bag:
    """Items in any order: a set in braces, a list without brackets, a union."""

    kind: str
    items: tuple[Reading, ...]


@dataclass(frozen=True)
class Matrix:
    """Rows of items."""

    rows: tuple[tuple[Reading, ...], ...]


@dataclass(frozen=True)
class Relation:
    """An equation or inequality, as its sides' difference compared with 0.

    ``x = 5`` also names a value, which alone is the same answer.
    """

    sign: str
    difference: Number | None
    name: Node | None = field(default=None)
    value: Reading | None = None


Reading = Number | Infinity | Sequence | Bag | Matrix | Relation


def interpret(node: Node) -> Reading:
    """What a tree says.

    Raises
    ------
    Unreadable
    ttclib.grading.evaluation.TooLarge
    """
    kind = node[0]
    if kind in ("list", "set", "union"):
        if len(node) - 1 > _MOST_ITEMS:
            raise Unreadable("too many items")
        return _bag(kind, [interpret(each) for part in node[1:] for each in _signs(part)])
    if kind == "seq":
        return _sequence(node[1], node[2], [interpret(part) for part in node[3][: _MOST_ITEMS + 1]])
    if kind == "matrix":
        return Matrix(tuple(tuple(interpret(cell) for cell in row) for row in node[1]))
    if kind == "relation":
        return _relation(node[1], node[2])
    both = _signs(node)
    if len(both) == 2:
        return _bag("list", [interpret(each) for each in both])
    if kind == "infinity" or (kind == "negative" and node[1][0] == "infinity"):
        return Infinity(1 if kind == "infinity" else -1)
    return _number(node)


def equal(left: Reading, right: Reading) -> bool:
    """Whether two readings are the same answer."""
    if isinstance(left, Relation) or isinstance(right, Relation):
        return _equal_relations(left, right)
    if isinstance(left, Bag) and len(left.items) == 1 and not isinstance(right, Bag):
        left = left.items[0]
    if isinstance(right, Bag) and len(right.items) == 1 and not isinstance(left, Bag):
        right = right.items[0]
    if isinstance(left, Number) and isinstance(right, Number):
        return _equal_numbers(left, right)
    if isinstance(left, Sequence) and isinstance(right, Sequence):
        return (left.opening, left.closing) == (right.opening, right.closing) and _in_order(left.items, right.items)
    if isinstance(left, Bag) and isinstance(right, Bag):
        return len(left.items) == len(right.items) and _in_any_order(left.items, right.items)
    if isinstance(left, Matrix) and isinstance(right, Matrix):
        return len(left.rows) == len(right.rows) and all(map(_in_order, left.rows, right.rows))
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Sequence) and (one.opening, one.closing) == ("(", ")"):
            if isinstance(other, Bag) and other.kind == "list":  # "1, 2" for "(1, 2)"
                return _in_order(one.items, other.items)
            if isinstance(other, Matrix) and all(len(row) == 1 for row in other.rows):
                return _in_order(one.items, tuple(row[0] for row in other.rows))
    return left == right


def keys(reading: Reading) -> Iterator[Hashable]:
    """Marks of a reading: two that are equal share at least one."""
    if isinstance(reading, Relation):
        yield "relation"
        if reading.value is not None:
            yield from keys(reading.value)
        return
    numbers = [leaf for leaf in _leaves(reading) if isinstance(leaf, Number)]
    sizes = {sum(_size(leaf.at[0]) for leaf in numbers)}
    if any(leaf.share for leaf in numbers):
        sizes.add(sum(_size((leaf.share or leaf.at)[0]) for leaf in numbers))
    for number in numbers:
        if number.base is not None:
            yield "base", _in_base(number)
    for size in sizes:
        if size < 1e-12:
            yield "zero"
        else:
            cell = math.floor(math.log(size) / _KEY_WIDTH)
            yield from (cell, cell + 1)


def _size(value: Value) -> float:
    if isinstance(value, Fraction) and value.numerator.bit_length() - value.denominator.bit_length() > 900:
        return 1e270
    return abs(complex(value))


def _leaves(reading: Reading) -> Iterator[Reading]:
    if isinstance(reading, Relation):
        if reading.value is not None:
            yield from _leaves(reading.value)
    elif isinstance(reading, Matrix):
        for row in reading.rows:
            for cell in row:
                yield from _leaves(cell)
    elif isinstance(reading, (Sequence, Bag)):
        for item in reading.items:
            yield from _leaves(item)
    else:
        yield reading


def _number(node: Node) -> Number:
    n_points = N_POINTS if _has(node, "letter", "word") else 1
    at = tuple(evaluate(node, point) for point in range(n_points))
    share = None
    if _has(node, "percent"):
        share = tuple(evaluate(node, point, Fraction(1, 100)) for point in range(n_points))
    bare = node
    while bare[0] in ("negative", "percent", "degrees"):
        bare = bare[1]
    places = bare[2] if bare[0] == "number" else None
    if node[0] == "base":
        at = (Fraction(node[1]),)
    return Number(at, share, places, node[2] if node[0] == "base" else None)


def _has(node: Node, *kinds: str) -> bool:
    return node[0] in kinds or any(_has(part, *kinds) for part in node if isinstance(part, tuple) and part)


def _signs(node: Node) -> list[Node]:
    """A tree for each choice of its double signs, which are chosen together."""
    if node[0] in ("list", "set", "seq", "matrix", "union", "relation") or not _has(node, "±", "∓"):
        return [node]
    return [_choose(node, "+", "-"), _choose(node, "-", "+")]


def _choose(node: Node, upper: str, lower: str) -> Node:
    signs = {"±": upper, "∓": lower}
    return tuple(_choose(part, upper, lower) if isinstance(part, tuple) else signs.get(part, part) for part in node)


def _bag(kind: str, items: list[Reading]) -> Bag:
    kept: list[Reading] = []
    for item in items:
        flat = item.items if isinstance(item, Bag) and item.kind == "list" else (item,)
        for each in flat:
            if not any(equal(each, other) for other in kept):
                kept.append(each)
    return Bag(kind, tuple(kept))


def _sequence(opening: str, closing: str, items: list[Reading]) -> Sequence:
    if len(items) > _MOST_ITEMS:
        raise Unreadable("too many items")
    if len(items) == 2:  # an interval has no infinite end
        opening = "(" if opening == "[" and isinstance(items[0], Infinity) else opening
        closing = ")" if closing == "]" and isinstance(items[1], Infinity) else closing
    return Sequence(opening, closing, tuple(items))


def _relation(signs: tuple[str, ...], parts: tuple[Node, ...]) -> Reading:
    if signs[-1] == "in":
        return interpret(parts[-1])
    if set(signs) == {"="}:
        left, right = parts[0], parts[-1]
        if both := _signs(right)[1:]:
            return _bag("list", [_relation(("=",), (left, each)) for each in (_signs(right)[0], *both)])
        if not _has(left, "letter", "word"):
            if not _has(right, "letter", "word"):
                return interpret(right)
            left, right = right, left  # "5 = x"
        value = interpret(right) if _is_name(left) else None
        try:
            difference = _number(("-", left, right))
        except Unreadable:  # of no number: a name and its set or vector
            difference = None
        if value is None and difference is None:
            raise Unreadable("no equation between numbers")
        return Relation("=", difference, left if value is not None else None, value)
    if len(signs) == 1 and signs[0] == "!=":
        return Relation("!=", _number(("-", *parts)))
    if set(signs) <= {">", ">="}:
        signs, parts = tuple(_INVERSE[sign] for sign in reversed(signs)), tuple(reversed(parts))
    if not set(signs) <= {"<", "<="}:
        raise Unreadable("mixed relations")
    closed = [sign == "<=" for sign in signs]
    free = [part for part in parts if _has(part, "letter", "word")]
    if len(free) == 1 and free[0][0] == "letter" and len(parts) <= 3:
        low, high, low_closed, high_closed = ("negative", ("infinity",)), ("infinity",), False, False
        place = parts.index(free[0])
        if len(parts) == 3 and place != 1:
            raise Unreadable("no interval")
        if place > 0:
            low, low_closed = parts[0], closed[0]
        if place < len(parts) - 1:
            high, high_closed = parts[-1], closed[-1]
        brackets = ("[" if low_closed else "(", "]" if high_closed else ")")
        return _sequence(*brackets, [interpret(low), interpret(high)])
    if len(parts) != 2:
        raise Unreadable("a chain of relations")
    return Relation(signs[0], _number(("-", parts[1], parts[0])))


def _is_name(node: Node) -> bool:
    """Whether an equation's left side names what stands on its right: x, AB, f(x), P(A)."""
    while node[0] == "*":
        node = node[1]
    if node[0] == "seq":
        return all(_is_name(item) for item in node[3])
    return node[0] in ("letter", "word") or (node[0] == "abs" and _is_name(node[1]))


def _equal_relations(left: Reading, right: Reading) -> bool:
    if not isinstance(left, Relation):
        left, right = right, left
    assert isinstance(left, Relation)
    if not isinstance(right, Relation):
        return left.value is not None and equal(left.value, right)
    if left.sign != right.sign:
        return False
    if left.name is not None and left.name == right.name and left.value is not None and right.value is not None:
        return equal(left.value, right.value)
    if left.difference is None or right.difference is None:
        return False
    return _proportional(left.difference.at, right.difference.at, either_sign=left.sign in ("=", "!="))


def _proportional(left: tuple[Value, ...], right: tuple[Value, ...], *, either_sign: bool) -> bool:
    if len(left) != len(right) or len(left) < N_POINTS:
        return False
    for one, other in zip(left[1:], right[1:], strict=True):
        if not same(left[0] * other, right[0] * one):
            return False
    if left[0] == 0 or right[0] == 0:
        return False
    return either_sign or complex(left[0] / right[0]).real > 0


def _equal_numbers(left: Number, right: Number) -> bool:
    if left.base is not None and right.base is not None and left.base != right.base:
        return _in_base(left) is not None and _in_base(left) == _in_base(right)
    if _close(left.at, right.at, left.places, right.places):
        return True
    if left.share is not None and right.share is None:
        return _close(left.share, right.at, None if left.places is None else left.places + 2, right.places)
    if right.share is not None and left.share is None:
        return _close(left.at, right.share, left.places, None if right.places is None else right.places + 2)
    return False


def _in_base(number: Number) -> int | None:
    try:
        return int(str(int(number.at[0].real)), number.base or 10)
    except ValueError:
        return None


def _close(left: tuple[Value, ...], right: tuple[Value, ...], places: int | None, other_places: int | None) -> bool:
    if len(left) != len(right):  # letters that cancel
        left, right = (side * N_POINTS if len(side) == 1 else side for side in (left, right))
    if all(map(same, left, right)):
        return True
    if len(left) > 1:
        return False
    return _written_for(left[0], places, right[0]) or _written_for(right[0], other_places, left[0])


def _written_for(decimal: Value, places: int | None, exact: Value) -> bool:
    """Whether a decimal stands for a value that takes more digits: 0.333333 for a third, but not 0.333."""
    if places is None or places < _FEWEST_PLACES or complex(exact).imag:
        return False
    written, meant = complex(decimal).real, complex(exact).real
    unit = 10.0**-places
    apart = abs(written - meant)
    if apart <= 1e-9 * abs(meant):  # the noise of floating point
        return True
    cut = apart < unit and abs(written) < abs(meant)
    return abs(written) >= 10.0 ** (_FEWEST_DIGITS - 1) * unit and (cut or apart <= 0.5 * unit * (1 + 1e-6))


def _in_order(left: tuple[Reading, ...], right: tuple[Reading, ...]) -> bool:
    return len(left) == len(right) and all(map(equal, left, right))


def _in_any_order(left: tuple[Reading, ...], right: tuple[Reading, ...]) -> bool:
    rest = list(right)
    for item in left:
        match = next((place for place, other in enumerate(rest) if equal(item, other)), None)
        if match is None:
            return False
        del rest[match]
    return True
