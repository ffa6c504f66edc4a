"""Commands that keep stores: backup, merge, split; and verify, which tells whether one is what was written to it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ttclib.cli.common import FILE, as_json, cli, notify, takes_store, wants
from ttclib.errors import RequestError, TTCError

if TYPE_CHECKING:
    from ttclib.soundness import Repaired, Verdict


@cli.command()
@takes_store
@click.option("--to", "target", metavar="FILE", required=True, type=FILE, help="The copy.")
@click.option("--parts", "as_parts", is_flag=True, help="A folder of Parquet parts, as an object store can hold it.")
def backup(store: Path, target: Path, as_parts: bool) -> None:
    """Copy STORE as it is at one moment, parts beside it included, while a run goes on."""
    from ttclib.store.copying import backup_as_parts, backup_store

    copy = backup_as_parts if as_parts else backup_store
    click.echo(f"{target}: {_counted(copy(store, target, notify=notify))}")


@cli.command()
@click.argument("stores", nargs=-1, metavar="STORE…", type=FILE)
@click.option("--into", metavar="FILE", required=True, type=FILE, help="The new store.")
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
@click.option("--into", metavar="FOLDER", required=True, type=FILE, help="Made if need be.")
@click.option("--parts", "n_parts", default=2, show_default=True, help="With --by problems: how many stores.")
def split(store: Path, by: str, into: Path, n_parts: int) -> None:
    """Cut STORE into several by policy, benchmark or problems; merged they are STORE again."""
    from ttclib.store.splitting import split_store

    for name, n_rows in split_store(store, by, into, n_parts=n_parts, notify=notify).items():
        click.echo(f"{name}: {n_rows:,} samples, counts, nodes and answers of chains")


def _counted(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {table}" for table, n in rows.items() if n) or "no rows"


_SHOWN = 40


@cli.command()
@takes_store
@as_json("As JSON, with every finding.")
@click.option("--repair", is_flag=True, help="Save what is sound into the new store that --output names.")
@click.option("--output", metavar="CLEAN", type=FILE, help="With --repair: the new store.")
def verify(store: Path, repair: bool, output: Path | None) -> None:
    """Derive every hash, count, class, key, path, part and packed file of STORE anew, and say what is not sound.

    Exit status 1 where anything is wrong. With --repair what is sound goes into a new store, and 0 says that
    it did; STORE is never written to.
    """
    from ttclib.soundness import repair_store, verify_store

    if repair != (output is not None):
        raise RequestError("--repair and --output go together: ttc verify STORE --repair --output CLEAN.duckdb")
    if output is not None:
        from ttclib.store.copying import refuse_existing

        refuse_existing(output)
    found = verify_store(store, notify=notify)
    repaired = repair_store(store, output, notify=notify) if output is not None else None
    if wants("json"):
        more: dict[str, Any] = {"repaired": repaired.record()} if repaired else {}
        click.echo(json.dumps(found.record() | more, indent=1, default=str))
    else:
        for line in (*_lines(found), *(_saved(repaired) if repaired else ())):
            click.echo(line)
    if repaired is None and not found.is_sound:
        n = len(found.findings)
        raise TTCError(
            f"'{store}' is not sound: {n:,} finding{'s' * (n > 1)}; `ttc verify {shlex.quote(str(store))} --repair "
            "--output CLEAN.duckdb` saves what is sound into a new file"
        )


def _lines(found: Verdict) -> Iterator[str]:
    rows = ", ".join(f"{n:,} {table}" for table, n in found.rows.items() if n) or "no rows"
    if found.is_sound:
        yield f"{found.store}: sound; {rows}"
    else:
        yield f"{found.store}: not sound"
        yield from _listed([f"{one.line} [{one.kind}]" for one in found.findings])
        sound = ", ".join(f"{found.rows[table]:,} {table}" for table in found.sound_tables)
        yield f"  sound: {sound or 'no table in full'}"
    for note in found.notes:
        yield f"  note: {note}"


def _saved(repaired: Repaired) -> Iterator[str]:
    rows = ", ".join(f"{n:,} {table}" for table, n in repaired.rows.items() if n)
    yield f"{repaired.output}: saved {rows}"
    yield from (f"  restored: {line}" for line in repaired.restored)
    yield from _listed([f"lost: {line}" for line in repaired.lost])
    yield from _listed([f"left out, or what it names is unknown: {one.line}" for one in repaired.dropped])
    yield from _listed([f"left behind: {one.line}" for one in repaired.left if one.kind != "checksum"])
    yield from _listed([f"kept as found: {one.line}" for one in repaired.left if one.kind == "checksum"])


def _listed(lines: Sequence[str]) -> Iterator[str]:
    yield from (f"  {line}" for line in lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield f"  … and {len(lines) - _SHOWN:,} more: all with --json"
