"""One sample a row: the interchange format in JSON lines, and the same in CSV, Parquet and Arrow.

A folder of the datasets library is its Arrow files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa

from ttclib.errors import RequestError
from ttclib.interchange import tables
from ttclib.interchange.columns import SAMPLE_COLUMNS, Batch, Notes, batch_of_frame, batch_of_records, type_of
from ttclib.interchange.readers.naming import add_reasoning, name_columns, note_unknown
from ttclib.interchange.readers.registry import reader
from ttclib.interchange.sources import Source


def _recognises(source: Source) -> bool:
    """Any file of rows: what it lacks is told when it is read."""
    return source.kind in ("lines", "json", "csv", "parquet", "arrow")


@reader("rows", "one sample a row: interchange JSON lines, CSV, Parquet, Arrow, a datasets folder", _recognises)
def read_rows(source: Source, notes: Notes) -> Iterator[Batch]:
    """The samples of a file of rows.

    Raises
    ------
    RequestError
        A value that a column cannot take, named by its row.
    """
    batches = _lines(source, notes) if source.kind == "lines" else _frames(source, notes)
    for batch in batches:
        yield add_reasoning(batch, notes)


def _frames(source: Source, notes: Notes) -> Iterator[Batch]:
    if source.kind == "json":
        places, records = zip(*source.records(), strict=True) if source.first_rows else ((), ())
        named = name_columns(source.columns, source.fields, f"'{source.path}'", notes, rows=source.first_rows)
        yield _of_records(list(records), list(places), named, source, notes)
        return
    for frame, first in source.frames():
        named = name_columns(frame.columns, source.fields, f"'{source.path}'", notes, rows=source.first_rows)
        note_unknown(frame.columns, named, notes)
        chosen = frame.select(pl.col(theirs).alias(ours) for theirs, ours in named.items())
        yield batch_of_frame(chosen, source.where, first=first)


def _lines(source: Source, notes: Notes) -> Iterator[Batch]:
    named = name_columns(source.columns, source.fields, f"'{source.path}'", notes, rows=source.first_rows)
    schema = _schema(source.first_rows, named)
    with source.open() as file:
        for lines, first in tables.blocks(file, source.path):
            numbers = [first + at for at, line in enumerate(lines.split(b"\n")) if line and not line.isspace()]
            table = tables.table_of_lines(lines, schema) if schema is not None and numbers else None
            # Two objects on a line are refused; what the first rows have not, the rest may have.
            if table is not None and len(table) == len(numbers) and not _has_more(lines, named):
                if first == 1:
                    note_unknown([name for row in source.first_rows for name in row], named, notes)
                frame = pl.from_arrow(table.rename_columns([named[name] for name in table.column_names]))
                assert isinstance(frame, pl.DataFrame)
                if not _has_nan(frame):
                    yield batch_of_frame(frame, source.where, places=numbers)
                    continue
            places: list[int] = []
            records: list[dict[str, Any]] = []
            for number, line in enumerate(lines.split(b"\n"), start=first):
                try:
                    row = tables.parse_line(line, number, source.path)
                except RequestError:
                    # What is wrong above is told first.
                    yield _of_records(records, places, named, source, notes)
                    raise
                if row is not None:
                    places.append(number)
                    records.append(row)
            yield _of_records(records, places, named, source, notes)


def _has_more(lines: bytes, named: dict[str, str]) -> bool:
    """Whether a block mentions a column of ours that the first rows do not have."""
    return any(ours not in named and f'"{ours}"'.encode() in lines for ours in SAMPLE_COLUMNS)


def _has_nan(frame: pl.DataFrame) -> bool:
    """JSON has no NaN: let the line be named."""
    return any(frame[name].is_nan().any() for name, kind in frame.schema.items() if kind.is_float())


def _of_records(
    records: list[dict[str, Any]], places: list[int], named: dict[str, str], source: Source, notes: Notes
) -> Batch:
    columns = [name for record in records for name in record]
    named = named | {
        name: name for name in dict.fromkeys(columns) if name in SAMPLE_COLUMNS and name not in named.values()
    }
    note_unknown(columns, named, notes)
    rows = [{ours: record[theirs] for theirs, ours in named.items() if theirs in record} for record in records]
    return batch_of_records(rows, places, source.where)


def _schema(rows: list[dict[str, Any]], named: dict[str, str]) -> pa.Schema | None:
    """Types that the first rows have; None: they are of no one type."""
    fields = []
    for theirs, ours in named.items():
        kinds = {type(row[theirs]) for row in rows if row.get(theirs) is not None}
        if ours == "setting" or len(kinds) > 1:
            return None
        kind = kinds.pop() if kinds else None
        if kind is None:
            wanted = type_of(ours)
            kind = {pl.Boolean: bool, pl.Int64: int, pl.Float64: float, pl.List: list}.get(type(wanted), str)
        within = getattr(type_of(ours), "inner", None)
        if kind is list and not (isinstance(within, pl.DataType) and within.is_numeric()):
            return None
        of_list = pa.list_(pa.int64() if within == pl.Int64 else pa.float64())
        types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string(), list: of_list}
        if kind not in types:
            return None
        fields.append(pa.field(theirs, types[kind]))
    return pa.schema(fields) if fields else None
