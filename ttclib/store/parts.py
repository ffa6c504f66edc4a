"""Writing: immutable Parquet parts beside the store."""

from __future__ import annotations

import errno
import itertools
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ttclib.errors import RequestError
from ttclib.store.connection import check_writable
from ttclib.store.locks import StoreLockedError, note_write
from ttclib.store.schema import parts_directory, written_store
from ttclib.store.sound_parts import hash_in_name
from ttclib.store.tables import READINGS, TABLES, columns_of

_ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "BLOB": pa.binary(),
}
_seen: set[tuple[Path, int, int]] = set()
_sequence = itertools.count()
_ours: set[str] = set()  # names of the parts that this process has written
_ATTEMPTS = 20


@cache
def arrow_schema(table: str) -> pa.Schema:
    """Columns of a table as Arrow types."""
    return pa.schema(
        [
            (name, pa.list_(_ARROW_TYPES[kind[:-2]]) if kind.endswith("[]") else _ARROW_TYPES[kind])
            for name, kind in columns_of(table)
        ]
    )


def write_part(path: str | Path, table: str, rows: Sequence[Mapping[str, Any]] | pa.Table) -> Path | None:
    """Put rows beside a store, all of them or none.

    Parameters
    ----------
    path : str or pathlib.Path
        The store, which need not exist yet.
    table : str
        One of `ttclib.store.tables.TABLES`.
    rows : sequence of mappings, or pyarrow.Table
        A missing column is NULL; a missing `reading` is the first, 0.

    Returns
    -------
    pathlib.Path or None
        The part; None when there were no rows.

    Raises
    ------
    RequestError
        The disk is full, the folder cannot be written, or the store is not to be; nothing is left behind.
    ValueError
        A row has a column that the table does not, lacks its key, or a value is of another type.
    """
    if not len(rows):
        return None
    content = as_table(table, rows)
    # Names sort by time, so that of two writes of one key the first counts; the rest tells a damaged part.
    begins = f"{time.time_ns():020d}_{next(_sequence):06d}-{table}-"
    store = written_store(path)
    _refuse_foreign_once(store)
    directory = parts_directory(store)
    temporary = directory / f"{begins}{uuid.uuid4().hex}.parquet.tmp"
    try:
        with open_new(temporary) as file:
            pq.write_table(content, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        name = f"{begins}{hash_in_name(temporary)}.parquet"
        temporary.rename(directory / name)
        _ours.add(name)
        note_write()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RequestError(
                f"no space left in '{directory}': free some, then run this again; what was collected is kept"
            ) from error
        raise RequestError(f"cannot write to '{directory}': {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return directory / name


def _refuse_foreign_once(store: Path) -> None:
    """Refuse a store that the part could never be taken into; looked at once a file, and not while others write."""
    try:
        found = store.stat()
    except OSError:  # not made yet
        return
    file = (store.absolute(), found.st_dev, found.st_ino)
    if file not in _seen:
        with suppress(StoreLockedError):
            check_writable(store, wait_s=0)
            _seen.add(file)


def is_ours(part: Path) -> bool:
    """Whether this process has written a part."""
    return part.name in _ours


def as_table(table: str, rows: Sequence[Mapping[str, Any]] | pa.Table) -> pa.Table:
    """Rows with the table's columns and types, checked so that the file will take them."""
    schema = arrow_schema(table)
    given = set(rows.column_names) if isinstance(rows, pa.Table) else set().union(*rows)
    if unknown := given - set(schema.names):
        raise ValueError(f"table {table} has no column {', '.join(sorted(unknown))}")
    if isinstance(rows, pa.Table):
        absent = {name: pa.nulls(len(rows), schema.field(name).type) for name in schema.names if name not in given}
        columns = {name: absent[name] if name in absent else rows[name] for name in schema.names}
        content = pa.table(columns).cast(schema)
    else:
        content = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    if table in READINGS and content["reading"].null_count:
        number = content.schema.get_field_index("reading")
        content = content.set_column(number, schema.field("reading"), content["reading"].fill_null(0))
    if missing := [name for name in TABLES[table] if content[name].null_count]:
        raise ValueError(f"a row of table {table} lacks its key {', '.join(missing)}")
    return content


def open_new(path: Path) -> BinaryIO:
    """Open a new file for writing in a folder that another process may be removing because it was empty."""
    for attempt in range(_ATTEMPTS):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return open(path, "xb")
        except (FileNotFoundError, FileExistsError):
            # A folder that goes between the attempt to make it and the look at what is there "exists".
            if attempt == _ATTEMPTS - 1 or path.exists() or path.parent.is_file():
                raise
    raise AssertionError
