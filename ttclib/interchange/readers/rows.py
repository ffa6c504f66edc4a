"""One sample a row: the interchange format in JSON lines, and the same in CSV, Parquet and Arrow.

A folder of the datasets library is its Arrow files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
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
    setting = _Setting.of(source.first_rows, named)
    schema = _schema(source.first_rows, named, setting)
    with source.open() as file:
        for lines, first in tables.blocks(file, source.path):
            numbers = [first + at for at, line in enumerate(lines.split(b"\n")) if line and not line.isspace()]
            is_plain = schema is not None and numbers and (setting is None or setting.is_in_all(lines, len(numbers)))
            table = tables.table_of_lines(lines, schema) if is_plain and schema is not None else None
            # Two objects on a line are refused; what the first rows have not, the rest may have.
            if table is not None and len(table) == len(numbers) and not _has_more(lines, named):
                if first == 1:
                    note_unknown([name for row in source.first_rows for name in row], named, notes)
                frame = pl.from_arrow(table.rename_columns([named[name] for name in table.column_names]))
                assert isinstance(frame, pl.DataFrame)
                complete = setting is None or not frame["setting"].null_count()
                if setting is not None:
                    frame = frame.with_columns(pl.lit(setting.text).alias("setting"))
                if complete and not _has_nan(frame):
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


@dataclass(frozen=True)
class _Setting:
    """The one setting of a file's first rows, an object whose values are plain."""

    theirs: str
    keys: dict[str, Any]

    @classmethod
    def of(cls, rows: list[dict[str, Any]], named: dict[str, str]) -> _Setting | None:
        """None: they have several, or none, or one that is nested."""
        theirs = next((theirs for theirs, ours in named.items() if ours == "setting"), None)
        if theirs is None or not rows or not isinstance(keys := rows[0].get(theirs), dict) or not keys:
            return None
        plain = all(type(value) in _TYPES for value in keys.values())
        return cls(theirs, keys) if plain and all(row.get(theirs) == keys for row in rows) else None

    @property
    def text(self) -> str:
        """It as JSON."""
        return json.dumps(self.keys)

    def is_in_all(self, lines: bytes, n_rows: int) -> bool:
        """Whether its name stands in a block as often as there are lines, each time before just this object.

        Together with each line's having the key, this says that all lines have this setting: within a text, quotation
        marks are escaped.
        """
        name = json.dumps(self.theirs)
        spelled = [json.dumps(self.keys, ensure_ascii=ascii) for ascii in (True, False)]
        texts = {f"{name}: {text}" for text in spelled} | {
            f"{name}:{json.dumps(self.keys, ensure_ascii=ascii, separators=(',', ':'))}" for ascii in (True, False)
        }
        return lines.count(name.encode()) == n_rows and any(lines.count(text.encode()) == n_rows for text in texts)

    @property
    def type(self) -> pa.DataType:
        """As columns."""
        return pa.struct([(name, _TYPES[type(value)]) for name, value in self.keys.items()])


_READINGS = pa.list_(
    pa.struct(
        {
            **{"verifier": pa.string(), "reading": pa.int64(), "step_scores": pa.list_(pa.float64())},
            **{"prm_tokens": pa.int64(), "generated_tokens": pa.int64(), "said": pa.string()},
        }
    )
)
_TYPES: dict[type, pa.DataType] = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def _schema(rows: list[dict[str, Any]], named: dict[str, str], setting: _Setting | None) -> pa.Schema | None:
    """Types that the first rows have; None: they are of no one type."""
    fields = []
    for theirs, ours in named.items():
        if setting is not None and theirs == setting.theirs:
            fields.append(pa.field(theirs, setting.type))
            continue
        if ours == "readings":
            fields.append(pa.field(theirs, _READINGS))
            continue
        kinds = {type(row[theirs]) for row in rows if row.get(theirs) is not None}
        if ours == "setting" or len(kinds) > 1:
            return None
        kind = kinds.pop() if kinds else None
        if kind is None:
            wanted = type_of(ours)
            kind = {pl.Boolean: bool, pl.Int64: int, pl.Float64: float, pl.List: list}.get(type(wanted), str)
        within = getattr(type_of(ours), "inner", None)
        if kind is list and within not in (pl.Int64, pl.Float64):
            return None
        of_list = pa.list_(pa.int64() if within == pl.Int64 else pa.float64())
        types = {**_TYPES, list: of_list}
        if kind not in types:
            return None
        fields.append(pa.field(theirs, types[kind]))
    return pa.schema(fields) if fields else None
