"""What was read stays for the session, until the store changes; a slider never waits for the file.

A store's state is that of its file, of its log and of the parts beside it. It is taken before reading,
so what is kept under a state is never older than it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

from ttclib.store.remote import remote_folder
from ttclib.store.schema import parts_directory

Value = TypeVar("Value")
State = tuple[Hashable, ...]


def store_state(store: Path) -> State:
    """Changes whenever rows are added, in the file or in parts beside it."""
    store = remote_folder(store) or store
    folder = parts_directory(store)
    files = [store, store.with_name(store.name + ".wal")]
    try:
        parts = tuple(sorted(part.name for part in folder.iterdir() if part.suffix == ".parquet"))
    except OSError:  # none
        parts = ()
    return (*map(_state_of_file, files), parts)


def _state_of_file(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class Kept(Generic[Value]):
    """The values read last, bounded in number and in bytes; one state a key.

    Parameters
    ----------
    size_of : callable
        Bytes of a value.
    largest : int
        Values kept.
    largest_bytes : int
        Bytes kept; a value beyond that is not kept at all.
    """

    def __init__(self, size_of: Callable[[Value], int], *, largest: int = 8, largest_bytes: int = 1 << 30) -> None:
        self._size_of, self._largest, self._largest_bytes = size_of, largest, largest_bytes
        self._held: OrderedDict[Hashable, tuple[State, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, state: State, read: Callable[[], Value]) -> Value:
        """The value under a key if its state is this one; else it is read, and replaces the older."""
        with self._lock:
            if key in self._held and self._held[key][0] == state:
                self._held.move_to_end(key)
                return self._held[key][1]
        value = read()
        with self._lock:
            self._held.pop(key, None)
            if self._size_of(value) > self._largest_bytes:
                return value
            self._held[key] = (state, value)
            while len(self._held) > self._largest or self._bytes() > self._largest_bytes:
                self._held.popitem(last=False)
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()

    def _bytes(self) -> int:
        return sum(self._size_of(value) for _, value in self._held.values())
