"""What is too large to be held at once, in parts: parts of a store by rows, problems by samples, DuckDB by a limit."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import gettempdir

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
