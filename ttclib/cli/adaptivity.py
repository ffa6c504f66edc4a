"""`ttc adaptivity`: what adaptivity is worth at equal total cost, everything paid."""

from __future__ import annotations

from typing import Any

import click
import polars as pl

from ttclib.cli.common import cli, whole_numbers
from ttclib.cli.options import (
    BINS,
    COST,
    OUTPUT,
    SEEDED,
    STORE,
    WHOSE,
    ledger_of,
    numbers,
    options,
    question_of,
    strategy_options,
    study_of,
)
from ttclib.cli.printing import Table, print_answer
from ttclib.study.account import N_DRAWS, N_RESAMPLES, PROBES, ask_account

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
def adaptivity(
    at_most: str | None, probes: str, draws: int, resamples: int, as_json: bool, as_csv: bool, **choices: Any
) -> None:
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
        as_json=as_json,
        as_csv=as_csv,
        rows=[{**row, "unit": result.unit} for row in result.frame.to_dicts()],
        findings=found.findings,
        notes=found.notes,
        table=pl.DataFrame(),
        more=[(f"{title}, in {result.unit}", Table(*result.wide(value))) for value, title in TABLES.items()],
    )
