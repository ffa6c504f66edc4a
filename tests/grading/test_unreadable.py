"""What no value is made of, and why; and values that the two ways of working out must agree on."""

from __future__ import annotations

import math

import pytest

from ttclib.grading.evaluation import NotReal, TooLarge, Undecided, evaluate
from ttclib.grading.interpretation import interpret
from ttclib.grading.precision import precise
from ttclib.grading.syntax import parse_answer
from ttclib.grading.tokens import Unreadable

MATRIX = r"\begin{pmatrix}1&2\end{pmatrix}"
MANY = ",".join(map(str, range(2000)))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1e1000", "too large"),
        ("1e-1000", "too large"),
        ("1 2", "two numbers in a row"),
        (r"3 \text{m} + 4", "a unit in the middle"),
        (r"3 \text{m} + 4 \text{s}", "two units"),
        ("(1,2):3", "a ratio of no numbers"),
        ("1)", r"'\)' is left over"),
        (r"\frac{1}{", "it ends too early"),
        ("(1, 2}", "brackets do not match"),
        ("]0", "no interval"),
        (r"\begin{pmatrix}1&2\\3\end{pmatrix}", "rows differ"),
        (r"\begin{pmatrix}1&2\end{bmatrix}", "environments do not match"),
        (r"\begin{align}1\end{align}", "environment align is not known"),
        (r"\begin{vmatrix}1&2&3\\4&5&6\end{vmatrix}", "no determinant"),
        ("(" * 200 + "1" + ")" * 200, "too deep"),
        ("-" * 500 + "1", "too deep"),
        ("2^" * 300 + "2", "too deep"),
        (r"\foo", r"\\foo is not known"),
        ("*3", r"'\*' is out of place"),
        (r"5 \text{m}^{10}", "no power of a unit"),
        (r"5 \text{m}^{1/2}", "no power of a unit"),
        (r"5 \text{a b c d e f g h}", "is no unit"),
        (r"\sin(1,2)", "a function of several"),
        ("10_{(1,2)}", "no base"),
        ("|1", r"'\|' is missing"),
    ],
)
def test_what_cannot_be_parsed(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=f"^{why}|{why}$"):
        parse_answer(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (r"3 \in (1,2)", "no name of what is in it"),
        ("1 < x > 2", "mixed relations"),
        ("x = 3 = 4", "it contradicts itself"),
        (f"2 {MATRIX} {MATRIX}", "no multiple of a matrix"),
        (f"3/{MATRIX}", "no multiple of a matrix"),
        (r"x\setminus 3", "no sets of numbers"),
        (MANY, "too many items"),
        (f"({MANY})", "too many items"),
    ],
)
def test_what_cannot_be_interpreted(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        interpret(parse_answer(text))


@pytest.mark.parametrize(
    ("text", "fast", "slow"),
    [
        (r"\frac{1}{0}", Unreadable("it has no value"), Unreadable("it has no value")),
        (r"\sqrt{2}/(1-1)", Unreadable("it has no value"), Unreadable("it has no value")),
        (r"\ln 0", Unreadable("it has no value"), Unreadable("it has no value")),
        ("0^{-1}", Unreadable("it has no value"), Unreadable("it has no value")),
        (r"0^{-\pi}", Unreadable("it has no value"), Unreadable("it has no value")),
        (r"\gcd(1/2,3)", Unreadable("no whole number"), Unreadable("no whole number")),
        (r"\{1,2\}", Unreadable("set is no number"), Unreadable("set is no number")),
        ("2^{99999}", TooLarge("too large a power"), TooLarge("too large a power")),
        ("e^{1000000}", TooLarge("too large a power"), TooLarge("too large a power")),
        ("100000!", TooLarge("too large a factorial"), TooLarge("beyond any use")),
        ("2000.5!", Undecided(), TooLarge("too large a factorial")),
        (r"\binom{100000}{3}", TooLarge("too large a binomial"), TooLarge("too large a binomial")),
        (r"\sinh(1000000)", Undecided(), TooLarge("too large an argument")),
        ("(-3)!", Unreadable("no factorial"), TooLarge("gamma function pole")),
    ],
)
def test_what_has_no_value(text: str, fast: Exception, slow: Exception) -> None:
    node = parse_answer(text)
    for work_out, error in ((evaluate, fast), (precise, slow)):
        with pytest.raises(type(error), match=str(error) or None):
            work_out(node, 0)


@pytest.mark.parametrize("text", [r"\sqrt{-2}", r"\arcsin 2", r"\ln(-1)"])
def test_what_is_not_real_is_refused_where_a_real_value_is_wanted(text: str) -> None:
    node = parse_answer(text)
    for work_out in (evaluate, precise):
        assert abs(complex(work_out(node, 0)).imag) > 1
        with pytest.raises(NotReal, match="it is not real"):
            work_out(node, 0, real=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\binom{5}{2}", 10),
        (r"\binom{1/2}{3}", 1 / 16),
        (r"\binom{\pi}{2}", math.pi * (math.pi - 1) / 2),
        (r"\frac12!", math.sqrt(math.pi) / 2),
        ("5!", 120),
        ("41!", math.factorial(41)),
        (r"\lfloor \pi \rfloor", 3),
        (r"\lceil \pi \rceil", 4),
        (r"\lfloor -7/2 \rfloor", -4),
        (r"\lceil -7/2 \rceil", -3),
        (r"\gcd(12,18)", 6),
        (r"\gcd(12,18)\sqrt{2}/\sqrt{2}", 6),
        (r"\sqrt[3]{-8}", -2),
        (r"(-8)^{2/3}", 4),
        (r"0^{\pi}", 0),
        (r"2^{-3}", 0.125),
        (r"|3-5|", 2),
        (r"|\pi-5|", 5 - math.pi),
        (r"\log_2 8", 3),
        (r"50\%", 50),
    ],
)
def test_a_value_is_the_same_in_floats_and_in_fifty_digits(text: str, value: complex) -> None:
    node = parse_answer(text)
    assert complex(precise(node, 0)) == pytest.approx(complex(value))
    try:
        assert complex(evaluate(node, 0)) == pytest.approx(complex(value))
    except Undecided:
        assert text in (r"\binom{\pi}{2}", r"\frac12!")
