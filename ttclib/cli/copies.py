"""Commands that make stores of stores: backup, merge, split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from ttclib.cli.common import cli, notify, takes_store
from ttclib.errors import RequestError


@cli.command()
@takes_store
@click.option("--to", "target", metavar="FILE", required=True, type=click.Path(path_type=Path), help="The copy.")
@click.option("--parts", "as_parts", is_flag=True, help="A folder of Parquet parts, as an object store can hold it.")
def backup(store: Path, target: Path, as_parts: bool) -> None:
    """Copy STORE as it is at one moment, parts beside it included, while a run goes on."""
    from ttclib.store.copying import backup_as_parts, backup_store

    copy = backup_as_parts if as_parts else backup_store
    click.echo(f"{target}: {_counted(copy(store, target, notify=notify))}")


@cli.command()
@click.argument("stores", nargs=-1, metavar="STORE…", type=click.Path(path_type=Path))
@click.option("--into", metavar="FILE", required=True, type=click.Path(path_type=Path), help="The new store.")
def merge(stores: tuple[Path, ...], into: Path) -> None:
    """Put several stores together into a new one: what is in several stands once.

    A row that two hold with other content, or another model by the same name, is named, and nothing is written.
    The order of the stores is of no matter.
    """
    from ttclib.soundness import merge_stores

    if not stores:
        raise RequestError("no store: name those to merge, such as ttc merge a.duckdb b.duckdb --into c.duckdb")
    click.echo(f"{into}: {_counted(merge_stores(stores, into, notify=notify))}")


@cli.command()
@takes_store
@click.option("--by", required=True, help="policy, benchmark or problems.")
@click.option("--into", metavar="FOLDER", required=True, type=click.Path(path_type=Path), help="Made if need be.")
@click.option("--parts", "n_parts", default=2, show_default=True, help="With --by problems: how many stores.")
def split(store: Path, by: str, into: Path, n_parts: int) -> None:
    """Cut STORE into several by policy, benchmark or problems; merged they are STORE again."""
    from ttclib.store.splitting import split_store

    for name, n_rows in split_store(store, by, into, n_parts=n_parts, notify=notify).items():
        click.echo(f"{name}: {n_rows:,} samples, counts, nodes and answers of chains")


def _counted(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {table}" for table, n in rows.items() if n) or "no rows"
