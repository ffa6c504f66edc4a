"""`ttc grade`: answers compared with the reference, once more or for the first time."""

from __future__ import annotations

from pathlib import Path

import click

from ttclib.cli.common import cli, notify
from ttclib.errors import RequestError


@cli.command()
@click.argument("path", metavar="[STORE]", required=False, type=click.Path(path_type=Path))
@click.option("--store", type=click.Path(path_type=Path), help="The same, as with the other commands.")
@click.option("--grader", default="math", show_default=True, help="math or exact.")
@click.option("--again", is_flag=True, help="Also what this grader has graded, and what came with a grade.")
def grade(path: Path | None, store: Path | None, grader: str, again: bool) -> None:
    """Grade what STORE holds and this grader has not graded; no sample is touched.

    A grade stands under its grader's name and version, beside those of others. One that came with
    imported samples is read first, also when --again has put another beside it.
    """
    from ttclib.collect import keeper, run
    from ttclib.collect.grade_nodes import grade_nodes

    if (path is None) == (store is None):
        raise RequestError("name one store: ttc grade runs/lab.duckdb, or --store runs/lab.duckdb")
    chosen = path or store
    assert chosen is not None
    try:
        graded = run.grade(chosen, grader, again=again, notify=notify)
        graded += grade_nodes(chosen, grader, again=again, notify=notify)
    except KeyboardInterrupt:
        keeper.take_in(chosen, notify=notify)
        raise
    keeper.take_in(chosen, notify=notify)
    click.echo(f"{chosen}: {graded:,} graded")
