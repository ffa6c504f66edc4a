"""What a reader sees of one pool by its first N samples, by random subsets, and exactly.

    python -m tests.benchmarks.prefix [--store runs/lab.duckdb] [--orders 200]

The noise of each is the standard deviation of the accuracy over random orders of the same pool: what the
number would have moved by, had the same samples come in another order. Prints a Markdown table.
"""

from __future__ import annotations

import argparse

import numpy as np

from tests.benchmarks.pools import Pool, drawn_pool
from ttclib import expected_best_of_n, load_pool
from ttclib.replay.voting import elect

BUDGETS = (4, 16, 64)
N_SUBSETS = 100


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", help="A store of pools of one size; None: the drawn pool of the benchmarks.")
    parser.add_argument("--orders", type=int, default=200)
    arguments = parser.parse_args()
    pool = drawn_pool() if arguments.store is None else stored_pool(arguments.store)
    print(f"{pool.correct.shape[0]} problems × {pool.correct.shape[1]} samples, {arguments.orders} orders\n")
    print("| strategy | N | exactly | its first N samples | noise of a prefix | of 100 subsets | of ttclib |")
    print("|---|---|---|---|---|---|---|")
    for name in ("best-of-N", "majority vote", "best-of-N weighted"):
        for n in BUDGETS:
            exact, left = ours(name, pool, n)
            prefixes = np.array([prefix(name, shuffled(pool, seed), n) for seed in range(arguments.orders)])
            subsets = prefixes.std() / np.sqrt(N_SUBSETS)
            row = [f"{exact:.4f}", f"{prefix(name, pool, n):.4f}", f"{prefixes.std():.4f}", f"{subsets:.4f}"]
            print(f"| {name} | {n} | {' | '.join(row)} | {'0' if left == 0 else f'{left:.4f}'} |")


def stored_pool(path: str) -> Pool:
    """The arrays of a store."""
    pool = load_pool(path)
    return Pool(pool.answer_ids, pool.scores["last"], pool.correct)


def ours(name: str, pool: Pool, n: int) -> tuple[float, float]:
    """The expectation over all subsets, and what chance is left in it."""
    if name == "best-of-N":
        return float(np.nanmean(expected_best_of_n(pool.scores, pool.correct, [n]))), 0.0
    found = elect(pool.answer_ids, None if name == "majority vote" else pool.scores, pool.correct, [n])
    return float(np.nanmean(found.accuracy)), float(np.sqrt(np.nansum(found.mc_error**2)) / len(pool.correct))


def prefix(name: str, pool: Pool, n: int) -> float:
    """Accuracy of the first n samples, as most tools compute it; the first of those that tie wins."""
    ids, scores, correct = (table[:, :n] for table in pool)
    if name == "best-of-N":
        best = np.argmax(scores, axis=1)
    else:
        weight = np.ones(scores.shape) if name == "majority vote" else scores
        same = ids[:, :, None] == ids[:, None, :]
        best = np.argmax((same * weight[:, None, :]).sum(axis=2), axis=1)
    return float(correct[np.arange(len(best)), best].mean())


def shuffled(pool: Pool, seed: int) -> Pool:
    """The same samples in another order within each problem."""
    order = np.random.default_rng(seed).permuted(
        np.tile(np.arange(pool.correct.shape[1]), (len(pool.correct), 1)), axis=1
    )
    return Pool(*(np.take_along_axis(table, order, axis=1) for table in pool))


if __name__ == "__main__":
    main()
