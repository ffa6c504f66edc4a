"""Answers found in completions, told apart, and graded."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import real_data
from ttclib.errors import RequestError
from ttclib.grading import Grade, Grader, extract_answer, get_grader, grade_problem, same_value

MATH, EXACT = get_grader("math"), get_grader("exact")


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        (r"so $\boxed{7}$.", "7"),
        (r"\boxed{1} and then \boxed{2}", "2"),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\left\{ x \right.}", r"\left\{ x \right."),
        (r"\boxed { 5 }", "5"),
        (r"\fbox{5}", "5"),
        (r"\boxed{} and the answer is 3", None),
        (r"first \boxed{1}, then \boxed{\frac{1}", None),  # cut
        ("3+4=7\n#### 7", "7"),
        ("#### 1,234\n", "1,234"),
        ("7*7\n49\n#49", "49"),
        ("3-15\n-12\n#-12", "-12"),
        ("#1\nno\n#2", "2"),
        ("7*7\n#", None),  # cut
        ("## Step 1: add\nIt is 4", None),  # a heading
        ("# Solution\nThe answer is 4.", "4"),
        ("The answer is: $\\frac{1}{2}$.", "\\frac{1}{2}"),
        ("the answer is 3.5\nmore", "3.5"),
        ("I do not know", None),
        ("", None),
    ],
)
def test_extract_answer(completion, answer):
    assert extract_answer(completion) == answer


@given(st.text())
def test_extract_answer_takes_any_text(text):
    answer = extract_answer(text)
    assert answer is None or (answer == answer.strip() and answer and answer in text)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("7", "7.0", True),
        ("1,234", "1234", True),
        ("$5$", "5.", True),
        (".5", "0.50", True),
        ("+3", "3", True),
        ("-3", "3", False),
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


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (r"\frac{1}{2}", "0.5", True),
        (r"\frac12", "1/2", True),
        (r"\sqrt{8}", r"2\sqrt{2}", True),
        (r"2\pi", "6.283185307", True),
        ("(x-1)(x+1)", "x^2-1", True),
        ("(1,2)", "(1, 2)", True),
        ("(1,2)", "(2,1)", False),
        (r"\{1,2\}", r"\{2,1\}", True),
        ("[0,1)", "[0,1]", False),
        ("x=5", "5", True),
        (r"5\text{ cm}", "5", True),
        (r"50\%", "50", True),
        (r"50\%", "0.5", True),
        (r"10^\circ", "10", True),
        (r"\text{Evelyn}", "Evelyn", True),
        ("0.333", "1/3", False),
        ("3", "4", False),
        (r"\sqrt{2}", "1.5", False),
        ("1+i", "1-i", False),
    ],
)
def test_math_equivalence(left, right, same):
    assert MATH.equivalent(left, right) is same and MATH.equivalent(right, left) is same


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
    assert asked == [("7", "7"), ("7", "8"), ("7", "8")]  # two against the reference, and 8 against the class of 7


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
    assert EXACT.name == "exact-1" and MATH.name.startswith("math-verify-0")


def test_every_reference_of_math500_grades_right():
    problems = real_data("math500.jsonl")
    references = [problem["answer"] for problem in problems[::12]]
    for reference, other in pairwise(references):
        boxed, wrong = (rf"Hence $\boxed{{{answer}}}$." for answer in (reference, other))
        right, different = grade_problem([boxed, wrong], reference, MATH)
        assert right.correct is True
        assert different.correct is (right.answer_class == different.answer_class)


def test_real_samples_grade_as_their_collectors_did():
    rows = real_data("prm_steps_llama31_8b_math500_n1.jsonl.gz")[::6]
    same = [
        grade_problem(row["completions"], row["gold"], MATH, answers=row["answers"])[0].correct
        == bool(row["correct"][0])
        for row in rows
    ]
    assert sum(same) >= 0.95 * len(same)
