"""Find the answer in a completion, tell equivalent answers apart from different ones, grade them.

Untrusted text is never evaluated. Two answers are compared as text, then as values by a small reader
of its own, and only what that cannot read goes to math-verify, in a process with a limit on time and
memory. "Could not be graded" (None) is kept apart from "wrong" (False). A grade looks from the reference,
and need not be the same the other way round. The rules are in ``docs/grading.md``, each with an example.

Rooms, in the order of imports: `tokens`, `units`, `characters`, `wrappers`, `qualifiers`, `cleaning` (one writing),
`atoms`, `syntax` (text to tree), `evaluation`, `precision`, `quantities` (tree to value), `readings`, `regions`,
`conditions`, `equality`, `interpretation` (what an answer says), `wording` (words, times, options), `extraction`,
`sandbox` and `worker` (math-verify's process), `answers` (one), `equivalence` (two), `forms` and `classes` (many),
`options`, `grader` (a problem's samples), `doubts` (a pool's), `gym` (reasoning-gym's scorers), `comparison` (graders
side by side).
"""

from ttclib.grading.classes import Grader
from ttclib.grading.comparison import Comparison, Disagreement, Doubts, Graded, compare_graders
from ttclib.grading.extraction import extract_answer
from ttclib.grading.grader import GRADERS, Grade, get_grader, grade_problem, problem_grader, same_value
from ttclib.grading.options import Choice, options_of, problem_choice

__all__ = [
    "GRADERS",
    "Choice",
    "Comparison",
    "Disagreement",
    "Doubts",
    "Grade",
    "Graded",
    "Grader",
    "compare_graders",
    "extract_answer",
    "get_grader",
    "grade_problem",
    "options_of",
    "problem_choice",
    "problem_grader",
    "same_value",
]
