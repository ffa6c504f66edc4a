"""Option letters: a letter and its text are one answer where the options are known, and no answer where shuffled."""

from __future__ import annotations

import json

import pytest

from ttclib.grading import Choice, get_grader, grade_problem, options_of, problem_choice
from ttclib.grading.answers import read
from ttclib.grading.equivalence import equivalent
from ttclib.grading.options import is_letter
from ttclib.grading.wording import option

MATH = get_grader("math")
OPTIONS = {"A": "10", "B": "12", "C": r"\frac{1}{2}", "D": "none of these"}


@pytest.mark.parametrize(
    ("prompt", "options"),
    [
        ("How many?\n(A) 10\n(B) 12", {"A": "10", "B": "12"}),
        ("How many?\nA. 10\nB. 12\nC. 14", {"A": "10", "B": "12", "C": "14"}),
        ("How many?\nA) ten\nB) twelve\n\nAnswer:", {"A": "ten", "B": "twelve"}),
        ("How many? (A) 10 (B) 12 (C) 14", {"A": "10", "B": "12", "C": "14"}),
        (r"$\textbf{(A)}\ 10 \qquad \textbf{(B)}\ 12 \qquad \textbf{(C)}\ 14$", {"A": "10", "B": "12", "C": "14"}),
        ("How many?", None),
        ("(A) only one", None),
        ("A. 5\nB. 5", None),  # no two options are one
        ("Let A. Then B. follows", None),
    ],
)
def test_options_are_read_from_a_prompt(prompt, options):
    assert options_of(prompt) == options


def test_metadata_say_what_the_options_are():
    assert problem_choice("?", json.dumps({"options": {"a": "10", "B": 12}})) == Choice({"A": "10", "B": "12"})
    assert problem_choice("?", json.dumps({"choices": ["10", "12"]})) == Choice({"A": "10", "B": "12"})
    assert problem_choice("(A) 1 (B) 2", '{"options_shuffled": true}') == Choice({"A": "1", "B": "2"}, shuffled=True)
    assert problem_choice(None, None) == problem_choice("?", "[]") == problem_choice("?", "no JSON") == Choice()


@pytest.mark.parametrize(
    ("reference", "answer", "correct"),
    [
        ("B", "B", True),
        ("B", "(b)", True),
        ("B", "12", True),
        ("B", "12.0", True),
        ("12", "B", True),
        ("12", r"\textbf{(B)}\ 12", True),
        ("B", "(B) 12", True),
        ("B", "(B) 10", False),  # its letter is right and its text is not
        ("B", "10", False),
        ("B", "A", False),
        ("12", "A", False),
        ("C", "0.5", True),
        (r"\frac12", "C", True),
        ("D", "None of these", True),
        ("D", "all of these", False),
    ],
)
def test_a_letter_answers_for_its_text_and_its_text_for_the_letter(reference, answer, correct):
    assert grade_problem([None], reference, MATH, answers=[answer], options=OPTIONS)[0].correct is correct


def test_a_letter_and_its_text_vote_as_one():
    grades = grade_problem([None] * 5, None, MATH, answers=["A", "10", "B", "(A)", "12"], options=OPTIONS)
    assert [grade.answer_class for grade in grades] == [0, 0, 1, 0, 1]
    wrong = grade_problem([None] * 4, "C", MATH, answers=["A", "10", "B", "0.5"], options=OPTIONS)
    assert [(grade.answer_class, grade.correct) for grade in wrong] == [(0, False), (0, False), (1, False), (2, True)]


def test_shuffled_letters_get_no_vote_where_their_text_is_not_known():
    grades = grade_problem([None] * 3, "B", MATH, answers=["B", "A", "12"], options=[None] * 3)
    assert [grade.answer_class for grade in grades] == [None, None, 0]
    assert [grade.answer for grade in grades] == ["B", "A", "12"]
    assert [grade.correct for grade in grades][:2] == [None, None]


def test_shuffled_letters_vote_by_their_text_where_it_is_known():
    orders = [{"A": "cat", "B": "dog"}, {"A": "dog", "B": "cat"}, {"A": "dog", "B": "cat"}]
    grades = grade_problem([None] * 3, None, MATH, answers=["A", "B", "A"], options=orders, references=["A", "B", "B"])
    assert [grade.answer_class for grade in grades] == [0, 0, 1]
    assert [grade.correct for grade in grades] == [True, True, False]


def test_a_reference_of_each_sample_grades_it():
    grades = grade_problem([None] * 3, None, MATH, answers=["A", "B", "A"], references=["A", "A", "B"])
    assert [grade.correct for grade in grades] == [True, False, False]
    assert [grade.answer_class for grade in grades] == [None] * 3


def test_only_a_letter_alone_is_one():
    assert [is_letter(text) for text in ("B", "(c)", r"\text{D}", "Option A", "B. 12", "BC", "x", "12")] == [
        *("B", "C", "D", "A"),
        *(None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("text", "letter", "content"),
    [
        ("(B) 12", "B", "12"),
        ("(b)", "B", None),
        ("option b", "B", None),
        ("Answer B: twelve", "B", "twelve"),
        ("option C Twelve", "C", "Twelve"),
        ("The correct choice is C. Twelve.", "C", "Twelve"),
        ("(b) twelve", None, None),
        ("Option C twelve", None, None),
        ("B) and C", None, None),
        ("B, C", None, None),
        ("K", None, None),
        ("(B) " + "x" * 400, None, None),
    ],
)
def test_an_option_is_a_letter_and_what_it_says(text, letter, content):
    found = option(text)
    assert (found and (found.letter, found.content)) == (letter and (letter, content))


@pytest.mark.parametrize(
    ("text", "bare", "same"),
    [
        ("f^{-1}(x) = x + 2", "x + 2", True),
        ("f^{-1}(x) = x + 2", "x + 3", False),
        ("u^{-1}(x) = x + 2", "x + 2", False),
        (r"\frac{dy}{dx} = 2x", "2x", True),
        (r"\frac{ay}{dx} = 2x", "2x", False),
        (r"\frac{dyz}{dx} = 2x", "2x", False),
        ("P(A) = 1/2", "1/2", True),
        ("|AB| = 5", "5", True),
        ("|3| = 5", "5", False),
        ("(x, y) = (1, 2)", "(1, 2)", True),
    ],
)
def test_a_left_side_that_names_the_right_one_is_left_out(text, bare, same):
    assert equivalent(text, bare) is same


@pytest.mark.parametrize(("text", "product"), [("ab", True), ("né", False), ("well-off", False)])
def test_a_word_of_plain_letters_alone_may_be_a_product(text, product):
    assert (read(text).product is not None) is product
    assert equivalent(text, r" \cdot ".join(reversed(text))) is product
