"""`ttc lengths`: what longer answers are worth."""

from __future__ import annotations

from typing import Any

import click

from ttclib.cli.common import cli, whole_numbers
from ttclib.cli.options import OUTPUT, STORE, WHOSE, options, study_of
from ttclib.cli.printing import print_answer

WITHIN = "Of each problem's samples, shortest to longest, against its mean"


@cli.command()
@options(STORE, WHOSE)
@click.option("--caps", help="Completion tokens, with commas; default: quantiles of the lengths.")
@options(OUTPUT)
def lengths(caps: str | None, as_json: bool, as_csv: bool, **choices: Any) -> None:
    """Accuracy of one sample under length caps and by length within a problem; how much its result needed."""
    from ttclib.study.lengths import answer

    found = answer(study_of(choices).pool, None if caps is None else whole_numbers(caps, "caps"))
    rows = {
        "caps": found.frame.to_dicts(),
        "within": found.within.to_dicts(),
        "outcome_efficiency": found.efficiency,
    }
    print_answer(
        found.frame,
        as_json=as_json,
        as_csv=as_csv,
        rows=rows,
        heading="Within a cap of tokens",
        findings=found.findings,
        notes=found.notes,
        more=[(WITHIN, found.within)] if len(found.within) else (),
    )
