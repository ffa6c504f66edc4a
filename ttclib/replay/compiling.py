"""Functions that numba compiles at their first call and keeps on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """Compiled, and kept for other processes; where nothing can be written, for this process alone."""
    try:
        return njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # "cannot cache function"
        return njit(nogil=True, **options)(function)


def summing(function: Callable[..., Any]) -> Any:
    """The same, for sums whose order does not matter: several terms are added at a time."""
    return compiled(function, fastmath={"reassoc", "contract"})
