"""Files as frames, each a part at a time: JSON lines, CSV, Parquet, Arrow.

JSON lines are read fast where they are clean, and with the place of what is wrong where they are not: pyarrow reads a
block of lines into typed columns and refuses whatever it would have to guess at (a type that changes, a key that stands
twice, half a surrogate pair). Such a block is read again, line by line, by Python's parser, which can say what is wrong
and where, or that all is well.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from ttclib.errors import RequestError

_BLOCK = 1 << 24
_PAGE = 1 << 20
_MOST_DIGITS = 4300


def blocks(file: BinaryIO, path: Path) -> Iterator[tuple[bytes, int]]:
    """Whole lines of a file, a block of them at a time, with the number of the first."""
    number, rest = 1, b""
    while block := file.read(_BLOCK):
        if number == 1 and not rest:
            block = block.removeprefix(b"\xef\xbb\xbf")
        end = block.rfind(b"\n") + 1
        if not end:
            rest += block
            continue
        lines = rest + block[:end]
        rest = block[end:]
        yield lines, number
        number += lines.count(b"\n")
    if rest:
        yield rest, number


def table_of_lines(lines: bytes, schema: pa.Schema) -> pa.Table | None:
    """The columns of a block of lines that are just of the types of `schema`; None: look at each line."""
    try:
        table = pa.json.read_json(
            io.BytesIO(lines),
            read_options=pa.json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
        table.validate(full=True)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return table


def parse_line(line: bytes, number: int, path: Path) -> dict[str, Any] | None:
    """The object of a line; None: the line is empty.

    Raises
    ------
    RequestError
        It is not JSON, is no object, or has a key twice.
    """
    if not line.strip():
        return None
    row = _parse(line, f"'{path}' line {number}")
    if not isinstance(row, dict):
        raise RequestError(f"'{path}' line {number} is no JSON object but {type(row).__name__}: one object a line")
    return row


def parse_whole(content: bytes, path: Path) -> Any:
    """The value of a JSON file.

    Raises
    ------
    RequestError
        It is not JSON, or an object has a key twice.
    """
    return _parse(content.removeprefix(b"\xef\xbb\xbf"), f"'{path}'")


def _parse(content: bytes, where: str) -> Any:
    try:
        return json.loads(content.decode(), object_pairs_hook=_no_key_twice)
    except UnicodeDecodeError as error:
        raise RequestError(f"{where} is not UTF-8: byte {error.start + 1} is 0x{content[error.start]:02x}") from error
    except json.JSONDecodeError as error:
        place = f"column {error.colno}" if "line" in where else f"line {error.lineno} column {error.colno}"
        raise RequestError(f"{where} is not JSON: {error.msg} at {place}") from error
    except (ValueError, RecursionError) as error:  # a number or a nesting beyond all reason, or a key twice
        raise RequestError(f"{where} cannot be read: {str(error).split(';')[0]}") from error


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands there twice")
    return row


def records(file: BinaryIO, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object of a file with the number of its line.

    Raises
    ------
    RequestError
        As `parse_line`.
    """
    for lines, first in blocks(file, path):
        for number, line in enumerate(lines.split(b"\n"), start=first):
            row = parse_line(line, number, path)
            if row is not None:
                yield number, row


def glance(head: bytes, most: int) -> list[dict[str, Any]]:
    """The objects of a file's beginning, up to the first line that is none."""
    rows: list[dict[str, Any]] = []
    for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:most]:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(row, dict):
            break
        rows.append(row)
    return rows


def counts_lines(head: bytes) -> int:
    """How many of the first lines are JSON objects of their own, up to 3."""
    return len(glance(head, 3))


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
    with _mapped(file) as plain:
        header = plain.read(_BLOCK).partition(b"\n")[0]
        plain.seek(0)
        if b"\0" in header:
            raise RequestError(f"cannot read '{path}': its first line is no text")
        separator = max(",\t;", key=lambda mark: header.count(mark.encode()))
        rows = pl.scan_csv(plain, separator=separator, infer_schema=False, null_values=[""], encoding="utf8")
        names = rows.collect_schema().names()
        if doubled := [name for name in names if name.endswith("_duplicated_0")]:
            name = doubled[0].removesuffix("_duplicated_0")
            raise RequestError(f"'{path}' has the column {name!r} twice: give it once")
        n_rows = 0
        for frame in rows.collect_batches(chunk_size=_ROWS, maintain_order=True):
            n_rows += len(frame)
            yield frame
        if not n_rows:
            yield pl.DataFrame(schema=dict.fromkeys(names, pl.String))


@contextmanager
def _mapped(file: BinaryIO) -> Iterator[BinaryIO]:
    """A file that the system can map into memory: what is packed is unpacked into one without a name."""
    if isinstance(file, io.BufferedReader) and isinstance(file.raw, io.FileIO):
        yield file
        return
    with TemporaryFile() as plain:
        shutil.copyfileobj(file, plain, _BLOCK)
        plain.flush()
        plain.seek(0)
        yield plain


def _parquet(file: BinaryIO, path: Path) -> Iterator[pl.DataFrame]:
    rows = pq.ParquetFile(file, buffer_size=_PAGE)
    size = sum(rows.metadata.row_group(number).total_byte_size for number in range(rows.metadata.num_row_groups))
    fitting = _ROWS if size <= _BLOCK else max(1, rows.metadata.num_rows * _BLOCK // size)
    for batch in rows.iter_batches(batch_size=min(_ROWS, fitting), use_threads=False):
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
