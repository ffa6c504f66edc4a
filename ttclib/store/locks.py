"""Locks: who may open the file, how long to wait, DuckDB's words in one line; and whether this process has written.

What keeps several processes apart is DuckDB's lock on the file: one process writes, or several read.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from ttclib.errors import RequestError, TTCError, visible
from ttclib.store.blocks import is_duckdb
from ttclib.store.isolation import new_connection, quoted, shut
from ttclib.store.memory import READING, WRITING
from ttclib.store.schema import parts_directory

_n_writes = 0


def note_write() -> None:
    """Something is safe in a store, or beside it."""
    global _n_writes
    _n_writes += 1


def n_writes() -> int:
    """Parts and transactions that this process has written."""
    return _n_writes


WAIT_S = 10.0
_RETRY_S = 0.1
_LONGEST = 160  # of DuckDB's words that are shown


class StoreLockedError(RequestError):
    """Another process holds the file and did not let go in time."""


class DamagedStoreError(TTCError):
    """The file, or a part beside it, cannot be read as it was written."""


# What DuckDB says of a file that is not as it wrote it, by the beginning of its words or by what is in them.
_DAMAGE = (
    *("Corrupt", "computed checksum", "Could not read", "deserialize", "not a valid DuckDB", "Serialization Error"),
    *("INTERNAL Error", "FATAL Error", "has been invalidated", "magic bytes", "Failed to read", "TProtocolException"),
    *("Parquet", "parquet file", "ZSTD", "UTF8", "UTF-8", "Invalid unicode", "Invalid string encoding"),
)


# One attached instance a process and store, shared by its readers: the operating system keeps a
# file's lock by process, so closing one of two instances would drop the other's lock as well.
_readers: dict[Path, tuple[duckdb.DuckDBPyConnection, int]] = {}
_readers_guard = threading.Lock()


def default_wait_s() -> float:
    """Seconds to wait for a locked store: `WAIT_S`, unless the environment's ``TTC_WAIT_S`` says otherwise.

    Raises
    ------
    RequestError
        ``TTC_WAIT_S`` is no number of seconds.
    """
    given = os.environ.get("TTC_WAIT_S")
    if given is None:
        return WAIT_S
    with suppress(ValueError):
        if 0 <= float(given) < math.inf:
            return float(given)
    raise RequestError(f"TTC_WAIT_S={given!r}: give the seconds to wait for a locked store, 0 or more")


@contextmanager
def shared_reader(
    store: Path, wait_s: float | None, notify: Callable[[str], None], *, parts_of: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor on the file, attached read-only as ``store``; the lock goes with the last of them.

    The parts in its reach are those of `parts_of`, for a copy of that store.
    """
    place = store.resolve()  # now, lest the working directory changes meanwhile
    with _readers_guard:
        shared, users = _readers.get(place, (None, 0))
        if shared is None:
            # Parts come and go while it is shared, so that their folder is open to it, not each by its name.
            shared = shut(attached(store, "READ_ONLY", wait_s, notify), folder=parts_directory(parts_of or place))
        _readers[place] = (shared, users + 1)
    cursor = shared.cursor()
    try:
        yield cursor
    finally:
        cursor.close()
        with _readers_guard:
            shared, users = _readers.pop(place)
            if users > 1:
                _readers[place] = (shared, users - 1)
            else:
                shared.close()


def attached(store: Path, mode: str, wait_s: float | None, notify: Callable[[str], None]) -> duckdb.DuckDBPyConnection:
    """A connection with the file attached as ``store``, still to be `shut`.

    Whoever holds the file is waited for; `notify` is told once that it waits.
    """
    wait_s = default_wait_s() if wait_s is None else wait_s
    deadline = time.monotonic() + wait_s
    told = False
    con = new_connection(READING if mode == "READ_ONLY" else WRITING)
    try:
        while True:
            try:
                con.execute(attach_statement(store, mode))
                return con
            except duckdb.Error as error:
                ours = as_ours(error, store)
                if not isinstance(ours, StoreLockedError) or time.monotonic() > deadline:
                    raise ours from error
                if not told:
                    notify(f"'{store}' is locked{_holder(error)}; waiting up to {wait_s:g} s")
                    told = True
                time.sleep(_RETRY_S)
    except BaseException:
        con.close()
        raise


def attach_statement(path: Path, mode: str) -> str:
    """SQL that attaches a file as ``store``."""
    # Absolute, since ":memory:" and "~" mean something else to DuckDB. The type is named, lest DuckDB looks for an
    # extension that reads what the file is.
    return f"ATTACH {quoted(str(path.absolute()))} AS store (TYPE duckdb, {mode})"


def _holder(error: Exception) -> str:
    if "Unique file handle conflict" in str(error):
        return " by this process"
    match = re.search(r"held in (.*?) ?\(PID (\d+)\)", str(error))
    return f" by process {match[2]} ({Path(match[1]).name})" if match else ""


def as_ours(error: Exception, store: Path) -> TTCError:
    """DuckDB's words as one line that says what to do."""
    text = str(error)
    if "Could not set lock" in text or "Unique file handle conflict" in text:
        holder = _holder(error)
        pid = re.search(r"process (\d+)", holder)
        remedy = f"close its store or stop it (kill {pid[1]})" if pid else "close what uses it"
        return StoreLockedError(f"'{store}' is locked{holder}: {remedy}, then run this again")
    if any(words in text for words in ("not a valid DuckDB", "Could not read enough bytes", "Is a directory")) and not (
        is_duckdb(store)
    ):
        return RequestError(
            f"'{store}' is no DuckDB file, or a damaged one: name a store made by ttclib; `ttc verify` says what of a "
            "damaged one is sound"
        )
    if any(words in text for words in ("Permission denied", "Read-only file system")):
        return RequestError(f"cannot open '{store}': check who may read and write it and its folder")
    if "No space left" in text:
        return RequestError(f"no space left for '{store}': free some, then run this again; what was collected is kept")
    if any(words in text for words in _DAMAGE):
        return damaged(store, text)
    return TTCError(f"'{store}': {visible(text.splitlines()[0])}")


def damaged(store: Path, why: str) -> DamagedStoreError:
    """The error of a store that is not as it was written: what to do, and why it is thought so."""
    reason = visible(why.splitlines()[0] if why else "")
    return DamagedStoreError(
        f"'{store}' is damaged: `ttc verify {shlex.quote(str(store))}` says what is sound, and saves it with --repair "
        f"({reason[:_LONGEST]}{'…' * (len(reason) > _LONGEST)})"
    )
