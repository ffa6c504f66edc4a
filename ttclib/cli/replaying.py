"""`ttc replay`: strategies at budgets, from the store alone."""

from __future__ import annotations

from typing import Any

import click

from ttclib.cli.common import cli
from ttclib.cli.options import BINS, OUTPUT, SEEDED, STORE, WHOSE, options, question_of, strategy_options, study_of
from ttclib.cli.printing import print_answer
from ttclib.study.question import INTERVALS

COLUMNS = ("variant", "bin", "budget", "accuracy", "ci_low", "ci_high", "n_problems", "tokens", "flops")


@cli.command()
@options(STORE, WHOSE, strategy_options(), BINS, SEEDED)
@click.option("--interval", default="pointwise", show_default=True, help=f"{', '.join(INTERVALS)} (a whole curve).")
@options(OUTPUT)
def replay(interval: str, as_json: bool, as_csv: bool, **choices: Any) -> None:
    """Expected accuracy of strategies at budgets, with 95 % intervals and cost."""
    study = study_of(choices)
    curves = study.replay(question_of(study, choices), interval=interval)
    print_answer(
        curves.frame,
        as_json=as_json,
        as_csv=as_csv,
        findings=curves.findings,
        notes=curves.notes,
        table=curves.frame.select(COLUMNS),
    )
