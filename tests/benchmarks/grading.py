"""Time a distinct answer takes to be graded, against bare math-verify, in one run.

    python tests/benchmarks/grading.py [--rounds 5]

Both compare each answer of the hard pairs with its partner. The two take turns, ours with its caches
emptied; medians of the processor time are compared.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time

from math_verify import parse, verify

from tests.grading.pairs import pairs
from ttclib.grading import answers


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
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
            answers.read.cache_clear()
            answers._equivalent.cache_clear()
            started = time.process_time()
            for left, right in compared:
                compare(left, right)
            milliseconds[name].append((time.process_time() - started) / len(compared) * 1e3)
    medians = {name: statistics.median(times) for name, times in milliseconds.items()}
    print(f"{len(compared)} pairs, medians of {arguments.rounds} rounds in ms a pair:")
    print(", ".join(f"{name} {median:.3f}" for name, median in medians.items()))
    print(f"ratio {medians['math-verify'] / medians['ttclib']:.0f}")


def ours(left: str, right: str) -> None:
    """As the math grader compares."""
    answers.equivalent(left, right)


def bare(left: str, right: str) -> None:
    """As a script with math-verify would, with its own time limit."""
    verify(parse(f"${left}$"), parse(f"${right}$"))


if __name__ == "__main__":
    main()
