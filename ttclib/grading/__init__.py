"""Find the answer in a completion, tell equivalent answers apart from different ones, grade them.

Untrusted text is never evaluated. Two answers are compared as text, then as values by a small reader
of its own, and only what that cannot read goes to math-verify, in a process with a limit on time and
memory. "Could not be graded" (None) is kept apart from "wrong" (False), and a pair has one grade,
whichever of the two is the reference.

Rooms: `extraction`, `cleaning` (one way of writing), `syntax` (text to tree), `evaluation` (tree to
value), `readings` (what an answer says, and equality), `answers` (two answers), `sandbox` and `worker`
(math-verify's process), `grader` (a problem's samples), `gym` (reasoning-gym's scorers).
"""

from ttclib.grading.extraction import extract_answer
from ttclib.grading.grader import Grade, Grader, get_grader, grade_problem, same_value
from ttclib.grading.gym import problem_grader

__all__ = ["Grade", "Grader", "extract_answer", "get_grader", "grade_problem", "problem_grader", "same_value"]
