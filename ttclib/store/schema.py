"""How a store lies on disk, and its version.

A new file gets `schema.sql` as it stands; an older one goes through the `ttclib.store.migrations`, in order, each in
one transaction.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import duckdb

from ttclib.errors import RequestError
from ttclib.store.catalogue import Catalogue, catalogue_of, version_of
from ttclib.store.migrations import MIGRATIONS, SCHEMA_VERSION
from ttclib.store.packed import ReadOnlyFolderError, cached_copy, unpack
from ttclib.store.remote import is_remote, listed, remote_folder
from ttclib.store.tables import TABLES, schema_sql


def store_path(path: str | Path) -> Path:
    """Check the path of a store; one that is there in its packed form alone is unpacked.

    Returns
    -------
    pathlib.Path
        Of a symbolic link its target, so that both have one log, one lock and the same parts beside them.

    Raises
    ------
    RequestError
        It has no name, or a character that DuckDB reads as something else; or it cannot be unpacked.
    """
    store = plain_path(path)
    if not is_remote(store):
        unpack(store)
    return store


def readable_path(path: str | Path) -> Path:
    """`store_path` of a store that is only read: unpacked in the user's cache directory if its folder is read-only."""
    store = plain_path(path)
    if is_remote(store):
        return store
    try:
        unpack(store)
    except ReadOnlyFolderError:
        if pending_parts(store):
            raise
        return cached_copy(store)
    return store


def plain_path(path: str | Path) -> Path:
    """Check the path of a store, as `store_path` does, and touch nothing; of an address, list the folder there."""
    if (remote := remote_folder(path)) is not None:
        return remote
    store = Path(path)
    if store.is_symlink():
        store = Path(os.path.realpath(store))
    # What follows a "?" is an option to DuckDB, a backslash a separator; a line feed breaks messages.
    refused = sorted({mark for mark in str(store) if mark == "?" or mark == "\\" != os.sep or not mark.isprintable()})
    if refused or not store.name:
        reason = f"holds {', '.join(map(repr, refused))}" if refused else "names no file"
        raise RequestError(f"store {str(store)!r} {reason}: give another path, such as runs/lab.duckdb")
    if store.exists() and not (store.is_file() or store.is_dir()):  # a pipe would be waited for
        raise RequestError(f"'{store}' is no DuckDB file: name a store made by ttclib")
    return store


def written_store(path: str | Path) -> Path:
    """Check the path of a store that is to be written to.

    Raises
    ------
    RequestError
        As `store_path`, or it is a folder of parts.
    """
    store = store_path(path)
    if is_remote(store) or (store.is_dir() and pending_parts(store)):
        raise RequestError(f"'{store}' is a folder of parts, which is read as it lies: name a file to write to")
    return store


def is_collected(path: str | Path) -> bool:
    """Whether there is anything to read: the file, its packed form, or parts not yet taken into it."""
    store = readable_path(path)
    return store.exists() or bool(pending_parts(store))


def parts_directory(path: Path) -> Path:
    """Where parts wait beside a store; a folder of parts is a store that is read as it lies."""
    return path if is_remote(path) or path.is_dir() else path.with_name(path.name + ".parts")


def pending_parts(path: Path) -> list[Path]:
    """Parts not yet taken into the file, in the order of writing; those of unknown tables are left out.

    Raises
    ------
    RequestError
        Their folder is a link: what it holds is another store's, or nobody's business.
    """
    folder = parts_directory(path)
    if not is_remote(path) and folder.is_symlink():
        raise RequestError(f"'{folder}' is a symbolic link, which no folder of parts is: move it away")
    found = [one for one in listed(path) if one.suffix == ".parquet"] if is_remote(path) else folder.glob("*.parquet")
    return sorted((part for part in found if table_of(part) in TABLES), key=lambda part: part.name)


def migrate(con: duckdb.DuckDBPyConnection, store: Path) -> None:
    """Bring an attached file to the current version, one transaction a step."""
    version = check_version(con, store)
    if version == 0:
        con.execute("BEGIN")
        con.execute("CREATE TABLE store.main.schema_version (version INTEGER, applied_at TIMESTAMP)")
        # Each in its place, since the file is never made the one that names are looked for in.
        con.execute(re.sub(r"^CREATE TABLE (\w+)", r"CREATE TABLE store.main.\1", schema_sql(), flags=re.MULTILINE))
        con.execute(_STATE_VERSION, [SCHEMA_VERSION])
        con.execute("COMMIT")
        return
    for number in range(version, SCHEMA_VERSION):
        con.execute("BEGIN")
        MIGRATIONS[number - 1](con)
        con.execute(_STATE_VERSION, [number + 1])
        con.execute("COMMIT")


_STATE_VERSION = "INSERT INTO store.main.schema_version (version, applied_at) VALUES (?, now()::TIMESTAMP)"


def check_version(con: duckdb.DuckDBPyConnection, store: Path, catalogue: Catalogue | None = None) -> int:
    """Schema version of the attached file; 0: an empty DuckDB file."""
    tables = catalogue_of(con) if catalogue is None else catalogue
    if "schema_version" not in tables:
        if tables:
            raise RequestError(f"'{store}' is a DuckDB file but no ttclib store (it has no table schema_version)")
        return 0
    version = version_of(con, tables)
    if version is None or version < 1:
        raise RequestError(f"'{store}' is no ttclib store, or a damaged one: its schema_version is none")
    if version > SCHEMA_VERSION:
        raise RequestError(
            f"'{store}' has schema version {version}, this ttclib reads up to {SCHEMA_VERSION}: upgrade ttclib"
        )
    return version


def table_of(part: Path) -> str:
    """Table whose rows a part holds, from its name."""
    return part.name.partition("-")[2].partition("-")[0]
