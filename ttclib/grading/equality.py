"""Whether two readings are the same answer; the first is the reference's."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator

from ttclib.grading.evaluation import Undecided
from ttclib.grading.quantities import Number, equal_numbers, in_base, same
from ttclib.grading.readings import Bag, Infinity, Matrix, Reading, Region, Relation, Sequence
from ttclib.grading.regions import put, region_of, same_region
from ttclib.grading.syntax import Node

_MOST_FRACTIONS = 8  # of an equation that is multiplied out
_KEY_WIDTH = 1e-4


def equal(left: Reading, right: Reading) -> bool:
    """Whether an answer says what the reference does.

    Parameters
    ----------
    left : Reading
        The reference's.
    """
    if isinstance(left, Number) and isinstance(right, Number):
        return equal_numbers(left, right)
    left, right = _each_named(left), _each_named(right)
    if isinstance(left, Relation) or isinstance(right, Relation):
        return _equal_relations(left, right)
    if isinstance(left, Bag) and len(left.items) == 1 and not isinstance(right, Bag):
        left = left.items[0]
        return equal(left, right)
    if isinstance(right, Bag) and len(right.items) == 1 and not isinstance(left, Bag):
        return equal(left, right.items[0])
    if isinstance(left, Region) or isinstance(right, Region):
        one, other = region_of(left), region_of(right)
        if one is None or other is None:
            return False
        return _same_name(one.name, other.name) and same_region(one, other)
    if isinstance(left, Sequence) and isinstance(right, Sequence):
        return _equal_sequences(left, right)
    if isinstance(left, Bag) and isinstance(right, Bag):
        return _equal_bags(left, right)
    left, right = _as_matrix(left, right), _as_matrix(right, left)
    if isinstance(left, Matrix) and isinstance(right, Matrix):
        return len(left.rows) == len(right.rows) and all(map(_in_order, left.rows, right.rows))
    for one_side, other_side in ((left, right), (right, left)):
        if isinstance(one_side, Sequence) and _is_tuple(one_side):
            if not one_side.opening and isinstance(other_side, Bag) and other_side.kind == "set":  # names of a set
                same_size = len(one_side.items) == len(other_side.items)
                return same_size and _in_any_order(one_side.items, other_side.items)
            items = _by_name(other_side.items) if isinstance(other_side, Bag) else None
            if isinstance(other_side, Bag) and (other_side.kind == "list" or items):  # "1, 2" for "(1, 2)"
                found = items if items is not None else other_side.items
                return _in_order(one_side.items, found) if one_side is left else _in_order(found, one_side.items)
            if isinstance(other_side, Matrix):
                column = tuple(row[0] for row in other_side.rows)
                flat = column if len(other_side.rows[0]) == 1 else other_side.rows[0]
                if len(other_side.rows) == 1 or len(other_side.rows[0]) == 1:
                    return _in_order(one_side.items, flat)
    return isinstance(left, Infinity) and left == right


def _as_matrix(reading: Reading, other: Reading) -> Reading:
    """``[[1, 2], [3, 4]]`` as a matrix beside one; anything else as it is."""
    if isinstance(reading, Sequence) and isinstance(other, Matrix):
        rows = tuple(item.items for item in reading.items if isinstance(item, Sequence))
        return Matrix(rows) if rows and len(rows) == len(reading.items) else reading
    return reading


def keys(reading: Reading) -> Iterator[Hashable]:
    """Marks of a reading: two that are equal share at least one."""
    if isinstance(reading, Relation):
        yield "relation"
        if reading.value is not None:
            yield from keys(reading.value)
        return
    if isinstance(reading, Region):
        yield "region"
        return
    if isinstance(reading, (Bag, Sequence)) and any(isinstance(item, Sequence) for item in reading.items):
        yield "region"
    numbers = [leaf for leaf in _leaves(reading) if isinstance(leaf, Number)]
    sizes = {_sum_of_sizes(numbers, False, False), _sum_of_sizes(numbers, False, True)}
    if any(leaf.percent for leaf in numbers):
        sizes.add(_sum_of_sizes(numbers, True, False))
    for number in numbers:
        if number.base is not None:
            yield "base", in_base(number)
        if number.letters and number.value(0) is None:
            yield "not real"
    if isinstance(reading, Sequence) and reading.opening == ":":
        yield "ratio"
    for size in sizes:
        if size < 1e-300:
            yield "zero"
        else:
            cell = math.floor(math.log(size) / _KEY_WIDTH)
            yield from (cell, cell + 1)


def _sum_of_sizes(numbers: list[Number], share: bool, in_units: bool) -> float:
    return sum(
        number.size(share) * (float(number.unit[1]) if in_units and number.unit is not None else 1)
        for number in numbers
    )


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


def _equal_sequences(left: Sequence, right: Sequence) -> bool:
    if not _same_name(left.name, right.name):
        return False
    if left.opening == right.opening == ":":
        return len(left.items) == len(right.items) and _in_ratio(left.items, right.items)
    if (left.opening, left.closing) != (right.opening, right.closing) and not (_is_tuple(left) and _is_tuple(right)):
        return False
    return _in_order(left.items, right.items)


def _is_tuple(sequence: Sequence) -> bool:
    """Whether brackets say nothing but that there is an order; what is told of a letter is an interval."""
    if sequence.name is not None:
        return False
    brackets = (sequence.opening, sequence.closing)
    return brackets in (("(", ")"), ("", "")) or (brackets == ("[", "]") and len(sequence.items) != 2)


def _equal_bags(left: Bag, right: Bag) -> bool:
    if any(isinstance(item, Sequence) for item in (*left.items, *right.items)):
        one, other = region_of(left), region_of(right)
        if one is not None and other is not None and "union" in (left.kind, right.kind):
            return same_region(one, other)
    if len(left.items) != len(right.items) or ("all" in (left.kind, right.kind) and left.kind != right.kind):
        return False
    named, other_named = _by_name(left.items), _by_name(right.items)
    if (named is None) != (other_named is None):  # names on one side say which is which
        if all(isinstance(item, Relation) and item.name for item in (left if named is None else right).items):
            return False  # x = 1 or x = 2, and x = 1, y = 2
        return _in_order(named or left.items, other_named or right.items)
    if _say_which(left.items) != _say_which(right.items) and (not _units(left.items) or not _units(right.items)):
        return _in_order(left.items, right.items)
    return _in_any_order(left.items, right.items)


def _units(items: tuple[Reading, ...]) -> set[object]:
    return {item.unit for item in items if isinstance(item, Number) and item.unit is not None}


def _say_which(items: tuple[Reading, ...]) -> bool:
    """Whether items have units that tell them apart."""
    return len(_units(items)) > 1


def _by_name(items: tuple[Reading, ...]) -> tuple[Reading, ...] | None:
    """The values of ``x = 1, y = 2`` in the order of the names; None: they are no such list.

    Letters of the end or the beginning of the alphabet have an order of their own; for others that of
    the answer stands. ``x_1 = 1, x_2 = 2`` are the roots of one equation, in any order.
    """
    found: list[tuple[str, Reading]] = []
    for item in items:
        if not isinstance(item, Relation) or item.name is None or item.value is None or item.name[0] != "letter":
            return None
        found.append((item.name[1], item.value))
    names = [name for name, _ in found]
    if len(found) < 2 or len({name.partition("_")[0] for name in names}) < len(names):
        return None
    if set(names) <= set("xyzw") or set(names) <= set("abcd"):
        found.sort(key=lambda pair: ("xyzw".find(pair[0]), pair[0]))
    return tuple(value for _, value in found)


def _each_named(reading: Reading) -> Reading:
    """``(x, y) = (1, 2)`` as ``x = 1, y = 2``; anything else as it is."""
    if not isinstance(reading, Relation) or reading.name is None or reading.name[0] != "seq":
        return reading
    names, values = reading.name[3], reading.value
    if not isinstance(values, Sequence) or len(names) != len(values.items) or len(set(names)) < len(names):
        return reading
    return Bag("list", tuple(Relation("=", None, name, value) for name, value in zip(names, values.items, strict=True)))


def _same_name(left: str | None, right: str | None) -> bool:
    return left is None or right is None or left == right


def _equal_relations(left: Reading, right: Reading) -> bool:
    """Of an equation and a value, or of two; a reference's curve is not answered by its right side."""
    if not isinstance(left, Relation):
        assert isinstance(right, Relation)
        return right.value is not None and equal(left, right.value)
    if not isinstance(right, Relation):
        return left.value is not None and not left.curve and equal(left.value, right)
    if left.sign != right.sign:
        return False
    right = _of_the_same_argument(left, right)
    one, other = left.name, right.name
    named = one is not None and other is not None and (_same_letter(one, other) or _is_function(one, other))
    if named and left.value is not None and right.value is not None:
        return equal(left.value, right.value)
    if left.difference is None or right.difference is None:
        return False
    if _proportional(left.difference, right.difference, either_sign=left.sign in ("=", "!=")):
        return True
    n_fractions = [str(difference.node).count("'/'") for difference in (left.difference, right.difference)]
    if left.sign != "=" or not any(n_fractions) or max(n_fractions) > _MOST_FRACTIONS:
        return False
    first, second = (Number(_over_one(difference.node)[0]) for difference in (left.difference, right.difference))
    return _proportional(first, second, either_sign=True)


def _of_the_same_argument(left: Relation, right: Relation) -> Relation:
    """``f(t) = 2t`` as ``f(x) = 2x`` beside a function of x."""
    one, other = left.name, right.name
    if not (one and other and one[0] == other[0] == "*" and one[1] == other[1] and one != other):
        return right
    if not (one[2][0] == other[2][0] == "letter" and isinstance(right.value, Number)):
        return right
    if one[1][0] != "letter" or one[2][1] in right.value.letters or not (one[2][1] + other[2][1]).islower():
        return right  # P(A) is not P(B)
    value = Number(put(right.value.node, other[2][1], one[2]))
    return Relation("=", Number(("-", one, value.node)), one, value, right.curve)


def _same_letter(left: Node, right: Node) -> bool:
    """Whether two names are one, with or without an index: x and x_1."""
    if left == right:
        return True
    if left[0] != "letter" or right[0] != "letter":
        return False
    one, other = left[1].partition("_"), right[1].partition("_")
    return bool(one[0] == other[0] and (not one[2] or not other[2]))


def _is_function(left: Node, right: Node) -> bool:
    """Whether one names a function's value and the other is y: f(x) and y."""
    applied = [name for name in (left, right) if name[0] == "*" and name[1][0] == "letter" and name[1][1] in "fghFGH"]
    return len(applied) == 1 and ("letter", "y") in (left, right)


def _proportional(left: Number, right: Number, *, either_sign: bool) -> bool:
    """Whether two differences vanish together: one is a constant times the other."""
    if not left.letters or left.letters != right.letters:
        return False
    one, other = left.value(0), right.value(0)
    if isinstance(one, Undecided) or isinstance(other, Undecided) or not one or not other:
        return False
    ratio = complex(one) / complex(other)
    if not either_sign and ratio.real <= 0:
        return False
    # l(x) r(x0) = r(x) l(x0) at every point
    first, second = _frozen(left.node), _frozen(right.node)
    return same(Number(("*", left.node, second)), Number(("*", right.node, first)))


def _over_one(node: Node) -> tuple[Node, Node]:
    """A tree as a fraction without fractions in it: its top and its bottom."""
    kind = node[0]
    if kind in ("+", "-", "*", "/"):
        (top, bottom), (other_top, other_bottom) = map(_over_one, node[1:])
        if kind == "*":
            return ("*", top, other_top), ("*", bottom, other_bottom)
        if kind == "/":
            return ("*", top, other_bottom), ("*", bottom, other_top)
        if bottom == other_bottom:
            return (kind, top, other_top), bottom
        return (kind, ("*", top, other_bottom), ("*", other_top, bottom)), ("*", bottom, other_bottom)
    if kind == "negative":
        top, bottom = _over_one(node[1])
        return ("negative", top), bottom
    return node, ("number", 1, None)


def _frozen(node: Node) -> Node:
    """A tree with its letters held at their values at the first point."""
    from ttclib.grading.evaluation import letter_value

    if node[0] == "letter" and node[1] not in ("e", "i"):
        return ("number", letter_value(node[1], 0), None)
    if node[0] == "word":
        product: Node = ("number", 1, None)
        for letter in node[1]:
            product = ("*", product, _frozen(("letter", letter)))
        return product
    return tuple(_frozen(part) if isinstance(part, tuple) and part else part for part in node)


def _in_ratio(left: tuple[Reading, ...], right: tuple[Reading, ...]) -> bool:
    """Whether numbers are to each other as others are."""
    first, second = left[0], right[0]
    if not isinstance(first, Number) or not isinstance(second, Number):
        return False
    return all(
        isinstance(one, Number)
        and isinstance(other, Number)
        and same(Number(("*", one.node, second.node)), Number(("*", other.node, first.node)))
        for one, other in zip(left, right, strict=True)
    )


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
