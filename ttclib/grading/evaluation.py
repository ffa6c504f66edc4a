"""The value of a tree, exact where it is rational.

Letters stand for fixed numbers, so that two expressions in letters are compared by their values at a
few points: as good as a proof for what answers look like (two different polynomials of degree d agree
at a random point of n values with probability d / n at most; Schwartz 1980, Zippel 1979).
Every power, factorial and product is bounded before it is worked out.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b

from ttclib.grading.syntax import Node
from ttclib.grading.tokens import Unreadable

Value = Fraction | complex
N_POINTS = 3
_MOST_BITS = 1 << 16
_LARGEST_FACTORIAL = 2000
_RELATIVE = 1e-9
_TINY = 1e-12
_CALLS: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin,
    "cos": cmath.cos,
    "tan": cmath.tan,
    "cot": lambda x: 1 / cmath.tan(x),
    "sec": lambda x: 1 / cmath.cos(x),
    "csc": lambda x: 1 / cmath.sin(x),
    "arcsin": cmath.asin,
    "arccos": cmath.acos,
    "arctan": cmath.atan,
    "sinh": cmath.sinh,
    "cosh": cmath.cosh,
    "tanh": cmath.tanh,
    "exp": cmath.exp,
    "ln": cmath.log,
    "log": cmath.log,
}
_OF_ANGLES = ("sin", "cos", "tan", "cot", "sec", "csc")


class TooLarge(ValueError):
    """A number is too large to be worked out: the answer cannot be graded by value."""


@lru_cache(maxsize=4096)
def letter_value(name: str, point: int) -> Fraction:
    """What a letter stands for at a point; positive at the first, of either sign at the others."""
    digest = blake2b(name.encode(errors="replace"), digest_size=8, salt=bytes([point])).digest()
    size = Fraction(int.from_bytes(digest[:3], "big") + 7_000_003, 7_368_787)
    return -size if point and digest[7] & 1 else size


def evaluate(node: Node, point: int, percent: Fraction = Fraction(1)) -> Value:
    """The value of an expression.

    Parameters
    ----------
    node : tuple
    point : int
        Which values letters have, below `N_POINTS`.
    percent : Fraction
        What a per cent sign multiplies by: 1 or 1/100.

    Raises
    ------
    Unreadable
        It has no finite value, or is no expression.
    TooLarge
    """
    try:
        return _bounded(_evaluate(node, point, percent))
    except ZeroDivisionError:
        raise Unreadable("it has no value") from None
    except (OverflowError, ValueError, RecursionError) as error:
        if isinstance(error, (Unreadable, TooLarge)):
            raise
        raise TooLarge(str(error)) from None


def same(left: Value, right: Value) -> bool:
    """Whether two values are equal: exactly where both are rational, else to nine digits."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left == right
    try:
        one, other = complex(left), complex(right)
    except OverflowError:
        return False
    return abs(one - other) <= max(_TINY, _RELATIVE * max(abs(one), abs(other)))


def _evaluate(node: Node, point: int, percent: Fraction) -> Value:
    kind = node[0]
    if kind == "number":
        return node[1]
    if kind == "letter":
        return {"e": complex(math.e), "i": 1j}.get(node[1]) or letter_value(node[1], point)
    if kind == "word":
        value: Value = Fraction(1)
        for letter in node[1]:
            value = _bounded(value * _evaluate(("letter", letter), point, percent))
        return value
    if kind == "pi":
        return complex(math.pi)
    if kind == "base":
        return Fraction(node[1])
    if kind not in _WORKED_OUT:
        raise Unreadable(f"{kind} is no number")
    if kind == "call":
        return _call(node[1], node[2], point, percent)
    values = [_evaluate(part, point, percent) for part in node[1:]]
    return _bounded(_WORKED_OUT[kind](*values, *([percent] if kind == "percent" else [])))


def _call(name: str, inner: Node, point: int, percent: Fraction) -> Value:
    value = complex(_evaluate(inner, point, percent))
    if name in _OF_ANGLES and inner[0] == "degrees":
        value *= math.pi / 180
    if name in ("ln", "log") and value == 0:
        raise Unreadable("it has no value")
    return _CALLS[name](value)


def _bounded(value: Value) -> Value:
    if isinstance(value, Fraction):
        if value.numerator.bit_length() + value.denominator.bit_length() > _MOST_BITS:
            raise TooLarge("too many digits")
    elif not cmath.isfinite(value):
        raise TooLarge("beyond the largest float")
    return value


def _power(base: Value, exponent: Value) -> Value:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
            if abs(base) != 1 and base and bits * abs(exponent) > _MOST_BITS:
                raise TooLarge("too large a power")
            return base ** int(exponent)
        root = exponent.denominator
        if root <= 64 and (base >= 0 or root % 2):
            top, bottom = _root(abs(base.numerator), root), _root(base.denominator, root)
            if top is not None and bottom is not None:
                return _power(Fraction(top, bottom) * (1 if base >= 0 else -1), Fraction(exponent.numerator))
        if base < 0 and root % 2:  # the real root
            return complex(-(float(-base) ** float(exponent))) * (1 if exponent.numerator % 2 else -1)
    if base == 0:
        return 0j if complex(exponent).real > 0 else Fraction(1, 0)
    return complex(base) ** complex(exponent)


def _root(number: int, root: int) -> int | None:
    """The whole root of a whole number, if it has one."""
    if number < 2:
        return number
    guess = math.isqrt(number) if root == 2 else round(math.exp(math.log(number) / root))
    return guess if guess.bit_length() * root <= 2 * number.bit_length() + root and guess**root == number else None


def _factorial(value: Value) -> Value:
    if not isinstance(value, Fraction) or value.denominator != 1 or value < 0:
        raise Unreadable("no whole number")
    if value > _LARGEST_FACTORIAL:
        raise TooLarge("too large a factorial")
    return Fraction(math.factorial(int(value)))


def _binomial(upper: Value, lower: Value) -> Value:
    for value in (upper, lower):
        if not isinstance(value, Fraction) or value.denominator != 1 or value < 0:
            raise Unreadable("no whole number")
    if complex(upper).real > _LARGEST_FACTORIAL:
        raise TooLarge("too large a binomial")
    return Fraction(math.comb(int(upper), int(lower)))  # type: ignore[arg-type]


def _quotient(left: Value, right: Value) -> Value:
    return left / right


_WORKED_OUT: dict[str, Callable[..., Value]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _quotient,
    "^": _power,
    "negative": lambda value: -value,
    "abs": lambda value: abs(value) if isinstance(value, Fraction) else complex(abs(value)),
    "!": _factorial,
    "binomial": _binomial,
    "percent": lambda value, percent: value * percent,
    "degrees": lambda value: value,
    "call": _quotient,
}
