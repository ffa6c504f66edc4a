r"""Read a plainly written answer into a tree, by recursive descent.

The grammar is the small part of LaTeX, and of what people type, that final answers are written in.
What is outside of it raises `Unreadable`; nothing is ever evaluated as code. A node is a tuple whose
first element names it: ``("+", a, b)``, ``("number", Fraction, digits)``, ``("seq", "(", ")", items)``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ttclib.grading.tokens import FUNCTIONS, LETTERS, Unreadable, tokens_of

Node = tuple[Any, ...]

_DEEPEST = 40
_ATOMS = {"frac", "sqrt", "pi", "infty", "binom", "langle"}
_RELATIONS = {
    "=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "\\le": "<=", "\\ge": ">=", "\\ne": "!=",
    "\\lt": "<", "\\gt": ">", "\\approx": "=", "\\equiv": "=", "\\in": "in",
}  # fmt: skip
_MATRICES = {"pmatrix", "bmatrix", "Bmatrix", "matrix", "smallmatrix", "array"}
_OPEN = ("(", "[", "]", "\\{", "\\langle")
_INFINITY: Node = ("infinity",)


def parse_answer(text: str, *, thousands: bool = True) -> Node:
    r"""The tree of a plainly written answer.

    Parameters
    ----------
    text : str
        As `ttclib.grading.cleaning.clean` writes it.
    thousands : bool
        Whether ``1,234`` outside of brackets is one number.

    Raises
    ------
    Unreadable

    Examples
    --------
    >>> parse_answer(r"\frac12")
    ('/', ('number', Fraction(1, 1), None), ('number', Fraction(2, 1), None))
    """
    parser = _Parser(text, thousands)
    node = parser.items(None)
    if parser.kind is not None:
        raise Unreadable(f"'{parser.value}' is left over")
    return node


class _Parser:
    """One pass over the tokens; `kind` and `value` are the token to be read next, None at the end."""

    def __init__(self, text: str, thousands: bool) -> None:
        self.tokens = tokens_of(text, thousands)
        self.place = 0
        self.depth = 0
        self.bars = 0
        self.inverted = False

    @property
    def kind(self) -> str | None:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else None

    @property
    def value(self) -> str | None:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else None

    def take(self) -> str:
        if self.place >= len(self.tokens):
            raise Unreadable("it ends too early")
        self.place += 1
        return self.tokens[self.place - 1][1]

    def expect(self, value: str) -> None:
        if self.value != value:
            raise Unreadable(f"'{value}' is missing")
        self.place += 1

    def takes(self, *values: str) -> bool:
        if self.value in values:
            self.place += 1
            return True
        return False

    def separator(self) -> bool:
        """Take a comma, semicolon, "and" or "or" between two items."""
        found = False
        while self.value in (",", ";", "and", "or", "\\and", "\\land", "\\lor") or (
            self.kind == "text"
            and (self.value or "")[5:].strip(" {}").casefold() in ("and", "or", ",", ", and", ", or")
        ):
            self.place += 1
            found = True
        return found

    def items(self, closing: tuple[str, ...] | None) -> Node:
        """One relation, or a list of them."""
        if closing and self.value in closing:
            return ("list",)
        found = [self.relation()]
        while self.separator():
            if self.value is None or (closing and self.value in closing):
                break
            found.append(self.relation())
        return found[0] if len(found) == 1 else ("list", *found)

    def relation(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable("too deep")
        parts: list[Node] = [self.union()]
        signs: list[str] = []
        while self.value in _RELATIONS:
            signs.append(_RELATIONS[self.take()])
            parts.append(self.union())
        self.depth -= 1
        return ("relation", tuple(signs), tuple(parts)) if signs else parts[0]

    def union(self) -> Node:
        parts = [self.ratio()]
        while self.takes("\\cup", "cup"):
            parts.append(self.ratio())
        return ("union", *parts) if len(parts) > 1 else parts[0]

    def ratio(self) -> Node:
        parts = [self.sum()]
        while self.takes(":"):
            parts.append(self.sum())
        if len(parts) == 1:
            return parts[0]
        return ("/", *parts) if len(parts) == 2 else ("seq", ":", ":", tuple(parts))

    def sum(self) -> Node:
        node = ("±", ("number", Fraction(0), None), self.product()) if self.takes("\\pm") else self.product()
        while True:
            if self.value in ("+", "-"):
                node = (self.take(), node, self.product())
            elif self.takes("\\pm"):
                node = ("±", node, self.product())
            elif self.takes("\\mp"):
                node = ("∓", node, self.product())
            else:
                return node

    def product(self) -> Node:
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

    def begins_atom(self) -> bool:
        if self.value == "|":
            return self.bars == 0
        if self.value == "[" and self.inverted:
            return False
        if self.value in ("and", "or", "cup"):
            return False
        return self.kind in ("number", "word", "begin") or (
            self.value in ("(", "[", "{", "\\{")
            or (self.kind == "command" and (self.value or "")[1:] in LETTERS | FUNCTIONS | _ATOMS)
        )

    def unary(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable("too deep")
        if self.takes("-"):
            node: Node = ("negative", self.unary())
        else:
            node = self.unary() if self.takes("+") else self.power()
        self.depth -= 1
        return node

    def power(self) -> Node:
        node = self.atom()
        if node[0] == "number" and node[2] is None and self.value == "\\frac":
            node = self.mixed(node)
        if node[0] == "word" and self.value in ("^", "!"):  # of "ab^2" only b is squared
            return ("*", ("word", node[1][:-1]), self.raised(("letter", node[1][-1])))
        return self.raised(node)

    def mixed(self, whole: Node) -> Node:
        r"""``3\frac{1}{2}`` is a sum; the number alone where no proper fraction follows."""
        tokens, place = self.tokens.copy(), self.place
        part = self.atom()
        if all(each[0] == "number" and each[2] is None for each in part[1:]) and part[1][1] < part[2][1]:
            return ("+", whole, part)
        self.tokens, self.place = tokens, place
        return whole

    def raised(self, node: Node) -> Node:
        node = self.postfix(node)
        if self.takes("^"):
            node = self.postfix(("^", node, self.exponent()))
        return node

    def exponent(self) -> Node:
        if self.value in ("-", "+"):
            sign = self.take()
            inner = self.exponent()
            return ("negative", inner) if sign == "-" else inner
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable("too deep")
        node = self.atom()
        if self.takes("^"):
            node = ("^", node, self.exponent())
        self.depth -= 1
        return node

    def postfix(self, node: Node) -> Node:
        while True:
            if self.takes("!"):
                node = ("!", node)
            elif self.takes("%", "\\%"):
                node = ("percent", node)
            elif self.takes("\\DEG"):
                node = ("degrees", node)
            elif node[0] == "number" and self.takes("_"):
                base = _number(self.take()) if self.kind == "number" else self.argument()
                if base[0] != "number" or node[1].denominator != 1:
                    raise Unreadable("no base")
                node = ("base", int(node[1]), int(base[1]))
            else:
                return node

    def argument(self) -> Node:
        """What follows a command: a group, or one sign: of a number its first digit."""
        if self.takes("{"):
            node = self.relation()
            self.expect("}")
            return node
        if self.kind == "number":
            digits = self.take()
            if len(digits) > 1 and digits.isdigit():
                self.place -= 1
                self.tokens[self.place] = ("number", digits[1:])
            return _number(digits[0] if digits.isdigit() else digits)
        return self.atom()

    def atom(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable("too deep")
        node = self.any_atom()
        self.depth -= 1
        return node

    def any_atom(self) -> Node:
        kind, value = self.kind, self.take()
        if kind == "number":
            return _number(value)
        if kind == "word":
            return self.function(value) if value in FUNCTIONS else self.named(value)
        if kind == "begin":
            return self.matrix(value)
        if kind == "set":
            return ("seq", "(", ")", (("negative", _INFINITY), _INFINITY))
        if value == "{":
            node = self.relation()
            self.expect("}")
            return node
        if value == "|":
            self.bars += 1
            node = self.sum()
            self.bars -= 1
            self.expect("|")
            return ("abs", node)
        if value in _OPEN:
            return self.bracket(value)
        if kind == "command":
            return self.command(value[1:])
        raise Unreadable(f"'{value}' is out of place")

    def bracket(self, opening: str) -> Node:
        bars, self.bars = self.bars, 0
        closings = {"\\{": ("\\}",), "\\langle": ("\\rangle",), "]": ("[", "]")}.get(opening, (")", "]"))
        if opening == "]":  # ]0, 1[
            self.inverted = True
            low = self.relation()
            self.separator()
            node: Node = ("list", low, self.relation())
            self.inverted = False
        else:
            node = self.items(closings)
        closing = self.take()
        if closing not in closings:
            raise Unreadable("brackets do not match")
        self.bars = bars
        inside = node[1:] if node[0] == "list" else (node,)
        if opening == "\\{":
            return ("set", *inside)
        if opening == "\\langle":
            return ("seq", "(", ")", inside)
        if opening == "]":
            return ("seq", "(", ")" if closing == "[" else "]", inside)
        if len(inside) == 1 and (opening, closing) in (("(", ")"), ("[", "]")):
            return node
        return ("seq", opening, closing, inside)

    def named(self, word: str) -> Node:
        """A letter, or several in a row, of which the last may carry an index; or a spoken name."""
        if word == "sqrt":
            return (
                "^",
                self.argument() if self.kind != "number" else _number(self.take()),
                ("number", Fraction(1, 2), None),
            )
        if word == "pi":
            return ("pi",)
        if word in ("infinity", "inf", "oo", "infty"):
            return _INFINITY
        node: Node = ("letter", word[0]) if len(word) == 1 else ("word", word)
        if self.takes("_"):
            start = self.place
            self.argument()
            index = "".join(value for _, value in self.tokens[start : self.place]).strip("{}")
            letters = [("letter", letter) for letter in word[:-1]]
            node = ("letter", f"{word[-1]}_{index}")
            for letter in reversed(letters):
                node = ("*", letter, node)
        return node

    def command(self, name: str) -> Node:
        if name in FUNCTIONS:
            return self.function(name)
        if name in LETTERS:
            return self.named_letter("\\" + name)
        if name == "pi":
            return ("pi",)
        if name == "infty":
            return _INFINITY
        if name == "emptyset":
            return ("set",)
        if name == "frac":
            top = self.argument()
            return ("/", top, self.argument())
        if name == "sqrt":
            root: Node = ("number", Fraction(2), None)
            if self.takes("["):
                root = self.sum()
                self.expect("]")
            inner = _number(self.take()) if self.kind == "number" else self.argument()
            return ("^", inner, ("/", ("number", Fraction(1), None), root))
        if name == "binom":
            upper = self.argument()
            return ("binomial", upper, self.argument())
        raise Unreadable(f"\\{name} is not known")

    def named_letter(self, name: str) -> Node:
        if self.takes("_"):
            start = self.place
            self.argument()
            name += "_" + "".join(value for _, value in self.tokens[start : self.place]).strip("{}")
        return ("letter", name)

    def function(self, name: str) -> Node:
        power = base = None
        if name == "log" and self.takes("_"):
            base = self.argument()
        if self.takes("^"):
            power = self.exponent()
        if self.value in ("(", "{"):
            inner: Node = self.atom()
        else:
            inner = self.power()
            while self.begins_atom() and (self.value or "").removeprefix("\\") not in FUNCTIONS | {"("}:
                inner = ("*", inner, self.power())
        node: Node = ("call", name, inner)
        if base is not None:
            node = ("/", node, ("call", name, base))
        if power == ("negative", ("number", Fraction(1), None)) and name in ("sin", "cos", "tan"):
            return ("call", "arc" + name, inner)
        return node if power is None else ("^", node, power)

    def matrix(self, begin: str) -> Node:
        name = begin.partition("{")[2].partition("}")[0]
        if name not in _MATRICES:
            raise Unreadable(f"environment {name} is not known")
        rows: list[list[Node]] = [[]]
        while self.kind != "end":
            if self.kind == "row":
                self.take()
                if self.kind != "end":
                    rows.append([])
            elif not self.takes("&"):
                rows[-1].append(self.relation())
        if self.take().partition("{")[2].partition("}")[0] != name:
            raise Unreadable("environments do not match")
        if len({len(row) for row in rows}) != 1 or not rows[0]:
            raise Unreadable("rows differ")
        return ("matrix", tuple(tuple(row) for row in rows))


def _number(text: str) -> Node:
    """A number; `digits` are those behind the point, None where there is no point."""
    mantissa, _, exponent = text.casefold().partition("e")
    if exponent and abs(int(exponent)) > 999:
        raise Unreadable("too large")
    whole, point, behind = mantissa.partition(".")
    value = Fraction(int((whole + behind) or 0), 10 ** len(behind))
    if exponent:
        return ("number", value * Fraction(10) ** int(exponent), None)
    return ("number", value, len(behind) if point and behind else None)
