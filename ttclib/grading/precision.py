"""Values with sixty digits and more, for what a float cannot tell: whether two that look alike are equal.

A sum that cancels to forty-five digits is zero; two values that agree to forty, and behind the point to forty, are
equal. No pair of
different answers comes near that by chance, and no rounding of a float reaches it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath

from ttclib.grading.evaluation import (
    OF_ANGLES,
    WHOLE,
    NotReal,
    TooLarge,
    Value,
    exact_power,
    is_whole,
    letter_value,
    whole,
)
from ttclib.grading.syntax import Node
from ttclib.grading.tokens import Unreadable

DIGITS = 60
_MOST_DIGITS = 4000
_LARGEST_LOGARITHM = 50_000
_CONTEXT = mpmath.MPContext()
_CONTEXT.dps = DIGITS
_CALLS = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "log": "ln", "lg": "log10"}
Precise = Any  # Fraction, mpf or mpc


def precise(
    node: Node, point: int, percent: Fraction = Fraction(1), *, real: bool = False, digits: int = DIGITS
) -> Precise:
    """The value of an expression, as `ttclib.grading.evaluation.evaluate` gives it, with so many digits.

    Raises
    ------
    Unreadable
    ttclib.grading.evaluation.NotReal
    ttclib.grading.evaluation.TooLarge
    """
    _CONTEXT.dps = digits
    try:
        return _value(node, point, percent, real)
    except ZeroDivisionError:
        raise Unreadable("it has no value") from None
    except (ValueError, OverflowError, RecursionError, TypeError) as error:
        if isinstance(error, (Unreadable, TooLarge)):
            raise
        raise TooLarge(str(error)) from None
    finally:
        _CONTEXT.dps = DIGITS


def digits_for(value: Precise) -> int:
    """Digits that tell a value from one 1 away: more for a large one."""
    magnitude = int(_CONTEXT.mag(number(value)) * 0.302) if value else 0
    return DIGITS + min(max(0, magnitude), _MOST_DIGITS)


def agree(left: Precise, right: Precise, digits: int = DIGITS) -> bool:
    """Whether two values are equal to all but twenty of their digits."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left == right
    _CONTEXT.dps = digits
    try:
        one, other = number(left), number(right)
        return bool(abs(one - other) <= max(abs(one), abs(other)) * _CONTEXT.mpf(10) ** (20 - digits))
    finally:
        _CONTEXT.dps = DIGITS


def number(value: Value | Precise) -> Any:
    """A value as a number of sixty digits."""
    if isinstance(value, Fraction):
        return _CONTEXT.mpf(value.numerator) / value.denominator
    return _CONTEXT.mpmathify(value)


def _zero() -> Any:
    """What is nothing beside 1, at the digits of now."""
    return _CONTEXT.mpf(10) ** (15 - _CONTEXT.dps)


def _value(node: Node, point: int, percent: Fraction, real: bool) -> Precise:
    found = _any_value(node, point, percent, real)
    if isinstance(found, Fraction):
        return found
    if not _CONTEXT.isfinite(found):
        raise Unreadable("it has no value")
    if isinstance(found, _CONTEXT.mpc):
        if abs(found.imag) <= _zero() * abs(found):
            found = found.real
        elif real:
            raise NotReal("it is not real")
    if found and abs(_CONTEXT.mag(found)) > 2 * _LARGEST_LOGARITHM:
        raise TooLarge("beyond any use")
    return found


def _any_value(node: Node, point: int, percent: Fraction, real: bool) -> Precise:
    kind = node[0]
    if kind == "number":
        return node[1]
    if kind == "letter":
        if node[1] in ("e", "i"):
            return _CONTEXT.e * 1 if node[1] == "e" else _CONTEXT.mpc(0, 1)
        return letter_value(node[1], point)
    if kind == "pi":
        return _CONTEXT.pi * 1
    if kind == "base":
        return Fraction(node[1])
    if kind == "word":
        product = Fraction(1)
        for letter in node[1]:
            product = _product(product, _any_value(("letter", letter), point, percent, real))
        return product
    if kind == "call":
        return _call(node[1], _value(node[2], point, percent, real), node[2][0] == "degrees")
    if kind not in _WORKED_OUT and kind not in WHOLE:
        raise Unreadable(f"{kind} is no number")
    values = [_value(part, point, percent, real) for part in node[1:]]
    if kind == "percent":
        return _product(values[0], percent)
    if kind in ("floor", "ceil"):
        nearest = _CONTEXT.nint(number(values[0]).real)
        if agree(values[0], nearest):
            return Fraction(int(nearest))
        rounded = _CONTEXT.floor(number(values[0])) if kind == "floor" else _CONTEXT.ceil(number(values[0]))
        return Fraction(int(rounded.real))
    if kind in WHOLE:
        return whole(kind, values)
    return _WORKED_OUT[kind](*values)


def _call(name: str, inner: Precise, degrees: bool) -> Precise:
    value = number(inner)
    if name in ("ln", "log", "lg") and value == 0:
        raise Unreadable("it has no value")
    if name in OF_ANGLES and degrees:
        value *= _CONTEXT.pi / 180
    if abs(value) > _LARGEST_LOGARITHM and name in (*OF_ANGLES, "sinh", "cosh", "tanh", "exp"):
        raise TooLarge("too large an argument")
    found = getattr(_CONTEXT, _CALLS.get(name, name))(value)
    if abs(value) > 1e-20 and abs(found) < _zero():
        return Fraction(0)
    if name in OF_ANGLES and abs(found) > 1 / _zero():
        raise Unreadable("it has no value")
    return found


def _sum(left: Precise, right: Precise) -> Precise:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left + right
    one, other = number(left), number(right)
    found = one + other
    return Fraction(0) if abs(found) <= _zero() * max(abs(one), abs(other)) else found


def _product(left: Precise, right: Precise) -> Precise:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left * right
    return Fraction(0) if left == 0 or right == 0 else number(left) * number(right)


def _quotient(left: Precise, right: Precise) -> Precise:
    if right == 0:
        raise Unreadable("it has no value")
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left / right
    return number(left) / number(right)


def _power(base: Precise, exponent: Precise) -> Precise:
    if isinstance(base, Fraction) or isinstance(exponent, Fraction):
        found = exact_power(base, exponent)
        if found is not None:
            return found
    if base == 0:
        if number(exponent).real > 0:
            return Fraction(0)
        raise Unreadable("it has no value")
    one, other = number(base), number(exponent)
    if abs(other) * abs(_CONTEXT.ln(abs(one))) > _LARGEST_LOGARITHM:
        raise TooLarge("too large a power")
    odd = isinstance(exponent, Fraction) and exponent.denominator % 2 and exponent.denominator > 1
    if odd and not isinstance(one, _CONTEXT.mpc) and one < 0:  # the real root
        return (-1 if exponent.numerator % 2 else 1) * (-one) ** other
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        return one ** int(exponent)
    return one**other


def _factorial(value: Precise) -> Precise:
    if is_whole(value):
        return Fraction(int(_CONTEXT.factorial(int(value)))) if value < 40 else _CONTEXT.factorial(int(value))
    if abs(number(value)) > 1000:
        raise TooLarge("too large a factorial")
    return _CONTEXT.factorial(number(value))


def _binomial(upper: Precise, lower: Precise) -> Precise:
    if max(abs(number(upper)), abs(number(lower))) > 1000:
        raise TooLarge("too large a binomial")
    return _CONTEXT.binomial(number(upper), number(lower))


_WORKED_OUT: dict[str, Any] = {
    "+": _sum,
    "-": lambda left, right: _sum(left, -right),
    "*": _product,
    "/": _quotient,
    "^": _power,
    "negative": lambda value: -value,
    "abs": lambda value: abs(value) if isinstance(value, Fraction) else abs(number(value)),
    "!": _factorial,
    "binomial": _binomial,
    "percent": lambda value: value,
    "degrees": lambda value: value,
    "max": lambda *values: max(values, key=lambda value: number(value).real),
    "min": lambda *values: min(values, key=lambda value: number(value).real),
}


def written(value: Any, digits: int) -> str:
    """A real number in so many digits."""
    return str(_CONTEXT.nstr(value, digits))
