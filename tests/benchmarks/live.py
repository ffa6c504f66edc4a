"""Forecast against fact: plans made on the demo, run live by the lab's models on questions that it does not hold."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import ttclib
from tests.benchmarks.page import Rows, measure
from ttclib.analysis.forecast import forecast
from ttclib.analysis.ledger import ledger
from ttclib.analysis.plan import Plan
from ttclib.collect.solve import Solved, solve
from ttclib.config import load_config
from ttclib.problems import Problem, load_problems
from ttclib.study.answers import ask_export, ask_frontier
from ttclib.study.forecasting import runs_of_plan
from ttclib.study.question import question
from ttclib.study.study import Study

RUNS, A_RUN = 40, 25  # disjoint sets of questions, and questions in each
LIMITS = (300.0, 1200.0)  # tokens a question
WHOLE = ("majority_vote", "best_of_n", "weighted_best_of_n")
STOPPING = ("adaptive_consistency", "first_above", "weighted_stop")
PLANS = {  # difficulty, strategies to choose from, whether probes count
    "4 probes, used again": ("predicted", (*WHOLE, *STOPPING), True),
    "4 probes beside": ("predicted", WHOLE, False),
    "the question's text": ("question:text", WHOLE, False),
}


def plan_of(study: Study, difficulty: str, strategies: tuple[str, ...], reused: bool) -> Plan:
    """A plan made on all problems of a study, charged in tokens."""
    asked = question(strategies=strategies, bins=3, difficulty=difficulty, budgets=[1, 2, 4, 8, 16, 32])
    charged = ledger("snell", unit="tokens")
    made = ask_frontier(study, asked, ledger=charged, limits=LIMITS, n_resamples=200)
    return ask_export(study, asked, made.result.plan, None if difficulty.startswith("question") else 4, reused)


def new_sets(n_runs: int = RUNS, size: int = A_RUN) -> list[list[Problem]]:
    """Disjoint sets of the task's questions, in random order, none of which the demo holds."""
    problems = load_problems("lab:validation", limit=n_runs * size)
    order = np.random.default_rng(0).permutation(len(problems))
    return [[problems[at] for at in part] for part in np.split(order, n_runs)]


def live(plan: Plan, at_most: float, store: Path, sets: list[list[Problem]]) -> list[list[Solved]]:
    """Each set answered live, all in one go: no question knows of the others, and what is held is not drawn again."""
    config = load_config("lab", store=str(store))
    found = iter(solve(plan, config, [problem for one in sets for problem in one], at_most=at_most, notify=print))
    return [[next(found) for _ in one] for one in sets]


@measure(
    "live",
    "Forecast against fact",
    f"{RUNS} disjoint sets of {A_RUN} questions that the demo does not hold, answered by the lab's models as "
    "`ttc solve` does, under plans made on the demo, in tokens a question: in how many accuracy, cost, and both lie in "
    "the 95 % prediction interval that was told beforehand. Probes are billed.",
)
def forecast_against_fact() -> Rows:
    """A row a plan and limit."""
    study = ttclib.open("store/demo.duckdb", "lab-policy")
    sets, rows = new_sets(), []
    with tempfile.TemporaryDirectory() as folder:
        for name, made in PLANS.items():
            plan = plan_of(study, *made)
            for limit in LIMITS:
                told = forecast(plan, runs_of_plan(study, plan, limit), A_RUN, limit)
                found = live(plan, limit, Path(folder) / "live.duckdb", sets)
                facts = [(np.mean([bool(s.correct) for s in run]), np.mean([s.cost for s in run])) for run in found]
                inside = np.array([told.holds(float(right), float(cost)) for right, cost in facts])
                rows.append(
                    {
                        "difficulty by": name,
                        "at most": limit,
                        "accuracy told": told.accuracy[0],
                        "from": told.accuracy[1],
                        "to": told.accuracy[2],
                        "accuracy": float(np.mean([right for right, _ in facts])),
                        "inside": int(inside[:, 0].sum()),
                        "cost told": told.cost[0],
                        "cost": float(np.mean([cost for _, cost in facts])),
                        "inside (cost)": int(inside[:, 1].sum()),
                        "both": int(inside.all(axis=1).sum()),
                        "runs": len(facts),
                    }
                )
                print(rows[-1], flush=True)
    return rows
