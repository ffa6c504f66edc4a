"""Graders side by side, doubts about a pool, and the room on its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ttclib.grading import Disagreement, Doubts, Grade, Graded, compare_graders, get_grader

ROOT = Path(__file__).resolve().parents[2]
BOTH = {name: get_grader(name) for name in ("math", "exact")}


def test_pairs_on_which_graders_differ_are_listed_the_most_frequent_first():
    problems = [
        Graded("p", "1/2", [None] * 5, ["0.5", "1/2", "3", "0.5", r"\frac12"]),
        Graded("q", "7", ["#7", "no idea", r"\boxed{7.0}", r"\boxed{7\text{ cm}}"], [None] * 4),
        Graded("r", None, ["#1"], [None]),
    ]
    found = compare_graders(problems, BOTH)
    assert found.disagreements == (
        Disagreement("p", "1/2", "0.5", {"math": True, "exact": False}, 2),
        Disagreement("p", "1/2", r"\frac12", {"math": True, "exact": False}, 1),
        Disagreement("q", "7", r"7\text{ cm}", {"math": True, "exact": False}, 1),
    )
    assert (found.n_samples, found.n_answers) == (9, 8)
    (row,) = found.counts()
    assert (row["differing_answers"], row["differing_samples"]) == (3, 4)
    assert (row["only_grader_right"], row["only_other_right"], row["differing_share"]) == (4, 0, 4 / 9)
    assert [grade.correct for grade in found.grades["exact"][1]] == [True, False, True, False]


def test_graders_that_agree_have_no_pairs():
    found = compare_graders([Graded("p", "7", ["#7", "#8"], [None, None])], BOTH)
    assert found.disagreements == () and found.counts()[0]["differing_share"] == 0
    assert compare_graders([], BOTH).counts()[0]["differing_share"] is None


def test_a_pool_without_answers_or_right_ones_is_said_with_an_example():
    empty, wrong, fine = Doubts("m"), Doubts("m"), Doubts("m")
    for number in range(10):
        empty.add("p", "7", "I will not\nsay.", Grade(None, None, False))
        wrong.add("q", r"\frac12", None, Grade("1/3", 0, False))
        fine.add("p", "7", "#7", Grade("7", 0, number == 0))
    (line,) = empty.lines()
    assert "no answer was found in 10 of 10 samples" in line and "'…I will not say.'" in line and "'p'" in line
    (line,) = wrong.lines()
    assert "none of 10 answers is right" in line and r"'1/3' where '\\frac12' is right" in line
    assert fine.lines() == []


def test_few_samples_say_nothing_and_letters_without_a_vote_are_counted():
    doubts = Doubts("m")
    doubts.add("p", "7", "?", Grade(None, None, False))
    assert doubts.lines() == []
    doubts.add("p", "B", None, Grade("B", None, None))
    assert doubts.lines() == ["m: 1 answers are letters of options in an order of their own: they get no vote"]


ALONE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"duckdb", "polars", "numba", "numpy", "scipy", "pyarrow", "torch", "altair"}:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Missing())
from ttclib.grading import extract_answer, get_grader, grade_problem
math = get_grader("math")
assert math.equivalent(r"2\\sqrt{2}", r"\\sqrt8") is True and math.equivalent("BCA", "ABC") is False
assert [grade.correct for grade in grade_problem([r"\\boxed{0.5}", "#3"], "1/2", math)] == [True, False]
assert "sympy" not in sys.modules and "math_verify" not in sys.modules
"""


def test_the_room_can_be_imported_alone():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
