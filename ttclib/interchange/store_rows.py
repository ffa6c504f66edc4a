"""What a store holds as the rows that an import takes: the samples, and the counts where there is no more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from ttclib.interchange.columns import COUNT_COLUMNS, KEYS, Notify
from ttclib.samples import LOGPROB
from ttclib.setting_keys import canonical_json
from ttclib.store import connect
from ttclib.store.cells import json_object
from ttclib.store.sample_rows import (
    TOKENS,
    Connection,
    Selection,
    chosen_verifier,
    count_batches,
    known_columns,
    sample_batches,
    select,
)


@dataclass(frozen=True)
class StoreRows:
    """The chosen rows of an open store."""

    con: Connection
    store: Path
    selection: Selection
    verifier: str | None  # whose scores stand in the rows
    n_samples: int
    n_counts: int
    columns: tuple[str, ...]  # of samples: those of every line, then those of which something is known

    @property
    def tables(self) -> dict[str, int]:
        """The kinds of rows that there are, with their numbers, what is best known first."""
        found = {"samples": self.n_samples, "counts": self.n_counts}
        return {name: count for name, count in found.items() if count}

    @property
    def judge(self) -> str:
        """Who chooses, and by which score, in words."""
        return "logprob" if self.verifier == LOGPROB else f"{self.verifier} ({self.selection.aggregation})"

    def batches(self, table: str = "samples", columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """Rows of a kind; of samples some columns, by default all."""
        if table == "counts":
            return count_batches(self.con, tuple(COUNT_COLUMNS))
        return sample_batches(self.con, columns or self.columns, self.verifier, aggregation=self.selection.aggregation)

    def records(self, table: str = "samples", columns: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """The same one by one, a setting as the object that it is."""
        for batch in self.batches(table, columns):
            for row in batch.to_pylist():
                if row.get("setting") is not None:
                    row["setting"] = _setting(row["setting"])
                for name in TOKENS:  # five digits read back as the same half float
                    if row.get(name) is not None:
                        row[name] = [None if value is None else float(f"{value:.5g}") for value in row[name]]
                yield row

    def lines(self) -> Iterator[str]:
        """Interchange lines: every sample, or every count where there is no sample; a key beyond `KEYS` if known."""
        for row in self.records(next(iter(self.tables))):
            known = {name: value for name, value in row.items() if value is not None or name in KEYS}
            yield json.dumps(known, ensure_ascii=False)

    def say_left_out(self, notify: Notify) -> None:
        """Tell of counts beside samples, for which a file of samples has no place."""
        if len(self.tables) > 1:
            notify(
                f"left out: {self.n_counts:,} counts (problems of which no sample is held): write them by themselves "
                "with --policy, or all in a folder with --format huggingface"
            )


@lru_cache
def _setting(text: str) -> Any:
    """A setting's keys in order, its numbers written in one way."""
    return json.loads(canonical_json(json_object(text, "a setting")))


@contextmanager
def open_rows(store: Path, selection: Selection, notify: Notify) -> Iterator[StoreRows]:
    """Open a store and choose among its rows.

    Raises
    ------
    RequestError
        No such store, policy, benchmark, setting or verifier, or no row.
    """
    with connect(store, notify=notify) as con:
        n_samples, n_counts = select(con, store, selection)
        verifier = chosen_verifier(con, store, selection.verifier)
        more = known_columns(con, verifier)
        yield StoreRows(con, store, selection, verifier, n_samples, n_counts, (*KEYS, *more))
