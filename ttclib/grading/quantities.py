"""A number, or an expression in letters: its values at the points, worked out when they are asked for."""

from __future__ import annotations

import math
import threading
from fractions import Fraction
from typing import Any

from ttclib.grading import precision
from ttclib.grading.evaluation import N_POINTS, NotReal, TooLarge, Undecided, Value, evaluate
from ttclib.grading.syntax import Node
from ttclib.grading.tokens import Unreadable
from ttclib.grading.units import Unit, unit_of

_RELATIVE = 1e-9
_PLAIN_POINTS = 3
_POSITIVE = (0, 1)  # the points at which every letter is
_FEWEST_PLACES, _FEWEST_DIGITS = 6, 5
_NOISE_DIGITS, _NOISE = (15, 16, 17), 4e-15  # as many as a float is written with
_HUNDREDTH = Fraction(1, 100)
# Where a sign decides, or an expression may not be real, all points are looked at.
_SENSITIVE = {"abs", "call", "!", "binomial", "floor", "ceil", "max", "min"}
_LOCK = threading.RLock()  # sixty digits are a setting of the whole library
_DEGREE = unit_of("degree")
_FORM_DIGITS = 25


class Number:
    """A number, or an expression in letters by its values at a few points.

    Letters are real numbers. Two expressions are the same if they are equal at every point at which both are
    real, and positive letters make both real or neither; one with the imaginary unit is compared everywhere.

    Parameters
    ----------
    name : str, optional
        A letter that this is the value of.

    Attributes
    ----------
    percent : bool
        Whether a per cent sign stands in it: 50 % is 50, and 1/2.
    places : int or None
        Digits behind the point of a number that is written as a decimal.
    plain : bool
        Whether it is digits alone, with a sign.
    base : int or None
        Base that the digits were written in.
    unit : Unit or None

    Raises
    ------
    Unreadable, ttclib.grading.evaluation.TooLarge
    """

    __slots__ = ("_precise", "_values", "base", "letters", "node", "percent", "places", "plain", "real", "sensitive",
                 "unit")  # fmt: skip

    def __init__(self, node: Node) -> None:
        self.unit: Unit | None = None
        if node[0] == "unit":
            node, self.unit = node[1], node[2]
        bare = node
        degrees = False
        while bare[0] in ("negative", "percent", "degrees"):
            degrees |= bare[0] == "degrees"
            bare = bare[1]
        if degrees and self.unit is None:
            self.unit = _DEGREE
        self.node = node
        self.letters: set[str] = set()
        self.percent = self.sensitive = False
        self._look(node)
        self.real = "i" not in self.letters and bool(self.letters - {"e"})
        self.letters -= {"e", "i"}
        self.plain = bare[0] == "number"
        self.places: int | None = bare[2] if self.plain else None
        self.base: int | None = node[2] if node[0] == "base" else None
        self._values: dict[tuple[int, bool], Value | Undecided | None] = {}
        self._precise: dict[tuple[int, bool], Any] = {}
        if isinstance(self.value(0), Undecided):
            self.precise(0)

    def _look(self, node: Node) -> None:
        kind = node[0]
        if kind == "letter":
            self.letters.add(node[1])
        elif kind == "word":
            self.letters.update(node[1])
        elif kind == "percent":
            self.percent = True
        elif kind in _SENSITIVE or (kind == "^" and not _is_whole(node[2])):
            self.sensitive = True
        for part in node[1:]:
            if isinstance(part, tuple) and part and isinstance(part[0], str):
                self._look(part)

    @property
    def n_points(self) -> int:
        """Points at which this is looked at."""
        return 1 if not self.letters else N_POINTS if self.sensitive else _PLAIN_POINTS

    def value(self, point: int, share: bool = False) -> Value | Undecided | None:
        """The value at a point; None: it is not real there. `share`: with per cent as hundredths."""
        key = (point, share)
        if key not in self._values:
            found: Value | Undecided | None
            try:
                found = evaluate(self.node, point, _HUNDREDTH if share else Fraction(1), real=self.real)
            except NotReal:
                found = None
            except Undecided as undecided:
                found = undecided
            except Unreadable:
                if point == 0:
                    raise
                found = None
            self._values[key] = found
        return self._values[key]

    def precise(self, point: int, share: bool = False) -> Any:
        """The same with sixty digits."""
        key = (point, share)
        if key not in self._precise:
            with _LOCK:
                try:
                    found = precision.precise(self.node, point, _HUNDREDTH if share else Fraction(1), real=self.real)
                except NotReal:
                    found = None
                except Unreadable:
                    if point == 0:
                        raise
                    found = None
            self._precise[key] = found
        return self._precise[key]

    def size(self, share: bool = False) -> float:
        """About how far it is from zero, at the first point."""
        value = self.value(0, share)
        if value is None:
            return 1.0
        if isinstance(value, Undecided):
            with _LOCK:
                found = self.precise(0, share)
                magnitude = precision.number(found) if found is not None else 1
                return float(abs(magnitude)) if abs(magnitude) < 1e300 else 1e270
        if isinstance(value, Fraction) and value.numerator.bit_length() - value.denominator.bit_length() > 900:
            return 1e270
        return abs(complex(value))

    def real_value(self) -> float:
        """Of a number without letters that is real, about its value.

        Raises
        ------
        Unreadable
        """
        value = self.value(0)
        if self.letters or value is None:
            raise Unreadable("no number")
        if isinstance(value, Undecided):
            with _LOCK:
                value = complex(precision.number(self.precise(0)))
        if isinstance(value, complex) and abs(value.imag) > _RELATIVE * abs(value):
            raise Unreadable("not real")
        try:
            return float(value.real)
        except OverflowError:
            raise TooLarge("beyond the largest float") from None

    def scaled(self, factor: Fraction) -> Number:
        """So many of it."""
        return self if factor == 1 else Number(("*", ("number", factor, None), self.node))

    def marks(self, share: bool = False) -> tuple[Any, ...]:
        """Its values at the points, each in one writing: equal numbers have equal marks."""
        found: list[Any] = []
        for point in range(self.n_points):
            value: Any = self.value(point, share)
            if value is not None and not isinstance(value, Fraction):
                value = self.precise(point, share)
            if value is not None and not isinstance(value, Fraction):
                with _LOCK:
                    value = _written(value)
            found.append(value)
        return tuple(found)


def same(left: Number, right: Number, share: bool = False, other_share: bool = False) -> bool:
    """Whether two are equal at every point at which both are real."""
    n_points = max(left.n_points, right.n_points)
    if left.real != right.real and (left.letters or right.letters) and ("i" in str(left.node) + str(right.node)):
        n_points = max(n_points, _PLAIN_POINTS)
    if n_points > _PLAIN_POINTS and _real_where_positive(left, share) != _real_where_positive(right, other_share):
        return False
    compared = 0
    for point in range(n_points):
        found = _same_at(left, right, point, share, other_share)
        if found is False:
            return False
        compared += found is True
    if compared or n_points == 1:
        return compared > 0
    # Nowhere real: they may still be the same expression.
    return left.marks(share) == right.marks(other_share) and left.node == right.node


def _real_where_positive(number: Number, share: bool) -> bool:
    return any(number.value(point, share) is not None for point in _POSITIVE)


def _same_at(left: Number, right: Number, point: int, share: bool, other_share: bool) -> bool | None:
    one, other = left.value(point, share), right.value(point, other_share)
    if one is None or other is None:
        return None
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return one == other
    if not isinstance(one, Undecided) and not isinstance(other, Undecided):
        try:
            first, second = complex(one), complex(other)
            if abs(first - second) > _RELATIVE * max(abs(first), abs(second)):
                return False
        except OverflowError:
            pass
    with _LOCK:
        exact, again = left.precise(point, share), right.precise(point, other_share)
        if exact is None or again is None:
            return None
        if not precision.agree(exact, again):
            return False
        digits = precision.digits_for(exact)
        if digits == precision.DIGITS or (isinstance(exact, Fraction) and isinstance(again, Fraction)):
            return True
        first_many, second_many = (
            precision.precise(
                side.node, point, _HUNDREDTH if hundredths else Fraction(1), real=side.real, digits=digits
            )
            for side, hundredths in ((left, share), (right, other_share))
        )
        return precision.agree(first_many, second_many, digits)


def equal_numbers(left: Number, right: Number) -> bool:
    """Whether two numbers are the same answer: the units agree, and the values do."""
    if left.unit is not None and right.unit is not None and left.unit != right.unit:
        if left.unit[0] != right.unit[0]:
            return False
        left = left.scaled(left.unit[1] / right.unit[1])
    if left.base is not None and right.base is not None and left.base != right.base:
        return in_base(left) is not None and in_base(left) == in_base(right)
    share_alone = right.percent and not left.percent and not left.letters and left.size() < 1  # 0.5 is not 0.5 %
    if not share_alone and _close(left, right, False, False):
        return True
    if left.percent != right.percent:
        return _close(left, right, left.percent, right.percent)
    return False


def agree_roughly(left: Number, right: Number) -> bool:
    """Whether two sides of a numeric equation agree, one perhaps to the digits that the other is written with."""
    if equal_numbers(left, right):
        return True
    for decimal, exact in ((left, right), (right, left)):
        if decimal.places is not None and not exact.letters and not decimal.letters:
            for share in (False, True):
                unit = 10.0 ** -(decimal.places + (2 if share else 0))
                one, other = decimal.value(0, share), exact.value(0, share)
                if one is None or other is None or isinstance(one, Undecided) or isinstance(other, Undecided):
                    continue
                if abs(complex(one) - complex(other)) <= 1.000001 * unit:
                    return True
    return False


def in_base(number: Number) -> int | None:
    """What a number's digits say in their base."""
    value = number.value(0)
    try:
        return int(str(value), number.base or 10) if isinstance(value, Fraction) else None
    except ValueError:
        return None


def _close(left: Number, right: Number, share: bool, other_share: bool) -> bool:
    if same(left, right, share, other_share):
        return True
    if left.letters or right.letters:
        return False
    return _written_for(left, share, right, other_share) or _written_for(right, other_share, left, share)


def _written_for(decimal: Number, share: bool, exact: Number, other_share: bool) -> bool:
    """Whether a decimal stands for a value that takes more digits: 0.333333 for a third, but not 0.333.

    Two decimals are equal digit by digit, but for the noise of floating point.
    """
    if decimal.places is None:
        return False
    places = decimal.places + (2 if share else 0)
    if places < _FEWEST_PLACES:
        return False
    one, other = decimal.value(0, share), exact.value(0, other_share)
    if isinstance(one, Undecided) or isinstance(other, Undecided) or one is None or other is None:
        return False
    try:
        written, meant = complex(one), complex(other)
    except OverflowError:
        return False
    if meant.imag or written.imag:
        return False
    apart = abs(written.real - meant.real)
    digits = places + max(0, math.floor(math.log10(abs(written.real))) + 1) if written.real else 0
    if digits in _NOISE_DIGITS and apart <= _NOISE * abs(meant.real):
        return True
    if (
        exact.plain
        or digits >= _NOISE_DIGITS[0]
        or (isinstance(other, Fraction) and 10**places % other.denominator == 0)
    ):
        return False
    unit = 10.0**-places
    cut = round(abs(written.real) * 10.0**places) == math.floor(abs(meant.real) * 10.0**places + 1e-5) and apart < unit
    enough = abs(written.real) >= 10.0 ** (_FEWEST_DIGITS - 1) * unit
    return enough and (cut or apart <= 0.5 * unit * (1 + 1e-6))


def _written(value: Any) -> tuple[str, str]:
    context = precision.number(value)
    real, imaginary = context.real, context.imag
    nstr = precision.written
    return nstr(real, _FORM_DIGITS), nstr(imaginary, _FORM_DIGITS)


def _is_whole(node: Node) -> bool:
    while node[0] == "negative":
        node = node[1]
    return node[0] == "number" and node[1].denominator == 1
