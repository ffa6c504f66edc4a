"""Time a distinct answer takes to be graded, against bare math-verify, and a problem's 256 distinct answers.

    python tests/benchmarks/grading.py [--rounds 5] [--math500 ../shared/data/math500.jsonl]

The hard pairs are compared by both, which take turns, ours with its caches emptied; medians of the
processor time are told. The references of MATH-500, or of the hard pairs where that file is not there, are
then graded with 256 distinct answers each, classes and all.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import statistics
import time
from pathlib import Path

from math_verify import parse, verify

from tests.grading.pairs import pairs
from ttclib.grading import answers, cleaning, equivalence, evaluation, get_grader, grade_problem, units

_CACHES = (
    *(answers.read, equivalence._equivalent, cleaning.laid_bare, units.unit_of),
    *(evaluation.letter_value, evaluation._code),
)
_N_ANSWERS = 256


def main() -> None:
    """Print the medians and their ratio, and the time a problem."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--math500", type=Path, default=Path("../shared/data/math500.jsonl"))
    parser.add_argument("--problems", type=int, default=60)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    compared = [
        (left, right)
        for left, right, wanted in pairs()
        if wanted is not None and not (answers.read(left).latex or answers.read(right).latex)
    ]
    milliseconds: dict[str, list[float]] = {"ttclib": [], "math-verify": []}
    for _ in range(arguments.rounds):
        for name, compare in (("ttclib", ours), ("math-verify", bare)):
            forget()
            started = time.process_time()
            for left, right in compared:
                compare(left, right)
            milliseconds[name].append((time.process_time() - started) / len(compared) * 1e3)
    medians = {name: statistics.median(times) for name, times in milliseconds.items()}
    print(f"{len(compared)} pairs, medians of {arguments.rounds} rounds in ms a pair:")
    print(", ".join(f"{name} {median:.3f}" for name, median in medians.items()))
    print(f"ratio {medians['math-verify'] / medians['ttclib']:.0f}")
    references = [left for left, right, wanted in pairs() if wanted]
    if arguments.math500.exists():
        references = [json.loads(line)["answer"] for line in arguments.math500.read_text(encoding="utf-8").splitlines()]
    pools = [
        (reference, distinct(reference, place)) for place, reference in enumerate(references[: arguments.problems])
    ]
    forget()
    grader = get_grader("math")
    started = time.process_time()
    for reference, found in pools:
        grade_problem([None] * len(found), reference, grader, answers=found)
    seconds = time.process_time() - started
    print(
        f"{len(pools)} problems with {_N_ANSWERS} distinct answers each: {seconds / len(pools) * 1e3:.1f} ms a problem"
    )


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


if __name__ == "__main__":
    main()
