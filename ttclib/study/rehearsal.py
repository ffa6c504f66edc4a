"""Forecast against fact, rehearsed in a store: a plan made on half of the problems is run live on sets of the others.

Live in all but the drawing: each problem's samples come in a random order, and the plan decides by what has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.columns import shown
from ttclib.analysis.forecast import Forecast, forecast
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.live import WINDOW
from ttclib.analysis.plan import Plan
from ttclib.errors import RequestError
from ttclib.study.answers import Answer, ask_export, ask_frontier
from ttclib.study.captions import source
from ttclib.study.forecasting import FACT_SCHEMA, fact_rows, runs_of_plan
from ttclib.study.question import Question
from ttclib.study.study import Study

REHEARSAL_SCHEMA = {"set": pl.Int64, **FACT_SCHEMA}
SPLITS, NEW = 4, 25


@dataclass(frozen=True)
class Rehearsal:
    """Forecasts and what came to pass.

    Attributes
    ----------
    frame : polars.DataFrame
        Columns as in `REHEARSAL_SCHEMA`: for each set of problems a row of accuracy and one of cost.
    plan : Plan
        Made on half of the problems, the first time they were parted.
    forecasts : tuple of Forecast
        One each time.
    unit : str
    """

    frame: pl.DataFrame
    plan: Plan
    forecasts: tuple[Forecast, ...]
    unit: str

    def share_inside(self, measure: str) -> float:
        """Of the sets, those whose accuracy, or cost, lies in the interval that was told."""
        return float(self.frame.filter(pl.col("measure") == measure)["inside"].mean())  # type: ignore[arg-type]


def ask_rehearsal(
    study: Study,
    asked: Question,
    *,
    at_most: float,
    ledger: Ledger = LEDGERS["snell"],
    limits: Sequence[float] | None = None,
    probes: int | None = None,
    reused: bool = False,
    n_problems: int = NEW,
    n_splits: int = SPLITS,
    window: int = WINDOW,
    n_resamples: int = 100,
) -> Answer[Rehearsal]:
    """Make plans on random halves of a study's problems, forecast, and run them on sets of the other half.

    Parameters
    ----------
    study : Study
    asked : Question
        Strategies, bins and difficulty of the plan; a difficulty that a new question can be told by.
    at_most : float
        Cost of a problem.
    ledger, limits, probes, reused
        As for `ttclib.study.answers.ask_frontier` and `ask_export`.
    n_problems : int
        In a set; as many sets as the half holds.
    n_splits : int
        Times that the problems are parted anew.
    window : int
    n_resamples : int

    Raises
    ------
    RequestError
        Half of the problems are fewer than a set.
    """
    ids = list(study.pool.problem_ids)
    half = len(ids) // 2
    if not 1 <= n_problems <= half:
        raise RequestError(f"sets of {n_problems} problems: half of what is held is {half}, give 1 to {half}")
    rows: list[dict[str, Any]] = []
    plans, told = [], []
    notes: tuple[str, ...] = ()
    for split in range(n_splits):
        seed = asked.seed + split
        order = np.random.default_rng([seed, 11]).permutation(len(ids))
        past, rest = (study.of_problems(sorted(ids[at] for at in part)) for part in (order[:half], order[half:]))
        made = ask_frontier(past, asked, ledger=ledger, limits=limits or [at_most], n_resamples=n_resamples)
        plan = ask_export(past, asked, made.result.plan, probes, reused)
        found = forecast(
            plan, runs_of_plan(past, plan, at_most, window=window, seed=seed), n_problems, at_most, seed=seed
        )
        new = replace(plan, store=None)  # its predictor has not seen these
        live = runs_of_plan(rest, new, at_most, window=window, n_runs=1, seed=seed + 1000)
        luck = np.random.default_rng([seed, 13])
        place = {name: row for row, name in enumerate(rest.pool.problem_ids)}
        others = [place[ids[at]] for at in order[half:]]
        for begin in range(0, len(others) - n_problems + 1, n_problems):
            of = others[begin : begin + n_problems]
            right = live.accuracy[of, 0]
            graded = [None if np.isnan(one) else bool(luck.random() < one) for one in right]
            number = len(rows) // 2 + 1
            rows += [{"set": number, **row} for row in fact_rows(found, graded, live.cost[of, 0].tolist())]
        plans.append(plan)
        told.append(found)
        notes = notes or made.notes
    frame = pl.DataFrame(rows, schema=REHEARSAL_SCHEMA)
    result = Rehearsal(frame, plans[0], tuple(told), ledger.label)
    return Answer(result, _findings(result, n_problems), (source(study.pool),), notes)


def _findings(found: Rehearsal, n_problems: int) -> tuple[str, ...]:
    """How often what came to pass lies in what was told, and by how much both differ."""
    both = found.frame.group_by("set").agg(pl.col("inside").all())["inside"]
    n = len(both)
    inside = {name: round(found.share_inside(name) * n) for name in ("accuracy", "cost")}
    said = [
        f"In {int(both.sum())} of {n} sets of {n_problems} problems that the plan was not made on, accuracy and cost "
        f"lie inside what was forecast at 95 %: accuracy in {inside['accuracy']}, cost in {inside['cost']}."
    ]
    means = found.frame.group_by("measure").agg(pl.col("forecast", "fact").mean())
    told = {row["measure"]: row for row in means.to_dicts()}
    accuracy, cost = told["accuracy"], told["cost"]
    said.append(
        f"On average {accuracy['forecast']:.1%} were forecast right and {accuracy['fact']:.1%} were, at "
        f"{shown(cost['forecast'], 'cost')} {found.unit} forecast and {shown(cost['fact'], 'cost')} paid."
    )
    return tuple(said)
