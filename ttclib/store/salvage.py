"""What of a damaged store is sound, into a new one.

Rows that can be read are copied; of a value that cannot, its row stays without it, unless it is part of the key.
Then every row goes for which a rule of `ttclib.store.relations` does not hold, and what hangs on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from ttclib.errors import TTCError
from ttclib.store.blocks import Block, damaged_blocks, mended
from ttclib.store.copying import pour
from ttclib.store.findings import Finding
from ttclib.store.inspection import Inspection, inspected
from ttclib.store.part_rows import whole
from ttclib.store.parts import arrow_schema
from ttclib.store.relations import RULES, broken, misnamed
from ttclib.store.tables import TABLES

_MOST_GUESSES = 64
_CHUNK = 1 << 20


def copy_readable(found: Inspection, into: duckdb.DuckDBPyConnection, store: Path) -> Iterator[str]:
    """Copy all rows that can be read, and say what cannot."""
    for table, key in TABLES.items():
        lost = found.lost.get(table)
        if not lost:
            pour(found.con, f"SELECT * FROM {table}", into, table, store=store, unseen=True)
            continue
        for first, end, columns in _spans(found, table):
            without = columns & {*key, None}
            if without:
                yield f"{table}: rows {first:,} to {end - 1:,}, which cannot be read"
                continue
            if columns:
                named = ", ".join(sorted(str(name) for name in columns))
                yield f"{table}: {named} of rows {first:,} to {end - 1:,}, which are kept without"
            span = (f"rowid >= {first}", f"rowid < {end}")
            if rows := found.own(table, *span, without={str(name) for name in columns}):
                pour(found.con, rows, into, table, store=store, unseen=True)
        if None in {column for column, *_ in lost}:
            yield f"{table}: all rows of the file"
        beside = whole(table, None, found.parts)
        pour(found.con, f"SELECT * FROM ({beside})", into, table, store=store, unseen=True)


def _spans(found: Inspection, table: str) -> Iterator[tuple[int, int, set[str | None]]]:
    """Ranges of rows of a table, each with the columns that are lost in it."""
    lost = found.lost[table]
    if any(column is None for column, *_ in lost):
        return
    ((last,),) = found.con.execute(f"SELECT coalesce(max(rowid), -1) FROM store.main.{table}").fetchall()
    bounds = sorted({0, last + 1, *(place for _, first, end in lost for place in (first, end))})
    for first, end in itertools.pairwise(bounds):
        yield first, end, {column for column, begin, stop in lost if begin <= first < stop}


def drop_unsound(con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    """Take every row out of a copy for which a rule does not hold, until all hold; each as a finding."""
    again = True
    while again:
        again = False
        for rule in RULES:
            while findings := broken(con, rule):
                again = True
                yield from findings
                _amend(con, findings) if rule.kind == "reference" and rule.reads[0] in _NAMED else drop(con, findings)
    if findings := misnamed(con):
        yield from findings
        for one in findings:
            table = str(one.table)
            change = (
                "UPDATE store.main.settings SET keys = NULL"
                if table == "settings"
                else f"DELETE FROM store.main.{table}"
            )
            (name,) = one.key
            con.execute(f"{change} WHERE {name} = ?", [one.key[name]])


# Named by other rows; nothing is known of one that is not there, and what it names is still sound.
_NAMED = {"problems": "problem_id", "models": "policy", "settings": "setting", "runs": "run_id"}


def _amend(con: duckdb.DuckDBPyConnection, findings: Iterable[Finding]) -> None:
    for one in findings:
        column = one.what.partition(" ")[0]
        if column == "run_id":
            where = " AND ".join(f"{name} = ?" for name in one.key)
            con.execute(f"UPDATE store.main.{one.table} SET run_id = NULL WHERE {where}", list(one.key.values()))
            continue
        of = next(table for table, name in _NAMED.items() if name == column)
        (name,) = TABLES[of]
        con.execute(
            f"INSERT INTO store.main.{of} ({name}) SELECT $1 WHERE $1 NOT IN (SELECT {name} FROM store.main.{of})",
            [one.key[column]],
        )


def drop(con: duckdb.DuckDBPyConnection, findings: Iterable[Finding]) -> None:
    """Take rows out of a copy; of rows with one key the first stays."""
    by_table: dict[str, list[Finding]] = {}
    for one in findings:
        if one.table is not None and one.key:
            by_table.setdefault(one.table, []).append(one)
    for table, own in by_table.items():
        key = TABLES[table]
        schema = pa.schema([arrow_schema(table).field(name) for name in key])
        con.register("unsound", pa.Table.from_pylist([dict(one.key) for one in own], schema=schema))
        names = ", ".join(key)
        again = " AND ".join(f"other.{name} = own.{name}" for name in key)
        twice = all(one.kind == "key" for one in own)
        but_first = f"AND EXISTS (SELECT 1 FROM store.main.{table} AS other WHERE {again} AND other.rowid < own.rowid)"
        con.execute(
            f"DELETE FROM store.main.{table} AS own WHERE ({', '.join(f'own.{name}' for name in key)}) IN "
            f"(SELECT ({names}) FROM unsound) {but_first if twice else ''}"
        )
        con.unregister("unsound")


@contextmanager
def best_source(store: Path, notify: Callable[[str], None]) -> Iterator[tuple[Path, list[str]]]:
    """The file to save from: the store, or a copy in which damaged bytes are restored or the damaged log is left out.

    A restored byte is proven by the checksums of all rows.

    Yields
    ------
    pathlib.Path, list of str
        And what was restored, in lines.
    """
    with inspected(store, notify=notify) as found:
        faults = [one for one in found.findings if one.kind in ("storage", "log")]
    if not faults or not store.exists():
        yield store, []
        return
    with TemporaryDirectory(dir=store.absolute().parent, prefix=f".{store.name}.") as folder:
        copy = Path(folder) / store.name
        log = store.with_name(store.name + ".wal")
        _copy_file(store, copy)
        if log.exists() and not any(one.kind == "log" for one in faults):
            _copy_file(log, copy.with_name(copy.name + ".wal"))
        blocks = [(block, list(mended(content))) for block, content in damaged_blocks(store)]
        blocks = [(block, guesses) for block, guesses in blocks if guesses]
        for guess in itertools.islice(itertools.product(*(guesses for _, guesses in blocks)), _MOST_GUESSES):
            _write_blocks(copy, [block for block, _ in blocks], guess)
            if blocks and _is_proven(copy):
                yield copy, [f"{block.name}: one byte, proven by the checksums of all rows" for block, _ in blocks]
                return
        _copy_file(store, copy)
        yield (copy, []) if any(one.kind == "log" for one in faults) else (store, [])


def _is_proven(copy: Path) -> bool:
    try:
        with inspected(copy) as found:
            faults = [one for one in found.findings if one.kind in ("storage", "log", "checksum")]
            return not faults and bool(found.version) and not found.notes
    except TTCError:
        return False


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as file, target.open("wb") as copy:
        while content := file.read(_CHUNK):
            copy.write(content)


def _write_blocks(copy: Path, blocks: list[Block], contents: Iterable[bytes]) -> None:
    with copy.open("rb+") as file:
        for block, content in zip(blocks, contents, strict=True):
            file.seek(block.start)
            file.write(content)
