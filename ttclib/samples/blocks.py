"""Rows a few at a time: what is larger than a cache is better computed in parts, what is larger than memory must be."""

from __future__ import annotations

import numpy as np

BLOCK = 1 << 21  # cells: 16 MB of a column in full precision


def row_blocks(shape: tuple[int, ...], n_cells: int | None = None) -> list[slice]:
    """Rows of a table in runs of at most so many cells, each of at least a row; one run, maybe empty, of a small table.

    Examples
    --------
    >>> row_blocks((5, 10), 25)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    n_rows, a_row = shape[0], max(1, int(np.prod(shape[1:])))
    step = max(1, (BLOCK if n_cells is None else n_cells) // a_row)
    return [slice(begin, min(begin + step, n_rows)) for begin in range(0, n_rows, step)] or [slice(0, 0)]


def constant(value: float | bool, shape: tuple[int, ...]) -> np.ndarray:
    """A read-only table with one value throughout, which takes no memory."""
    return np.broadcast_to(np.asarray(value), shape)


def widened(table: np.ndarray) -> np.ndarray:
    """Floats in full precision, whatever they are kept in; all else as it is."""
    return table.astype(np.float64) if table.dtype == np.float32 else table
