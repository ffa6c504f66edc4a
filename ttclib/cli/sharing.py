"""What several machines share: the options of commands that collect, and `ttc ingest`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ttclib.cli.common import STORE_FLAG, cli, notify
from ttclib.errors import RequestError, TTCError

if TYPE_CHECKING:
    from ttclib.collect.engines.cluster import Cluster

_OPTIONS = (
    click.option("--shard", metavar="I/N", help="Do the I-th of N parts alone; together they are the whole."),
    click.option("--on", metavar="ray[://HOST:PORT]", help="Let the workers of a Ray cluster draw and score."),
    click.option("--workers", type=int, help="With --on: as many; by default all that there is room for."),
)
CLUSTER = _OPTIONS[1:]


def shareable(command: Any) -> Any:
    """Give a command the options that share its work out."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def machines(config: Any, on: str | None, workers: int | None) -> Iterator[Cluster | None]:
    """The cluster that is asked for, or none."""
    if on is None:
        if workers is not None:
            raise RequestError(f"--workers {workers} without --on: add --on ray, or set policy.data_parallel_size")
        yield None
        return
    from ttclib.collect.engines.cluster import Cluster

    with Cluster(on, workers, config, notify) as cluster:
        yield cluster


@cli.command()
@click.argument("sources", metavar="PARTS…", nargs=-1, required=True, type=click.Path(path_type=Path))
@STORE_FLAG
@click.option("--keep", is_flag=True, help="Leave the parts where they are; else they go once they are in.")
def ingest(sources: tuple[Path, ...], store: Path, keep: bool) -> None:
    """Take parts that other machines wrote, folders of them, or rows of whole stores, into a store."""
    from ttclib.store.ingest import ingest

    found = ingest(store, sources, keep=keep, notify=notify)
    for part, why in found.refused.items():
        notify(f"'{part}' is left where it is: {why}")
    removed = f", {found.n_removed:,} removed where they were" if found.n_removed else ""
    waiting = "; they wait beside it" if found.is_waiting else ""
    click.echo(f"{store}: {found.n_parts:,} parts of {found.n_rows:,} rows{removed}{waiting}")
    if found.refused:
        raise TTCError(f"{len(found.refused):,} parts were left out: move them away, or fetch them anew")
