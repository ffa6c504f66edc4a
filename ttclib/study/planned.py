"""What a plan asks of a study: its strategies with their parameters, and how easy the problems are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ttclib.analysis.plan import Plan
from ttclib.samples import Pool
from ttclib.store.fingerprint import fingerprint
from ttclib.study.asking import promised, questions_of
from ttclib.study.question import Question
from ttclib.study.study import Study


def plan_ease(study: Study, plan: Plan, pool: Pool) -> np.ndarray:
    """Ease of a pool's problems by a plan's predictor; in the store that taught it, as the other problems teach it."""
    if plan.predictor is None or fingerprint(study.store) == plan.store:
        every = promised(study.pool, str(plan.source))
        place = {name: row for row, name in enumerate(study.pool.problem_ids)}
        return every.ease[[place[name] for name in pool.problem_ids]]
    return plan.predictor.ease(questions_of(pool))


def what_it_runs(asked: Question, plan: Plan) -> Question:
    """Where no strategy is named, those of the plan, with its parameters; at budgets of its own where it has such."""
    steps = plan.steps()
    if asked.strategies is not None or not steps:
        return asked
    parameters: dict[str, list[Any]] = {}
    for step in steps:
        for name, value in step.parameters.items():
            parameters.setdefault(name, []).append(value)
    values = {name: tuple(dict.fromkeys(found)) for name, found in parameters.items()}
    budgets = sorted({step.budget for step in steps})
    usual = all(size & (size - 1) == 0 for size in budgets)
    return asked.but(
        strategies=tuple(dict.fromkeys(step.strategy for step in steps)),
        parameters={**values, **asked.parameters},
        budgets=asked.budgets or (None if usual else tuple(budgets)),
    )
