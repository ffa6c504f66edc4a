"""Whether this process has written into any store: then what fails later is no wrong request any more."""

from __future__ import annotations

_n_writes = 0


def note_write() -> None:
    """Something is safe in a store, or beside it."""
    global _n_writes
    _n_writes += 1


def n_writes() -> int:
    """Parts and transactions that this process has written."""
    return _n_writes
