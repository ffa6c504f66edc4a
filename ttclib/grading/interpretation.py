"""From an answer's tree to what it says."""

from __future__ import annotations

from ttclib.grading.equality import equal
from ttclib.grading.quantities import Number, agree_roughly
from ttclib.grading.readings import (
    Bag,
    Infinity,
    Matrix,
    Reading,
    Region,
    Relation,
    Sequence,
    has,
    is_name,
    letters_of,
)
from ttclib.grading.regions import complement, intersection, joined_conditions, region_of, simplest, solved, union
from ttclib.grading.syntax import Node
from ttclib.grading.tokens import Unreadable

_MOST_ITEMS = 64
_LONGEST_PRODUCT = 3  # letters on an equation's right side that are factors; more are a word
_INVERSE = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COUNTED_TOGETHER = tuple(frozenset({(base, 1)}) for base in ("second", "foot", "pound", "dollar"))
_COMPOUND = ("list", "set", "seq", "matrix", "union", "intersection", "without", "relation")


def interpret(node: Node) -> Reading:
    """What a tree says.

    Raises
    ------
    Unreadable
    ttclib.grading.evaluation.TooLarge
    """
    kind = node[0]
    if kind == "list":
        return _list(node[1], node[2])
    if kind == "set":
        _check(node[1])
        return bag("set", [interpret(each) for part in node[1] for each in _signs(part)])
    if kind in ("union", "intersection", "without"):
        return _joined_sets(kind, interpret(node[1]), interpret(node[2]))
    if kind == "seq" and has(node, "±") and str(node).count("'±'") == 1:  # (0, ±4)
        return bag("list", [interpret(_choose(node, sign, sign)) for sign in "+-"])
    if kind == "seq":
        return _sequence(node[1], node[2], [interpret(part) for part in node[3][: _MOST_ITEMS + 1]])
    if kind == "matrix":
        rows = tuple(tuple(interpret(cell) for cell in row) for row in node[1])
        if all(isinstance(cell, Relation) for row in rows for cell in row):  # a system without its brace
            return bag("list", [cell for row in rows for cell in row])
        return Matrix(rows)
    if kind == "relation":
        return _relation(node[1], node[2])
    both = _signs(node)
    if len(both) == 2:
        return bag("list", [interpret(each) for each in both])
    if kind in ("+", "-") and node[1] == ("number", 0, None) and node[2][0] == "seq":  # of ±(1, 2)
        _, opening, closing, items = node[2]
        return interpret(
            node[2] if kind == "+" else ("seq", opening, closing, tuple(("negative", item) for item in items))
        )
    if kind == "*" and node[1][0] == "letter" and node[1][1].isupper() and node[2][0] == "seq":
        return interpret(node[2])  # the point P(2, 3)
    if kind in ("*", "/", "negative") and has(node, "matrix"):
        return _scaled_matrix(node)
    if kind == "unit" and node[1][0] in ("seq", "list", "set", "infinity"):
        return interpret(node[1])
    if kind == "word":  # a name, whose letters are no factors
        return Number(("letter", node[1]))
    if kind == "infinity" or (kind == "negative" and node[1][0] == "infinity"):
        return Infinity(1 if kind == "infinity" else -1)
    return Number(node)


def bag(kind: str, items: list[Reading]) -> Bag:
    """Items in any order, each once."""
    found: list[Reading] = []
    for item in items:
        flat = item.items if isinstance(item, Bag) and item.kind == "list" else (item,)
        for each in flat:
            if not any(_strictly_same(each, other) and equal(each, other) for other in found):
                found.append(each)
    return Bag(kind, tuple(found))


def _strictly_same(left: Reading, right: Reading) -> bool:
    """Whether neither of two items of a list says more than the other: "12, 12 cm" are two."""
    if isinstance(left, Number) and isinstance(right, Number):
        return left.unit == right.unit
    return type(left) is type(right)


def _check(items: tuple[Node, ...]) -> None:
    if len(items) > _MOST_ITEMS:
        raise Unreadable("too many items")


def _list(items: tuple[Node, ...], joined: str) -> Reading:

    _check(items)
    dotted = ("letter", "\\ldots") in items
    if len(items) > 1 and (dotted or all(part[0] in ("letter", "word") for part in items)):
        return Sequence("", "", tuple(interpret(part) for part in items))  # names keep their order
    if points := _points(items):
        return bag("list", [interpret(point) for point in points])
    if any(part[0] == "relation" and set(part[1]) - {"=", "in"} for part in items):
        conditions = joined_conditions(items, joined, interpret)
        if conditions is not None:
            return conditions
    if joined == "and" and (total := _of_several_units(items)) is not None:
        return interpret(total)
    return bag("list", [interpret(each) for part in items for each in _signs(part)])


def _points(items: tuple[Node, ...]) -> list[Node]:
    """``x = 1, y = 1 or x = 2, y = 4`` as points; none: it is no such list."""
    if not all(item[0] == "relation" and item[1] == ("=",) and item[2][0][0] == "letter" for item in items):
        return []
    names = [item[2][0][1] for item in items]
    size = len(set(names))
    if size < 2 or len(items) <= size or names != names[:size] * (len(items) // size):
        return []
    values = [item[2][1] for item in items]
    return [("seq", "(", ")", tuple(values[place : place + size])) for place in range(0, len(values), size)]


def _of_several_units(items: tuple[Node, ...]) -> Node | None:
    """``3 hours and 20 minutes`` as one; None: they are several."""
    if not all(item[0] == "unit" for item in items) or len({item[2][0] for item in items}) > 1:
        return None
    sizes = [item[2][1] for item in items]
    if items[0][2][0] not in _COUNTED_TOGETHER:
        return None
    if sizes != sorted(set(sizes), reverse=True):
        return None
    total = items[0][1]
    for item, size in zip(items[1:], sizes[1:], strict=True):
        total = ("+", total, ("*", ("number", size / sizes[0], None), item[1]))
    return ("unit", total, items[0][2])


def _is_function(node: Node) -> bool:
    """Whether an expression is the value of a function, or a sum of such."""
    if node[0] in ("+", "-") or (node[0] == "/" and node[1][0] == node[2][0] == "call"):  # a logarithm to a base
        return all(map(_is_function, node[1:]))
    return node[0] in ("call", "floor", "ceil", "max", "min", "gcd", "lcm")


def _has_factors(node: Node) -> bool:
    """Whether numbers stand in an expression, but as exponents."""
    if node[0] == "^":
        return _has_factors(node[1])
    return node[0] == "number" or any(_has_factors(part) for part in node if isinstance(part, tuple) and part)


def _scaled_matrix(node: Node) -> Matrix:
    """A number times a matrix."""
    if node[0] == "negative":
        matrix, factor = node[1], ("number", -1, None)
    else:
        matrix, factor = (node[1], node[2]) if node[1][0] == "matrix" else (node[2], node[1])
    if matrix[0] != "matrix" or has(factor, "matrix") or (node[0] == "/" and matrix is not node[1]):
        raise Unreadable("no multiple of a matrix")
    sign = "/" if node[0] == "/" else "*"
    return Matrix(tuple(tuple(interpret((sign, cell, factor)) for cell in row) for row in matrix[1]))


def _signs(node: Node) -> list[Node]:
    """A tree for each choice of its double signs, which are chosen together."""
    if node[0] in _COMPOUND or not has(node, "±", "∓"):
        return [node]
    return [_choose(node, "+", "-"), _choose(node, "-", "+")]


def _choose(node: Node, upper: str, lower: str) -> Node:
    signs = {"±": upper, "∓": lower}
    return tuple(
        _choose(part, upper, lower)
        if isinstance(part, tuple)
        else signs.get(part, part)
        if isinstance(part, str)
        else part
        for part in node
    )


def _sequence(opening: str, closing: str, items: list[Reading]) -> Sequence:
    if len(items) > _MOST_ITEMS:
        raise Unreadable("too many items")
    if len(items) == 2:  # an interval has no infinite end
        opening = "(" if opening == "[" and isinstance(items[0], Infinity) else opening
        closing = ")" if closing == "]" and isinstance(items[1], Infinity) else closing
    return Sequence(opening, closing, tuple(items))


def _relation(signs: tuple[str, ...], parts: tuple[Node, ...]) -> Reading:

    if signs[-1] == "in":
        if len(parts) > 2 or not is_name(parts[0]):
            raise Unreadable("no name of what is in it")
        found = interpret(parts[-1])
        if isinstance(found, (Sequence, Region)) and parts[0][0] == "letter" and len(parts) == 2:
            return type(found)(**{**vars(found), "name": parts[0][1]})
        return found
    if set(signs) == {"="}:
        return _equation(parts)
    if set(signs) <= {">", ">="}:
        signs, parts = tuple(_INVERSE[sign] for sign in reversed(signs)), tuple(reversed(parts))
    if not (set(signs) <= {"<", "<="} or signs == ("!=",)):
        raise Unreadable("mixed relations")
    region = solved(signs, parts, interpret)
    if region is not None:
        return region
    if signs == ("!=",):
        return Relation("!=", Number(("-", *parts)))
    pairs = [
        Relation(sign, Number(("-", right, left)))
        for sign, left, right in zip(signs, parts[:-1], parts[1:], strict=True)
    ]
    return pairs[0] if len(pairs) == 1 else Bag("all", tuple(pairs))


def _equation(parts: tuple[Node, ...]) -> Reading:
    left, right = parts[0], parts[-1]
    if both := _signs(right)[1:]:
        return bag("list", [_equation((left, each)) for each in (_signs(right)[0], *both)])
    numeric = [part for part in parts if not has(part, "letter", "word", *_COMPOUND)]
    claimed = [reading for reading in map(interpret, numeric) if isinstance(reading, Number)]
    if len(claimed) == len(numeric) and not all(map(agree_roughly, claimed, claimed[1:])):
        raise Unreadable("it contradicts itself")
    if not has(left, "letter", "word"):
        if not has(right, "letter", "word"):
            return interpret(right)
        left, right = right, left  # "5 = x"
    named = is_name(left)
    value = None
    if named or _is_asked_for(left, right):
        value = Number(right) if right[0] == "word" and len(right[1]) <= _LONGEST_PRODUCT else interpret(right)
    try:
        bare = right[1] if right[0] == "unit" else right
        difference = Number(("-", left, bare)) if left[0] not in _COMPOUND and bare[0] not in _COMPOUND else None
    except Unreadable:  # of no number: a name and its set or vector
        difference = None
    if value is None and difference is None:
        raise Unreadable("no equation between numbers")
    curve = not named and letters_of(left) <= {"x", "y", "z"}
    return Relation("=", difference, left if named else None, value, curve)


def _is_asked_for(left: Node, right: Node) -> bool:
    """Whether an equation says what an expression is worth, as ``a + b = 7``, and is not to be solved."""
    if has(right, "letter", "word"):
        return False
    if _is_function(left):
        return True
    if left[0] == "negative" and is_name(left[1]):
        return False
    if letters_of(left) <= {"x", "y", "z"} and _has_factors(left):
        return False  # a curve
    return len(letters_of(left)) > 1 and not (right[0] == "number" and right[1] == 0)


def _joined_sets(kind: str, left: Reading, right: Reading) -> Reading:
    """The union, intersection or difference of two sets."""
    if kind == "union" and isinstance(left, Bag) and isinstance(right, Bag) and left.kind == right.kind == "set":
        return bag("set", [*left.items, *right.items])
    one, other = region_of(left, points=True), region_of(right, points=True)
    if one is not None and other is not None:
        if kind == "union":
            return simplest(union([one, other]))
        return simplest(intersection(one, other if kind == "intersection" else complement(other)))
    if kind != "union":
        raise Unreadable("no sets of numbers")
    items = [item for each in (left, right) for item in (each.items if isinstance(each, Bag) else (each,))]
    return bag("union", items)
