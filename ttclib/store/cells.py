"""What a cell packs: a JSON object as text, which anybody may have written; or a number a token, as half floats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from ttclib.errors import TTCError

_LARGEST = float(np.finfo(np.float16).max)


def pack_halves(values: Sequence[float] | np.ndarray | None) -> bytes | None:
    """Numbers as the store keeps them, little-endian half floats; None stays None.

    Examples
    --------
    >>> unpack_halves(pack_halves([-0.5, -1e9])).tolist()
    [-0.5, -65504.0]
    """
    if values is None:
        return None
    return np.clip(np.asarray(values, dtype=np.float64), -_LARGEST, _LARGEST).astype("<f2").tobytes()


def unpack_halves(content: bytes | None) -> np.ndarray | None:
    """Numbers from the store, shape (tokens,), float32; None: not known."""
    return None if content is None else np.frombuffer(content, dtype="<f2").astype(np.float32)


def lists_of_halves(column: pa.Array) -> pa.Array:
    """A column of packed numbers as lists of float32; what is no number becomes null.

    Examples
    --------
    >>> lists_of_halves(pa.array([pack_halves([-0.5, float("nan")]), None])).to_pylist()
    [[-0.5, None], None]
    """
    packed = pa.array(column.to_pylist(), pa.large_binary()) if column.offset else column.cast(pa.large_binary())
    _, places, content = packed.buffers()
    ends = np.frombuffer(places, dtype=np.int64, count=len(packed) + 1) if len(packed) else np.zeros(1, np.int64)
    values = np.frombuffer(content or b"", dtype="<f2", count=int(ends[-1]) // 2).astype(np.float32)
    found = pa.LargeListArray.from_arrays(
        pa.array(ends // 2), pa.array(values, from_pandas=True), mask=packed.is_null() if len(packed) else None
    )
    return found.cast(pa.list_(pa.float32()))


def halves_of_lists(column: pl.Series) -> pl.Series:
    r"""The inverse of `lists_of_halves`: a column of lists of numbers, packed.

    Examples
    --------
    >>> halves_of_lists(pl.Series([[-0.5, None], None])).to_list()
    [b'\x00\xb8\x00~', None]
    """
    return pl.Series(
        column.name,
        [None if row is None else pack_halves(row.cast(pl.Float64).fill_null(np.nan).to_numpy()) for row in column],
        dtype=pl.Binary,
    )


_DEEPEST = 64
_SHOWN = 60


def json_object(text: str | None, what: str) -> dict[str, Any]:
    """The object that a cell holds; empty: it holds none.

    Parameters
    ----------
    what : str
        For the message: ``"setting 'abc' in 's.duckdb'"``.

    Raises
    ------
    TTCError
        It is no JSON, no object, or nested beyond all reason.

    Examples
    --------
    >>> json_object('{"temperature": 0.5}', "setting 'a'"), json_object(None, "setting 'b'")
    ({'temperature': 0.5}, {})
    """
    found = as_object(text)
    if found is None:
        raise TTCError(
            f"{what} holds no JSON object but {(text or '')[:_SHOWN]!r}: the store is damaged or was made by another "
            "program; `ttc verify` tells what in it is sound"
        )
    return found


def as_object(text: str | None) -> dict[str, Any] | None:
    """The same; None where it is none."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and not _too_deep(found) else None


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)
