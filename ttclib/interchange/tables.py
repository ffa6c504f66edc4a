"""Files of columns as frames: CSV, Parquet, Arrow, each a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ttclib.errors import RequestError

_ROWS = 100_000


def read_frames(file: BinaryIO, kind: str, path: Path) -> Iterator[tuple[pl.DataFrame, int]]:
    """The rows of an open file.

    Parameters
    ----------
    kind : {"csv", "parquet", "arrow"}
    path : pathlib.Path
        For messages.

    Yields
    ------
    (polars.DataFrame, int)
        Rows under the file's own names, and the number of the first, from 1. All columns of a CSV are text.

    Raises
    ------
    RequestError
        The file is damaged, or has no columns.
    """
    readers = {"csv": _csv, "parquet": _parquet, "arrow": _arrow}
    if kind not in readers:
        raise RequestError(f"'{path}' has no columns: give a file of JSON lines, CSV, Parquet or Arrow")
    first = 1
    try:
        for frame in readers[kind](file, path):
            yield frame, first
            first += len(frame)
    except (pa.ArrowException, pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read '{path}': {' '.join(str(error).split())[:200]}") from error


def _csv(file: BinaryIO, path: Path) -> Iterator[pl.DataFrame]:
    content = file.read()
    header = content[: content.find(b"\n")] if b"\n" in content else content
    separator = max(",\t;", key=lambda mark: header.count(mark.encode()))
    if b"\0" in header:
        raise RequestError(f"cannot read '{path}': its first line is no text")
    names = pl.read_csv(content, separator=separator, n_rows=0, infer_schema=False, has_header=True).columns
    if doubled := [name for name in names if name.endswith("_duplicated_0")]:
        raise RequestError(f"'{path}' has the column {doubled[0].removesuffix('_duplicated_0')!r} twice: give it once")
    yield pl.read_csv(content, separator=separator, infer_schema=False, null_values=[""], encoding="utf8")


def _parquet(file: BinaryIO, path: Path) -> Iterator[pl.DataFrame]:
    for batch in pq.ParquetFile(file).iter_batches(batch_size=_ROWS, use_threads=False):
        yield _frame(pa.Table.from_batches([batch]), path)


def _arrow(file: BinaryIO, path: Path) -> Iterator[pl.DataFrame]:
    start = file.read(6)
    file.seek(0)
    source = pa.PythonFile(file, mode="r")
    if start == b"ARROW1":
        reader = pa.ipc.open_file(source)
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:  # as a folder of the datasets library has it
        batches = iter(pa.ipc.open_stream(source))
    for batch in batches:
        yield _frame(pa.Table.from_batches([batch]), path)


def _frame(table: pa.Table, path: Path) -> pl.DataFrame:
    doubled = {name for name in table.column_names if table.column_names.count(name) > 1}
    if doubled:
        raise RequestError(f"'{path}' has the column {min(doubled)!r} twice: give it once")
    table.validate(full=True)
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame
