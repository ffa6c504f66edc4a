"""The two ways into the file: `connect` to read, `absorb` to take parts in.

Parts are listed and removed only while the file's lock is held, so nobody reads a part that is about
to go.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from ttclib.errors import RequestError, TTCError
from ttclib.store import checksums
from ttclib.store.locks import DamagedStoreError, as_ours, attach, attach_statement, shared_reader
from ttclib.store.migrations import as_of_today
from ttclib.store.parts import is_whole
from ttclib.store.schema import (
    SCHEMA_VERSION,
    check_version,
    migrate,
    parts_directory,
    pending_parts,
    store_path,
    table_of,
    tables_in_file,
)
from ttclib.store.tables import TABLES, columns_of

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
    DamagedStoreError
        The file or a part is damaged; raised also where that is found by a query inside.
    """
    store = store_path(path)
    while True:
        # Looked for twice: it may be made, and its parts taken in, between the first look and the parts.
        if not store.exists() and not pending_parts(store) and not store.exists():
            raise RequestError(f"no store at '{store}': collect one with `ttc sample` or fill one with `ttc import`")
        in_file = store.exists()
        with shared_reader(store, wait_s, notify) if in_file else duckdb.connect() as con:
            try:
                ready = _show_tables(con, store, in_file)
                # Without a file there is no lock: had one been made meanwhile, parts could have moved into it.
                if ready and (in_file or not store.exists()):
                    yield con
                    return
            except duckdb.Error as error:  # what is damaged is found when it is read
                raise as_ours(error, store) from error


def absorb(path: str | Path, *, wait_s: float | None = None, notify: Callable[[str], None] = lambda text: None) -> int:
    """Take the parts beside a store into the file, creating it if need be.

    One transaction; a row whose key is already there is left out, so repeating this is harmless. Of a model, what
    was not known is filled in.

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
        waiting_parts = pending_parts(store)
        parts = [part for part in waiting_parts if is_whole(part)]
        con.execute("BEGIN")
        if not checksums.comparable(con):
            checksums.take_anew(con)
        for table in TABLES:
            waiting = _of_table(parts, table)
            own = f"SELECT * FROM store.{table}"
            if waiting and table == "models":
                con.execute(f"CREATE TEMP TABLE filled AS {_filled_models(own, waiting)}")
                checksums.note(con, table, own, gone=True)
                con.execute("DELETE FROM store.models")
                con.execute("INSERT INTO store.models BY NAME FROM filled")
                checksums.note(con, table, own)
            elif waiting:
                last = checksums.last_row(con, table)
                con.execute(f"INSERT INTO store.{table} BY NAME {_unseen(table, own, waiting)}")
                checksums.note(con, table, f"{own} WHERE rowid > {last}")
        con.execute("COMMIT")
        if parts:
            con.execute("CHECKPOINT store")  # in the file itself before they go: a log can be lost, or torn
        _remove(parts, store)  # before the lock is let go
    except duckdb.Error as error:
        raise as_ours(error, store) from error
    except OSError as error:
        raise TTCError(f"cannot read the parts beside '{store}': {error.strerror or error}") from error
    finally:
        con.close()
    with suppress(OSError):  # not empty, or gone
        parts_directory(store).rmdir()
    if bad := [part for part in waiting_parts if part not in parts]:
        raise DamagedStoreError(
            f"part '{bad[0]}' is damaged{f', and {len(bad) - 1} more' if bad[1:] else ''}: move it out of that folder; "
            f"the other {len(parts):,} were taken in; `ttc verify {shlex.quote(str(store))}` says what is sound"
        )
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
    absorb(path, wait_s=wait_s, notify=notify)
    with write_transaction(path, wait_s=wait_s, notify=notify) as con:
        con.register("renewed", rows)
        keys = ", ".join(TABLES[table])
        replaced = f"FROM store.{table} WHERE ({keys}) IN (SELECT ({keys}) FROM renewed)"
        checksums.note(con, table, f"SELECT * {replaced}", gone=True)
        con.execute(f"DELETE {replaced}")
        con.execute(f"INSERT INTO store.{table} BY NAME SELECT * FROM renewed")
        checksums.note(con, table, "SELECT * FROM renewed")


@contextmanager
def write_transaction(
    path: str | Path, *, wait_s: float | None = None, notify: Callable[[str], None] = lambda text: None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Change the file, attached as ``store``: all that is done inside, or nothing where it fails.

    Raises
    ------
    StoreLockedError
        Another process held the file for longer than `wait_s`.
    """
    store = store_path(path)
    con = duckdb.connect()
    try:
        attach(con, store, "READ_WRITE", wait_s, notify)
        con.execute("BEGIN")
        yield con
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
    version = check_version(con, store) if in_file else SCHEMA_VERSION
    held = tables_in_file(con) if in_file else set()
    parts = pending_parts(store)
    # Parts that no lock protects are read at once. Views are the connection's own.
    kind = "VIEW" if in_file else "TABLE"
    try:
        for table in TABLES:
            own = f"SELECT * FROM store.{table}" if table in held else None
            if own and version < SCHEMA_VERSION:
                own = as_of_today(table, own)
            con.execute(f"CREATE TEMP {kind} {table} AS {_whole(table, own, parts)}")
    except duckdb.Error as error:
        if not in_file and store.exists():
            return False
        raise as_ours(error, store) from error
    return True


def _of_table(parts: list[Path], table: str) -> list[Path]:
    return [part for part in parts if table_of(part) == table]


def _from_parts(table: str, parts: list[Path]) -> str:
    """SQL of the rows of parts, in today's columns; `written` orders them by when they were written."""
    literal = [
        re.sub(r"([*?\[])", r"[\1]", str(part.absolute())).replace("'", "''") for part in parts
    ]  # a name, no pattern
    names = ", ".join(f"'{name}'" for name in literal)
    rows = (
        f"SELECT * EXCLUDE (filename, file_row_number), (filename, file_row_number) AS written "
        f"FROM read_parquet([{names}], union_by_name = true, hive_partitioning = false, filename = true, "
        "file_row_number = true)"
    )
    return as_of_today(table, rows, also={"written": "STRUCT(filename VARCHAR, file_row_number BIGINT)"})


def _unseen(table: str, own: str | None, parts: list[Path]) -> str:
    """SQL of the rows of parts whose key `own` has not; of two with one key, the first counts."""
    key = ", ".join(TABLES[table])
    anti = f" ANTI JOIN ({own}) USING ({key})" if own else ""
    return (
        f"SELECT * EXCLUDE (written) FROM ({_from_parts(table, parts)}){anti} "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY written) = 1"
    )


def _filled_models(own: str | None, parts: list[Path]) -> str:
    """SQL of the models, each fact from the first row that states it."""
    facts = [name for name, _ in columns_of("models") if name != "model"]
    rows = f"SELECT *, 1 AS later FROM ({_from_parts('models', parts)})"
    if own:
        rows = f"SELECT *, 0 AS later, NULL AS written FROM ({own}) UNION ALL BY NAME {rows}"
    chosen = ", ".join(f"any_value({fact} ORDER BY later, written) AS {fact}" for fact in facts)
    return f"SELECT model, {chosen} FROM ({rows}) GROUP BY model"


def _whole(table: str, own: str | None, parts: list[Path]) -> str:
    """SQL of all rows of a table: `own` of the file, and the parts'."""
    waiting = _of_table(parts, table)
    if not waiting:
        return own or as_of_today(table, None)
    if table == "models":
        return _filled_models(own, waiting)
    unseen = _unseen(table, own, waiting)
    return f"{own} UNION ALL BY NAME {unseen}" if own else unseen
