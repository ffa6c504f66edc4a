"""The two ways into the file: `connect` to read, `absorb` to take parts in.

Parts are listed and removed only while the file's lock is held, so nobody reads a part that is about
to go.
"""

from __future__ import annotations

import errno
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from ttclib.errors import RequestError, TTCError
from ttclib.store import checksums
from ttclib.store.catalogue import catalogue_of, is_whole, rows_of
from ttclib.store.foreign import foreign_in, refuse_foreign, say_foreign, say_once
from ttclib.store.isolation import new_connection, shut
from ttclib.store.locks import as_ours, attach_statement, attached, note_write, shared_reader
from ttclib.store.migrations import SCHEMA_VERSION, as_of_today
from ttclib.store.packed import cache_directory
from ttclib.store.part_rows import take_in, whole
from ttclib.store.remote import is_file, is_remote, no_parts
from ttclib.store.schema import (
    check_version,
    migrate,
    parts_directory,
    pending_parts,
    readable_path,
    store_path,
    written_store,
)
from ttclib.store.sound_parts import examined, read_through, refuse_bad
from ttclib.store.tables import TABLES

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
    store = readable_path(path)
    if not is_remote(store) and store != Path(path) and cache_directory() in store.parents:
        say_once(store, f"'{path}' is packed where nothing can be written: read from its copy '{store}'", notify)
    remote = is_remote(store)
    listed = pending_parts(store) if remote else []
    if remote and not listed:
        raise no_parts(store)
    while True:
        # Looked for twice: it may be made, and its parts taken in, between the first look and the parts.
        if not remote and not store.exists() and not pending_parts(store) and not store.exists():
            raise RequestError(f"no store at '{store}': collect one with `ttc sample` or fill one with `ttc import`")
        folder = remote or (store.is_dir() and bool(pending_parts(store)))
        in_file = not folder and store.exists()
        with shared_reader(store, wait_s, notify) if in_file else new_connection() as con:
            ready = _show_tables(con, store, in_file, listed)
            # Without a file there is no lock: had one been made meanwhile, parts could have moved into it.
            if ready and (in_file or folder or not store.exists()):
                if in_file:
                    say_foreign(con, store, notify)
                try:
                    yield con
                except (duckdb.Error, UnicodeDecodeError) as error:  # damage that shows when rows are read
                    raise _told(error, store) from error
                return


def absorb(path: str | Path, *, wait_s: float | None = None, notify: Callable[[str], None] = lambda text: None) -> int:
    """Take the parts beside a store into the file, creating it if need be.

    One transaction; a row whose key is already there is left out, so repeating this is harmless. Of a model, what
    was not known is filled in.

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
    store = written_store(path)
    _create_file(store)
    con, listed = _for_writing(store, wait_s, notify)
    try:
        migrate(con, store)
        parts, bad = examined(listed)
        try:
            take_in(con, store, parts)
        except duckdb.Error as error:
            if isinstance(as_ours(error, store), RequestError) or not (damaged := read_through(parts)):
                raise
            con.execute("ROLLBACK")
            bad += damaged
            parts = {part: count for part, count in parts.items() if part not in {one.path for one in damaged}}
            take_in(con, store, parts)
        if parts:
            note_write()
            con.execute("CHECKPOINT store")  # in the file itself before they go: a log can be lost, or torn
        _remove(list(parts), store)  # before the lock is let go
    except duckdb.Error as error:
        raise as_ours(error, store) from error
    except OSError as error:
        raise TTCError(f"cannot read the parts beside '{store}': {error.strerror or error}") from error
    finally:
        con.close()
    with suppress(OSError):  # not empty, or gone
        parts_directory(store).rmdir()
    refuse_bad(bad, f"the other {len(parts):,} were taken in")
    return len(parts)


def replace_grades(
    path: str | Path,
    table: str,
    grader: str,
    rows: pa.Table,
    *,
    notify: Callable[[str], None] = lambda text: None,
) -> None:
    """Put a grader's new grades in the place of its old ones, in one transaction.

    Parameters
    ----------
    table : str
        ``grades``, ``node_grades`` or ``revision_grades``.
    grader : str
        Name and version; not ``given``, for what came with the data cannot be made again.
    rows : pyarrow.Table
        As `ttclib.store.parts.as_table` makes it.

    Raises
    ------
    StoreLockedError
        Another process held the file for too long; the old grades stand.
    """
    if grader == "given":
        raise ValueError("grades that came with the data stay")
    absorb(path, notify=notify)
    with write_transaction(path, notify=notify) as con:
        con.register("renewed", rows)
        keys = ", ".join(TABLES[table])
        replaced = f"FROM store.main.{table} WHERE ({keys}) IN (SELECT ({keys}) FROM renewed)"
        checksums.note(con, table, f"SELECT * {replaced}", gone=True)
        con.execute(f"DELETE {replaced}")
        con.execute(f"INSERT INTO store.main.{table} BY NAME SELECT * FROM renewed")
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
    con, _ = _for_writing(store, wait_s, notify)
    try:
        con.execute("BEGIN")
        yield con
        con.execute("COMMIT")
        note_write()
    except duckdb.Error as error:
        raise as_ours(error, store) from error
    finally:
        con.close()


def check_writable(
    path: str | Path, *, wait_s: float | None = None, notify: Callable[[str], None] = lambda text: None
) -> None:
    """Refuse, before any work is done, a store that cannot be written to because of what it holds.

    Raises
    ------
    ForeignStoreError
        Triggers, views, macros, defaults, unknown tables or columns: `ttclib.store.foreign`.
    """
    store = store_path(path)
    if store.exists():
        with shared_reader(store, wait_s, notify) as con:
            check_version(con, store)
            refuse_foreign(store, foreign_in(con, store))


def _for_writing(
    store: Path, wait_s: float | None, notify: Callable[[str], None]
) -> tuple[duckdb.DuckDBPyConnection, list[Path]]:
    """The file attached to be written to, nothing foreign in it, and the parts that alone are in its reach."""
    if store.with_name(store.name + ".wal").exists():
        # To open it for writing would already merge the log that came with it.
        check_writable(store, wait_s=wait_s, notify=notify)
    con = attached(store, "READ_WRITE", wait_s, notify)
    try:
        parts = pending_parts(store)
        check_version(shut(con, readable=parts), store)
        refuse_foreign(store, foreign_in(con, store))
    except BaseException as error:
        con.close()
        if isinstance(error, duckdb.Error):
            raise as_ours(error, store) from error
        raise
    return con, parts


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
        with new_connection() as con:
            con.execute(attach_statement(temporary, "READ_WRITE"))
            migrate(shut(con), temporary)
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


def _show_tables(con: duckdb.DuckDBPyConnection, store: Path, in_file: bool, listed: list[Path]) -> bool:
    """Name the tables; False: a part went while it was read, which only happens without a file's lock."""
    held = catalogue_of(con) if in_file else {}
    version = check_version(con, store, held) if in_file else SCHEMA_VERSION
    parts, bad = examined(listed or pending_parts(store))
    refuse_bad(bad, "until then nothing of this store is read, since what it holds may be missing")
    # Parts that no lock protects are read at once, but for those in a folder of their own, which nobody takes in.
    kind = "VIEW" if in_file or listed or store.is_dir() else "TABLE"  # both are the connection's own
    if not in_file:
        shut(con, readable=list(parts))
    try:
        for table in TABLES:
            own = rows_of(table, held.get(table))
            if own and (version < SCHEMA_VERSION or not is_whole(table, held[table])):
                own = as_of_today(table, own)
            con.execute(f"CREATE TEMP {kind} {table} AS {whole(table, own, parts)}")
    except duckdb.Error as error:
        if not in_file and is_file(store):
            return False
        raise _told(error, store) from error
    return True


def _told(error: Exception, store: Path) -> TTCError:
    """What went wrong while rows were read: a bad part by its name, or what DuckDB says."""
    try:
        refuse_bad(read_through(pending_parts(store)), f"the rest of '{store}' is untouched by it")
    except TTCError as named:
        return named
    return as_ours(error, store)
