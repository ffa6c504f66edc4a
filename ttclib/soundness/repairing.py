"""`repair_store`: what is sound of a store, in a new file; the old one is not touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttclib.errors import TTCError
from ttclib.soundness.verifying import at_hand, regraded
from ttclib.store.copying import filling, refuse_existing
from ttclib.store.findings import Finding
from ttclib.store.graded_rows import GRADED, graded_problems
from ttclib.store.inspection import inspected
from ttclib.store.relations import row_counts
from ttclib.store.salvage import best_source, copy_readable, drop, drop_unsound
from ttclib.store.schema import store_path

Notify = Callable[[str], None]


@dataclass(frozen=True)
class Repaired:
    """What was saved and what was lost."""

    output: str
    rows: dict[str, int]  # saved, by table
    restored: tuple[str, ...]  # damaged bytes that are as they were
    lost: tuple[str, ...]  # what could not be read
    # rows that were read and are not sound; of a row that names what is not there, what it names is unknown now
    dropped: tuple[Finding, ...]
    # what else was wrong: parts, foreign objects, rows that are not those that were written and nothing else tells
    left: tuple[Finding, ...]

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "output": self.output,
            "rows": self.rows,
            "restored": list(self.restored),
            "lost": list(self.lost),
            "dropped": [one.record() for one in self.dropped],
            "left": [one.record() for one in self.left],
        }


def repair_store(path: str | Path, output: str | Path, *, notify: Notify = lambda text: None) -> Repaired:
    """Save what is sound of a store into a new one, which `verify_store` finds sound.

    Parameters
    ----------
    path : str or pathlib.Path
        Damaged, or with what ttclib did not put there. It is not written to.
    output : str or pathlib.Path
        The new store.
    notify : callable

    Returns
    -------
    Repaired

    Raises
    ------
    RequestError
        No such store, or there is something at `output`.
    TTCError
        Nothing of it can be read.
    """
    target = store_path(output)
    refuse_existing(target)
    with (
        at_hand(path) as (store, packed),
        best_source(store, notify) as (source, restored),
        inspected(source, parts_of=store, notify=notify) as found,
        filling(target) as into,
    ):
        lost = list(copy_readable(found, into, store))
        dropped = list(drop_unsound(into))
        while unsound := _unsound_grades(into):
            drop(into, unsound)
            dropped += [*unsound, *drop_unsound(into)]
        rows = row_counts(into, set())
        if not any(rows.values()) and found.findings:
            why = "; ".join(one.line for one in found.findings[:3])
            raise TTCError(f"nothing of '{path}' can be saved ({why}): fetch it again, or take a backup")
        left = [one for one in (*packed, *found.findings) if one.kind != "storage"]
    return Repaired(str(output), rows, tuple(restored), tuple(lost), tuple(dropped), tuple(left))


def _unsound_grades(con: Any) -> list[Finding]:
    return [one for table in GRADED for problem in graded_problems(con, table) for one in regraded(problem)]


def counted(findings: Sequence[Finding]) -> list[str]:
    """Findings in a line a kind and table."""
    counts = Counter((one.table or "", one.kind) for one in findings)
    return [f"{n:,} {table or 'of no table'} ({kind})" for (table, kind), n in sorted(counts.items())]
