"""What collecting writes: a row for the run, parts as it goes, and at last the store's file."""

from __future__ import annotations

import json
import platform
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ttclib.config import RunConfig
from ttclib.store import StoreLockedError, absorb, pending_parts, write_part
from ttclib.store.claims import foreign_leases
from ttclib.store.parts import is_ours
from ttclib.store.sound_parts import BadPartError

_ABSORB_EVERY_S = 5.0
_PACKAGES = ("ttclib", "torch", "transformers", "vllm", "duckdb", "math-verify")
Notify = Callable[[str], None]


def start_run(config: RunConfig, command: str, problem_ids: Sequence[str] | None = None) -> str:
    """Write down what is about to be done, with what, and on which problems."""
    run_id = uuid.uuid4().hex[:12]
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    write_part(
        config.store,
        "runs",
        [
            {
                "run_id": run_id,
                "command": command,
                "started_at": datetime.now(UTC).replace(tzinfo=None),
                "seed": config.sampling.seed,
                "problem_ids": None if problem_ids is None else list(problem_ids),
                "config": config.model_dump_json(),
                "versions": json.dumps(versions),
            }
        ],
    )
    return run_id


class Keeper:
    """Writes parts, and takes them into the file now and then, if it happens to be free.

    It also knows whether anyone else has changed the store since: make it before the store is read.
    """

    def __init__(self, store: Path) -> None:
        self.store = store
        self._last = time.monotonic()
        self._at_first = {part.name for part in pending_parts(store)}
        self._file = _stat(store)  # as we know it
        self._alone = True

    def keep(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Write rows of a table; they are safe when this returns."""
        write_part(self.store, table, rows)
        if time.monotonic() - self._last > _ABSORB_EVERY_S:
            self._alone = self.alone()
            with suppress(StoreLockedError, BadPartError):  # somebody reads, or one is told of at the end; parts keep
                absorb(self.store, wait_s=0)
            self._file = _stat(self.store)
            self._last = time.monotonic()

    def alone(self) -> bool:
        """Whether what the store holds is what it held at first and what this process has written."""
        if self._alone and (_stat(self.store) != self._file or foreign_leases(self.store)):
            self._alone = False  # from now on the store is asked
        return self._alone and all(is_ours(part) or part.name in self._at_first for part in pending_parts(self.store))


def take_in(store: Path, *, notify: Notify = lambda text: None) -> None:
    """Take what was collected into the store's file, waiting for it if need be.

    It may stay locked, by a notebook that keeps it open: nothing is lost, the parts wait beside it
    and are read from there.
    """
    if not pending_parts(store):
        return
    try:
        absorb(store, notify=notify)
    except StoreLockedError as error:
        notify(f"{error}; until then the new samples are read from the parts beside it")


@contextmanager
def taking_in(store: Path, *, notify: Notify) -> Iterator[None]:
    """Take what was collected inside into the store's file, also where it was stopped by hand."""
    try:
        yield
    except KeyboardInterrupt:
        take_in(store, notify=notify)
        raise
    take_in(store, notify=notify)


def _stat(store: Path) -> tuple[int, int, int] | None:
    """What changes when a file does; None: there is none."""
    try:
        found = store.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
