"""`ttc efficiency` and `ttc adaptivity`: what choosing saves, and what it is worth when all is paid."""

from __future__ import annotations

from typing import Any

import click
import polars as pl

from ttclib.analysis.columns import strategy_label
from ttclib.cli.common import cli, whole_numbers
from ttclib.cli.options import (
    BILL,
    BINS,
    COST,
    OUTPUT,
    RESAMPLES,
    SEEDED,
    STORE,
    WHOSE,
    costs_of,
    ledger_of,
    numbers,
    options,
    question_of,
    strategy_options,
    study_of,
    without,
)
from ttclib.cli.printing import Table, print_answer
from ttclib.study.account import N_DRAWS, N_RESAMPLES, PROBES, ask_account

SHOWN = ("budget", "accuracy", "baseline_cost", "cost", "factor", "factor_low", "factor_high", "verdict")


@cli.command()
@options(STORE, WHOSE)
@click.option("--baseline", default="best_of_n", show_default=True, help="Strategy, or variant, that is compared with.")
@click.option(
    "--cheap", metavar="K,K,…", help="Instead: difficulty from so many samples, used again, sampling strategies alone."
)
@options(strategy_options(), BINS, COST, BILL, RESAMPLES, SEEDED, OUTPUT)
def efficiency(
    baseline: str,
    cheap: str | None,
    resamples: int,
    **choices: Any,
) -> None:
    """At what cost the best choice is as accurate as the baseline, with and without the bill for difficulty."""
    from ttclib.study.answers import ask_efficiency, ask_probed

    if cheap is not None:
        names = ("preset", "charges", "probes", "queries", "reuse_probes")
        without("--cheap counts generations, those that tell the difficulty among them", *names)
    costs = costs_of(choices)
    study = study_of(choices)
    if cheap is not None:
        asked = question_of(study, choices)
        told = ask_probed(study, asked, whole_numbers(cheap, "cheap"), baseline, n_resamples=resamples)
        print_answer(
            told.result,
            rows=[{"baseline": baseline, **row, "difficulty": asked.difficulty} for row in told.result.to_dicts()],
            notes=told.notes,
            heading=f"Generations that {baseline} needs for what {asked.difficulty} difficulty from few samples buys",
        )
        return
    found = ask_efficiency(
        study,
        question_of(study, choices),
        baseline,
        **costs,
        n_resamples=resamples,
    )
    result = found.result
    rows = [{"baseline": result.baseline, **row, "unit": result.unit} for row in result.frame.to_dicts()]
    print_answer(
        result.frame,
        rows=rows,
        findings=found.findings,
        notes=found.notes,
        heading=f"What the best choice needs for the accuracy of {strategy_label(result.baseline)}, in {result.unit}",
        table=result.frame.filter(pl.col("bin").is_null()).select(SHOWN),
    )


TABLES = {
    "accuracy": "Accuracy at equal total cost",
    "difference": "More than uniform at equal cost, points",
    "factor": "What uniform needs for as much, times the cost",
}


@cli.command()
@options(STORE, WHOSE, strategy_options(), BINS, COST)
@click.option("--at-most", help="Total costs, with commas; default: powers of two up to half of the pool.")
@click.option(
    "--probes",
    default=",".join(map(str, PROBES)),
    show_default=True,
    help="Samples a problem that tell the difficulty and are billed, with commas.",
)
@click.option(
    "--draws", type=click.IntRange(min=1), default=N_DRAWS, show_default=True, help="Random draws of the probes."
)
@click.option(
    "--resamples",
    type=click.IntRange(min=2),
    default=N_RESAMPLES,
    show_default=True,
    help="Draws behind an interval.",
)
@options(SEEDED, OUTPUT)
def adaptivity(at_most: str | None, probes: str, draws: int, resamples: int, **choices: Any) -> None:
    """What adaptivity is worth, paid in full: every way to spend beside one choice for all, at equal total cost."""
    ledger = ledger_of(choices)
    study = study_of(choices)
    limits = None if at_most is None else numbers(at_most, "at-most")
    found = ask_account(
        study,
        question_of(study, choices),
        ledger=ledger,
        limits=limits,
        probes=whole_numbers(probes, "probes"),
        draws=draws,
        n_resamples=resamples,
    )
    result = found.result
    print_answer(
        result.frame,
        rows=[{**row, "unit": result.unit} for row in result.frame.to_dicts()],
        findings=found.findings,
        notes=found.notes,
        table=pl.DataFrame(),
        more=[(f"{title}, in {result.unit}", Table(*result.wide(value))) for value, title in TABLES.items()],
    )
