"""The value of a tree at a point: exact where it is rational, else a float that says whether it can be trusted.

Letters stand for fixed numbers, so that two expressions in letters are compared by their values at a
few points: as good as a proof for what answers look like (two different polynomials of degree d agree
at a random point of n values with probability d / n at most; Schwartz 1980, Zippel 1979).
Every power, factorial and product is bounded before it is worked out. `ttclib.grading.precision` works
out with many digits what a float cannot tell.
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
# Two points with letters positive, two with them negative, and seven with signs of their own.
N_POINTS, N_SIGNED = 11, 7
_MOST_BITS = 1 << 16
_LARGEST_FACTORIAL = 5000
_CANCELLED = 1e-5  # a sum so much smaller than what it is of has lost the digits that floats have
_REAL = 1e-9
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
    "lg": cmath.log10,
}
OF_ANGLES = ("sin", "cos", "tan", "cot", "sec", "csc")
WHOLE = {"floor", "ceil", "gcd", "lcm", "mod"}


class TooLarge(ValueError):
    """A number is too large to be worked out: the answer cannot be graded by value."""


class NotReal(Unreadable):
    """At this point an expression has no real value."""


class Undecided(Exception):
    """A float cannot tell: the value is to be worked out with more digits."""


@lru_cache(maxsize=8192)
def letter_value(name: str, point: int) -> Fraction:
    """What a letter stands for at a point.

    Above 1 and below 1, positive and negative; at the last points of a sign that tells any two letters
    apart at one of them. The same rule for every letter.
    """
    digest = blake2b(name.encode(errors="replace"), digest_size=8, salt=bytes([point])).digest()
    drawn = int.from_bytes(digest[:3], "big")
    large = point in (0, 3) or (point > 3 and digest[3] & 1)
    size = Fraction(drawn + 7_400_003, 7_368_787) if large else Fraction(drawn % 5_800_000 + 800_009, 7_368_787)
    if point < 4:
        return size if point < 2 else -size
    return -size if _code(name) >> (point - 4) & 1 else size


@lru_cache(maxsize=1024)
def _code(name: str) -> int:
    """Seven bits of a letter's own: different for all plain letters, drawn for the others."""
    if len(name) == 1:
        return ord(name) & 127
    return blake2b(name.encode(errors="replace"), digest_size=1).digest()[0] & 127


def evaluate(node: Node, point: int, percent: Fraction = Fraction(1), *, real: bool = False) -> Value:
    """The value of an expression.

    Parameters
    ----------
    point : int
        Which values letters have, below `N_POINTS`.
    percent : Fraction
        What a per cent sign multiplies by: 1 or 1/100.
    real : bool
        Whether every part of it must be real.

    Raises
    ------
    Unreadable
        It has no finite value, or is no expression.
    NotReal
    Undecided
        A sum cancels, or a float overflows.
    TooLarge
    """
    try:
        return _Evaluation(point, percent, real).value(node)
    except ZeroDivisionError:
        raise Unreadable("it has no value") from None
    except OverflowError:
        raise Undecided from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, (Unreadable, TooLarge)):
            raise
        raise TooLarge(str(error)) from None


class _Evaluation:
    """One walk over a tree."""

    def __init__(self, point: int, percent: Fraction, real: bool) -> None:
        self.point, self.percent, self.real = point, percent, real

    def value(self, node: Node) -> Value:
        found = self.any_value(node)
        if isinstance(found, Fraction):
            if found.numerator.bit_length() + found.denominator.bit_length() > _MOST_BITS:
                raise TooLarge("too many digits")
        elif not cmath.isfinite(found):
            raise Undecided
        elif self.real and abs(found.imag) > _REAL * abs(found):
            raise NotReal("it is not real")
        return found

    def any_value(self, node: Node) -> Value:
        kind = node[0]
        if kind == "number":
            return node[1]
        if kind == "letter":
            return {"e": complex(math.e), "i": 1j}.get(node[1]) or letter_value(node[1], self.point)
        if kind == "word":
            value: Value = Fraction(1)
            for letter in node[1]:
                value = value * self.any_value(("letter", letter))
            return value
        if kind == "pi":
            return complex(math.pi)
        if kind == "base":
            return Fraction(node[1])
        if kind == "call":
            return self.call(node[1], self.value(node[2]), node[2][0] == "degrees")
        if kind in WHOLE:
            return whole(kind, [self.value(part) for part in node[1:]])
        if kind not in _WORKED_OUT:
            raise Unreadable(f"{kind} is no number")
        values = [self.value(part) for part in node[1:]]
        if kind == "percent":
            return values[0] * self.percent
        return _WORKED_OUT[kind](*values)

    def call(self, name: str, inner: Value, degrees: bool) -> Value:
        if name in ("ln", "log", "lg") and inner == 0:
            raise Unreadable("it has no value")
        if inner == 1 and name in ("ln", "log", "lg"):
            return Fraction(0)
        value = complex(inner)
        if name in OF_ANGLES and degrees:
            value *= math.pi / 180
        found = _CALLS[name](value)
        # Near a zero of the function nothing but the rounding of its argument is left.
        if abs(value) > 1e6 or (abs(found) < _CANCELLED < abs(value)) or (abs(found) > 1e9 and name in OF_ANGLES):
            raise Undecided
        return found


def is_whole(value: Value) -> bool:
    """Whether a value is a whole number of which a factorial can be taken."""
    return isinstance(value, Fraction) and value.denominator == 1 and value >= 0


def whole(kind: str, values: list[Value]) -> Fraction:
    """Functions of whole numbers, and rounding to them."""
    if kind in ("floor", "ceil"):
        (value,) = values
        if isinstance(value, Fraction):
            return Fraction(math.floor(value) if kind == "floor" else math.ceil(value))
        if value.imag or abs(value.real - round(value.real)) < 1e-6 or abs(value.real) > 1e9:
            raise Undecided
        return Fraction(math.floor(value.real) if kind == "floor" else math.ceil(value.real))
    if not all(isinstance(value, Fraction) and value.denominator == 1 for value in values):
        raise Unreadable("no whole number")
    numbers = [int(value) for value in values if isinstance(value, Fraction)]
    if kind == "mod":
        return Fraction(numbers[0] % numbers[1])
    return Fraction(math.gcd(*numbers) if kind == "gcd" else math.lcm(*numbers))


def _sum(left: Value, right: Value) -> Value:
    found: Value = left + right
    if not isinstance(found, Fraction) and abs(found) < _CANCELLED * abs(complex(left)):
        raise Undecided
    return found


def _product(left: Value, right: Value) -> Value:
    if left == 0 or right == 0:
        return Fraction(0)
    found = left * right
    if found == 0:  # too small for a float
        raise Undecided
    return found


def _quotient(left: Value, right: Value) -> Value:
    if right == 0:
        raise Unreadable("it has no value")
    return _product(left, 1 / right)


def _power(base: Value, exponent: Value) -> Value:
    found = exact_power(base, exponent)
    if found is not None:
        return found
    if base == 0:
        return Fraction(0) if complex(exponent).real > 0 else Fraction(1, 0)
    size = abs(complex(exponent)) * abs(math.log(abs(complex(base))))
    if size > _MOST_BITS:
        raise TooLarge("too large a power")
    if size > 600:
        raise Undecided
    return complex(base) ** complex(exponent)


def exact_power(base: Value, exponent: Value) -> Value | None:
    """A power that is rational, or a real root of a negative number; None: neither."""
    if not (isinstance(base, Fraction) and isinstance(exponent, Fraction)):
        return None
    if exponent.denominator == 1:
        bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
        if abs(base) != 1 and base and bits * abs(exponent) > _MOST_BITS:
            raise TooLarge("too large a power")
        return base ** int(exponent)
    root = exponent.denominator
    if root <= 64 and (base >= 0 or root % 2):
        top, bottom = _root(abs(base.numerator), root), _root(base.denominator, root)
        if top is not None and bottom is not None:
            return exact_power(Fraction(top, bottom) * (1 if base >= 0 else -1), Fraction(exponent.numerator))
    return None


def _real_root(base: Value, exponent: Value) -> Value:
    """A power, of a negative number by an odd root the real one."""
    if isinstance(exponent, Fraction) and exponent.denominator % 2 and exponent.denominator > 1:
        real = complex(base)
        if real.real < 0 and abs(real.imag) <= _REAL * abs(real):
            found = _power(-base, exponent)
            return -found if exponent.numerator % 2 else found
    return _power(base, exponent)


def _root(number: int, root: int) -> int | None:
    """The whole root of a whole number, if it has one."""
    if number < 2:
        return number
    guess = math.isqrt(number) if root == 2 else round(math.exp(math.log(number) / root))
    return guess if guess.bit_length() * root <= 2 * number.bit_length() + root and guess**root == number else None


def _factorial(value: Value) -> Value:
    if not is_whole(value):
        if isinstance(value, Fraction) and value.denominator == 1:
            raise Unreadable("no factorial")
        raise Undecided
    if complex(value).real > _LARGEST_FACTORIAL:
        raise TooLarge("too large a factorial")
    return Fraction(math.factorial(int(value)))  # type: ignore[arg-type]


def _binomial(upper: Value, lower: Value) -> Value:
    if not is_whole(lower):
        raise Undecided
    if not is_whole(upper):
        if not isinstance(upper, Fraction) or complex(lower).real > 60:
            raise Undecided
        found = Fraction(1)
        for number in range(int(lower)):  # type: ignore[arg-type]
            found = found * (upper - number) / (number + 1)
        return found
    if complex(upper).real > _LARGEST_FACTORIAL:
        raise TooLarge("too large a binomial")
    return Fraction(math.comb(int(upper), int(lower)))  # type: ignore[arg-type]


def _absolute(value: Value) -> Value:
    return abs(value) if isinstance(value, Fraction) else complex(abs(value))


_WORKED_OUT: dict[str, Callable[..., Value]] = {
    "+": _sum,
    "-": lambda left, right: _sum(left, -right),
    "*": _product,
    "/": _quotient,
    "^": _real_root,
    "negative": lambda value: -value,
    "abs": _absolute,
    "!": _factorial,
    "binomial": _binomial,
    "percent": lambda value: value,
    "degrees": lambda value: value,
    "max": lambda *values: max(values, key=lambda value: complex(value).real),
    "min": lambda *values: min(values, key=lambda value: complex(value).real),
}
