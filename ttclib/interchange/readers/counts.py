"""Counts: of n samples of a problem, c were right. No more is known, and coverage needs no more."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from ttclib.errors import RequestError
from ttclib.interchange.columns import Batch, Notes, batch_of_frame, batch_of_records
from ttclib.interchange.readers.naming import ALIASES, name_columns, note_unknown
from ttclib.interchange.readers.registry import reader
from ttclib.interchange.sources import Source


def _recognises(source: Source) -> bool:
    names = set(source.columns) - set(source.fields.values()) | set(source.fields)
    has = {ours for ours in ("n", "c") if ours in names or any(set(group) & names for group in ALIASES[ours])}
    samples = {"sample_index", "completion", "answer", "correct", "completions"}
    return source.kind in ("csv", "parquet", "lines", "json", "arrow") and len(has) == 2 and not samples & names


@reader("counts", "n samples and c right ones a problem (CSV, Parquet, JSON lines): coverage only", _recognises)
def read_counts(source: Source, notes: Notes) -> Iterator[Batch]:
    """The counts of a file.

    Raises
    ------
    RequestError
        A row without n or c, or with c beyond n.
    """
    if source.kind in ("lines", "json"):
        pairs = list(source.records())
        columns = list(dict.fromkeys(name for _, record in pairs for name in record))
        named = name_columns(columns, source.fields, f"'{source.path}'", notes, rows=source.first_rows, counts=True)
        rows = [{ours: record.get(theirs) for theirs, ours in named.items()} for _, record in pairs]
        yield checked(batch_of_records(rows, [place for place, _ in pairs], source.where))
        return
    for frame, first in source.frames():
        named = name_columns(
            frame.columns, source.fields, f"'{source.path}'", notes, rows=source.first_rows, counts=True
        )
        note_unknown(frame.columns, named, notes)
        chosen = frame.select(pl.col(theirs).alias(ours) for theirs, ours in named.items())
        yield checked(batch_of_frame(chosen, source.where, first=first))


def checked(batch: Batch) -> Batch:
    """Counts that can be: 0 ≤ c ≤ n, n from 1.

    Raises
    ------
    RequestError
        A row of which one is missing, or that cannot be, named by its place.
    """
    frame = batch.frame
    for name in ("problem_id", "n", "c"):
        if name not in frame.columns:
            raise RequestError(f"{batch.where.rpartition(' ')[0]} has no column for {name}: say --field {name}=THEIRS")
        if missing := frame.filter(pl.col(name).is_null())["place"].head(1).to_list():
            raise RequestError(f"{batch.where} {missing[0]} has no {name}: give one")
    if wrong := frame.filter((pl.col("c") > pl.col("n")) | (pl.col("n") == 0)).head(1).to_dicts():
        row = wrong[0]
        raise RequestError(
            f"{batch.where} {row['place']}: c = {row['c']} of n = {row['n']}: c lies in 0 to n, n from 1"
        )
    return batch
