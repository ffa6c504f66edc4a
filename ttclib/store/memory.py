"""What is too large to be held at once, in parts: parts of a store by rows, problems by samples, DuckDB by a limit."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 1 << 21  # rows at a time: some hundred megabytes, whatever is done with them
WRITING, READING = 2_000, 700  # megabytes that DuckDB may take while parts are taken in, and while a pool is read


Range = tuple[str, str, int]  # of problems: the first, the last and how many


def limit_memory(con: duckdb.DuckDBPyConnection, megabytes: int) -> None:
    """Let DuckDB take no more than that; what does not fit goes to the folder for temporary files."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
    con.execute(f"SET memory_limit = '{min(megabytes, there * 4 // 5)}MB'")
    folder = str(Path(gettempdir(), f"ttclib-{uuid.uuid4().hex}")).replace("'", "''")
    with suppress(duckdb.Error):  # where it is set and used already it stays
        con.execute(f"SET temp_directory = '{folder}'")


def in_turn(parts: Iterable[Path]) -> Iterator[list[Path]]:
    """Parts in order, so many at a time as hold at most `ROWS` rows together, each time at least one."""
    some: list[Path] = []
    n_rows = 0
    for part in parts:
        own = _rows_of(part)
        if some and n_rows + own > ROWS:
            yield some
            some, n_rows = [], 0
        some.append(part)
        n_rows += own
    if some:
        yield some


def _rows_of(part: Path) -> int:
    try:
        return int(pq.read_metadata(part).num_rows)
    except (pa.ArrowException, OSError):  # damaged: whoever reads its rows says so
        return ROWS


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
