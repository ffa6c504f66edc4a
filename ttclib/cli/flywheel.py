"""`ttc flywheel`: what rounds of training on its own samples made of a policy, and what they took."""

from __future__ import annotations

from typing import Any

import click

from ttclib.cli.common import cli, notify, store_of
from ttclib.cli.options import OUTPUT, SEEDED, STORE, options
from ttclib.cli.printing import Table, print_answer


@cli.command()
@options(STORE)
@click.option("--bins", type=click.IntRange(min=2), default=5, show_default=True, help="Of difficulty, by the first.")
@click.option("--queries", type=float, help="That share what the rounds took; default: as many as there are problems.")
@click.option("--samples", type=click.IntRange(min=2), help="That coverage is of; default: as many as all hold.")
@options(SEEDED, OUTPUT)
def flywheel(bins: int, queries: float | None, samples: int | None, seed: int, **choices: Any) -> None:
    """Where problems of each bin go as a policy is trained on its own samples, and the same FLOPs spent otherwise."""
    from ttclib.show.flywheel_tables import BINS, EQUAL, equal_tables, hardest_tables, rounds_tables
    from ttclib.study.flywheel import ask_flywheel, open_flywheel

    found = ask_flywheel(open_flywheel(store_of(choices), notify=notify), bins, queries, samples, seed=seed)
    result = found.result
    took, gave = rounds_tables(result.rounds, result.k)
    frames = {name: getattr(result, name).to_dicts() for name in ("rounds", "moved", "flow", "bins", "equal")}
    print_answer(
        result.rounds,
        rows=frames,
        heading=found.caption[0],
        findings=found.findings,
        notes=found.notes,
        table=Table(*took[1:]),
        more=[
            (gave[0], Table(*gave[1:])),
            *((heading, Table(part, BINS)) for heading, part in hardest_tables(result.bins)),
            *((heading, Table(part, EQUAL)) for heading, part in equal_tables(result.equal, result.queries)),
        ],
    )
