"""CPU seconds for the optimiser and what calls it.

    python -m tests.benchmarks.analysis [--problems 250] [--strategies 34] [--budgets 9] [--resamples 2000]

The choice: three ledgers x candidates x 32 limits x replicates on five bins, asked to take a CPU second in all.
Then frontier, efficiency and crossover, and a slider's step (another R). The first call loads or compiles kernels and
is not counted. Timed by the CPU time of the process, which other work on the machine moves less than a clock does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ttclib.analysis.candidates import candidates_of
from ttclib.analysis.crossover import crossover
from ttclib.analysis.difficulty import difficulty_of_ease
from ttclib.analysis.efficiency import efficiency
from ttclib.analysis.frontier import frontier
from ttclib.analysis.ledger import ledger
from ttclib.analysis.optimise import optimise
from ttclib.replay.outcomes import Outcomes

UNITS = ("generations", "tokens", "serial_tokens")


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser()
    for name, value in (("problems", 250), ("strategies", 34), ("budgets", 9), ("resamples", 2000), ("bins", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    ease = rng.beta(0.6, 0.6, given.problems)
    outcomes = [strategy(rng, ease, number, given.budgets) for number in range(given.strategies)]
    told = difficulty_of_ease(ease, given.bins)
    many: dict[str, Any] = {"n_resamples": given.resamples}
    frontier(outcomes[:2], told, n_resamples=10)
    total = 0.0
    print(f"{given.problems} problems, {given.strategies * given.budgets} candidates, {given.resamples} replicates")
    for unit in UNITS:
        by, seconds = timed(lambda unit=unit: candidates_of(outcomes, told, ledger=ledger(unit=unit)))
        costs = by.cost.mean(axis=0)
        limits = np.geomspace(1.3 * costs.min(), costs.max(), 32)
        _, more = timed(lambda by=by, limits=limits: optimise(by, limits, difficulty=told, **many))
        total += seconds + more
        print(f"  choice in {unit:18s} {seconds + more:8.3f} s")
    print(f"  three ledgers                {total:8.3f} s   (at most 1)")
    large = Outcomes("greedy", "greedy", (1,), outcomes[0].problem_ids, np.clip(ease + 0.3, 0, 1)[:, None], {})
    for per in ("mixed", "average"):
        _, seconds = timed(lambda per=per: frontier(outcomes, told, per=per, **many))
        print(f"  frontier, per {per:14s} {seconds:8.3f} s")
    for name, work in {
        "frontier": lambda: frontier(outcomes, told, **many),
        "efficiency": lambda: efficiency(outcomes, outcomes[0], told, **many),
        "crossover": lambda: crossover(outcomes, large, [0.16, 0.79, 22.0], told, param_ratio=14.0, **many),
    }.items():
        found, seconds = timed(work)
        print(f"  {name:28s} {seconds:8.3f} s")
    _, seconds = timed(lambda: found.at([1.7]))
    print(f"  slider: another R            {seconds:8.3f} s")


def strategy(rng: np.random.Generator, ease: np.ndarray, number: int, n_budgets: int) -> Outcomes:
    """Outcomes with a curve and costs of their own."""
    budgets = 2 ** np.arange(n_budgets)
    shape = (len(ease), n_budgets)
    accuracy = np.clip(ease[:, None] + 0.02 * np.arange(n_budgets) * rng.random() + rng.normal(0, 0.1, shape), 0, 1)
    tokens = budgets * rng.uniform(50, 150, (len(ease), 1))
    costs = {
        "generations": np.broadcast_to(budgets.astype(float), shape),
        "completion_tokens": tokens,
        "serial_tokens": rng.uniform(50, 150, shape) * np.log2(budgets + 1),
    }
    ids = tuple(f"p{row}" for row in range(len(ease)))
    return Outcomes("best_of_n", f"best_of_n ({number})", tuple(budgets.tolist()), ids, accuracy, costs)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and the CPU seconds that it took."""
    started = time.process_time()
    found = work()
    return found, time.process_time() - started


if __name__ == "__main__":
    main()
