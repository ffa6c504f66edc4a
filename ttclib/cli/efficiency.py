"""`ttc efficiency`: what the best choice saves, with and without the bill for knowing difficulty."""

from __future__ import annotations

from typing import Any

import click
import polars as pl

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
    options,
    question_of,
    strategy_options,
    study_of,
)
from ttclib.cli.printing import print_answer

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
    as_json: bool,
    as_csv: bool,
    **choices: Any,
) -> None:
    """At what cost the best choice is as accurate as the baseline, with and without the bill for difficulty."""
    from ttclib.study.answers import ask_efficiency, ask_probed

    costs = costs_of(choices)
    study = study_of(choices)
    if cheap is not None:
        asked = question_of(study, choices)
        told = ask_probed(study, asked, whole_numbers(cheap, "cheap"), baseline, n_resamples=resamples)
        print_answer(
            told.result,
            as_json=as_json,
            as_csv=as_csv,
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
        as_json=as_json,
        as_csv=as_csv,
        rows=rows,
        findings=found.findings,
        notes=found.notes,
        heading=f"What the best choice needs for the accuracy of {result.baseline}, in {result.unit}",
        table=result.frame.filter(pl.col("bin").is_null()).select(SHOWN),
    )
