"""Parts beside a store and its packed form: whether they are as they were written."""

from __future__ import annotations

import lzma
from pathlib import Path

from ttclib.store.findings import Finding
from ttclib.store.packed import packed_path
from ttclib.store.schema import parts_directory, pending_parts, table_of
from ttclib.store.sound_parts import examined, read_through
from ttclib.store.tables import TABLES


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
