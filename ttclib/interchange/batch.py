"""What a reader gives: rows with their places, and what is worth saying of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ttclib.interchange.columns import NAMES, cast_series, cast_values, type_of

Notify = Callable[[str], None]


@dataclass(frozen=True)
class Batch:
    """Rows of one file under the names of `columns`, cast to their types."""

    frame: pl.DataFrame  # some of the columns, and `place`: the row's number in its file, from 1
    where: str  # begins a message that names a row: `"'a.jsonl' line"`
    run_id: str = ""  # names the file by its content; whoever reads through `reading.read_batches` need not give it


@dataclass
class Notes:
    """What readers say, told once a kind however many files there are."""

    # columns without a place in a store, with how often they were seen
    unknown: Counter[str] = field(default_factory=Counter)
    # of our columns, the file's own names that stood for them
    read_as: dict[str, set[str]] = field(default_factory=dict)
    said: Counter[str] = field(default_factory=Counter)  # sentences, each with how many rows it is about


def batch_of_frame(frame: pl.DataFrame, where: str, *, first: int = 1, places: Sequence[int] | None = None) -> Batch:
    """A frame whose columns have our names and any type.

    Parameters
    ----------
    first : int
        Place of the first row.
    places : sequence of int, optional
        Instead of `first`, of each row.

    Raises
    ------
    RequestError
        A value that a column cannot take.
    """
    place = pl.Series("place", range(first, first + len(frame)) if places is None else places, dtype=pl.UInt32)
    columns = [cast_series(name, frame[name], place, where) for name in frame.columns if name in NAMES]
    return Batch(pl.DataFrame([*columns, place]), where)


def batch_of_records(records: Sequence[Mapping[str, Any]], places: Sequence[int], where: str) -> Batch:
    """Rows as mappings under our names.

    Raises
    ------
    RequestError
        A value that a column cannot take.
    """
    names = [name for name in NAMES if any(name in record for record in records)]
    columns = [cast_values(name, [record.get(name) for record in records], places, where) for name in names]
    if not columns:
        columns = [pl.Series("problem_id", [], dtype=type_of("problem_id"))]
    return Batch(pl.DataFrame([*columns, pl.Series("place", places, dtype=pl.UInt32)]), where)
