"""What a path that was given holds: files of a known kind, opened whatever they are packed with."""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa

from ttclib.errors import RequestError
from ttclib.interchange import tables

PACKED = {".gz": "gzip", ".zst": "zstd", ".xz": "xz"}
# By the ending, less that of the packing.
KINDS = {
    ".jsonl": "lines", ".ndjson": "lines", ".json": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet",
    ".arrow": "arrow", ".eval": "zip", ".yaml": "yaml", ".yml": "yaml",
}  # fmt: skip
# Beside the files of samples in folders of datasets and of results; none of them holds a sample.
_NO_SAMPLES = ("dataset_info.json", "state.json", "dataset_dict.json", "README.md")
_HEAD = 1 << 16
_FIRST_ROWS = 100


@dataclass
class Source:
    """One file of samples."""

    path: Path
    kind: str  # `lines` (JSON lines), `json` (one value), `csv`, `parquet`, `arrow`, `zip` or `yaml`
    fields: dict[str, str] = field(default_factory=dict)  # what the file calls our columns, as the user says

    @property
    def name(self) -> str:
        """The file's name without its endings."""
        return bare_name(self.path)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Its bytes, unpacked.

        Raises
        ------
        RequestError
            It cannot be read, or is cut off or damaged where it is packed.
        """
        try:
            with _unpacked(self.path) as file:
                yield file
        except RequestError:
            raise
        except (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise RequestError(f"cannot read '{self.path}': {reason}") from error

    @cached_property
    def first_rows(self) -> list[dict[str, Any]]:
        """Its first rows, fewer where one is no row: enough to tell what it is."""
        if self.kind == "lines":
            with self.open() as file:
                head = file.read(_HEAD)
                while b"\n" not in head and (more := file.read(_HEAD * 16)):
                    head += more
            return tables.glance(head, _FIRST_ROWS)
        if self.kind == "json":
            rows = self.value if isinstance(self.value, list) else [self.value]
            return [row for row in rows[:_FIRST_ROWS] if isinstance(row, dict)]
        if self.kind in ("csv", "parquet", "arrow"):
            for frame, _ in self.frames():
                return frame.head(_FIRST_ROWS).to_dicts()
        return []

    @cached_property
    def columns(self) -> list[str]:
        """Names that its first rows have."""
        return list(dict.fromkeys(name for row in self.first_rows for name in row))

    @cached_property
    def value(self) -> Any:
        """What a JSON file holds."""
        with self.open() as file:
            return tables.parse_whole(file.read(), self.path)

    def frames(self) -> Iterator[tuple[pl.DataFrame, int]]:
        """Its rows as frames of the file's own columns, each with the place of its first row.

        Raises
        ------
        RequestError
            The file is damaged, or is of a kind that has no columns.
        """
        with self.open() as file:
            yield from tables.read_frames(file, self.kind, self.path)

    def records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Its rows as mappings, each with its place from 1.

        Raises
        ------
        RequestError
            The file is damaged, or a line is no object.
        """
        if self.kind == "lines":
            with self.open() as file:
                yield from tables.records(file, self.path)
        elif self.kind == "json":
            rows = self.value if isinstance(self.value, list) else [self.value]
            for place, row in enumerate(rows, start=1):
                if not isinstance(row, dict):
                    raise RequestError(f"'{self.path}' item {place} is no JSON object but {type(row).__name__}")
                yield place, row
        else:
            for frame, first in self.frames():
                yield from enumerate(frame.iter_rows(named=True), start=first)

    @property
    def where(self) -> str:
        """Begins a message that names a row."""
        return f"'{self.path}' {'line' if self.kind == 'lines' else 'row'}"


def bare_name(path: Path) -> str:
    """A file's name without its endings.

    Examples
    --------
    >>> bare_name(Path("runs/gsm8k.v2.jsonl.gz"))
    'gsm8k.v2'
    """
    name = path.name
    for endings in (PACKED, KINDS):
        suffix = Path(name).suffix.lower()
        if suffix in endings and len(name) > len(suffix):
            name = name[: -len(suffix)]
    return name


def find_sources(path: Path, fields: dict[str, str]) -> list[Source]:
    """The files of samples at a path, in order of their names.

    Parameters
    ----------
    path : pathlib.Path
        A file, or a folder whose files of a known kind are taken, however deep.

    Raises
    ------
    RequestError
        Nothing is there, or nothing of a known kind.
    """
    if not path.exists():
        raise RequestError(f"no file '{path}': name a file or a folder of samples")
    if not path.is_dir() and not path.is_file():  # a pipe can be read once, and is waited for
        raise RequestError(f"'{path}' is no file: name a file or a folder of samples, or - for standard input")
    if not path.is_dir():
        return [Source(path, kind_of(path), fields)]
    found = [
        Source(file, kind, fields)
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name not in _NO_SAMPLES and not _hidden(file, path)
        if (kind := _kind_by_name(file)) is not None
    ]
    if not found:
        raise RequestError(f"folder '{path}' holds no file of samples: known are {', '.join(sorted(KINDS))}")
    return found


def kind_of(path: Path) -> str:
    """The kind of a file, by its ending or else by how it begins.

    Raises
    ------
    RequestError
        Neither tells.
    """
    if (known := _kind_by_name(path)) is not None and known != "json":
        return known
    try:
        with _unpacked(path) as file:
            head = file.read(_HEAD)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
        raise RequestError(f"cannot read '{path}': {str(error).splitlines()[0] if str(error) else error!r}") from error
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        return "json"
    if known is None and b"\0" in head:
        raise RequestError(f"cannot read '{path}': it is no text and of no known kind ({', '.join(sorted(KINDS))})")
    # One line alone is as well one value, as a log of an evaluation is.
    return "lines" if tables.counts_lines(head) > (known == "json") or known is None else "json"


def _kind_by_name(path: Path) -> str | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return KINDS.get(suffixes[-1]) if suffixes else None


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


@contextmanager
def _unpacked(path: Path) -> Iterator[BinaryIO]:
    with open(path, "rb") as raw:
        head = raw.read(6)
        raw.seek(0)
        if head.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=raw) as file:
                yield io.BufferedReader(file)
        elif head.startswith(b"\xfd7zXZ\x00"):
            with lzma.LZMAFile(raw) as file:
                yield file  # type: ignore[misc]
        elif head.startswith(b"\x28\xb5\x2f\xfd"):
            with pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd") as stream:
                yield stream
        else:
            yield raw
