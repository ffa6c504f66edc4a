"""The tables of right and wrong answers, and the examples of the documented rules, all seen from the reference."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tests.builders import real_data
from ttclib.grading import get_grader
from ttclib.grading.equivalence import keys_of
from ttclib.grading.forms import form_of

MATH = get_grader("math")
HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs" / "grading.md"
Pairs = list[tuple[str, str, str]]


def table(name: str) -> Pairs:
    """Kind, reference and answer of each line of a table."""
    found, kind = [], ""
    for line in (HERE / "tables" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if " ¦ " in line:
            found.append((kind, *line.split(" ¦ ")))
        else:
            kind = line.strip("[]")
    return found  # type: ignore[return-value]


def documented() -> list[tuple[str, list[str], list[str]]]:
    """Each rule of the documentation, with its right and its wrong example."""
    rows = re.findall(r"^\| ([^|]+?) \| `(.+?)` \| `(.+?)` \|$", DOCS.read_text(encoding="utf-8"), re.M)
    return [(rule, right.split(" ¦ "), wrong.split(" ¦ ")) for rule, right, wrong in rows]


RIGHT, WRONG = table("right"), table("wrong")


@pytest.mark.parametrize(("kind", "reference", "answer"), RIGHT)
def test_a_right_answer_is_found(kind, reference, answer):
    assert MATH.equivalent(reference, answer) is True
    assert not keys_of(reference).isdisjoint(keys_of(answer)) or "latex" in keys_of(reference) | keys_of(answer)


@pytest.mark.parametrize(("kind", "reference", "answer"), WRONG)
def test_a_wrong_answer_does_not_pass(kind, reference, answer):
    assert MATH.equivalent(reference, answer) in (False, None)


@pytest.mark.parametrize(("rule", "right", "wrong"), documented())
def test_a_documented_rule_holds(rule, right, wrong):
    assert MATH.equivalent(*right) is True, rule
    assert MATH.equivalent(*wrong) is False, rule


def test_every_row_of_the_documentation_is_a_rule_with_two_examples():
    text = DOCS.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| rule ")]
    assert len(rows) == len(documented()) > 40


def test_the_tables_are_wide():
    assert len(RIGHT) > 800 and len(WRONG) > 250
    assert len({pair[1:] for pair in RIGHT}) == len(RIGHT) and len({pair[1:] for pair in WRONG}) == len(WRONG)
    assert not {pair[1:] for pair in RIGHT} & {pair[1:] for pair in WRONG}


@pytest.mark.parametrize("letter", [*"abcdfghjklmnopqrstuvwxyzABCDEFGHJKLMNOPQRSTUVWXYZ", "\\alpha", "\\lambda", "x_1"])
def test_a_rule_about_letters_holds_for_every_letter(letter):
    same = [(r"\frac{1}{\sqrt{L}}", r"\sqrt{\frac{1}{L}}"), (r"2\ln L", r"\ln L^2"), (r"\sqrt{L^2}", "|L|")]
    other = [("L", "|L|"), ("L", r"\sqrt{L^2}"), (r"\ln L", r"\ln(2L)"), ("L", "-L")]
    for pairs, wanted in ((same, True), (other, False)):
        for pair in pairs:
            reference, answer = (text.replace("L", letter) for text in (side.replace("\\ln", "\x00") for side in pair))
            found = MATH.equivalent(reference.replace("\x00", "\\ln "), answer.replace("\x00", "\\ln "))
            assert found is wanted, (reference, answer)


def changed_digit(text: str, rng: random.Random) -> str:
    place = rng.choice([found.start() for found in re.finditer(r"\d", text)])
    return text[:place] + str((int(text[place]) + rng.randrange(1, 10)) % 10) + text[place + 1 :]


def test_a_changed_digit_is_another_answer():
    rng = random.Random(0)
    references = [problem["answer"] for problem in real_data("math500.jsonl")]
    references = [text for text in references if re.search(r"\d", text)]
    for reference in references:
        for answer in {changed_digit(reference, rng) for _ in range(4)}:
            found = MATH.equivalent(reference, answer)
            # {1, 2, 2}, x^1 and 0.50 and such say the same as before.
            assert found is not True or form_of(reference) == form_of(answer), (reference, answer)


def test_a_changed_sign_is_another_answer():
    for problem in real_data("math500.jsonl"):
        reference = problem["answer"]
        if re.fullmatch(r"-?(?:\d+|\\frac\{\d+\}\{\d+\})", reference) and reference != "0":
            assert (
                MATH.equivalent(reference, reference.removeprefix("-") if reference[0] == "-" else f"-{reference}")
                is False
            )


def test_no_reference_of_math500_is_another_unless_it_is_equal():
    references = sorted({problem["answer"] for problem in real_data("math500.jsonl")})
    equal = {(one, other) for one in references for other in references if one < other and MATH.equivalent(one, other)}
    assert equal <= {
        *(("36", r"36^\circ"), ("36", r"\$36"), (r"36^\circ", r"\$36"), ("120", r"120^\circ"), ("30", r"30^\circ")),
        *(("90", r"90^\circ"), ("15", r"15\mbox{ cm}^2"), ("5", "x=5"), ("40", "40_9"), ("(-2,1)", "-2,1")),
        *(("-2,1", "1,-2"), (r"10,\!080", "10080"), (r"\frac14", r"\frac{1}{4}"), (r"2 \sqrt{5}", r"2\sqrt{5}")),
        *((r"\$36", "36"), (r"\$36", r"36^\circ")),
    }  # fmt: skip
