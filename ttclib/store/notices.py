"""Lines about a store that are told once, however often it is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_said: set[tuple[str, ...]] = set()


def say_once(store: Path, line: str, notify: Callable[[str], None]) -> None:
    """Tell a line about a store, unless this listener has heard it."""
    told = (str(store.absolute()), line, notify.__module__, getattr(notify, "__qualname__", type(notify).__name__))
    if told not in _said:
        _said.add(told)
        notify(line)
