"""Answers found in completions, told apart, and graded."""

from __future__ import annotations

import random
import re
import threading
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.errors import RequestError
from ttclib.grading import Grade, Grader, get_grader, grade_problem, same_value

MATH, EXACT = get_grader("math"), get_grader("exact")


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("7", "7.0", True),
        ("1,234", "1234", True),
        ("$5$", "5.", True),
        (".5", "0.50", True),
        ("+3", "3", True),
        ("-3", "3", False),
        ("1,2", "12", False),  # a list
        ("1,23", "123", False),
        ("9" * 5000, "9" * 5000 + ".0", True),
        ("1/2", "0.5", False),  # exact compares numbers, it does not compute
        ("abc", "abc ", True),
        ("", "0", False),
    ],
)
def test_same_value(left, right, same):
    assert same_value(left, right) is same and same_value(right, left) is same


@given(st.integers(), st.integers())
def test_same_value_compares_whole_numbers(left, right):
    assert same_value(str(left), str(right)) is (left == right)


def test_math_equivalence_away_from_the_main_thread():
    found: list[bool | None] = []
    thread = threading.Thread(target=lambda: found.append(MATH.equivalent(r"\frac{3}{7}", r"\frac{6}{14}")))
    thread.start()
    thread.join()
    assert found == [True]


def test_equivalent_answers_share_a_class_and_a_grade():
    completions = [rf"\boxed{{{answer}}}" for answer in (r"\frac{1}{2}", "3", "0.5", "3.0", "1/2")]
    grades = grade_problem(completions, "0.50", MATH)
    assert [grade.answer_class for grade in grades] == [0, 1, 0, 1, 0]
    assert [grade.correct for grade in grades] == [True, False, True, False, True]
    assert grades[0].answer == r"\frac{1}{2}"


def test_known_classes_are_kept_and_new_ones_follow():
    grades = grade_problem(["#7", "#9", "#8.0"], "9", EXACT, known=[("8", 4), ("7", 2)])
    assert [grade.answer_class for grade in grades] == [2, 5, 4]


def test_no_answer_is_wrong_only_where_one_was_asked_for():
    assert grade_problem(["no idea"], "7", EXACT) == [Grade(None, None, False)]
    assert grade_problem(["no idea"], None, EXACT) == [Grade(None, None, None)]
    assert grade_problem([None], "7", EXACT) == [Grade(None, None, None)]
    assert grade_problem(["#7"], None, EXACT) == [Grade("7", 0, None)]


def test_a_given_answer_is_taken_and_a_blank_one_is_none():
    grades = grade_problem(["#1", "#1", None], "7", EXACT, answers=["7", " ", "7.0"])
    assert [(grade.answer, grade.answer_class, grade.correct) for grade in grades] == [
        ("7", 0, True),
        ("1", 1, False),
        ("7.0", 0, True),
    ]


def test_what_cannot_be_compared_is_ungraded_and_not_wrong():
    def unsure(reference: str, answer: str) -> bool | None:
        if answer == "raises":
            raise RecursionError
        return None if answer == "unsure" else reference == answer

    grades = grade_problem(["#raises", "#unsure", "#7", "#8"], "7", Grader("g", unsure))
    assert [grade.correct for grade in grades] == [None, None, True, False]


def test_each_distinct_answer_is_compared_once():
    asked: list[tuple[str, str]] = []

    def compare(reference: str, answer: str) -> bool:
        asked.append((reference, answer))
        return reference == answer

    grade_problem(["#7", "#8"] * 50, "7", Grader("g", compare))
    assert asked == [("7", "7"), ("7", "8")]  # what is not right is in no class of right answers


@given(
    st.lists(st.integers(-3, 3), max_size=12), st.lists(st.sampled_from(["", ".0", ".00"]), min_size=12, max_size=12)
)
def test_classes_are_those_of_equality(values, endings):
    completions = [f"#{value}{ending}" for value, ending in zip(values, endings, strict=False)]
    classes = [grade.answer_class for grade in grade_problem(completions, "1", EXACT)]
    for left, one in zip(values, classes, strict=True):
        for right, other in zip(values, classes, strict=True):
            assert (left == right) is (one == other)


def test_an_unknown_grader_lists_the_choices():
    with pytest.raises(RequestError, match="unknown grader 'maths': did you mean 'math'"):
        get_grader("maths")
    assert EXACT.name == "exact-2" and re.fullmatch(r"math-verify-[\d.]+\.4", MATH.name)


def test_the_right_answers_are_one_class_whatever_comes_first():
    for order in (["0.3333333", r"\frac13", "1/3"], [r"\frac13", "0.333333", "0.3333333"]):
        grades = grade_problem([rf"\boxed{{{answer}}}" for answer in order], "1/3", MATH)
        assert [(grade.answer_class, grade.correct) for grade in grades] == [(0, True)] * 3


def test_a_known_class_of_right_answers_is_found_through_the_reference():
    grades = grade_problem(["#0.5", "#3"], r"\frac{1}{2}", MATH, known=[("2", 0), ("1/2", 5), ("4", 7)])
    assert [(grade.answer_class, grade.correct) for grade in grades] == [(5, True), (8, False)]


def test_many_distinct_answers_take_few_comparisons():
    asked = 0

    def counting(left: str, right: str) -> bool | None:
        nonlocal asked
        asked += 1
        return MATH.equivalent(left, right)

    values = [rf"\frac{{{top}}}{{{bottom}}}" for bottom in range(2, 32) for top in range(1, 31)]
    random.Random(0).shuffle(values)
    grades = grade_problem([rf"\boxed{{{v}}}" for v in values], "0.5", Grader("g", counting, MATH.keys))
    assert asked < 2 * len(values)  # with the reference, and with its class; all pairs would be 400,000
    fractions = [Fraction(*map(int, re.findall(r"\d+", value))) for value in values]
    classes: dict[Fraction, set[int | None]] = {}
    for value, grade in zip(fractions, grades, strict=True):
        classes.setdefault(value, set()).add(grade.answer_class)
        assert grade.correct is (value == Fraction(1, 2))
    assert all(len(found) == 1 for found in classes.values())
    assert len({number for found in classes.values() for number in found}) == len(classes)


def test_latex_that_only_math_verify_reads_is_compared_a_few_times_only():
    asked: list[tuple[str, str]] = []

    def never(left: str, right: str) -> bool:
        asked.append((left, right))
        return False

    answers = [rf"\int_0^{{{number}}} x dx" for number in range(60)]
    grades = grade_problem([None] * 60, "7", Grader("g", never, MATH.keys), answers=answers)
    assert len({grade.answer_class for grade in grades}) == 60
    assert len(asked) <= 60 * 17
