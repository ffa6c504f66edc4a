"""`verify_store`: every hash, count, class, key, path, part and packed file of a store derived once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ttclib.errors import RequestError, TTCError
from ttclib.soundness.regrading import regraded, todays_grader
from ttclib.store.blocks import log_is_whole
from ttclib.store.findings import Finding
from ttclib.store.graded_rows import GRADED, graded_problems, graders_of
from ttclib.store.inspection import Inspection, inspected
from ttclib.store.packed import packed_path, unpack_to
from ttclib.store.relations import row_counts, rows_unsound
from ttclib.store.schema import parts_directory, pending_parts, plain_path
from ttclib.store.sound_parts import checked_packed

Notify = Callable[[str], None]


@dataclass(frozen=True)
class Verdict:
    """What was found."""

    store: str
    findings: tuple[Finding, ...]  # empty: the store is sound
    notes: tuple[str, ...]  # what could not be checked, and why
    rows: dict[str, int] = field(default_factory=dict)  # by table, of what was read and checked

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def sound_tables(self) -> tuple[str, ...]:
        """Tables with rows of which nothing is wrong."""
        wrong = {one.table for one in self.findings}
        return tuple(table for table, n in self.rows.items() if n and table not in wrong)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "store": self.store,
            "sound": self.is_sound,
            "findings": [one.record() for one in self.findings],
            "notes": list(self.notes),
            "rows": self.rows,
            "sound_tables": list(self.sound_tables),
        }


def verify_store(path: str | Path, *, wait_s: float | None = None, notify: Notify = lambda text: None) -> Verdict:
    """Look at every byte and every row of a store, of the parts beside it and of its packed form. Nothing is changed.

    Parameters
    ----------
    path : str or pathlib.Path
        A store, or a packed one (``NAME.duckdb.xz``), which is looked at without being unpacked beside it.
    wait_s, notify
        As in `ttclib.store.connect`.

    Returns
    -------
    Verdict

    Raises
    ------
    RequestError
        No such store, a DuckDB file of something else, or a newer schema.
    StoreLockedError
        Another process writes to it for longer than `wait_s`.
    """
    with at_hand(path) as (store, findings):
        with inspected(store, wait_s=wait_s, notify=notify) as found:
            rows, notes = row_counts(found.con, skipped := set(found.lost)), list(found.notes)
            findings += found.findings
            faults, unchecked = rows_unsound(found.con, skipped)
            findings += faults
            findings += regraded_all(found, skipped, notes)
            if unchecked:
                notes.append(f"what cannot be read was not compared: {', '.join(sorted(unchecked))}")
            log = store.with_name(store.name + ".wal")
            if log.exists() and store.exists():
                notes.append("it has a write-ahead log: a process writes to it, or was killed; it counts as part of it")
                if not log_is_whole(log):
                    notes.append(
                        f"{log.name} ends within an entry: a write was cut off, as by a kill, and is not counted"
                    )
        return Verdict(str(path), tuple(findings), tuple(notes), rows)


@contextmanager
def at_hand(path: str | Path) -> Iterator[tuple[Path, list[Finding]]]:
    """A store that can be opened, and what is wrong with its packed form; one that is packed alone lies elsewhere.

    Raises
    ------
    RequestError
        No such store.
    """
    given = plain_path(path)
    if given.is_dir() and not pending_parts(given):
        raise RequestError(
            f"'{given}' is a folder without parts: name a store's DuckDB file, or a packed one, NAME.duckdb.xz"
        )
    packed = given if given.suffix == ".xz" else packed_path(given)
    if given.suffix != ".xz" and (given.exists() or pending_parts(given)):
        yield given, checked_packed(given)
        return
    if not packed.is_file():
        raise RequestError(f"no store at '{given}': name its DuckDB file, or a packed one, NAME.duckdb.xz")
    with TemporaryDirectory() as folder:
        place = Path(folder) / (packed.name.removesuffix(".xz") or "store.duckdb")
        try:
            unpack_to(packed, place)
        except TTCError as error:
            parts_directory(place).mkdir()  # there is nothing to read
            place.unlink(missing_ok=True)
            yield place, [Finding("packed", None, packed.name, str(error))]
            return
        yield place, []


def regraded_all(found: Inspection, skipped: set[str], notes: list[str]) -> Iterator[Finding]:
    """Grades and classes that come out otherwise; what could not be derived is added to the notes."""
    if skipped & {"samples", "revisions", "problems", "runs"}:
        notes.append("grades were not derived again: samples, problems or runs cannot be read in full")
        return
    for table in GRADED:
        if table in skipped:
            continue
        for grader, n_rows in graders_of(found.con, table):
            if grader != "given" and todays_grader(grader) is None:
                notes.append(f"{n_rows:,} {table} by '{grader}' were not derived again: this ttclib has another grader")
        for problem in graded_problems(found.con, table):
            yield from regraded(problem)
