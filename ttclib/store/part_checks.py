"""Parts beside a store and its packed form: whether they are as they were written."""

from __future__ import annotations

import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ttclib.store.findings import Finding
from ttclib.store.packed import packed_path
from ttclib.store.part_names import is_as_named
from ttclib.store.schema import parts_directory, pending_parts, table_of
from ttclib.store.tables import TABLES


def checked_parts(store: Path) -> tuple[list[Path], list[Finding]]:
    """Parts that are sound, and what is wrong with the others; every byte of each is read."""
    sound, findings = [], []
    for part in pending_parts(store):
        try:
            fault = _fault(part)
        except FileNotFoundError:  # taken in meanwhile
            continue
        if fault is None:
            sound.append(part)
        else:
            findings.append(Finding("part", table_of(part), f"part {part.name}", f"{fault}: none of its rows is sound"))
    for other in sorted(parts_directory(store).glob("*.parquet")):
        if table_of(other) not in TABLES:
            what = f"is of no table of this ttclib ('{table_of(other)}'): its rows are not read"
            findings.append(Finding("part", None, f"part {other.name}", what))
    return sound, findings


def _fault(part: Path) -> str | None:
    """What is wrong with a part; None: nothing."""
    try:
        if not is_as_named(part):
            return "its bytes are not those that were written"
        content = pq.read_table(part)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        return f"cannot be read ({str(error).splitlines()[0][:120]})"
    table = table_of(part)
    if lacking := [name for name in TABLES[table] if name not in content.column_names and name != "reading"]:
        return f"has no column {', '.join(lacking)}"
    if nulls := [name for name in TABLES[table] if name in content.column_names and content[name].null_count]:
        return f"has rows without {', '.join(nulls)}"
    return None


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
