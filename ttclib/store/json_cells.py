"""Cells that hold a JSON object as text, in a store that anybody may have written."""

from __future__ import annotations

import json
from typing import Any

from ttclib.errors import TTCError

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
