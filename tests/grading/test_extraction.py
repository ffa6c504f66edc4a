"""Answers found in completions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.grading import extract_answer, get_grader


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
        ("**Answer:** $x = 3$.", "x = 3"),
        ("The final answer is \\(\\sqrt{2}\\).", "\\sqrt{2}"),
        ("The answer is **12**.", "12"),
        ("The answer is 3.5. The answer is 4.", "4"),
        ("the answer is $5.", "$5"),  # a price
        ("Answer: 18 dollars", "18 dollars"),
        ("#### -3 \t", "-3"),
        ("\\boxed 7", "7"),
        ("I do not know", None),
        ("The answer", None),
        ("", None),
    ],
)
def test_extract_answer(completion, answer):
    assert extract_answer(completion) == answer


# What completions say in other ways: headings, tags, bold, other languages, several boxes, words behind the answer.
STATED = [
    ('**Answer:**\n12', '12'),
    ('**Answer:**\n\n$12$', '12'),
    ('**Answer**: 12', '12'),
    ('**Answer: 12**', '12'),
    ('**Final Answer**\n\\[12\\]', '12'),
    ('**Final Answer**\n\n\\[\n12\n\\]', '12'),
    ('### Final Answer\n\n12', '12'),
    ('### Final Answer:\n$$\\frac{1}{2}$$', '\\frac{1}{2}'),
    ('<answer>12</answer>', '12'),
    ('<answer> 12 </answer>\nDone.', '12'),
    ('<think>maybe 5, answer is 5</think><answer>12</answer>', '12'),
    ('<think>The answer is 5</think>The answer is 6.', '6'),
    ('<think>\\boxed{5}</think> I get \\boxed{6}', '6'),
    ('<think>\\boxed{5}</think> done', '5'),
    ('Answer $9$', '9'),
    ('Answer: $9$', '9'),
    ('Answer 9', '9'),
    ('答案：12', '12'),
    ('答案是12。', '12'),
    ('所以答案为：$\\frac12$。', '\\frac12'),
    ('答案:\n12', '12'),
    ('答案：D', 'D'),
    ('so \\boxed12', '12'),
    ('$\\boxed12$.', '12'),
    ('\\boxed\\frac{1}{2}$', '\\frac{1}{2}'),
    ('\\boxed 5', '5'),
    ('\\boxed-5', '-5'),
    ('Final Answer: $18$. I hope it is correct.', '18'),
    ('Final Answer: The final answer is $18$. I hope it is correct.', '18'),
    ('Final Answer: The final answer is 4.', '4'),
    ('A: 18', '18'),
    ('Q: how many?\nA: 18', '18'),
    ('A: 18\nB: 20\nC: 30\nno idea', None),
    ('#### 1,234', '1,234'),
    ('work\n#### 1,234 ', '1,234'),
    ('#### $18', '$18'),
    ('#### **18**', '**18**'),
    ('The answer is **12**.', '12'),
    ('The answer is **$12**.', '$12'),
    ('So the answer is **12** apples.', '12 apples'),
    ('The answer is **12**\n\nHope this helps!', '12'),
    ('The answer is $18.', '$18'),
    ('The answer is \\$18.', '\\$18'),
    ('The answer is $18 per day.', '$18 per day'),
    ('The answer is €5.', '€5'),
    ('The answer is 18, since 9*2=18.', '18'),
    ('The answer is 18 because 9*2 = 18.', '18'),
    ('The answer is $\\frac{1}{2}$, which is the same as 0.5.', '\\frac{1}{2}'),
    ('The answer is $18$ dollars per day.', '18 dollars per day'),
    ('The answer is 5. Let me know if you need help!', '5'),
    ('Answer: 12\n\nLet me know.', '12'),
    ('We get \\boxed{5}... Answer: D', 'D'),
    ('\\boxed{\\langle H\\rangle \\ll \\Delta E}\n\n**Answer: D**', 'D'),
    ('so \\boxed{D}\nThe answer is verified.', 'D'),
    ('so $\\boxed{5}$. The answer is correct.', '5'),
    ('\\boxed{5}\n\nAnswer: 5', '5'),
    ('Answer: 4. wait, \\boxed{5}', '5'),
    ('\\boxed{3}. The answer is therefore 7.', '7'),
    ('The roots are \\boxed{3}, \\boxed{5}, and \\boxed{7}.', '3, 5, 7'),
    ('The roots are $\\boxed{3}$, $\\boxed{5}$, and $\\boxed{7}$.', '3, 5, 7'),
    ('$x=\\boxed{3}$ and $y=\\boxed{5}$', '3, 5'),
    ('$x = \\boxed{3}$ or $x = \\boxed{5}$.', '3, 5'),
    ('\\boxed{3} and \\boxed{5}', '3, 5'),
    ('\\boxed{3}\\text{ and }\\boxed{5}', '3, 5'),
    ('\\boxed{1} and then \\boxed{2}', '2'),
    ('First \\boxed{1}. No, \\boxed{2}.', '2'),
    ('First attempt gives \\boxed{5}. That is wrong; correcting, the answer is \\boxed{7}.', '7'),
    ('\\boxed{12}\n\n\\boxed{12}', '12'),
    ('I think \\boxed{4}. So \\boxed{3}, \\boxed{5}', '3, 5'),
    ('\\boxed{3}; \\boxed{5}', '3, 5'),
    ('\\boxed{35 cm} ++++++ \\boxed{4}', '4'),
    ('The answer is \\boxed{1}. Yeah so the answer is \\boxed{1} because', '1'),
    ('\\boxed{1} 和 \\boxed{2}', '1, 2'),
    ('The correct option is (B).', '(B)'),
    ('The correct choice is B', 'B'),
    ('Therefore, the correct answer is (D) 12.', '(D) 12'),
    ('ANSWER: C', 'C'),
    ('Answer: (C)', '(C)'),
    ('answer is option D.', 'option D'),
    ('Ans: 12', '12'),
    ('Answer = 12', '12'),
    ('{"answer": "12"}', '12'),
    ('{"reasoning": "x", "answer": 12}', '12'),
    ('\\textbf{Answer:} 12', '12'),
    ('\\text{Answer: } 12', '12'),
    ('__Answer:__ 12', '12'),
    ('*Answer:* 12', '12'),
    ('Answer :12', '12'),
    ('The answer is:\n\n12', '12'),
    ('The answer is\n$$12$$', '12'),
    ('The final answer is: $\\boxed{5}$', '5'),
    ('The answer is not 5. The answer is 6.', '6'),
    ('The answer is 6. This answer is correct.', '6'),
    ('The answer to the question is 12.', '12'),
    ('The answer is 12 cm.', '12 cm'),
    ('The answer is $12$ cm', '12 cm'),
    ('The answer is 3.5. The answer is 4.', '4'),
    ('✅ Final Answer: **73**', '73'),
    ('the number of residents is **73**.', '73'),
    ('**Step 1**: do\nNothing', None),
    ('The answer is x = 5', 'x = 5'),
    ('The answer is $x=3$ or $x=5$.', '$x=3$ or $x=5$'),
    ('The answer is (1, 2).', '(1, 2)'),
    ('The answer is approximately 3.14.', '3.14'),
    ('Answer: No solution', 'No solution'),
    ('Answer: 5:45 PM', '5:45 PM'),
    ('Answer:** 12', '12'),
    ('I do not know', None),
    ('The answer', None),
    ('', None),
    ('the answer is', None),
    ('7*7\n#', None),
    ('# Solution\nThe answer is 4.', '4'),
    ('## Step 1: add\nIt is 4', None),
    ('The answer is $\\frac{1}{2}$.', '\\frac{1}{2}'),
    ('Therefore, the answer is $\\sqrt{2} + 1$', '\\sqrt{2} + 1'),
    ('The answer is \\(\\sqrt{2}\\).', '\\sqrt{2}'),
    ('The answer is \\[5\\]', '5'),
    ('**Answer**\n\nB', 'B'),
    ('Answer: B. 12', 'B. 12'),
    ('Answer: Yes, because it is.', 'Yes'),
    ('We find\n\n**Final Answer:** \\(7\\)', '7'),
    ('<answer>\\boxed{7}</answer>', '7'),
    ('<answer>\n7\n</answer>', '7'),
    ('The answer is 1,234.', '1,234'),
    ('The answer is -5.', '-5'),
    ('Final answer: 3/4', '3/4'),
    ('Answer: $\\$18$', '\\$18'),
    ('So she makes $18 a day. The answer is $18 a day.', '$18 a day'),
    ('\\boxed{12}\n</answer>', '12'),
    ('The answer is: **B**', 'B'),
    ('The answer is: **B) Paris**', 'B) Paris'),
]  # fmt: skip


@pytest.mark.parametrize(("completion", "answer"), STATED)
def test_a_stated_answer_is_found(completion, answer):
    assert extract_answer(completion) == answer


def completions(name: str) -> list[tuple[str, str]]:
    """What is meant, and a whole completion, of each line of a table; ↵ is a line break."""
    lines = (Path(__file__).parent / "tables" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [tuple(line.replace("↵", "\n").split(" ¦ ")) for line in lines]  # type: ignore[misc]


@pytest.mark.parametrize(("meant", "completion"), completions("meant"))
def test_what_is_meant_is_found(meant, completion):
    answer = extract_answer(completion)
    assert answer is not None and get_grader("math").equivalent(meant, answer) is True


@pytest.mark.parametrize(("reference", "completion"), completions("not_meant"))
def test_what_is_not_meant_does_not_pass(reference, completion):
    answer = extract_answer(completion)
    assert answer is None or get_grader("math").equivalent(reference, answer) is not True


@pytest.mark.parametrize("noise", ["", "\n\nLet me know if you have questions!", " I hope it is correct.", "\n</s>"])
@pytest.mark.parametrize("stated", [r"\boxed{12}", r"$\boxed{12}$.", "The answer is 12.", "**Answer:** 12", "#### 12"])
def test_what_stands_behind_an_answer_does_not_matter(stated, noise):
    if noise.startswith(" ") and stated[0] in "*#":
        return  # on the same line it is part of what is stated
    assert extract_answer(f"First 3, then 4, so\n{stated}{noise}") == "12"


@given(st.text())
def test_extract_answer_takes_any_text(text):
    answer = extract_answer(text)
    assert answer is None or (answer == answer.strip() and answer and answer in text)


def test_long_and_odd_completions_take_no_time():
    blanks, boxes = " " * 200_000, r"\boxed{" * 20_000
    assert extract_answer("#7" + blanks + "x") is not None
    assert extract_answer("the answer is " + blanks) is None
    assert extract_answer("answer is " * 20_000) is not None
    assert extract_answer(boxes) is None
    assert extract_answer("{" * 200_000 + r"\boxed{7}") == "7"
