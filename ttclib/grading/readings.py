"""What an answer says: a number, an expression, a set, an interval, a matrix, an equation."""

from __future__ import annotations

from dataclasses import dataclass, field

from ttclib.grading.quantities import Number, agree_roughly
from ttclib.grading.syntax import Node
from ttclib.grading.tokens import Unreadable

_MOST_ITEMS = 64
_LONGEST_PRODUCT = 3  # letters on an equation's right side that are factors; more are a word
_INVERSE = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_INFINITY: Node = ("infinity",)
_COMPOUND = ("list", "set", "seq", "matrix", "union", "intersection", "without", "relation")


@dataclass(frozen=True)
class Infinity:
    """Infinity, of a sign."""

    sign: int


@dataclass(frozen=True)
class Sequence:
    """Items in order: a tuple, an interval, a ratio of several, or a list of names (without brackets)."""

    opening: str
    closing: str
    items: tuple[Reading, ...]
    name: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Bag:
    """Items in any order: a set in braces, a list without brackets, a union, conditions that all hold."""

    kind: str
    items: tuple[Reading, ...]


@dataclass(frozen=True)
class Matrix:
    """Rows of items."""

    rows: tuple[tuple[Reading, ...], ...]


@dataclass(frozen=True)
class Region:
    """Part of the real line: disjoint intervals in order; each a low and a high end, and whether they belong to it."""

    parts: tuple[tuple[Number | Infinity, bool, Number | Infinity, bool], ...]
    name: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Relation:
    """An equation or inequality, as its sides' difference compared with 0.

    Attributes
    ----------
    sign : str
    difference : Number or None
    name : tuple or None
        What the equation gives the value of, if its left side is a name.
    value : Reading or None
        What ``x = 5`` or ``a + b = 7`` names, which alone is the same answer.
    curve : bool
        Whether it may be a curve in x, y and z, of which the right side alone is no answer.
    """

    sign: str
    difference: Number | None
    name: Node | None = field(default=None)
    value: Reading | None = None
    curve: bool = False


Reading = Number | Infinity | Sequence | Bag | Matrix | Region | Relation


def interpret(node: Node) -> Reading:
    """What a tree says.

    Raises
    ------
    Unreadable
    ttclib.grading.evaluation.TooLarge
    """
    from ttclib.grading.regions import joined_sets

    kind = node[0]
    if kind == "list":
        return _list(node[1], node[2])
    if kind == "set":
        _check(node[1])
        return bag("set", [interpret(each) for part in node[1] for each in _signs(part)])
    if kind in ("union", "intersection", "without"):
        return joined_sets(kind, interpret(node[1]), interpret(node[2]))
    if kind == "seq":
        return _sequence(node[1], node[2], [interpret(part) for part in node[3][: _MOST_ITEMS + 1]])
    if kind == "matrix":
        return Matrix(tuple(tuple(interpret(cell) for cell in row) for row in node[1]))
    if kind == "relation":
        return _relation(node[1], node[2])
    both = _signs(node)
    if len(both) == 2:
        return bag("list", [interpret(each) for each in both])
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
    from ttclib.grading.equality import equal

    found: list[Reading] = []
    for item in items:
        flat = item.items if isinstance(item, Bag) and item.kind == "list" else (item,)
        for each in flat:
            if not any(_strictly_same(each, other) and equal(each, other) for other in found):
                found.append(each)
    return Bag(kind, tuple(found))


def has(node: Node, *kinds: str) -> bool:
    """Whether a tree has a node of one of these kinds."""
    return node[0] in kinds or any(has(part, *kinds) for part in node if isinstance(part, tuple) and part)


def letters_of(node: Node) -> set[str]:
    """The letters of a tree; e and i are numbers."""
    if node[0] == "letter":
        return {node[1]} - {"e", "i"}
    if node[0] == "word":
        return set(node[1]) - {"e", "i"}
    return {letter for part in node if isinstance(part, tuple) and part for letter in letters_of(part)}


def _strictly_same(left: Reading, right: Reading) -> bool:
    """Whether neither of two items of a list says more than the other: "12, 12 cm" are two."""
    if isinstance(left, Number) and isinstance(right, Number):
        return left.unit == right.unit
    return type(left) is type(right)


def _check(items: tuple[Node, ...]) -> None:
    if len(items) > _MOST_ITEMS:
        raise Unreadable("too many items")


def _list(items: tuple[Node, ...], joined: str) -> Reading:
    from ttclib.grading.regions import joined_conditions

    _check(items)
    dotted = ("letter", "\\ldots") in items
    if len(items) > 1 and (dotted or all(part[0] in ("letter", "word") for part in items)):
        return Sequence("", "", tuple(interpret(part) for part in items))  # names keep their order
    if any(part[0] == "relation" and set(part[1]) - {"=", "in"} for part in items):
        conditions = joined_conditions(items, joined)
        if conditions is not None:
            return conditions
    return bag("list", [interpret(each) for part in items for each in _signs(part)])


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
    from ttclib.grading.regions import solved

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
    region = solved(signs, parts)
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
    if left[0] == "call":
        return True
    return len(letters_of(left)) > 1 and not (right[0] == "number" and right[1] == 0)


def is_name(node: Node) -> bool:
    """Whether an equation's left side names what stands on its right: x, AB, f(x), P(A), f^{-1}(x)."""
    while node[0] == "*":
        node = node[1]
    if node[0] == "seq":
        return all(is_name(item) for item in node[3])
    if node[0] == "/":  # dy/dx
        return all(part[0] == "word" and part[1][0] == "d" and len(part[1]) == 2 for part in node[1:])
    if node[0] == "^" and node[2] == ("negative", ("number", 1, None)):
        return node[1][0] == "letter" and node[1][1] in ("f", "g", "h")
    return node[0] in ("letter", "word") or (node[0] == "abs" and is_name(node[1]))
