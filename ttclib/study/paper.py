"""The rows behind the figures of Snell et al. 2024 (arXiv:2408.03314), from any store that can answer them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ttclib.analysis.columns import strategy_label
from ttclib.analysis.frontier import COMPUTE_OPTIMAL
from ttclib.replay.strategies.revisions import Revisions
from ttclib.study.answers import Answer, ask_efficiency, ask_frontier
from ttclib.study.chains import RevisionChains
from ttclib.study.question import Question
from ttclib.study.study import Study

PARALLEL = "parallel"
ONE_CHAIN, MANY_CHAINS, NTH_ANSWER = "one chain of N", "N first answers", "the Nth answer alone"
_LINE = ("name", "cost", "accuracy", "ci_low", "ci_high", "n_problems")


@dataclass(frozen=True)
class Optimal:
    """The compute-optimal choice against a baseline over cost, and the largest saving."""

    frame: pl.DataFrame  # `name, cost, accuracy, ci_low, ci_high, n_problems`: a line a difficulty, and the baseline
    unit: str  # of the cost
    # the row of `ttclib.analysis.efficiency.efficiency` with the largest factor; None: none is above one
    saving: dict[str, float | str | None] | None


def optimal(study: Study, asked: Question, baseline: str) -> Answer[Optimal]:
    """The compute-optimal choice by each difficulty that the store can tell, against a baseline.

    Parameters
    ----------
    asked : Question
        What is chosen from; its difficulty is the first line's.
    baseline : str
        A strategy, or variant, that is among what is compared.
    """
    others = [name for name in study.difficulties() if name in ("oracle", "predicted") and name != asked.difficulty]
    lines, unit = [], ""
    for difficulty in (asked.difficulty, *others):
        found = ask_frontier(study, asked.but(difficulty=difficulty)).result
        whole = found.frame.filter(pl.col("bin").is_null())
        unit = found.unit
        chosen = whole.filter(pl.col("strategy") == COMPUTE_OPTIMAL).drop_nulls("accuracy")
        lines.append(chosen.with_columns(name=pl.lit(f"compute-optimal, {difficulty} difficulty")).select(_LINE))
    answer = ask_efficiency(study, asked, baseline)
    named = study.compared(asked).named(baseline).variant
    single = whole.filter(pl.col("variant") == named)
    lines.append(single.with_columns(name=pl.lit(strategy_label(named))).select(_LINE))
    rows = answer.result.frame.filter(pl.col("bin").is_null()).drop_nulls("factor").sort("factor")
    saving = rows.row(-1, named=True) if len(rows) and rows["factor"][-1] > 1 else None
    return Answer(Optimal(pl.concat(lines), unit, saving), answer.findings, answer.caption, answer.notes)


def optimal_revisions(chains: RevisionChains) -> Answer[Optimal]:
    """The compute-optimal split of N answers into chains, against N first answers at once."""
    ratios = chains.sweep().select(pl.col("sequential") / pl.col("parallel")).to_series().unique().sort().to_list()
    parameters = {**chains.asked.parameters, "ratio": (PARALLEL, *ratios)}
    asked = chains.asked.but(strategies=("revisions",), parameters=parameters, problems="revised")
    return optimal(chains.study, asked, Revisions(ratio=PARALLEL).variant)


def along_and_across(chains: RevisionChains) -> pl.DataFrame:
    """N answers one after the other, N at once, and the Nth alone.

    Returns
    -------
    polars.DataFrame
        ``name, budget, accuracy, ci_low, ci_high, n_problems``.
    """
    shown = ("name", "budget", "accuracy", "ci_low", "ci_high", "n_problems")
    sweep = chains.sweep().filter(pl.col("bin").is_null())
    parts = [
        sweep.filter(pl.col(other) == 1).with_columns(name=pl.lit(name))
        for name, other in ((ONE_CHAIN, "parallel"), (MANY_CHAINS, "sequential"))
    ]
    alone = chains.along().with_columns(budget=pl.col("position") + 1, name=pl.lit(NTH_ANSWER))
    return pl.concat([part.select(shown) for part in (*parts, alone)], how="vertical_relaxed")
