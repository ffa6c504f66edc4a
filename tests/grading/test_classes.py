"""Classes: no two grades in one, and without a reference the same in every order."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.grading.pairs import pairs
from tests.grading.test_rules import RIGHT, WRONG
from ttclib.grading import Grader, get_grader, grade_problem

MATH, EXACT = get_grader("math"), get_grader("exact")
# Answers that equal one another in one way and not in another.
CHAINS = [
    ["40", r"40\%", "0.4", "40 percent", r"\frac{2}{5}"],
    ["12", "12 cm", "12 kg", r"12\text{ cm}", r"12\mathrm{~m}", "12.0"],
    ["(1,2)", "1,2", "2,1", r"\{1,2\}", "[1,2]", "x=1, y=2"],
    ["1/3", "0.333333", "0.3333333", "0.333", r"0.\overline{3}"],
    ["1,234", "1234", "1, 234", "1.234"],
    ["x=5", "5", "y=5", "5.0", "5 = x"],
    ["B", "(B)", "b", r"\text{B}", "(B) 12", "12"],
    [r"2\ln x", r"\ln x^2", r"2\ln|x|", "x", "|x|", r"\sqrt{x^2}"],
    ["52_8", "52", "42", "42_{10}", "101010_2"],
    ["5:45", "05:45", "5:45 PM", "17:45", "5:45 p.m."],
    ["no solution", r"\emptyset", "No Solutions", "0", "none"],
    [r"\int_0^1 x dx", r"\frac12", "0.5", r"\int_0^1 y dy"],
]
TEXTS = sorted({text for pair in pairs() for text in pair[:2]} | {text for pair in RIGHT + WRONG for text in pair[1:]})


def partition(answers, reference=None, grader=MATH):
    grades = grade_problem([None] * len(answers), reference, grader, answers=answers)
    classes: dict[int | None, set[str]] = {}
    for answer, grade in zip(answers, grades, strict=True):
        classes.setdefault(grade.answer_class, set()).add(answer)
    return {frozenset(found) for found in classes.values()}


@pytest.mark.parametrize("answers", CHAINS, ids=lambda answers: answers[0])
def test_without_a_reference_classes_are_the_same_in_every_order(answers):
    expected = partition(answers)
    for order in list(permutations(answers))[::7]:
        assert partition(list(order)) == expected


@given(st.lists(st.sampled_from(TEXTS), min_size=2, max_size=7, unique=True).flatmap(lambda found: st.tuples(
    st.just(found), st.permutations(found), st.booleans())))  # fmt: skip
def test_any_answers_have_the_same_classes_in_every_order(drawn):
    answers, order, known = drawn
    if not known:
        assert partition(answers) == partition(order)
        return
    first = grade_problem([None] * len(answers), None, MATH, answers=answers)
    held = [(answer, grade.answer_class) for answer, grade in zip(answers, first, strict=True)]
    again = grade_problem([None] * len(order), None, MATH, answers=order, known=held[:3])
    classes = dict(zip(order, (grade.answer_class for grade in again), strict=True))
    before = dict(held)
    for one in order:
        for other in order:
            assert (classes[one] == classes[other]) is (before[one] == before[other])


@given(st.sampled_from(TEXTS), st.lists(st.sampled_from(TEXTS), max_size=8), st.data())
def test_with_a_reference_no_class_holds_two_grades(reference, answers, data):
    if any("\\int" in text or "\\sum" in text or "\\lim" in text for text in [reference, *answers]):
        return  # math-verify's process is not for this test
    known = data.draw(st.lists(st.tuples(st.sampled_from(TEXTS), st.integers(0, 3)), max_size=3))
    answers = [*answers, reference]
    graded = grade_problem([None] * len(answers), reference, MATH, answers=answers, known=known)
    of_class: dict[int | None, set[bool | None]] = {}
    for grade in graded:
        of_class.setdefault(grade.answer_class, set()).add(grade.correct)
    assert all(len(found) == 1 for found in of_class.values())
    assert sum(True in found for found in of_class.values()) <= 1
    again = grade_problem([None] * len(answers), reference, MATH, answers=answers[::-1])
    assert [grade.correct for grade in again] == [grade.correct for grade in graded][::-1]


@pytest.mark.parametrize("answers", CHAINS, ids=lambda answers: answers[0])
def test_the_right_answers_are_one_class_and_the_wrong_ones_others(answers):
    for reference in answers:
        grades = grade_problem([None] * len(answers), reference, MATH, answers=answers)
        right = {grade.answer_class for grade in grades if grade.correct}
        assert len(right) == 1
        assert not right & {grade.answer_class for grade in grades if not grade.correct}


def test_what_stands_around_a_value_makes_no_class_of_its_own():
    assert partition(["12", "12 cm", "12 kg", r"\$12", "x = 12"]) == {
        frozenset(["12", "12 cm", "12 kg", r"\$12", "x = 12"])
    }
    assert partition(["40", r"40\%", "0.4"]) == {frozenset(["40", r"40\%"]), frozenset(["0.4"])}
    assert partition(["(1,2)", "1,2", "2,1"]) == {frozenset(["(1,2)"]), frozenset(["1,2", "2,1"])}


def test_a_right_answer_leaves_a_class_that_was_made_without_the_reference():
    held = [("12", 0), ("12 cm", 0), ("12 kg", 0)]
    grades = grade_problem([None] * 3, "12 kg", MATH, answers=["12", "12 cm", "12 kg"], known=held)
    assert [grade.correct for grade in grades] == [True, False, True]
    assert grades[0].answer_class == grades[2].answer_class == 0 and grades[1].answer_class == 1


def test_a_grader_without_a_form_has_classes_of_chains_of_equal_answers():
    near = Grader("near", lambda one, other: abs(int(one) - int(other)) <= 1)
    for order in permutations(["1", "2", "3", "7"]):
        assert partition(list(order), grader=near) == {frozenset("123"), frozenset("7")}


def test_class_numbers_follow_the_order_of_answers():
    grades = grade_problem([None] * 4, None, EXACT, answers=["7", "8", "7.0", "9"])
    assert [grade.answer_class for grade in grades] == [0, 1, 0, 2]
