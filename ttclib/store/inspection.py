"""A store opened to see what of it is sound: what cannot be read is named and left out, not refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ttclib.errors import TTCError
from ttclib.store import checksums
from ttclib.store.blocks import damaged_blocks, is_duckdb
from ttclib.store.catalogue import Catalogue, catalogue_of, is_whole, rows_of
from ttclib.store.findings import Finding, at
from ttclib.store.foreign import foreign_objects
from ttclib.store.isolation import new_connection, shut
from ttclib.store.locks import StoreLockedError, shared_reader
from ttclib.store.migrations import SCHEMA_VERSION, as_of_today
from ttclib.store.part_rows import whole
from ttclib.store.remote import is_file
from ttclib.store.schema import check_version
from ttclib.store.sound_parts import checked_parts
from ttclib.store.tables import TABLES, columns_of

VECTOR = 2048  # rows that DuckDB reads at once: no fewer can be told apart
_LISTED = 20


@dataclass
class Inspection:
    """What of a store can be read."""

    # the file as `store`, and a view for each table of `TABLES` over the file and the sound parts
    con: duckdb.DuckDBPyConnection
    version: int | None = None  # None: there is no file, or none that can be opened
    # tables of the file that can be read, with the columns that it declares
    in_file: Catalogue = field(default_factory=dict)
    parts: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)  # of the file itself and of its parts
    # by table the (column, first row, row behind the last) that cannot be read; no column: the whole table
    lost: dict[str, list[tuple[str | None, int, int]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def own(self, table: str, *conditions: str, without: Set[str] = frozenset()) -> str | None:
        """SQL of the rows of a table in the file for which conditions hold, in today's columns; None: it has none."""
        held = {name: column for name, column in self.in_file.get(table, {}).items() if name not in without}
        rows = rows_of(table, held, *conditions)
        if rows is None or (self.version == SCHEMA_VERSION and is_whole(table, held)):
            return rows
        return as_of_today(table, rows)


@contextmanager
def inspected(
    store: Path,
    *,
    parts_of: Path | None = None,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Iterator[Inspection]:
    """Open a store and read every byte that its rows lie in.

    Parameters
    ----------
    parts_of : pathlib.Path, optional
        The store that the parts lie beside, of a copy of it.

    Raises
    ------
    StoreLockedError
        Another process writes to it for longer than `wait_s`.
    RequestError
        A newer schema, or a DuckDB file of something else.
    """
    beside = parts_of or store
    if not is_file(store):  # none, or a folder of parts
        with new_connection() as con:
            yield _of_parts(Inspection(con), beside)
        return
    try:
        reader = shared_reader(store, wait_s, notify, parts_of=beside)
        con = reader.__enter__()
    except StoreLockedError:
        raise
    except TTCError as error:
        with new_connection() as con:
            found = Inspection(con, findings=_unreadable(store, str(error)))
            yield _of_parts(found, beside)
        return
    try:
        yield _named(_with_parts(_of_file(con, store), beside))
    finally:
        reader.__exit__(None, None, None)


def _unreadable(store: Path, why: str) -> list[Finding]:
    """What is wrong with a file that does not open."""
    if not is_duckdb(store):
        return [
            Finding("storage", None, store.name, "is no DuckDB file, or its headers are lost: nothing in it is sound")
        ]
    log = store.with_name(store.name + ".wal")
    blocks = [block.name for block, _ in damaged_blocks(store)]
    if not blocks and log.exists():
        return [Finding("log", None, log.name, "cannot be read: what only it holds is lost, the file itself is sound")]
    what = (
        f"damaged, so that the file does not open: {', '.join(blocks[:_LISTED])}" if blocks else f"does not open: {why}"
    )
    return [Finding("storage", None, store.name, what)]


def _of_file(con: duckdb.DuckDBPyConnection, store: Path) -> Inspection:
    found = Inspection(con)
    try:
        found.version = check_version(con, store)
        found.in_file = catalogue_of(con)
        foreign = foreign_objects(con)
    except duckdb.Error as error:
        found.version, found.in_file = None, {}
        found.findings += _unreadable(store, str(error).splitlines()[0])
        return found
    found.findings += [
        Finding(
            "foreign",
            None,
            store.name,
            f"has {one}" if one.startswith("no ") else f"holds {one}, which ttclib did not put there",
        )
        for one in foreign
    ]
    for table in TABLES:
        if table not in found.in_file:
            continue
        # What a generated column says is not stored, and could be anything.
        known = {name for name, column in found.in_file[table].items() if not column.generated}
        if lacking := [name for name in TABLES[table] if name not in known and name != "reading"]:
            found.findings.append(
                Finding("foreign", table, "", f"has no column {', '.join(lacking)}: none of it is read")
            )
            del found.in_file[table]
            continue
        lost = list(_lost(found, table, sorted(known & dict(columns_of(table)).keys())))
        if lost:
            found.lost[table] = lost
            found.findings += [Finding("storage", table, _rows(*one), "cannot be read") for one in lost]
    if found.version == 0:
        found.notes.append("it is empty: no table, no row")
    elif not _comparable(found):
        found.notes.append(
            "it has no checksums of its rows yet, or those of another DuckDB: the next command that writes adds them"
        )
    else:
        for table in TABLES:
            if table not in found.lost and is_whole(table, found.in_file.get(table, {})):
                found.findings += _changed(con, table)
    return found


def _comparable(found: Inspection) -> bool:
    try:
        return is_whole("checksums", found.in_file.get("checksums", {})) and checksums.comparable(found.con)
    except duckdb.Error:
        return False


def _changed(con: duckdb.DuckDBPyConnection, table: str) -> Iterator[Finding]:
    try:
        for place, written, there in checksums.changed(con, table):
            key = {name: value for name, value in zip(checksums.PLACE, place, strict=True) if value is not None}
            rows = f"{there:,} rows" if written == there else f"{there:,} rows, {written:,} were written:"
            yield Finding("checksum", table, at(key), f"{rows} are not those that ttc wrote")
    except duckdb.Error as error:
        what = f"checksums cannot be read ({str(error).splitlines()[0][:120]})"
        yield Finding("checksum", table, "", what)


def _lost(found: Inspection, table: str, columns: list[str]) -> Iterator[tuple[str | None, int, int]]:
    """What of a table cannot be read, or not as what it should be, column by column."""
    if _reads(found, table, columns):
        return
    try:
        n_rows = checksums.last_row(found.con, table) + 1
    except duckdb.Error:
        yield None, 0, 0
        return
    for column in columns:
        if not _reads(found, table, [column]):
            yield from ((column, *span) for span in _joined(_unread(found, table, column, 0, n_rows)))


def _unread(found: Inspection, table: str, column: str, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows that cannot be read, by halves."""
    if first >= end or _reads(found, table, [column], f"rowid >= {first}", f"rowid < {end}"):
        return
    if end - first <= VECTOR:
        yield first, end
        return
    middle = first + max(VECTOR, (end - first) // 2 // VECTOR * VECTOR)
    yield from _unread(found, table, column, first, middle)
    yield from _unread(found, table, column, middle, end)


def _joined(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for first, end in spans:
        if found and found[-1][1] == first:
            found[-1] = (found[-1][0], end)
        else:
            found.append((first, end))
    return found


def _reads(found: Inspection, table: str, columns: list[str], *conditions: str) -> bool:
    """Whether these columns of a table, of some rows, can be read to the last value."""
    rows = rows_of(table, found.in_file[table], *conditions)
    try:
        found.con.execute(f"SELECT bit_xor(hash({', '.join(columns)})) FROM ({rows})").fetchall()
    except duckdb.Error:
        return False
    return True


def _rows(column: str | None, first: int, end: int) -> str:
    return "the whole table" if column is None else f"column {column}, rows {first:,} to {end - 1:,}"


def _of_parts(found: Inspection, store: Path) -> Inspection:
    """Where there is no file, the parts are all there is, and all that the connection may read."""
    shut(found.con, readable=_with_parts(found, store).parts)
    return _named(found)


def _with_parts(found: Inspection, store: Path) -> Inspection:
    found.parts, faults = checked_parts(store)
    found.findings += faults
    return found


def _named(found: Inspection) -> Inspection:
    """Name the tables."""
    for table in TABLES:
        found.con.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS {whole(table, found.own(table), found.parts)}")
    return found
