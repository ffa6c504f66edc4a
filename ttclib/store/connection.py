"""The two ways into the file: `connect` to read, `absorb` to take parts in.

Parts are listed and removed only while the file's lock is held, so nobody reads a part that is about
to go.
"""

from __future__ import annotations

import errno
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from ttclib.errors import RequestError, TTCError
from ttclib.store.locks import as_ours, attach, attach_statement, shared_reader
from ttclib.store.schema import (
    TABLES,
    check_version,
    columns_of,
    migrate,
    parts_directory,
    pending_parts,
    store_path,
    table_of,
    tables_in_file,
)

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV, errno.EMLINK)
_STALE_S = 3600.0  # a .tmp of that age was left by a killed writer; a living one needs milliseconds


@contextmanager
def connect(
    path: str | Path, *, wait_s: float | None = None, notify: Callable[[str], None] = lambda text: None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a store for reading; the tables are views over the file and the parts beside it.

    Keep it short: an open reader keeps a run from taking its parts into the file.

    Parameters
    ----------
    path : str or pathlib.Path
    wait_s : float, optional
        How long to wait for a writer to finish; by default `ttclib.store.locks.default_wait_s`.
    notify : callable
        Told once, in a line, when waiting begins.

    Yields
    ------
    duckdb.DuckDBPyConnection
        With a view for each table in `TABLES`, all of one moment: parts written later are not in it.

    Raises
    ------
    RequestError
        No such store, no DuckDB file, a newer schema, or locked for longer than `wait_s`.
    """
    store = store_path(path)
    while True:
        # Looked for twice: it may be made, and its parts taken in, between the first look and the parts.
        if not store.exists() and not pending_parts(store) and not store.exists():
            raise RequestError(f"no store at '{store}': collect one with `ttc sample` or fill one with `ttc import`")
        in_file = store.exists()
        with shared_reader(store, wait_s, notify) if in_file else duckdb.connect() as con:
            ready = _show_tables(con, store, in_file)
            # Without a file there is no lock: had one been made meanwhile, parts could have moved into it.
            if ready and (in_file or not store.exists()):
                yield con
                return


def absorb(path: str | Path, *, wait_s: float | None = None, notify: Callable[[str], None] = lambda text: None) -> int:
    """Take the parts beside a store into the file, creating it if need be.

    One transaction; a row whose key is already there is left out, so repeating this is harmless.

    Parameters
    ----------
    path, wait_s, notify
        As in `connect`.

    Returns
    -------
    int
        Parts taken in.

    Raises
    ------
    StoreLockedError
        Another process held the file for longer than `wait_s`. The parts stay where they are.
    RequestError
        No DuckDB file, a newer schema, or no space left. The parts stay where they are.
    """
    store = store_path(path)
    _create_file(store)
    con = duckdb.connect()
    try:
        attach(con, store, "READ_WRITE", wait_s, notify)
        migrate(con, store)
        parts = pending_parts(store)
        con.execute("BEGIN")
        for table, key in TABLES.items():
            if waiting := _of_table(parts, table):
                con.execute(f"INSERT INTO store.{table} BY NAME {_from_parts(table, key, waiting, in_file=True)}")
        con.execute("COMMIT")
        _remove(parts, store)  # before the lock is let go
    except duckdb.Error as error:
        raise as_ours(error, store) from error
    finally:
        con.close()
    with suppress(OSError):  # not empty, or gone
        parts_directory(store).rmdir()
    return len(parts)


def replace_grades(
    path: str | Path,
    table: str,
    grader: str,
    rows: pa.Table,
    *,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> None:
    """Put a grader's new grades in the place of its old ones, in one transaction.

    Parameters
    ----------
    path, wait_s, notify
        As in `connect`.
    table : str
        ``grades``, ``node_grades`` or ``revision_grades``.
    grader : str
        Name and version; not ``given``, for what came with the data cannot be made again.
    rows : pyarrow.Table
        As `ttclib.store.parts.as_table` makes it.

    Raises
    ------
    StoreLockedError
        Another process held the file for longer than `wait_s`; the old grades stand.
    """
    if grader == "given":
        raise ValueError("grades that came with the data stay")
    store = store_path(path)
    absorb(store, wait_s=wait_s, notify=notify)
    con = duckdb.connect()
    try:
        attach(con, store, "READ_WRITE", wait_s, notify)
        con.register("renewed", rows)
        con.execute("BEGIN")
        keys = ", ".join(TABLES[table])
        con.execute(f"DELETE FROM store.{table} WHERE ({keys}) IN (SELECT ({keys}) FROM renewed)")
        con.execute(f"INSERT INTO store.{table} BY NAME SELECT * FROM renewed")
        con.execute("COMMIT")
    except duckdb.Error as error:
        raise as_ours(error, store) from error
    finally:
        con.close()


def _create_file(store: Path) -> None:
    """Make an empty store where there is none: whole and with its schema, or not at all.

    DuckDB would make the file first and fill it later, and a crash or a full disk between the two
    leaves a file that is no store. So it is made under another name and linked into place, which
    also leaves the file of a process that was quicker alone.
    """
    if store.exists():
        return
    directory = parts_directory(store)
    temporary = directory / f"store-{uuid.uuid4().hex}.duckdb.tmp"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as con:
            con.execute(attach_statement(temporary, "READ_WRITE"))
            migrate(con, temporary)
            con.execute("CHECKPOINT store")
        os.link(temporary, store)
    except duckdb.Error as error:
        if not store.exists():  # else another was quicker, and removed the folder when it was empty
            raise as_ours(error, store) from error
    except OSError as error:
        # Another was quicker; or there are no hard links here, and DuckDB makes the file in place.
        if not store.exists() and error.errno not in _NO_LINKS:
            raise RequestError(f"cannot write to '{directory}': {error.strerror or error}") from error
    finally:
        for leftover in (temporary, temporary.with_name(temporary.name + ".wal")):
            with suppress(OSError):
                leftover.unlink()


def _remove(parts: list[Path], store: Path) -> None:
    """Delete parts that are in the file now, and what killed writers left."""
    for part in parts:
        try:
            part.unlink(missing_ok=True)
        except OSError as error:
            raise TTCError(f"cannot delete '{part}', whose rows are in '{store}' now: {error.strerror}") from error
    for temporary in parts_directory(store).glob("*.tmp*"):
        with suppress(OSError):  # its writer may just have finished it
            if temporary.stat().st_mtime < time.time() - _STALE_S:
                temporary.unlink()


def _show_tables(con: duckdb.DuckDBPyConnection, store: Path, in_file: bool) -> bool:
    """Name the tables; False: a part went while it was read, which only happens without a file's lock."""
    if in_file:
        check_version(con, store)
    held = tables_in_file(con) if in_file else set()
    parts = pending_parts(store)
    # Parts that no lock protects are read at once. Views are the connection's own.
    kind = "VIEW" if in_file else "TABLE"
    try:
        for table, key in TABLES.items():
            con.execute(f"CREATE TEMP {kind} {table} AS {_union(table, key, table in held, parts)}")
    except duckdb.Error as error:
        if not in_file and store.exists():
            return False
        raise as_ours(error, store) from error
    return True


def _of_table(parts: list[Path], table: str) -> list[Path]:
    return [part for part in parts if table_of(part) == table]


def _from_parts(table: str, key: tuple[str, ...], parts: list[Path], *, in_file: bool) -> str:
    literal = [
        re.sub(r"([*?\[])", r"[\1]", str(part.absolute())).replace("'", "''") for part in parts
    ]  # a name, no pattern
    names = ", ".join(f"'{name}'" for name in literal)
    columns = ", ".join(key)
    unseen = f" ANTI JOIN store.{table} USING ({columns})" if in_file else ""
    # filename is the order of writing: of two rows with one key, the first counts.
    return (
        f"SELECT * EXCLUDE (filename, file_row_number) FROM read_parquet([{names}], union_by_name = true, "
        f""
        f"hive_partitioning = false, filename = true, file_row_number = true) AS part{unseen} "
        f"QUALIFY row_number() OVER (PARTITION BY {columns} ORDER BY filename, file_row_number) = 1"
    )


def _union(table: str, key: tuple[str, ...], in_file: bool, parts: list[Path]) -> str:
    # An empty table comes first: it gives the columns that an older file or part lacks.
    sources = ["SELECT " + ", ".join(f"NULL::{kind} AS {name}" for name, kind in columns_of(table)) + " WHERE false"]
    if in_file:
        sources.append(f"SELECT * FROM store.{table}")
    if waiting := _of_table(parts, table):
        sources.append(_from_parts(table, key, waiting, in_file=in_file))
    return " UNION ALL BY NAME ".join(sources)
