"""Strategies made from nothing: accuracies and costs with a known shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from ttclib.replay.outcomes import Outcomes


def made(
    accuracy: Any, *, variant: str = "best_of_n", budgets: Any = None, costs: Any = None, **fields: Any
) -> Outcomes:
    """`Outcomes` from a table of accuracy; budgets are powers of two and generations are the budgets unless given."""
    table = np.asarray(accuracy, dtype=float)
    sizes = tuple(1 << column for column in range(table.shape[1])) if budgets is None else tuple(budgets)
    spent = {"generations": np.tile(np.asarray(sizes, dtype=float), (len(table), 1))} if costs is None else costs
    return Outcomes(
        **{
            "strategy": variant.partition(" ")[0],
            "variant": variant,
            "budgets": sizes,
            "problem_ids": tuple(f"p{number}" for number in range(len(table))),
            "accuracy": table,
            "costs": {
                name: np.broadcast_to(np.asarray(cost, float), table.shape).copy() for name, cost in spent.items()
            },
            **fields,
        }
    )


def sampled(pass_at_1: Any, n_budgets: int, *, variant: str = "best_of_n", gain: float = 1.0) -> Outcomes:
    """A strategy that finds a right answer with chance ``1 - (1 - p)^(N·gain)``."""
    p = np.asarray(pass_at_1, dtype=float)[:, None]
    budgets = 2.0 ** np.arange(n_budgets)
    return made(1 - (1 - p) ** (1 + (budgets - 1) * gain), variant=variant)
