"""`ttc replay`: strategies at budgets, from the store alone."""

from __future__ import annotations

from typing import Any

import click
import polars as pl

from ttclib.analysis.columns import Column
from ttclib.cli.common import cli
from ttclib.cli.options import BINS, OUTPUT, SEEDED, STORE, WHOSE, options, question_of, strategy_options, study_of
from ttclib.cli.printing import Table, print_answer
from ttclib.study.question import INTERVALS

COLUMNS = ("variant", "bin", "budget", "accuracy", "ci_low", "ci_high", "n_problems", "tokens", "flops")
FEW = 5  # budgets that fit beside a strategy and a bin


@cli.command()
@options(STORE, WHOSE, strategy_options(), BINS, SEEDED)
@click.option("--interval", default="pointwise", show_default=True, help=f"{', '.join(INTERVALS)} (a whole curve).")
@options(OUTPUT)
def replay(interval: str, as_json: bool, as_csv: bool, **choices: Any) -> None:
    """Expected accuracy of strategies at budgets, with 95 % intervals and cost."""
    study = study_of(choices)
    curves = study.replay(question_of(study, choices), interval=interval)
    shown = curves.frame.select(COLUMNS)
    whole = shown.filter(pl.col("bin").is_null()).drop("bin")
    by_bin = shown.filter(pl.col("bin").is_not_null())
    more: list[tuple[str, Table]] = []
    if len(by_bin):
        last = pl.col("budget") == pl.col("budget").max().over("variant")
        whole, more = whole.filter(last), [("Accuracy by difficulty bin, 1 the easiest", accuracy_by_bin(by_bin))]
    print_answer(
        curves.frame,
        as_json=as_json,
        as_csv=as_csv,
        findings=curves.findings,
        notes=curves.notes,
        table=whole,
        more=more,
    )


def accuracy_by_bin(rows: pl.DataFrame) -> Table:
    """A row a strategy and bin, a column for each of a few budgets, with that column's meaning."""
    budgets = rows["budget"].unique().sort().to_list()
    places = {round(place * (len(budgets) - 1) / (FEW - 1)) for place in range(FEW)} if len(budgets) > FEW else None
    few = budgets if places is None else [budgets[place] for place in sorted(places)]
    columns = [Column(str(size), pl.Float64, f"accuracy at N = {size}", "share", f"N = {size}") for size in few]
    frame = rows.pivot("budget", index=["variant", "bin"], values="accuracy", maintain_order=True)
    return Table(frame.select("variant", "bin", *map(str, few)), ("variant", "bin", *columns))
