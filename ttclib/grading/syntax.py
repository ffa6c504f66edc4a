r"""Read a plainly written answer into a tree, by recursive descent.

The grammar is the small part of LaTeX, and of what people type, that final answers are written in.
What is outside of it raises `Unreadable`; nothing is ever evaluated as code. A node is a tuple whose
first element names it: ``("+", a, b)``, ``("number", Fraction, digits)``, ``("seq", "(", ")", items)``,
``("list", items, "or")``, ``("set", items)``, ``("unit", a, unit)``.
"""

from __future__ import annotations

from fractions import Fraction

from ttclib.grading.atoms import DEEPEST, Atoms, Node, says_and_or
from ttclib.grading.tokens import Unreadable

__all__ = ["Node", "parse_answer"]

_NOTHING: Node = ("number", Fraction(0), None)
_RELATIONS = {
    "=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "\\le": "<=", "\\ge": ">=", "\\ne": "!=",
    "\\lt": "<", "\\gt": ">", "\\approx": "=", "\\equiv": "=", "\\in": "in", "\\sim": "=",
}  # fmt: skip
_SEPARATORS = {
    ",": ",", ";": ",", "and": "and", "or": "or", "\\and": "and", "\\land": "and", "\\wedge": "and", "\\lor": "or",
    "\\vee": "or", "&": ",",
}  # fmt: skip
_SET_SIGNS = {
    "\\cup": "union", "cup": "union", "union": "union", "\\cap": "intersection", "\\setminus": "without",
}  # fmt: skip


def parse_answer(text: str, *, thousands: bool = True, renamed: dict[str, str] | None = None) -> Node:
    r"""The tree of a plainly written answer.

    Parameters
    ----------
    text : str
        As `ttclib.grading.cleaning.clean` writes it.
    thousands : bool
        Whether ``1,234`` outside of brackets is one number.
    renamed : dict, optional
        Names that stand in for letters.

    Raises
    ------
    Unreadable

    Examples
    --------
    >>> parse_answer(r"\frac12")
    ('/', ('number', Fraction(1, 1), None), ('number', Fraction(2, 1), None))
    """
    parser = _Parser(text, thousands, renamed)
    node = parser.items(None)
    if parser.kind is not None:
        raise Unreadable(f"'{parser.value}' is left over")
    return node


class _Parser(Atoms):
    """Lists, relations, sums and products."""

    def separator(self) -> str | None:
        """Take a comma, semicolon, "and" or "or" between two items; the word that stands there, if any."""
        found = None
        while True:
            said = _SEPARATORS.get(self.value or "")
            if said is None and self.kind == "text":
                said = says_and_or(self.value or "")
            if said is None:
                return found
            self.place += 1
            found = said if found in (None, ",") else found

    def items(self, closing: tuple[str, ...] | None) -> Node:
        if closing and self.value in closing:
            return ("list", (), ",")
        found = [self.relation()]
        joined = ","
        while said := self.separator():
            joined = said if said != "," else joined
            if self.value is None or (closing and self.value in closing):
                break
            found.append(self.relation())
        return found[0] if len(found) == 1 else ("list", tuple(found), joined)

    def relation(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable("too deep")
        parts: list[Node] = [self.sets()]
        signs: list[str] = []
        while self.value in _RELATIONS:
            signs.append(_RELATIONS[self.take()])
            parts.append(self.sets())
        self.depth -= 1
        return ("relation", tuple(signs), tuple(parts)) if signs else parts[0]

    def sets(self) -> Node:
        """Sets joined by their signs, from left to right."""
        node = self.ratio()
        while self.value in _SET_SIGNS:
            node = (_SET_SIGNS[self.take()], node, self.ratio())
        return node

    def ratio(self) -> Node:
        parts = [self.sum()]
        while self.takes(":"):
            parts.append(self.sum())
        if len(parts) == 1:
            return parts[0]
        if any(part[0] in ("seq", "set", "unit") for part in parts):
            raise Unreadable("a ratio of no numbers")
        return ("/", *parts) if len(parts) == 2 else ("seq", ":", ":", tuple(parts))

    def sum(self) -> Node:
        node = _joined("±", _NOTHING, self.product()) if self.takes("\\pm") else self.product()
        while True:
            sign = {"+": "+", "-": "-", "\\pm": "±", "\\mp": "∓"}.get(self.value or "")
            if sign is None:
                return node
            if (
                sign == "-"
                and node[0] in ("seq", "set")
                and self.tokens[self.place + 1 : self.place + 2] == [("command", "\\{")]
            ):
                self.take()  # ℝ - {0}
                node = ("without", node, self.product())
                continue
            self.take()
            node = _joined(sign, node, self.product())

    def product(self) -> Node:
        node = self.factors()
        if self.kind == "text" and not says_and_or(self.value or ""):
            unit, scale = self.unit()
            node = ("*", node, ("number", Fraction(scale), None)) if scale > 1 else node
            node = ("unit", node, unit) if unit else node
            if self.kind == "number":  # 2 hours 30 minutes
                rest = self.product()
                if node[0] != "unit" or rest[0] != "unit" or rest[2][0] != node[2][0]:
                    raise Unreadable("two numbers in a row")
                scaled = ("*", ("number", rest[2][1] / node[2][1], None), rest[1])
                node = ("unit", ("+", node[1], scaled), node[2])
        return node

    def factors(self) -> Node:
        """A product without its unit."""
        node = self.unary()
        while True:
            if self.takes("*", "\\cdot", "\\times"):
                node = ("*", node, self.unary())
            elif self.takes("/", "\\div"):
                node = ("/", node, self.unary())
            elif self.begins_atom():
                before = self.tokens[self.place - 1][0]
                if self.kind == "number" and before == "number":
                    raise Unreadable("two numbers in a row")
                node = ("*", node, self.power())
            else:
                return node

    def unary(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable("too deep")
        if self.takes("-"):
            inner = self.unary()
            node: Node = ("unit", ("negative", inner[1]), inner[2]) if inner[0] == "unit" else ("negative", inner)
        else:
            node = self.unary() if self.takes("+") else self.power()
        self.depth -= 1
        return node


def _joined(sign: str, left: Node, right: Node) -> Node:
    """A sum, with the unit of its last part for all of it."""
    if right[0] != "unit":
        if left[0] == "unit":
            raise Unreadable("a unit in the middle")
        return (sign, left, right)
    inner = left
    if left[0] == "unit":
        if left[2] != right[2]:
            raise Unreadable("two units")
        inner = left[1]
    return ("unit", (sign, inner, right[1]), right[2])
