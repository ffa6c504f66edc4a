from __future__ import annotations

import ast
import operator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.errors import RequestError
from ttclib.problems.arithmetic import (
    ALPHABET,
    MAX_OPERATIONS,
    MAX_VALUE,
    MIN_OPERATIONS,
    canonical_form,
    exercises,
    held_out,
    random_exercise,
    solve,
    split_of,
)
from ttclib.shipped import checkpoint

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.USub: operator.neg}


def value_of(expression: str) -> int:
    """Python's own arithmetic, through its syntax tree."""

    def walk(node: ast.AST) -> int:
        match node:
            case ast.Expression(body=body):
                return walk(body)
            case ast.Constant(value=value):
                return int(value)
            case ast.BinOp(left=left, op=op, right=right):
                return OPERATORS[type(op)](walk(left), walk(right))
            case ast.UnaryOp(op=op, operand=operand):
                return OPERATORS[type(op)](walk(operand))
        raise AssertionError(node)

    return walk(ast.parse(expression, mode="eval"))


@given(st.integers(0, 2**32), st.integers(1, MAX_OPERATIONS))
def test_every_line_has_the_value_of_the_expression(seed: int, n_operations: int) -> None:
    exercise = random_exercise(np.random.default_rng(seed), n_operations)
    lines = exercise.solution.split("\n")
    assert len(lines) == n_operations + 1
    assert {value_of(line.removeprefix("#")) for line in lines} == {value_of(exercise.expression)} == {exercise.value}
    assert abs(exercise.value) <= MAX_VALUE
    assert set(exercise.prompt + exercise.solution) <= set(ALPHABET)


def test_one_operation_disappears_a_line() -> None:
    lines = solve("6-((4-9)+(9+3))")
    assert lines == ["6-(-5+(9+3))", "6-(-5+12)", "6-7", "-1", "#-1"]


def swapped(expression: str, rng: np.random.Generator) -> str:
    """The same expression with the sides of some of its sums and products exchanged."""

    def walk(node: ast.expr) -> str:
        if not isinstance(node, ast.BinOp):
            return ast.unparse(node)
        left, right = walk(node.left), walk(node.right)
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}[type(node.op)]
        if sign != "-" and rng.random() < 0.5:
            left, right = right, left
        return f"({left}{sign}{right})"

    return walk(ast.parse(expression, mode="eval").body)[1:-1]


@given(st.integers(0, 2**32), st.integers(1, MAX_OPERATIONS))
def test_an_order_changed_is_the_same_problem(seed: int, n_operations: int) -> None:
    rng = np.random.default_rng(seed)
    expression = random_exercise(rng, n_operations).expression
    other = swapped(expression, rng)
    assert canonical_form(other) == canonical_form(expression)
    assert split_of(other) == split_of(expression)
    assert value_of(canonical_form(expression)) == value_of(expression)


def test_other_problems_have_other_forms() -> None:
    forms = {canonical_form(text) for text in ("3-(4-5)", "(3-4)-5", "3-(5-4)", "(3*4)+5", "3*(4+5)", "3+4", "34")}
    assert len(forms) == 7


def test_splits_cannot_overlap() -> None:
    drawn = {
        "train": [exercise.expression for exercise in islice(exercises(0), 3000)],
        "validation": [exercise.expression for exercise in held_out("validation", 200)],
        "test": [exercise.expression for exercise in held_out("test", 500)],
    }
    forms = {split: {canonical_form(text) for text in texts} for split, texts in drawn.items()}
    assert not forms["train"] & forms["validation"]
    assert not forms["train"] & forms["test"]
    assert not forms["validation"] & forms["test"]
    for split, texts in drawn.items():
        assert {split_of(text) for text in texts} == {split}


def test_short_exercises_come_more_often_when_asked_for() -> None:
    plain, short = ([e.n_operations for e in islice(exercises(0, short=weight), 2000)] for weight in (0.0, 2.0))
    assert abs(np.mean(plain) - (MIN_OPERATIONS + MAX_OPERATIONS) / 2) < 0.5
    assert np.mean(short) < 4


def test_held_out_problems_are_distinct_and_stay_the_same() -> None:
    problems = held_out("test", 500)
    assert len({canonical_form(problem.expression) for problem in problems}) == 500
    assert held_out("test", 40) == problems[:40]
    assert {problem.n_operations for problem in problems} == set(range(2, MAX_OPERATIONS + 1))


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(
        RequestError, match="unknown lab model 'policyx'.*Allowed: policy, policy-2x, policy-4x, policy-14x, prm"
    ):
        checkpoint("policyx")
