"""Nested integer arithmetic, solved one operation a line: the lab's only task.

A problem is a fully parenthesised expression, a solution rewrites it one operation at a time
(always the leftmost one whose two operands are numbers) and ends with ``#`` and the value::

    (3+4)*(9-2)=
    7*(9-2)
    7*7
    49
    #49

Difficulty is the number of operations: a copying or counting slip at any line spoils the rest, so
the share of right solutions falls steeply with their number. Pure Python, no model.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

MIN_OPERATIONS = 2  # of a held-out problem: there are too few of one operation
MAX_OPERATIONS = 12
PRACTISED_OPERATIONS = 10  # most that a policy is trained on; the rest asks for more of the same
MAX_OPERAND = 9
MAX_VALUE = 19
ALPHABET = "0123456789+-*()=\n#"
PROMPT_END = "=\n"
STEP_END = "\n"

# The leftmost "a op b" whose operands are both numbers: either inside its own parentheses, or the
# whole expression, whose outermost parentheses are not written.
_REDUCIBLE = re.compile(r"\((-?\d+)([+\-*])(-?\d+)\)|^(-?\d+)([+\-*])(-?\d+)$")


@dataclass(frozen=True)
class Exercise:
    """One expression with its worked solution."""

    expression: str  # without the closing `=`
    n_operations: int
    value: int
    solution: str  # all lines, without a newline after the last

    @property
    def prompt(self) -> str:
        """What the policy is given."""
        return self.expression + PROMPT_END

    @property
    def answer_line(self) -> str:
        """The last line of the solution."""
        return f"#{self.value}"


def reduce_once(expression: str) -> str | None:
    """Carry out the leftmost operation whose operands are numbers.

    Parameters
    ----------
    expression : str
        For example ``"(3+4)*(9-2)"``.

    Returns
    -------
    str or None
        ``"7*(9-2)"``; None when there is nothing to carry out.

    Examples
    --------
    >>> reduce_once("(3+4)*(9-2)")
    '7*(9-2)'
    >>> reduce_once("7*-2")
    '-14'
    """
    match = _REDUCIBLE.search(expression)
    if match is None:
        return None
    left, operator, right = (group for group in match.groups() if group is not None)
    value = _apply(operator, int(left), int(right))
    return expression[: match.start()] + str(value) + expression[match.end() :]


def solve(expression: str) -> list[str]:
    """Every line of the worked solution, the answer line included.

    Examples
    --------
    >>> solve("(3+4)*(9-2)")
    ['7*(9-2)', '7*7', '49', '#49']
    """
    lines: list[str] = []
    while (line := reduce_once(lines[-1] if lines else expression)) is not None:
        lines.append(line)
    return [*lines, f"#{lines[-1] if lines else expression}"]


def random_exercise(rng: np.random.Generator, n_operations: int) -> Exercise:
    """Draw an expression with this many operations and no value beyond ±19 on the way.

    Parameters
    ----------
    n_operations : int
        At least 1.
    """
    expression, value = _random_tree(rng, n_operations)
    if n_operations:
        expression = expression[1:-1]  # the outermost parentheses are not written
    return Exercise(expression, n_operations, value, STEP_END.join(solve(expression)))


def exercises(
    seed: int | Sequence[int], *, short: float = 0.0, operations: tuple[int, int] = (MIN_OPERATIONS, MAX_OPERATIONS)
) -> Iterator[Exercise]:
    """An endless stream of training exercises that never holds a held-out one.

    Parameters
    ----------
    short : float
        Operations are drawn with weights `n_operations ** -short`: 0 draws all alike, more of it
        short ones.
    operations : tuple of int
        Fewest and most; by default as many as held-out problems have.
    """
    rng = np.random.default_rng(seed)
    numbers = np.arange(operations[0], operations[1] + 1)
    cumulative = np.cumsum(numbers ** -float(short))
    while True:
        n_operations = int(numbers[np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")])
        exercise = random_exercise(rng, n_operations)
        if split_of(exercise.expression) == "train":
            yield exercise


def held_out(split: str, n_problems: int) -> list[Exercise]:
    """Exercises of the validation or test split, no two of one canonical form, 2 … 12 operations in turn.

    Parameters
    ----------
    split : {"validation", "test"}
    """
    rng = np.random.default_rng([0, {"validation": 1, "test": 2}[split]])
    found: dict[str, Exercise] = {}
    while len(found) < n_problems:
        exercise = random_exercise(rng, MIN_OPERATIONS + len(found) % (MAX_OPERATIONS - MIN_OPERATIONS + 1))
        if split_of(exercise.expression) == split:
            found.setdefault(canonical_form(exercise.expression), exercise)
    return list(found.values())


def split_of(expression: str) -> str:
    """The split an expression belongs to, by a checksum of its canonical form: 80 % train, 10 % each other.

    Whatever the seeds are, no two splits hold the same problem, nor one that differs from it only
    in the order of what is added or multiplied.

    Examples
    --------
    >>> split_of("(3+4)*(9-2)") == split_of("(9-2)*(4+3)")
    True
    """
    bucket = zlib.crc32(canonical_form(expression).encode()) % 10
    return "validation" if bucket == 0 else "test" if bucket == 1 else "train"


def canonical_form(expression: str) -> str:
    """One text for all orders and groupings of what is added or multiplied.

    Examples
    --------
    >>> canonical_form("(9-2)+(4+3)"), canonical_form("3+(4+(9-2))")
    ('((9-2)+3+4)', '((9-2)+3+4)')
    >>> canonical_form("(7*(9-2))-3")
    '(((9-2)*7)-3)'
    """
    tokens = re.findall(r"\d+|[+\-*()]", expression)

    def operand() -> tuple[str, list[str]]:
        if (token := tokens.pop(0)) != "(":
            return "", [token]
        found = operation()
        tokens.pop(0)  # the closing parenthesis
        return found

    def operation() -> tuple[str, list[str]]:
        left = operand()
        if not tokens or tokens[0] == ")":
            return left
        operator = tokens.pop(0)
        sides = [left, operand()]
        if operator == "-":
            return operator, [_joined(*side) for side in sides]
        return operator, sorted(
            part for side in sides for part in (side[1] if side[0] == operator else [_joined(*side)])
        )

    return _joined(*operation())


def _joined(operator: str, parts: list[str]) -> str:
    return f"({operator.join(parts)})" if operator else parts[0]


def _apply(operator: str, left: int, right: int) -> int:
    return left + right if operator == "+" else left - right if operator == "-" else left * right


def _random_tree(rng: np.random.Generator, n_operations: int) -> tuple[str, int]:
    """A part of an expression and its value, drawn again until that is small enough."""
    if n_operations == 0:
        operand = int(rng.random() * MAX_OPERAND) + 1
        return str(operand), operand
    while True:
        n_left = int(rng.random() * n_operations)
        (left, a), (right, b) = _random_tree(rng, n_left), _random_tree(rng, n_operations - 1 - n_left)
        operator = "+-*"[int(rng.random() * 3)]
        if abs(value := _apply(operator, a, b)) <= MAX_VALUE:
            return f"({left}{operator}{right})", value
