"""CPU seconds for the frontier and the crossover on 500 problems x 2,048 samples, and for a slider's step.

    python -m tests.benchmarks.analysis [--problems 500] [--samples 2048] [--resamples 200] [--strategies 20]

Sampling strategies are replayed first, apart; search strategies are stood in for by sampled curves that are
moved, since the choice reads nothing but `Outcomes`. A slider's step is another R, another preset of the
ledger or another number of queries, on outcomes that are there already; the median of several is printed.
Timed by the CPU time of the process, which other work on the machine moves less than a clock does.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ttclib.analysis.bill import DifficultyBill
from ttclib.analysis.compute_optimal import compute_optimal
from ttclib.analysis.crossover import crossover
from ttclib.analysis.difficulty import difficulty_bins, oracle_difficulty
from ttclib.analysis.efficiency import efficiency
from ttclib.analysis.frontier import frontier
from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.outcomes import Outcomes

STEPS = 15


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser()
    for name, value in (("problems", 500), ("samples", 2048), ("resamples", 200), ("strategies", 20), ("bins", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    ease = rng.beta(0.5, 0.8, given.problems)
    correct = (rng.random((given.problems, given.samples)) < ease[:, None]).astype(float)
    scores = np.clip(0.35 * correct + rng.normal(0.3, 0.2, correct.shape), 0, 1)
    budgets = [1 << exponent for exponent in range(given.samples.bit_length())]
    base, seconds = timed(lambda: expected_best_of_n(scores, correct, budgets))
    print(f"{given.problems} problems x {given.samples} samples, {len(budgets)} budgets, {given.strategies} strategies")
    print(f"  replay best-of-N            {seconds:8.3f} s")
    outcomes = [made("best_of_n", "best_of_n", budgets, base)]
    for number in range(1, given.strategies):
        moved = np.clip(base + rng.normal(0, 0.05, (1, len(budgets))) + rng.normal(0, 0.02, base.shape), 0, 1)
        outcomes.append(made("beam_search", f"beam_search (M={number + 1})", budgets, moved))
    counts = correct.sum(axis=1)
    coverage = np.asarray(pass_at_k(given.samples, counts[:, None], np.asarray(budgets)[None]))
    bins = difficulty_bins(oracle_difficulty(correct), given.bins)
    large = made("greedy", "greedy", [1], np.clip(ease + 0.3, 0, 1)[:, None])
    many: dict[str, Any] = {"n_resamples": given.resamples}
    result, seconds = timed(
        lambda: frontier([*outcomes, made("pass_at_k", "pass_at_k", budgets, coverage)], bins, **many)
    )
    print(f"  frontier                    {seconds:8.3f} s   ({len(result.frame)} rows, {given.resamples} replicates)")
    match, seconds = timed(lambda: crossover(outcomes, large, bins=bins, param_ratio=14, **many))
    print(f"  crossover                   {seconds:8.3f} s   ({len(match.frame)} rows)")
    chosen, seconds = timed(lambda: compute_optimal(outcomes, bins))
    print(f"  compute-optimal choice      {seconds:8.3f} s")
    _, seconds = timed(lambda: efficiency(chosen, outcomes[0], bill=DifficultyBill(given.samples), **many))
    print(f"  efficiency                  {seconds:8.3f} s")
    for name, step in {
        "another R": lambda at: match.at([1.7 + at]),
        "another M": lambda at: match.at([1.7], param_ratio=10.0 + at),
    }.items():
        steps = [timed(lambda at=at, step=step: step(at))[1] for at in range(STEPS)]
        print(f"  slider: {name:19s} {statistics.median(steps):8.3f} s   (at most 0.100)")


def made(strategy: str, variant: str, budgets: list[int], accuracy: np.ndarray) -> Outcomes:
    """Outcomes that cost what they say."""
    generations = np.broadcast_to(np.asarray(budgets, dtype=float), accuracy.shape)
    ids = tuple(f"p{number:04d}" for number in range(len(accuracy)))
    return Outcomes(strategy, variant, tuple(budgets), ids, accuracy, {"generations": generations})


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and the CPU seconds that it took."""
    started = time.process_time()
    found = work()
    return found, time.process_time() - started


if __name__ == "__main__":
    main()
