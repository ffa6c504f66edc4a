"""Rows as parts beside a store: the one file here that writes to a store."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from ttclib.errors import RequestError, TTCError
from ttclib.interchange.spool import BYTES, ROWS
from ttclib.store import write_part
from ttclib.store.schema import parts_directory, store_path


class Parts:
    """Rows written beside the store, some at a time: all of them, or none where it ends badly."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._waiting: dict[str, list[pa.Table]] = {}
        self._written: list[Path | None] = []

    def __enter__(self) -> Parts:
        return self

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Rows by table."""
        for table, rows in tables.items():
            self._waiting.setdefault(table, []).append(rows)
        if any(
            sum(map(len, waiting)) >= ROWS or sum(rows.nbytes for rows in waiting) >= BYTES
            for waiting in self._waiting.values()
        ):
            self._write()

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for table, rows in waiting.items():
            self._written.append(write_part(self._store, table, pa.concat_tables(rows, promote_options="permissive")))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            try:
                self._write()
            except BaseException as failed:
                self._take_back(failed)
                raise
        else:
            self._take_back(error)

    def _take_back(self, error: BaseException | None) -> None:
        parts = [part for part in self._written if part is not None]
        there = [part for part in parts if part.exists()]
        for part in there:
            part.unlink(missing_ok=True)
        with suppress(OSError):  # not empty, or gone
            parts_directory(store_path(self._store)).rmdir()
        if len(there) < len(parts) and isinstance(error, RequestError):  # else it would say that nothing was written
            raise TTCError(
                f"{error}; another process had taken a part of the rows into the store by then, where they stay: once "
                "there is room, the same command brings the rest"
            ) from error
