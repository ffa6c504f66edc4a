"""How a store lies on disk, and its version.

A new file gets `schema.sql` as it stands; an older one goes through the `ttclib.store.migrations`, in order, each in
one transaction.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from ttclib.errors import RequestError
from ttclib.store.migrations import MIGRATIONS
from ttclib.store.packed import unpack
from ttclib.store.tables import TABLES, schema_sql

SCHEMA_VERSION = 1 + len(MIGRATIONS)


def store_path(path: str | Path) -> Path:
    """Check the path of a store; one that is there in its packed form alone is unpacked.

    Raises
    ------
    RequestError
        It has no name, or a character that DuckDB reads as something else.
    """
    store = plain_path(path)
    unpack(store)
    return store


def plain_path(path: str | Path) -> Path:
    """Check the path of a store, as `store_path` does, and touch nothing."""
    store = Path(path)
    # What follows a "?" is an option to DuckDB, a backslash a separator; a line feed breaks messages.
    refused = sorted({mark for mark in str(store) if mark == "?" or mark == "\\" != os.sep or not mark.isprintable()})
    if refused or not store.name:
        reason = f"holds {', '.join(map(repr, refused))}" if refused else "names no file"
        raise RequestError(f"store {str(store)!r} {reason}: give another path, such as runs/lab.duckdb")
    return store


def is_collected(path: str | Path) -> bool:
    """Whether there is anything to read: the file, its packed form, or parts not yet taken into it."""
    store = store_path(path)
    return store.exists() or bool(pending_parts(store))


def parts_directory(path: Path) -> Path:
    """Where parts wait beside a store."""
    return path.with_name(path.name + ".parts")


def pending_parts(path: Path) -> list[Path]:
    """Parts not yet taken into the file, in the order of writing; those of unknown tables are left out."""
    return sorted(part for part in parts_directory(path).glob("*.parquet") if table_of(part) in TABLES)


def migrate(con: duckdb.DuckDBPyConnection, store: Path) -> None:
    """Bring an attached file to the current version, one transaction a step."""
    version = check_version(con, store)
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


def tables_in_file(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Tables of the attached file."""
    query = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'store'"
    return {name for (name,) in con.execute(query).fetchall()}


def check_version(con: duckdb.DuckDBPyConnection, store: Path) -> int:
    """Schema version of the attached file; 0: an empty DuckDB file."""
    tables = tables_in_file(con)
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


def table_of(part: Path) -> str:
    """Table whose rows a part holds, from its name."""
    return part.name.partition("-")[2].partition("-")[0]
