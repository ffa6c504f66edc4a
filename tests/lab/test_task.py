from __future__ import annotations

import ast
import operator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.errors import RequestError
from ttclib.lab import checkpoint
from ttclib.lab.task import ALPHABET, MAX_OPERATIONS, MAX_VALUE, exercises, held_out, random_exercise, solve, split_of

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


def test_splits_cannot_overlap() -> None:
    training = {exercise.expression for exercise in islice(exercises(0), 3000)}
    validation, test = ({e.expression for e in held_out(split, 200)} for split in ("validation", "test"))
    assert not training & validation and not training & test and not validation & test
    assert {split_of(expression) for expression in test} == {"test"}


def test_held_out_problems_are_distinct_and_stay_the_same() -> None:
    problems = held_out("test", 400)
    assert len({problem.expression for problem in problems}) == 400
    assert held_out("test", 40) == problems[:40]
    assert {problem.n_operations for problem in problems} == set(range(1, MAX_OPERATIONS + 1))


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(RequestError, match="unknown lab model 'policyx'.*Allowed: policy, prm"):
        checkpoint("policyx")
