"""Writing: immutable Parquet parts beside the store."""

from __future__ import annotations

import errno
import itertools
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ttclib.errors import RequestError
from ttclib.store.schema import columns_of, parts_directory

_ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
}
_sequence = itertools.count()


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
        One of `ttclib.store.schema.TABLES`.
    rows : sequence of mappings, or pyarrow.Table
        A missing column is NULL.

    Returns
    -------
    pathlib.Path or None
        The part; None when there were no rows.

    Raises
    ------
    RequestError
        The disk is full or the folder cannot be written; nothing is left behind.
    ValueError
        A row has a column that the table does not.
    """
    if not len(rows):
        return None
    schema = arrow_schema(table)
    if isinstance(rows, pa.Table):
        content = rows
    else:
        if unknown := set().union(*rows) - set(schema.names):
            raise ValueError(f"table {table} has no column {', '.join(sorted(unknown))}")
        content = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    directory = parts_directory(Path(path))
    # Names sort by time, so that of two writes of one key the first counts; the rest makes them unique.
    name = f"{time.time_ns():020d}_{next(_sequence):06d}-{table}-{uuid.uuid4().hex}.parquet"
    temporary = directory / (name + ".tmp")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        pq.write_table(content, temporary, compression="zstd")
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        temporary.rename(directory / name)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RequestError(
                f"no space left in '{directory}': free some, then run the same command again; what was collected is kept"
            ) from error
        raise RequestError(f"cannot write to '{directory}': {error.strerror or error}") from error
    return directory / name
