"""What an answer says: a number, an expression, a set, an interval, a matrix, an equation."""

from __future__ import annotations

from dataclasses import dataclass, field

from ttclib.grading.quantities import Number
from ttclib.grading.syntax import Node


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
    """An equation or inequality, as its sides' difference compared with 0."""

    sign: str
    difference: Number | None
    name: Node | None = field(default=None)  # what the equation gives the value of, if its left side is a name
    value: Reading | None = None  # what `x = 5` or `a + b = 7` names, which alone is the same answer
    curve: bool = False  # whether it may be a curve in x, y and z, of which the right side alone is no answer


Reading = Number | Infinity | Sequence | Bag | Matrix | Region | Relation


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
