"""`ttc gain`: what one side gains over another."""

from __future__ import annotations

from typing import Any

import click

from ttclib.cli.common import cli
from ttclib.cli.options import OUTPUT, SEEDED, STORE, WHOSE, options, study_of
from ttclib.cli.printing import Table, print_answer

LENGTHS = ("side", "relative_length", "accuracy", "deviation", "interval", "n_problems")


@cli.command()
@options(STORE, WHOSE)
@click.option("--samples", type=int, help="Of each side, per problem; default: as many as 90% of the problems hold.")
@options(SEEDED, OUTPUT)
def gain(samples: int | None, as_json: bool, as_csv: bool, **choices: Any) -> None:
    """Coverage or reasoning: what the gain of a policy or setting over another is made of, and where longer fails."""
    from ttclib.show.gain_tables import COLUMNS, tables_by_pair
    from ttclib.study.gain import ask_gain

    found = ask_gain(study_of(choices), samples, seed=choices["seed"])
    result = found.result
    (heading, table), *others = tables_by_pair(result.frame)
    print_answer(
        result.frame,
        as_json=as_json,
        as_csv=as_csv,
        rows={"gains": result.frame.to_dicts(), "lengths": result.lengths.to_dicts()},
        heading=heading,
        findings=found.findings,
        notes=found.notes,
        table=Table(table, COLUMNS),
        more=[
            *((title, Table(part, COLUMNS)) for title, part in others),
            ("Of each problem's samples, shortest to longest, against its mean", Table(result.lengths, LENGTHS)),
        ],
    )
