"""Tables, versions and locks of the store.

`TABLES` names each table's key. Migrations are ordered functions: number i brings a file from
version i to version i + 1, in one transaction.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


class StoreLockedError(RequestError):
    """Another process holds the file and did not let go in time."""


def schema_sql() -> str:
    """The commented text of the schema that a new store gets."""
    return files("ttclib.store").joinpath("schema.sql").read_text()


@cache
def columns_of(table: str) -> tuple[tuple[str, str], ...]:
    """Name and SQL type of each column of a table, as the schema's text declares them."""
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", schema_sql(), re.S)
    if body is None:
        raise KeyError(table)
    return tuple(re.findall(r"^ {4}(\w+)\s+([A-Z]+(?:\[\])?)", body[1], re.M))


def _create(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(schema_sql())


MIGRATIONS: tuple[Callable[[duckdb.DuckDBPyConnection], None], ...] = (_create,)
SCHEMA_VERSION = len(MIGRATIONS)


def parts_directory(path: Path) -> Path:
    """Where parts wait beside a store."""
    return path.with_name(path.name + ".parts")


def pending_parts(path: Path) -> list[Path]:
    """Parts not yet taken into the file, in the order of writing."""
    return sorted(parts_directory(path).glob("*.parquet"))


@contextmanager
def connect(path: str | Path, *, wait_s: float = WAIT_S, notify: Callable[[str], None] = lambda text: None) -> Iterator[duckdb.DuckDBPyConnection]:
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
        With a view for each table in `TABLES`.

    Raises
    ------
    RequestError
        No such store, no DuckDB file, a newer schema, or locked for longer than `wait_s`.
    """
    store = Path(path)
    parts = pending_parts(store)
    if not store.exists() and not parts:
        raise RequestError(f"no store at '{store}': collect one with `ttc sample` or fill one with `ttc import`")
    con = duckdb.connect()
    try:
        if store.exists():
            _attach(con, store, "READ_ONLY", wait_s, notify)
            _check_version(con, store)
        parts = pending_parts(store)  # again: now that the file is held, none can be taken in
        for table, key in TABLES.items():
            con.execute(f"CREATE VIEW {table} AS {_union(table, key, store.exists(), parts)}")
        yield con
    finally:
        con.close()


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
    """
    store = Path(path)
    con = duckdb.connect()
    try:
        _attach(con, store, "", wait_s, notify)
        migrate(con, store)
        parts = pending_parts(store)
        con.execute("BEGIN")
        for table, key in TABLES.items():
            if files_of_table := _of_table(parts, table):
                con.execute(f"INSERT INTO store.{table} BY NAME {_from_parts(table, key, files_of_table, in_file=True)}")
        con.execute("COMMIT")
    except duckdb.Error as error:
        raise _as_ours(error, store) from error
    finally:
        con.close()
    for part in parts:
        part.unlink()
    if parts and not any(parts_directory(store).iterdir()):
        parts_directory(store).rmdir()
    return len(parts)


def migrate(con: duckdb.DuckDBPyConnection, store: Path) -> None:
    """Bring an attached file to the current version, one transaction a step."""
    version = _check_version(con, store)
    con.execute("USE store")
    for number in range(version, SCHEMA_VERSION):
        con.execute("BEGIN")
        con.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER, applied_at TIMESTAMP)")
        MIGRATIONS[number](con)
        con.execute("INSERT INTO schema_version VALUES (?, now()::TIMESTAMP)", [number + 1])
        con.execute("COMMIT")


def _check_version(con: duckdb.DuckDBPyConnection, store: Path) -> int:
    tables = {row[0] for row in con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'store'"
    ).fetchall()}
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


def _attach(con: duckdb.DuckDBPyConnection, store: Path, mode: str, wait_s: float, notify: Callable[[str], None]) -> None:
    quoted = str(store).replace("'", "''")
    deadline = time.monotonic() + wait_s
    told = False
    while True:
        try:
            con.execute(f"ATTACH '{quoted}' AS store" + (f" ({mode})" if mode else ""))
            return
        except duckdb.Error as error:
            ours = _as_ours(error, store)
            if not isinstance(ours, StoreLockedError) or time.monotonic() > deadline:
                raise ours from error
            if not told:
                notify(f"'{store}' is locked{_holder(error)}; waiting up to {wait_s:.0f} s")
                told = True
            time.sleep(_RETRY_S)


def _holder(error: Exception) -> str:
    match = re.search(r"held in (.*?) ?\(PID (\d+)\)", str(error))
    return f" by process {match[2]} ({Path(match[1]).name})" if match else ""


def _as_ours(error: duckdb.Error, store: Path) -> TTCError:
    text = str(error)
    if "lock" in text.lower() and isinstance(error, duckdb.IOException):
        holder = _holder(error)
        pid = re.search(r"process (\d+)", holder)
        remedy = f"close its store or stop it (kill {pid[1]})" if pid else "close the process that uses it"
        return StoreLockedError(f"'{store}' is locked{holder}: {remedy}, then run this again")
    if "not a valid DuckDB" in text:
        return RequestError(f"'{store}' is no DuckDB file: name a store made by ttclib")
    if "No space left" in text or "could not write" in text.lower():
        return RequestError(f"no space left for '{store}': free some, then run this again; what was collected is kept")
    return TTCError(f"'{store}': {text.splitlines()[0]}")


def _of_table(parts: list[Path], table: str) -> list[Path]:
    return [part for part in parts if part.name.split("-", 2)[1] == table]


def _from_parts(table: str, key: tuple[str, ...], parts: list[Path], *, in_file: bool) -> str:
    names = ", ".join("'" + str(part).replace("'", "''") + "'" for part in parts)
    columns = ", ".join(key)
    unseen = f" ANTI JOIN store.{table} USING ({columns})" if in_file else ""
    # filename is the order of writing: of two parts with one key, the first counts.
    return (
        f"SELECT * EXCLUDE (filename) FROM read_parquet([{names}], union_by_name = true, filename = true) AS part"
        f"{unseen} QUALIFY row_number() OVER (PARTITION BY {columns} ORDER BY filename) = 1"
    )


def _union(table: str, key: tuple[str, ...], in_file: bool, parts: list[Path]) -> str:
    waiting = _of_table(parts, table)
    sources = [f"SELECT * FROM store.{table}"] if in_file else []
    if waiting:
        sources.append(_from_parts(table, key, waiting, in_file=in_file))
    if not sources:
        # Neither file nor part: an empty table of the right columns.
        return "SELECT " + ", ".join(f"NULL::{kind} AS {name}" for name, kind in columns_of(table)) + " WHERE false"
    return " UNION ALL BY NAME ".join(sources)
