"""What is too large to be held at once is read in parts.

Parts of a store by rows, problems by samples, DuckDB by a limit, and columns in 32 bits where these hold every value.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np

from ttclib.samples.blocks import constant

ROWS = 1 << 21  # rows at a time: some hundred megabytes, whatever is done with them
WRITING, READING = 2_000, 700  # megabytes that DuckDB may take while parts are taken in, and while a pool is read


Range = tuple[str, str, int]  # of problems: the first, the last and how many


def within(megabytes: int) -> dict[str, str]:
    """Settings that let DuckDB take no more than that; what does not fit goes to the folder for temporary files."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
    folder = Path(gettempdir(), f"ttclib-{uuid.uuid4().hex}")
    return {"memory_limit": f"{min(megabytes, there * 4 // 5)}MB", "temp_directory": str(folder)}


def in_turn(parts: Mapping[Path, int]) -> Iterator[dict[Path, int]]:
    """Parts in order, so many at a time as hold at most `ROWS` rows together, each time at least one.

    Parameters
    ----------
    parts : mapping of pathlib.Path to int
        With their numbers of rows.
    """
    some: dict[Path, int] = {}
    for part, n_rows in parts.items():
        if some and sum(some.values()) + n_rows > ROWS:
            yield some
            some = {}
        some[part] = n_rows
    if some:
        yield some


def problem_ranges(sizes: Iterable[tuple[str, int]], n_rows: int | None = None) -> list[Range]:
    """Problems in order, by the first, the last and the number of each run of at most so many rows together.

    Parameters
    ----------
    sizes : iterable of (str, int)
        Name and rows of each problem, in the order of names.
    n_rows : int, optional
        By default `ROWS`; a problem that has more is alone.

    Examples
    --------
    >>> problem_ranges([("a", 2), ("b", 2), ("c", 1)], 4)
    [('a', 'b', 2), ('c', 'c', 1)]
    """
    most = ROWS if n_rows is None else n_rows
    found: list[Range] = []
    held = 0
    for name, own in sizes:
        if found and held + own <= most:
            found[-1] = (found[-1][0], name, found[-1][2] + 1)
            held += own
        else:
            found.append((name, name, 1))
            held = own
    return found


LARGE = 1 << 24  # samples from which a column is kept as small as it can be
_SMALL: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(np.float64): np.dtype(np.float32),
    np.dtype(np.int64): np.dtype(np.int32),
}


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether columns of this shape are kept small."""
    return int(np.prod(shape)) > LARGE


class Column:
    """A table (problems, samples) that rows of a store are put into.

    Parameters
    ----------
    missing : float, int or bool
        What stands where nothing is put, and for NULL; its type is the table's.
    """

    def __init__(self, shape: tuple[int, ...], missing: float) -> None:
        self._missing = missing
        wide: np.dtype[Any] = np.dtype(type(missing))
        self._large = is_large(shape)
        self._kind = _SMALL.get(wide, wide) if self._large else wide
        self._shape = shape
        self._table: np.ndarray | None = None

    def put(self, values: np.ndarray, cells: tuple[np.ndarray, ...]) -> None:
        """Values in their cells; NULL, which NumPy is told of by a mask, is missing."""
        given: Any = np.ma.asarray(values)
        wide = np.dtype(type(self._missing))
        own = np.asarray(given.astype(wide).filled(self._missing) if np.ma.is_masked(given) else given.data, dtype=wide)
        if self._large and not _holds(self._kind, own):
            self._kind = wide
            self._table = None if self._table is None else self._table.astype(wide)
        if self._table is None:
            if self._large and _all_are(own, self._missing):
                return
            self._table = np.full(self._shape, self._missing, dtype=self._kind)
        self._table[cells] = own

    def table(self) -> np.ndarray:
        """The table, read-only; where nothing was put, in no memory if it is large."""
        if self._table is None:
            if self._large:
                return constant(self._missing, self._shape)
            self._table = np.full(self._shape, self._missing)
        self._table.flags.writeable = False
        return self._table


def grid(values: np.ndarray, cells: tuple[np.ndarray, ...], shape: tuple[int, ...], missing: float) -> np.ndarray:
    """A column of rows put in its cells; `missing`, whose type it takes, elsewhere and for NULL."""
    column = Column(shape, missing)
    column.put(values, cells)
    return column.table()


def _holds(kind: np.dtype, values: np.ndarray) -> bool:
    """Whether a type holds all values exactly."""
    if kind == values.dtype:
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array_equal(values.astype(kind).astype(values.dtype), values, equal_nan=values.dtype.kind == "f")


def _all_are(values: np.ndarray, missing: float) -> bool:
    return bool(np.isnan(values).all() if values.dtype.kind == "f" else (values == missing).all())
