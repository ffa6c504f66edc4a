"""The atoms of an answer's grammar: numbers, letters, brackets, functions, matrices, and units behind them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ttclib.grading.tokens import FUNCTIONS, LETTERS, Unreadable, tokens_of
from ttclib.grading.units import NO_UNIT, SCALES, Unit, raised, times, unit_of

Node = tuple[Any, ...]

DEEPEST = 40
_ATOMS = {"frac", "sqrt", "pi", "infty", "binom", "langle", "lfloor", "lceil", "max", "min", "gcd", "lcm"}
_OF_SEVERAL = {"max", "min", "gcd", "lcm"}
_MATRICES = {"pmatrix", "bmatrix", "Bmatrix", "matrix", "smallmatrix", "array", "vmatrix"}
_OPEN = ("(", "[", "]", "\\{", "\\langle")
_LARGEST_DETERMINANT = 4
_LONGEST_UNIT = 6  # words; a longer text is a remark
_END = (None, None)
INFINITY: Node = ("infinity",)
HALF: Node = ("number", Fraction(1, 2), None)
_INVERSE: Node = ("negative", ("number", Fraction(1), None))
_SPELT_LETTERS = {"theta", "alpha", "beta", "gamma", "lambda"}


def number(text: str) -> Node:
    """A number; its last part are the digits behind the point, None where there is no point."""
    mantissa, _, exponent = text.casefold().partition("e")
    if exponent and abs(int(exponent)) > 999:
        raise Unreadable("too large")
    whole, point, behind = mantissa.partition(".")
    value = Fraction(int((whole + behind) or 0), 10 ** len(behind))
    if exponent:
        return ("number", value * Fraction(10) ** int(exponent), None)
    return ("number", value, len(behind) if point and behind else None)


def says_and_or(text: str) -> str | None:
    """The separator that a text token is: ``and``, ``or`` or a comma; None: it is none."""
    inner = text[text.index("{") + 1 :].strip(" {}").casefold()
    return {"and": "and", "or": "or", ",": ",", ", and": "and", ", or": "or", "&": "and"}.get(inner)


def determinant(rows: list[list[Node]]) -> Node:
    """The determinant of a square matrix, along its first row."""
    if len(rows) > _LARGEST_DETERMINANT or len(rows) != len(rows[0]):
        raise Unreadable("no determinant")
    if len(rows) == 1:
        return rows[0][0]
    total: Node = ("number", Fraction(0), None)
    for place, factor in enumerate(rows[0]):
        minor = determinant([row[:place] + row[place + 1 :] for row in rows[1:]])
        total = ("-" if place % 2 else "+", total, ("*", factor, minor))
    return total


class Atoms:
    """One pass over the tokens; `kind` and `value` are the token to be read next, None at the end.

    Parameters
    ----------
    thousands : bool
        Whether ``1,234`` outside of brackets is one number.
    renamed : dict, optional
        Names that stand in for letters: a declared parameter's.
    """

    def __init__(self, text: str, thousands: bool, renamed: dict[str, str] | None = None) -> None:
        self.tokens: list[tuple[Any, Any]] = [*tokens_of(text, thousands), _END]
        self.renamed = renamed or {}
        self.place = 0
        self.depth = 0
        self.bars = 0
        self.inverted = False

    def items(self, closing: tuple[str, ...] | None) -> Node:
        """One relation, or a list of them."""
        raise NotImplementedError

    def relation(self) -> Node:
        """An expression, equation or inequality."""
        raise NotImplementedError

    def sum(self) -> Node:
        """A sum."""
        raise NotImplementedError

    @property
    def kind(self) -> str | None:
        """Kind of the next token."""
        kind: str | None = self.tokens[self.place][0]
        return kind

    @property
    def value(self) -> str | None:
        """Text of the next token."""
        value: str | None = self.tokens[self.place][1]
        return value

    def take(self) -> str:
        """Take the next token."""
        value = self.tokens[self.place][1]
        if value is None:
            raise Unreadable("it ends too early")
        self.place += 1
        return str(value)

    def expect(self, value: str) -> None:
        """Take a token that must be there."""
        if self.value != value:
            raise Unreadable(f"'{value}' is missing")
        self.place += 1

    def takes(self, *values: str) -> bool:
        """Take the next token if it is one of these."""
        if self.tokens[self.place][1] in values:
            self.place += 1
            return True
        return False

    def begins_atom(self) -> bool:
        """Whether a factor may begin here."""
        if self.value == "|":
            return self.bars == 0
        if self.value == "[" and self.inverted:
            return False
        if self.value in ("and", "or", "cup", "union"):
            return False
        return self.kind in ("number", "word", "begin") or (
            self.value in ("(", "[", "{", "\\{")
            or (self.kind == "command" and (self.value or "")[1:] in LETTERS | FUNCTIONS | _ATOMS)
        )

    def power(self) -> Node:
        """An atom with what stands on and behind it."""
        node = self.atom()
        if node[0] == "number" and node[2] is None and self.value == "\\frac":
            node = self.mixed(node)
        if (
            node[0] == "word" and self.value in ("^", "!") and self.tokens[self.place - 1][0] == "word"
        ):  # of "ab^2" only b is squared
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
        """A node with its exponent."""
        node = self.postfix(node)
        if self.takes("^"):
            node = self.postfix(("^", node, self.exponent()))
        return node

    def exponent(self) -> Node:
        """What stands behind ``^``."""
        if self.value in ("-", "+"):
            sign = self.take()
            inner = self.exponent()
            return ("negative", inner) if sign == "-" else inner
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable("too deep")
        node = self.atom()
        if self.takes("^"):
            node = ("^", node, self.exponent())
        self.depth -= 1
        return node

    def postfix(self, node: Node) -> Node:
        """Factorials, per cent, degrees, bases and primes."""
        while True:
            if self.takes("!"):
                node = ("!", node)
            elif self.takes("%", "\\%"):
                node = ("percent", node)
            elif self.takes("\\DEG"):
                scale = (self.value or "").removeprefix("\\text").strip("{} ")
                if scale in ("C", "F") and self.kind in ("word", "text"):
                    self.take()
                    node = ("unit", node, unit_of(scale))
                else:
                    node = ("degrees", node)
            elif node[0] == "letter" and self.takes("'"):
                node = ("letter", node[1] + "'")
            elif node[0] == "number" and self.takes("_"):
                base = number(self.take()) if self.kind == "number" else self.argument()
                if base[0] == "letter" and node[1].denominator == 1:  # in a base that is not known
                    node = ("letter", f"{node[1]}_{base[1]}")
                    continue
                if base[0] != "number" or node[1].denominator != 1:
                    raise Unreadable("no base")
                node = ("base", int(node[1]), int(base[1]))
            else:
                return node

    def unit(self) -> tuple[Unit | None, int]:
        """The unit that a run of text tokens says, and how many a "million" of it is."""
        found: Unit | None = None
        sign = scale = 1
        while True:
            name = self.take().partition("{")[2].removesuffix("}")
            words = name.casefold().replace(".", " ").replace("/", " ").split()
            if len(words) > _LONGEST_UNIT or set(words) & NO_UNIT or not name.replace(" ", "x").isprintable():
                raise Unreadable(f"'{name}' is no unit")
            for word in words:
                scale *= SCALES.get(word, 1)
            power = 1
            if self.takes("^"):
                exponent = self.exponent()
                negative = exponent[0] == "negative"
                exponent = exponent[1] if negative else exponent
                if exponent[0] != "number" or exponent[1].denominator != 1 or exponent[1] > 9:
                    raise Unreadable("no power of a unit")
                power = int(exponent[1]) * (-1 if negative else 1)
            top, slash, bottom = name.rpartition("/")  # of "m/s" to the second only the second is squared
            if slash and power > 1:
                found = times(times(found, unit_of(top), sign), raised(unit_of(bottom), power), -sign)
            else:
                found = times(found, raised(unit_of(name), power), sign)
            ahead = self.tokens[self.place + 1 : self.place + 2]
            if self.value in ("/", "*", "\\cdot", "\\times") and ahead and ahead[0][0] == "text":
                sign = -1 if self.take() == "/" else 1
            elif self.kind != "text" or says_and_or(self.value or ""):
                return found, scale

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
            return number(digits[0] if digits.isdigit() else digits)
        if self.kind == "word" and len(self.value or "") > 1 and self.value not in FUNCTIONS | {"pi", "sqrt"}:
            word = self.take()  # "\frac ab"
            self.place -= 1
            self.tokens[self.place] = ("word", word[1:])
            return ("letter", self.renamed.get(word[0], word[0]))
        return self.atom()

    def atom(self) -> Node:
        """A number, a letter, a bracket, a function."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable("too deep")
        node = self.any_atom()
        self.depth -= 1
        return node

    def any_atom(self) -> Node:
        """`atom`, its depth not counted."""
        kind, value = self.kind, self.take()
        if kind == "number":
            return number(value)
        if kind == "word":
            return self.function(value) if value in FUNCTIONS else self.named(value)
        if kind == "begin":
            return self.matrix(value)
        if kind == "set":
            if "R" not in value[7:]:
                raise Unreadable("a set that is none of numbers on a line")
            return ("seq", "(", ")", (("negative", INFINITY), INFINITY))
        if value == "{":
            node = self.items(("}",))
            self.expect("}")
            return ("set", node[1]) if node[0] == "list" else node
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
        """What stands in brackets."""
        bars, self.bars = self.bars, 0
        closings = {"\\{": ("\\}",), "\\langle": ("\\rangle",), "]": ("[", "]")}.get(opening, (")", "]"))
        if opening == "]":  # ]0, 1[
            self.inverted = True
            low = self.relation()
            if not self.takes(",", ";"):
                raise Unreadable("no interval")
            node: Node = ("list", (low, self.relation()), ",")
            self.inverted = False
        else:
            node = self.items(closings)
        closing = self.take()
        if closing not in closings:
            raise Unreadable("brackets do not match")
        self.bars = bars
        inside: Sequence[Node] = node[1] if node[0] == "list" else (node,)
        if opening == "\\{":
            return ("set", tuple(inside))
        if opening == "\\langle":
            return ("seq", "(", ")", tuple(inside))
        if opening == "]":
            return ("seq", "(", ")" if closing == "[" else "]", tuple(inside))
        if len(inside) == 1 and (opening, closing) in (("(", ")"), ("[", "]")):
            return node
        return ("seq", opening, closing, tuple(inside))

    def named(self, word: str) -> Node:
        """A letter, or several in a row, of which the last may carry an index; or a spoken name."""
        if word in ("sqrt", "cbrt"):
            inner = number(self.take()) if self.kind == "number" else self.argument()
            return ("^", inner, HALF if word == "sqrt" else ("number", Fraction(1, 3), None))
        if word == "pi":
            return ("pi",)
        if word in ("infinity", "inf", "oo", "infty"):
            return INFINITY
        if word in _OF_SEVERAL and self.value in ("(", "{", "\\{"):
            return self.of_several(word)
        if word in ("floor", "ceil", "abs") and self.value == "(":
            return (word, self.atom())
        if word in _SPELT_LETTERS:
            return self.named_letter("\\" + word)
        if len(word) == 1:
            return self.named_letter(word)
        if self.value == "_":
            node = self.named_letter(word[-1])
            for letter in reversed(word[:-1]):
                node = ("*", ("letter", self.renamed.get(letter, letter)), node)
            return node
        if set(word) & set(self.renamed):
            parts: Node = ("number", Fraction(1), None)
            for letter in word:
                parts = ("*", parts, ("letter", self.renamed.get(letter, letter)))
            return parts
        return ("word", word)

    def command(self, name: str) -> Node:
        """What a command says."""
        if name in FUNCTIONS:
            return self.function(name)
        if name in LETTERS:
            return self.named_letter("\\" + name)
        if name == "pi":
            return ("pi",)
        if name == "infty":
            return INFINITY
        if name == "emptyset":
            return ("set", ())
        if name == "frac":
            top = self.argument()
            return ("/", top, self.argument())
        if name == "sqrt":
            root: Node = ("number", Fraction(2), None)
            if self.takes("["):
                root = self.sum()
                self.expect("]")
            inner = number(self.take()) if self.kind == "number" else self.argument()
            return ("^", inner, ("/", ("number", Fraction(1), None), root))
        if name == "binom":
            upper = self.argument()
            return ("binomial", upper, self.argument())
        if name in ("lfloor", "lceil"):
            inner = self.sum()
            self.expect("\\r" + name[1:])
            return (name[1:], inner)
        if name in _OF_SEVERAL:
            return self.of_several(name)
        raise Unreadable(f"\\{name} is not known")

    def of_several(self, name: str) -> Node:
        """A function of a list in brackets."""
        inner = self.atom()
        parts = inner[3] if inner[0] == "seq" else inner[1] if inner[0] in ("set", "list") else (inner,)
        return (name, *parts)

    def named_letter(self, name: str) -> Node:
        """A letter with its index."""
        if self.takes("_"):
            start = self.place
            self.argument()
            return ("letter", name + "_" + "".join(value for _, value in self.tokens[start : self.place]).strip("{}"))
        return ("letter", self.renamed.get(name, name))

    def function(self, name: str) -> Node:
        """A function's value, its power and base."""
        power = base = None
        if name == "log" and self.takes("_"):
            base = self.argument()
        if self.takes("^"):
            power = self.exponent()
        if self.value in ("(", "{"):
            inner: Node = self.atom()
            if inner[0] in ("seq", "set", "list"):
                raise Unreadable("a function of several")
            if self.takes("\\DEG"):
                inner = ("degrees", inner)
        else:
            inner = self.power()
            while self.begins_atom() and (self.value or "").removeprefix("\\") not in FUNCTIONS | {"("}:
                inner = ("*", inner, self.power())
        node: Node = ("call", name, inner)
        if base is not None:
            node = ("/", node, ("call", name, base))
        if power == _INVERSE and name in ("sin", "cos", "tan"):
            return ("call", "arc" + name, inner)
        if power == _INVERSE and name == "cot":
            return ("call", "arctan", ("/", ("number", Fraction(1), None), inner))
        return node if power is None else ("^", node, power)

    def matrix(self, begin: str) -> Node:
        """The rows of a matrix."""
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
        if name == "vmatrix":
            return determinant(rows)
        if name == "array" and len(rows) == len(rows[0]) == 1:  # set apart, and no matrix
            return rows[0][0]
        return ("matrix", tuple(tuple(row) for row in rows))
