"""Parts looked at one by one before they are read together, so that a bad one is named and the others count.

A part's name ends with the hash of its bytes. Parts are read by pyarrow, apart from the store's connection: how many
rows a footer counts is what must go into the file.
"""

from __future__ import annotations

import hashlib
import lzma
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ttclib.errors import TTCError, visible
from ttclib.store.catalogue import expected_columns
from ttclib.store.findings import Finding
from ttclib.store.packed import packed_path
from ttclib.store.remote import is_remote
from ttclib.store.schema import parts_directory, pending_parts, table_of
from ttclib.store.tables import READINGS, TABLES

# What pyarrow raises; a ValueError comes of a web server that sends no ranges.
READING_FAILS = (pa.ArrowException, OSError, UnicodeDecodeError, ValueError)
_OTHER_BYTES = "is damaged (its bytes are not those that were written)"
_HASHED = "sha256_"


def hash_in_name(part: Path) -> str:
    """What a part's name ends with."""
    with part.open("rb") as file:
        return _HASHED + hashlib.file_digest(file, "sha256").hexdigest()[:32]


def is_as_named(part: Path) -> bool:
    """Whether a part has the bytes that its name says; true of one whose name says nothing, by an earlier ttclib.

    Raises
    ------
    OSError
        It cannot be read, or is gone.
    """
    _, mark, said = part.stem.rpartition(f"-{_HASHED}")
    return not mark or hash_in_name(part) == _HASHED + said


_AWAY = "move it out of that folder"
_IS = {
    "VARCHAR": (pa.types.is_string, pa.types.is_large_string),
    "BIGINT": (pa.types.is_integer,),
    "INTEGER": (pa.types.is_integer,),
    "DOUBLE": (pa.types.is_floating, pa.types.is_integer),
    "BOOLEAN": (pa.types.is_boolean,),
    "TIMESTAMP": (pa.types.is_timestamp,),
    "BLOB": (pa.types.is_binary, pa.types.is_large_binary),
}


class BadPartError(TTCError):
    """Parts beside a store that cannot be read, or not by this ttclib; the others are untouched by it."""


@dataclass(frozen=True)
class BadPart:
    """A part, what is wrong with it and what to do."""

    path: Path
    reason: str
    remedy: str = _AWAY

    @property
    def line(self) -> str:
        """All of it in a line."""
        return f"part '{self.path}' {self.reason}: {self.remedy}"


def examined(parts: Iterable[Path], *, anew: bool = False) -> tuple[dict[Path, int], list[BadPart]]:
    """The sound ones with their numbers of rows, and the bad ones; told by their bytes and footers.

    A part that goes meanwhile, since another process takes it in, is neither. `anew` reads also those that this
    process has read before and that look the same.
    """
    look = _examined.__wrapped__ if anew else _examined
    sound: dict[Path, int] = {}
    bad = []
    for part in parts:
        try:
            state = part.stat() if is_remote(part) else part.lstat()
        except OSError:
            continue
        found = look(part, (state.st_ino, state.st_size, state.st_mtime_ns, state.st_mode))
        if anew and is_remote(part) and isinstance(found, int) and not is_as_named(part):  # fetches all of it
            found = BadPart(part, _OTHER_BYTES)
        if isinstance(found, BadPart):
            bad += [found] if part.exists() or part.is_symlink() else []
        else:
            sound[part] = found
    return sound, bad


def read_through(parts: Iterable[Path]) -> list[BadPart]:
    """Those whose rows cannot be read, although their footers can."""
    return [BadPart(part, reason) for part in parts if (reason := _fault_in_rows(part)) is not None]


def refuse_bad(bad: Sequence[BadPart], others: str) -> None:
    """Name the bad parts, and say what became of the others.

    Raises
    ------
    BadPartError
    """
    if bad:
        more = f" (and {len(bad) - 1:,} more such parts)" if len(bad) > 1 else ""
        raise BadPartError(f"{bad[0].line}{more}; {others}")


@lru_cache(maxsize=1 << 16)
def _examined(part: Path, state: tuple[int, ...]) -> BadPart | int:
    """A part never changes once it is there; `state` tells it from another of its name."""
    if not stat.S_ISREG(state[-1]):
        return BadPart(part, "is a link or no plain file, which no part is")
    try:
        with opened(part) as file:
            fault = _fault_in_columns(part, file.schema_arrow) or _fault_in_keys(part, file)
            n_rows = int(file.metadata.num_rows)
        if fault is None and not is_remote(part) and not is_as_named(part):
            fault = BadPart(part, _OTHER_BYTES)
        return fault or n_rows
    except READING_FAILS as error:
        return BadPart(part, f"cannot be read ({_first_line(error)})")


def _fault_in_columns(part: Path, schema: pa.Schema) -> BadPart | None:
    table = table_of(part)
    expected = expected_columns(table)
    names = schema.names
    if unknown := [name for name in names if name not in expected]:
        # Without it the rows would be taken in, the part deleted, and what it holds lost.
        return BadPart(
            part,
            f"has the column '{visible(unknown[0])}', which this ttclib does not know",
            f"upgrade ttclib, or {_AWAY}",
        )
    if doubled := [name for name in names if names.count(name) > 1]:
        return BadPart(part, f"has the column '{doubled[0]}' twice")
    for name in TABLES[table]:
        if name not in names and not (name == "reading" and table in READINGS):
            return BadPart(part, f"lacks the column '{name}' of {table}")
    for name in names:
        if not _is_of(schema.field(name).type, expected[name]):
            return BadPart(part, f"has {schema.field(name).type} in '{name}', where {table} has {expected[name]}")
    return None


def _is_of(given: pa.DataType, kind: str) -> bool:
    if pa.types.is_null(given):
        return True
    if kind.endswith("[]"):
        listed = pa.types.is_list(given) or pa.types.is_large_list(given)
        return listed and _is_of(given.value_type, kind.removesuffix("[]"))
    return any(is_one(given) for is_one in _IS[kind])


def _fault_in_keys(part: Path, file: pq.ParquetFile) -> BadPart | None:
    """Rows without their key, as the footer's statistics tell; where it has none, as the rows do."""
    for name in TABLES[table_of(part)]:
        at = file.schema_arrow.get_field_index(name)
        if at < 0:
            continue
        groups = [file.metadata.row_group(number).column(at) for number in range(file.metadata.num_row_groups)]
        if all(group.is_stats_set and group.statistics.has_null_count for group in groups):
            absent = sum(group.statistics.null_count for group in groups)
        else:
            absent = file.read([name], use_threads=False)[name].null_count
        if absent:
            return BadPart(part, f"has {absent:,} rows without their {name}, a key")
    return None


def _fault_in_rows(part: Path) -> str | None:
    try:
        with opened(part, page_checksum_verification=True) as file:
            for batch in file.iter_batches(use_threads=False):
                batch.validate(full=True)
    except READING_FAILS as error:
        return f"is damaged ({_first_line(error)})"
    return None


@contextmanager
def opened(part: Path, **options: bool) -> Iterator[pq.ParquetFile]:
    """A part as pyarrow reads it."""
    with (
        part.open("rb") if is_remote(part) else nullcontext(part.absolute()) as source,
        pq.ParquetFile(source, **options) as file,
    ):
        yield file


def _first_line(error: BaseException) -> str:
    return visible((str(error).splitlines() or [type(error).__name__])[0])[:200]


def checked_parts(store: Path) -> tuple[list[Path], list[Finding]]:
    """Parts that are sound, and what is wrong with the others; every byte of each is read."""
    sound, bad = examined(pending_parts(store), anew=True)
    bad += [one for one in read_through(sound) if one.path.exists()]  # not one that was taken in meanwhile
    findings = [
        Finding("part", table_of(one.path), f"part {one.path.name}", f"{one.reason}: none of its rows is read")
        for one in bad
    ]
    for other in sorted(parts_directory(store).glob("*.parquet")):
        if table_of(other) not in TABLES:
            what = f"is of no table of this ttclib ('{table_of(other)}'): its rows are not read"
            findings.append(Finding("part", None, f"part {other.name}", what))
    return [part for part in sound if part not in {one.path for one in bad}], findings


def checked_packed(store: Path) -> list[Finding]:
    """What is wrong with the packed form beside a store: its checksums are compared, nothing is written."""
    packed = packed_path(store)
    if not packed.is_file():
        return []
    try:
        with lzma.open(packed) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, lzma.LZMAError) as error:
        return [Finding("packed", None, packed.name, f"cannot be unpacked ({error}): fetch it again")]
    return []
