"""The optimiser and what calls it: a choice under three ledgers, frontier, efficiency, crossover, a slider's step."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.page import Rows, cpu_seconds, measure
from ttclib.analysis.candidates import candidates_of
from ttclib.analysis.crossover import crossover
from ttclib.analysis.difficulty import difficulty_of_ease
from ttclib.analysis.efficiency import efficiency
from ttclib.analysis.frontier import frontier
from ttclib.analysis.ledger import ledger
from ttclib.analysis.optimise import optimise
from ttclib.replay.outcomes import Outcomes

UNITS = ("generations", "tokens", "serial_tokens")
PROBLEMS, STRATEGIES, BUDGETS, BINS = 250, 34, 9, 5
MANY: dict[str, Any] = {"n_resamples": 2000}


@measure(
    "analysis",
    "Choosing",
    "250 problems in five bins, 306 candidates, 2,000 replicates: the compute-optimal choice at 32 limits under each "
    "ledger, and the questions that are calls of it.",
)
def analysis() -> Rows:
    """A row a question."""
    rng = np.random.default_rng(0)
    ease = rng.beta(0.6, 0.6, PROBLEMS)
    outcomes = [strategy(rng, ease, number, BUDGETS) for number in range(STRATEGIES)]
    told = difficulty_of_ease(ease, BINS)
    frontier(outcomes[:2], told, n_resamples=10)  # loads what is compiled
    large = Outcomes("greedy", "greedy", (1,), outcomes[0].problem_ids, np.clip(ease + 0.3, 0, 1)[:, None], {})
    found = crossover(outcomes, large, [0.16, 0.79, 22.0], told, param_ratio=14.0, **MANY)

    def choose(unit: str) -> None:
        by = candidates_of(outcomes, told, ledger=ledger(unit=unit))
        costs = by.cost.mean(axis=0)
        optimise(by, np.geomspace(1.3 * costs.min(), costs.max(), 32), difficulty=told, **MANY)

    asked = {
        **{f"choice in {unit}": (lambda unit=unit: choose(unit)) for unit in UNITS},
        "frontier": lambda: frontier(outcomes, told, **MANY),
        "frontier, on average over problems": lambda: frontier(outcomes, told, per="average", **MANY),
        "efficiency": lambda: efficiency(outcomes, outcomes[0], told, **MANY),
        "crossover": lambda: crossover(outcomes, large, [0.16, 0.79, 22.0], told, param_ratio=14.0, **MANY),
        "a slider's step: another R": lambda: found.at([1.7]),
    }
    return [{"": name, "CPU s": cpu_seconds(run)} for name, run in asked.items()]


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
