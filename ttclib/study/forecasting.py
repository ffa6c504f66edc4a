"""What a plan will come to on new problems, told by a store; and how what came to pass compares with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.columns import shown
from ttclib.analysis.forecast import RUNS, Forecast, LiveRuns, forecast, live_runs
from ttclib.analysis.live import WINDOW
from ttclib.analysis.plan import Plan
from ttclib.analysis.plan_step import Step
from ttclib.analysis.predicting import PREDICTORS
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes, restrict
from ttclib.replay.strategies.pass_at_k import PassAtK
from ttclib.samples import Pool
from ttclib.study.answers import Answer
from ttclib.study.captions import source
from ttclib.study.planned import plan_ease
from ttclib.study.question import Question
from ttclib.study.study import Study

FACT_SCHEMA = {
    "measure": pl.String,
    "forecast": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "fact": pl.Float64,
    "inside": pl.Boolean,
    "n_problems": pl.Int64,
}


@dataclass(frozen=True)
class Shadow:
    """A forecast beside what came to pass.

    Attributes
    ----------
    forecast : Forecast
    frame : polars.DataFrame
        Columns as in `FACT_SCHEMA`: a row of accuracy and one of cost; `fact` is null where nothing could be graded.
    """

    forecast: Forecast
    frame: pl.DataFrame

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {**asdict(self.forecast), "measures": self.frame.to_dicts()}


def runs_of_plan(
    study: Study,
    plan: Plan,
    at_most: float | None = None,
    *,
    window: int = WINDOW,
    n_runs: int = RUNS,
    pool: Pool | None = None,
    seed: int = 0,
) -> LiveRuns:
    """Live runs of a plan on the problems of a study (`ttclib.analysis.forecast.live_runs`).

    Parameters
    ----------
    study : Study
    plan : Plan
    at_most : float, optional
        None: the plan's largest limit.
    window, n_runs, seed : int
    pool : Pool, optional
        The study's on some of its problems.

    Raises
    ------
    RequestError
        The store holds another policy's samples, lacks the plan's verifier, or what its predictor reads.
    """
    chosen = study.pool if pool is None else pool
    check_policy(plan, chosen.policy)
    name, aggregation = plan.reads
    reads = None if name is None else chosen.verifier(name)
    by_question = plan.n_bins > 1 and plan.source in PREDICTORS
    passes = None
    if by_question and plan.predictor is not None and plan.predictor.wants:
        whole = PassAtK().replay(chosen, [1])
        greedy = plan.predictor.wants == "greedy"
        passes = plan.ledger.price(whole)[:, 0] if greedy else plan.ledger.reading_price(whole)
    return live_runs(
        plan,
        chosen,
        plan.limit(at_most),
        verifier=reads,
        aggregation=aggregation,
        ease=plan_ease(study, plan, chosen) if by_question else None,
        passes=passes,
        collected=lambda step: _collected(study, chosen, step),
        window=window,
        n_runs=n_runs,
        seed=seed,
    )


def ask_forecast(
    study: Study, plan: Plan, n_problems: int, at_most: float | None = None, *, seed: int = 0, **choices: Any
) -> Answer[Forecast]:
    """A prediction interval of what a plan will come to on so many new problems like those of a study."""
    runs = runs_of_plan(study, plan, at_most, seed=seed, **choices)
    found = forecast(plan, runs, n_problems, plan.limit(at_most), seed=seed)
    beside = plan.probes if plan.n_bins > 1 and not plan.reuse_probes else None
    samples = "sample that tells" if beside == 1 else "samples that tell"
    notes = (f"the {beside} {samples} the difficulty are paid beside the {found.at_most:g}",) if beside else ()
    return Answer(found, of_forecast(found), (source(study.pool),), notes)


def shadow(found: Forecast, correct: Sequence[bool | None], costs: Sequence[float]) -> Answer[Shadow]:
    """A forecast beside the answers' grades (None: nobody knows) and costs."""
    rows = fact_rows(found, correct, costs)
    result = Shadow(found, pl.DataFrame(rows, schema=FACT_SCHEMA))
    return Answer(result, (*of_forecast(found), *_of_fact(result)), (), ())


def fact_rows(found: Forecast, correct: Sequence[bool | None], costs: Sequence[float]) -> list[dict[str, Any]]:
    """Accuracy and cost beside their forecast, columns as in `FACT_SCHEMA`."""
    known = [one for one in correct if one is not None]
    accuracy = float(np.mean(known)) if known else None
    cost = float(np.mean(costs))
    inside = found.holds(np.nan if accuracy is None else accuracy, cost)
    return [
        {"measure": name, "forecast": side[0], "low": side[1], "high": side[2], "fact": fact,
         "inside": None if fact is None else held, "n_problems": n}
        for name, side, fact, held, n in (
            ("accuracy", found.accuracy, accuracy, inside[0], len(known)),
            ("cost", found.cost, cost, inside[1], len(costs)),
        )
    ]  # fmt: skip


def of_forecast(found: Forecast) -> tuple[str, ...]:
    """What is to be expected, in words."""
    low, high = found.accuracy[1:]
    return (
        f"On {found.n_problems} new problems, at most {found.at_most:g} {found.unit}, the plan is expected to answer "
        f"{shown(found.accuracy[0], 'accuracy')} right, in {found.level:.0%} of all cases between "
        f"{shown(low, 'accuracy')} and {shown(high, 'accuracy')}, at a cost of {found.cost[0]:.4g}, between "
        f"{found.cost[1]:.4g} and {found.cost[2]:.4g}.",
    )


def _of_fact(found: Shadow) -> list[str]:
    rows = {row["measure"]: row for row in found.frame.to_dicts()}
    said = []
    for name, row in rows.items():
        if row["fact"] is None:
            said.append("No answer could be graded: the problems have no reference answers.")
            continue
        fact = shown(row["fact"], "accuracy") if name == "accuracy" else f"{row['fact']:.4g}"
        where = "inside" if row["inside"] else "outside"
        said.append(f"{name.capitalize()} came to {fact}, {where} what was forecast.")
    return said


def check_policy(plan: Plan, policy: str) -> None:
    """Refuse a plan that runs another policy, or several.

    Raises
    ------
    RequestError
    """
    wanted = sorted({step.policy for step in plan.steps() if step.policy and step.kind != "chains"})
    if wanted and wanted != [policy]:
        raise RequestError(
            f"the plan runs '{', '.join(wanted)}', here is '{policy}': give that policy's configuration or store"
        )


def _collected(study: Study, pool: Pool, step: Step) -> Outcomes:
    """What a tree search or revisions come to, on the pool's problems."""
    asked = Question(
        strategies=(step.strategy,),
        budgets=(step.budget,),
        parameters={name: (value,) for name, value in step.parameters.items()},
        verifier=step.verifier or "prm",
        aggregation=step.aggregation or "last",
        problems="own",
        reviser=step.policy if step.kind == "chains" else None,
    )
    one = study.compared(asked).named(step.variant)
    held = set(one.problem_ids)
    if missing := [name for name in pool.problem_ids if name not in held]:
        raise RequestError(
            f"'{step.label}' is held on {len(held)} of {len(pool.problem_ids)} problems, not on '{missing[0]}': "
            "forecast from the problems that it was collected on, or export a plan of whole samples"
        )
    return restrict(one, pool.problem_ids)
