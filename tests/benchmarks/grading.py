"""Time a distinct answer takes to be graded, against bare math-verify."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from math_verify import parse, verify

from tests.benchmarks.page import Rows, beside, cpu_seconds, in_turn, measure
from tests.grading.pairs import pairs
from ttclib.grading import answers, cleaning, equivalence, evaluation, get_grader, grade_problem, units

_CACHES = (
    *(answers.read, equivalence._equivalent, cleaning.laid_bare, units.unit_of),
    *(evaluation.letter_value, evaluation._code),
)
_N_ANSWERS = 256


@measure(
    "grading",
    "Grading an answer",
    "Milliseconds of a pair of hard answers with caches emptied, beside bare math-verify, and of a problem whose "
    "samples gave 256 distinct answers, classes and all.",
)
def grading() -> Rows:
    """Pairs by both, problems by ours."""
    logging.disable(logging.CRITICAL)
    compared = [
        (left, right)
        for left, right, wanted in pairs()
        if wanted is not None and not (answers.read(left).latex or answers.read(right).latex)
    ]

    def all_pairs(compare: Callable[[str, str], None]) -> None:
        forget()
        for left, right in compared:
            compare(left, right)

    taken = in_turn({"ttclib": lambda: all_pairs(ours), "math-verify": lambda: all_pairs(bare)}, 3)
    rows = [
        {"": f"{name}, a pair", "ms": 1000 * row["CPU s"] / len(compared), "÷ ours": row["÷ ours"]}
        for name, row in zip(taken, beside(taken, "ttclib"), strict=True)
    ]
    references = [left for left, right, wanted in pairs() if wanted][:60]
    pools = [(reference, distinct(reference, place)) for place, reference in enumerate(references)]
    forget()
    grader = get_grader("math")
    seconds = cpu_seconds(
        lambda: [grade_problem([None] * len(found), reference, grader, answers=found) for reference, found in pools]
    )
    logging.disable(logging.NOTSET)
    return [*rows, {"": "ttclib, a problem of 256 answers", "ms": 1000 * seconds / len(pools)}]


def distinct(reference: str, seed: int) -> list[str]:
    """Distinct answers of the kinds that models give, the reference among them."""
    rng = random.Random(seed)
    forms = (
        *("{0}", "{0}.5", r"\frac{{{0}}}{{{1}}}", r"{0}\sqrt{{{1}}}", "({0},{1})", "{0}x+{1}", "x={0}"),
        *(r"{0}\text{{ cm}}", "{0},{1},-{1}", "[-{0},{1})", r"{0}\pi", "x^2+{0}x+{1}", "{0}%", r"\text{{word {0}}}"),
    )
    found = {reference: None}
    while len(found) < _N_ANSWERS:
        found[rng.choice(forms).format(rng.randrange(1, 400), rng.randrange(2, 14))] = None
    texts = list(found)
    rng.shuffle(texts)
    return texts


def forget() -> None:
    """Empty the caches."""
    for cache in _CACHES:
        cache.cache_clear()


def ours(left: str, right: str) -> None:
    """As the math grader compares."""
    equivalence.equivalent(left, right)


def bare(left: str, right: str) -> None:
    """As a script with math-verify would, with its own time limit."""
    verify(parse(f"${left}$"), parse(f"${right}$"))
