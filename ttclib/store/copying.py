"""Rows from one store into a new one: the one way of a backup, a merge, a split and a repair.

The new file is made under another name and linked into place when it is whole, so that it is there with all rows or
not at all. Only rows are copied: what else a file holds stays behind.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from ttclib.errors import RequestError
from ttclib.fresh_names import unfinished
from ttclib.store import checksums
from ttclib.store.connection import connect
from ttclib.store.isolation import new_connection, shut
from ttclib.store.locks import as_ours, attach_statement, damaged
from ttclib.store.memory import WRITING
from ttclib.store.packed import packed_path
from ttclib.store.parts import write_part
from ttclib.store.schema import migrate, parts_directory, store_path
from ttclib.store.tables import TABLES

_ROWS = 122_880


def refuse_existing(target: Path) -> None:
    """Refuse to write a store where one is.

    Raises
    ------
    RequestError
    """
    for place in (target, packed_path(target), parts_directory(target)):
        if place.exists() or place.is_symlink():
            raise RequestError(
                f"'{place}' is there already and is not written over: give another name, or move it away"
            )
    if not target.absolute().parent.is_dir():
        raise RequestError(f"no folder '{target.absolute().parent}': make it first")


@contextmanager
def filling(path: str | Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new store to put rows into, attached as ``store``; in place at the end, or not there at all.

    Its tables can be read by their names alone, as those that `connect` gives.

    Raises
    ------
    RequestError
        There is something by this name, or no space.
    """
    target = store_path(path)
    refuse_existing(target)
    temporary = unfinished(target)
    con = new_connection(WRITING)
    try:
        con.execute(attach_statement(temporary, "READ_WRITE"))
        migrate(shut(con), temporary)
        for table in TABLES:
            con.execute(f"CREATE TEMP VIEW {table} AS SELECT * FROM store.main.{table}")
        con.execute("BEGIN")
        yield con
        checksums.take_anew(con)
        con.execute("COMMIT")
        con.execute("CHECKPOINT store")
        con.close()
        _in_place(temporary, target)
    except duckdb.Error as error:
        raise as_ours(error, target) from error
    finally:
        con.close()
        for leftover in (temporary, temporary.with_name(temporary.name + ".wal")):
            with suppress(OSError):
                leftover.unlink()


def _in_place(temporary: Path, target: Path) -> None:
    try:
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        try:
            os.link(temporary, target)
        except FileExistsError:
            raise RequestError(f"'{target}' was made meanwhile and is not written over: give another name") from None
        except OSError:  # a file system without links
            temporary.rename(target)
    except OSError as error:
        raise RequestError(f"cannot write '{target}': {error.strerror or error}") from error


def pour(
    source: duckdb.DuckDBPyConnection,
    query: str,
    into: duckdb.DuckDBPyConnection,
    table: str,
    *,
    store: Path,
    unseen: bool = False,
) -> int:
    """Copy the rows that a query gives into a table of a new store.

    Parameters
    ----------
    query : str
        In the columns of the table.
    into : duckdb.DuckDBPyConnection
        As `filling` gives it.
    store : pathlib.Path
        What the rows come from, for errors.
    unseen : bool
        Leave out rows whose key is there.

    Returns
    -------
    int
        Rows copied.

    Raises
    ------
    DamagedStoreError
        A row cannot be read.
    """
    but = f"ANTI JOIN store.main.{table} USING ({', '.join(TABLES[table])})" if unseen else ""
    n_rows = 0
    for batch in batches(source, query, store):
        into.register("poured", pa.Table.from_batches([batch]))
        try:
            into.execute(f"INSERT INTO store.main.{table} BY NAME SELECT * FROM poured {but}")
        finally:
            into.unregister("poured")
        n_rows += batch.num_rows
    return n_rows


def batches(source: duckdb.DuckDBPyConnection, query: str, store: Path) -> Iterator[pa.RecordBatch]:
    """What a query of a store gives, batch by batch.

    Raises
    ------
    DamagedStoreError
        A row cannot be read.
    """
    try:
        yield from source.sql(query).to_arrow_reader(_ROWS)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise damaged(store, str(error)) from error


def backup_store(
    path: str | Path, to: str | Path, *, wait_s: float | None = None, notify: Callable[[str], None] = lambda text: None
) -> dict[str, int]:
    """Copy a store as it is at one moment, parts beside it included, into a new file.

    A run goes on meanwhile: what it writes waits in parts, as while a notebook reads.

    Parameters
    ----------
    path, to : str or pathlib.Path
    wait_s, notify
        As in `connect`.

    Returns
    -------
    dict of str to int
        Rows by table.

    Raises
    ------
    RequestError
        No such store, or there is something at `to`.
    DamagedStoreError
        A row cannot be read; there is no copy then.
    """
    refuse_existing(store_path(to))
    with connect(path, wait_s=wait_s, notify=notify) as source, filling(to) as into:
        return {table: pour(source, f"SELECT * FROM {table}", into, table, store=Path(path)) for table in TABLES}


def backup_as_parts(
    path: str | Path, to: str | Path, *, notify: Callable[[str], None] = lambda text: None
) -> dict[str, int]:
    """Copy a store as `backup_store` does, into a folder of Parquet parts: a store that an object store can hold.

    The folder is there with all rows or not at all.
    """
    target = store_path(to)
    refuse_existing(target)
    temporary = unfinished(target)
    rows = dict.fromkeys(TABLES, 0)
    try:
        with connect(path, notify=notify) as source:
            for table, key in TABLES.items():
                # In the order of the key, so that a question of one policy or problem reads a few row groups.
                for batch in batches(source, f"SELECT * FROM {table} ORDER BY {', '.join(key)}", Path(path)):
                    write_part(temporary, table, pa.Table.from_batches([batch]))
                    rows[table] += batch.num_rows
        parts_directory(temporary).rename(target)
    except OSError as error:
        raise RequestError(f"cannot write '{target}': {error.strerror or error}") from error
    finally:
        shutil.rmtree(parts_directory(temporary), ignore_errors=True)
    return rows
