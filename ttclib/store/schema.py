"""Tables, versions and locks of the store.

`TABLES` names each table's key. A new file gets `schema.sql` as it stands; an older one goes through
`MIGRATIONS`, ordered functions of which number i (from 1) brings version i to version i + 1, each in
one transaction.

What keeps several processes apart is DuckDB's lock on the file: parts are listed and removed only
while it is held, so nobody reads a part that is about to go.
"""

from __future__ import annotations

import errno
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path

import duckdb

from ttclib.errors import RequestError, TTCError

SAMPLE_KEY = ("policy", "problem_id", "setting", "sample_index")
TABLES: dict[str, tuple[str, ...]] = {
    "problems": ("problem_id",),
    "models": ("model",),
    "settings": ("setting",),
    "runs": ("run_id",),
    "samples": SAMPLE_KEY,
    "scores": (*SAMPLE_KEY, "verifier"),
    "grades": (*SAMPLE_KEY, "grader"),
}
WAIT_S = 10.0
_RETRY_S = 0.1
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV, errno.EMLINK)
_STALE_S = 3600.0  # a .tmp of that age was left by a killed writer; a living one needs milliseconds


class StoreLockedError(RequestError):
    """Another process holds the file and did not let go in time."""


def schema_sql() -> str:
    """The commented text of the schema that a new store gets."""
    return files("ttclib.store").joinpath("schema.sql").read_text(encoding="utf-8")


@cache
def columns_of(table: str) -> tuple[tuple[str, str], ...]:
    """Name and SQL type of each column of a table, as the schema's text declares them."""
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", schema_sql(), re.S)
    if body is None:
        raise KeyError(table)
    return tuple(re.findall(r"^ {4}(\w+)\s+([A-Z]+(?:\[\])?)", body[1], re.M))


MIGRATIONS: tuple[Callable[[duckdb.DuckDBPyConnection], None], ...] = ()
SCHEMA_VERSION = 1 + len(MIGRATIONS)


def parts_directory(path: Path) -> Path:
    """Where parts wait beside a store."""
    return path.with_name(path.name + ".parts")


def pending_parts(path: Path) -> list[Path]:
    """Parts not yet taken into the file, in the order of writing; those of unknown tables are left out."""
    return sorted(part for part in parts_directory(path).glob("*.parquet") if _table_of(part) in TABLES)


@contextmanager
def connect(
    path: str | Path, *, wait_s: float = WAIT_S, notify: Callable[[str], None] = lambda text: None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a store for reading; the tables are views over the file and the parts beside it.

    Keep it short: an open reader keeps a run from taking its parts into the file.

    Parameters
    ----------
    path : str or pathlib.Path
    wait_s : float
        How long to wait for a writer to finish.
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
    store = Path(path)
    while True:
        # Looked for twice: it may be made, and its parts taken in, between the first look and the parts.
        if not store.exists() and not pending_parts(store) and not store.exists():
            raise RequestError(f"no store at '{store}': collect one with `ttc sample` or fill one with `ttc import`")
        in_file = store.exists()
        con = _join_readers(store, wait_s, notify) if in_file else duckdb.connect()
        try:
            ready = _show_tables(con, store, in_file)
            # Without a file there is no lock: had one been made meanwhile, parts could have moved into it.
            if ready and (in_file or not store.exists()):
                yield con
                return
        finally:
            con.close()
            if in_file:
                _leave_readers(store)


def absorb(path: str | Path, *, wait_s: float = WAIT_S, notify: Callable[[str], None] = lambda text: None) -> int:
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
    store = Path(path)
    _create_file(store)
    con = duckdb.connect()
    try:
        _attach(con, store, "READ_WRITE", wait_s, notify)
        migrate(con, store)
        parts = pending_parts(store)
        con.execute("BEGIN")
        for table, key in TABLES.items():
            if waiting := _of_table(parts, table):
                con.execute(f"INSERT INTO store.{table} BY NAME {_from_parts(table, key, waiting, in_file=True)}")
        con.execute("COMMIT")
        _remove(parts, store)  # before the lock is let go
    except duckdb.Error as error:
        raise _as_ours(error, store) from error
    finally:
        con.close()
    with suppress(OSError):  # not empty, or gone
        parts_directory(store).rmdir()
    return len(parts)


def migrate(con: duckdb.DuckDBPyConnection, store: Path) -> None:
    """Bring an attached file to the current version, one transaction a step."""
    version = _check_version(con, store)
    con.execute("USE store")
    if version == 0:
        con.execute("BEGIN")
        con.execute("CREATE TABLE schema_version (version INTEGER, applied_at TIMESTAMP)")
        con.execute(schema_sql())
        con.execute("INSERT INTO schema_version VALUES (?, now()::TIMESTAMP)", [SCHEMA_VERSION])
        con.execute("COMMIT")
        return
    for number in range(version, SCHEMA_VERSION):
        con.execute("BEGIN")
        MIGRATIONS[number - 1](con)
        con.execute("INSERT INTO schema_version VALUES (?, now()::TIMESTAMP)", [number + 1])
        con.execute("COMMIT")


def _tables_in_file(con: duckdb.DuckDBPyConnection) -> set[str]:
    query = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'store'"
    return {name for (name,) in con.execute(query).fetchall()}


def _check_version(con: duckdb.DuckDBPyConnection, store: Path) -> int:
    """Schema version of the attached file; 0: an empty DuckDB file."""
    tables = _tables_in_file(con)
    if "schema_version" not in tables:
        if tables:
            raise RequestError(f"'{store}' is a DuckDB file but no ttclib store (it has no table schema_version)")
        return 0
    version = con.execute("SELECT coalesce(max(version), 0) FROM store.schema_version").fetchall()[0][0]
    if version > SCHEMA_VERSION:
        raise RequestError(
            f"'{store}' has schema version {version}, this ttclib reads up to {SCHEMA_VERSION}: upgrade ttclib"
        )
    return version


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
            con.execute(_attach_statement(temporary, "READ_WRITE"))
            migrate(con, temporary)
            con.execute("CHECKPOINT store")
        os.link(temporary, store)
    except duckdb.Error as error:
        if not store.exists():  # else another was quicker, and removed the folder when it was empty
            raise _as_ours(error, store) from error
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


# One attached instance a process and store, shared by its readers: the operating system keeps a
# file's lock by process, so closing one of two instances would drop the other's lock as well.
_readers: dict[Path, tuple[duckdb.DuckDBPyConnection, int]] = {}
_readers_guard = threading.Lock()


def _join_readers(store: Path, wait_s: float, notify: Callable[[str], None]) -> duckdb.DuckDBPyConnection:
    with _readers_guard:
        shared, users = _readers.get(store.resolve(), (None, 0))
        if shared is None:
            shared = duckdb.connect()
            try:
                _attach(shared, store, "READ_ONLY", wait_s, notify)
                _check_version(shared, store)
            except BaseException:
                shared.close()
                raise
        _readers[store.resolve()] = (shared, users + 1)
        return shared.cursor()


def _leave_readers(store: Path) -> None:
    with _readers_guard:
        shared, users = _readers.pop(store.resolve())
        if users > 1:
            _readers[store.resolve()] = (shared, users - 1)
        else:
            shared.close()


def _show_tables(con: duckdb.DuckDBPyConnection, store: Path, in_file: bool) -> bool:
    """Name the tables; False: a part went while it was read, which only happens without a file's lock."""
    held = _tables_in_file(con) if in_file else set()
    parts = pending_parts(store)
    # Parts that no lock protects are read at once. Views are the connection's own.
    kind = "VIEW" if in_file else "TABLE"
    try:
        for table, key in TABLES.items():
            con.execute(f"CREATE TEMP {kind} {table} AS {_union(table, key, table in held, parts)}")
    except duckdb.Error as error:
        if not in_file and store.exists():
            return False
        raise _as_ours(error, store) from error
    return True


def _attach(
    con: duckdb.DuckDBPyConnection, store: Path, mode: str, wait_s: float, notify: Callable[[str], None]
) -> None:
    deadline = time.monotonic() + wait_s
    told = False
    while True:
        try:
            con.execute(_attach_statement(store, mode))
            return
        except duckdb.Error as error:
            ours = _as_ours(error, store)
            if not isinstance(ours, StoreLockedError) or time.monotonic() > deadline:
                raise ours from error
            if not told:
                notify(f"'{store}' is locked{_holder(error)}; waiting up to {wait_s:.0f} s")
                told = True
            time.sleep(_RETRY_S)


def _attach_statement(path: Path, mode: str) -> str:
    quoted = str(path).replace("'", "''")
    # The type is named, lest DuckDB looks for an extension that reads what the file is.
    return f"ATTACH '{quoted}' AS store (TYPE duckdb, {mode})"


def _holder(error: Exception) -> str:
    if "Unique file handle conflict" in str(error):
        return " by this process"
    match = re.search(r"held in (.*?) ?\(PID (\d+)\)", str(error))
    return f" by process {match[2]} ({Path(match[1]).name})" if match else ""


def _as_ours(error: duckdb.Error, store: Path) -> TTCError:
    """DuckDB's words as one line that says what to do."""
    text = str(error)
    if "Could not set lock" in text or "Unique file handle conflict" in text:
        holder = _holder(error)
        pid = re.search(r"process (\d+)", holder)
        remedy = f"close its store or stop it (kill {pid[1]})" if pid else "close what uses it"
        return StoreLockedError(f"'{store}' is locked{holder}: {remedy}, then run this again")
    if any(words in text for words in ("not a valid DuckDB", "Could not read enough bytes", "Is a directory")):
        return RequestError(f"'{store}' is no DuckDB file, or a damaged one: name a store made by ttclib")
    if "No space left" in text:
        return RequestError(f"no space left for '{store}': free some, then run this again; what was collected is kept")
    return TTCError(f"'{store}': {text.splitlines()[0]}")


def _table_of(part: Path) -> str:
    return part.name.partition("-")[2].partition("-")[0]


def _of_table(parts: list[Path], table: str) -> list[Path]:
    return [part for part in parts if _table_of(part) == table]


def _from_parts(table: str, key: tuple[str, ...], parts: list[Path], *, in_file: bool) -> str:
    literal = [re.sub(r"([*?\[])", r"[\1]", str(part)).replace("'", "''") for part in parts]  # a name, no pattern
    names = ", ".join(f"'{name}'" for name in literal)
    columns = ", ".join(key)
    unseen = f" ANTI JOIN store.{table} USING ({columns})" if in_file else ""
    # filename is the order of writing: of two rows with one key, the first counts.
    return (
        f"SELECT * EXCLUDE (filename, file_row_number) FROM read_parquet([{names}], union_by_name = true, "
        f"filename = true, file_row_number = true) AS part{unseen} "
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
