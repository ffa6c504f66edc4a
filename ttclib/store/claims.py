"""Claims: what a process has taken on of a store's work, told to others by files beside the parts.

A claim is a file that only one process can create. It names its owner, whose lease is another file: it is rewritten
every few seconds, and locked as long as the owner lives. Whoever meets a claim whose owner is gone takes the next
generation of it, which again only one can create.

No clock is compared with another's: a lease has run out when it was seen unchanged for `LEASE_S` seconds by the clock
of the one who looks. On the owner's own machine the lock tells at once. A process that was only suspended may wake up
to find its work done by another: what both write has one identity and is kept once.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ttclib.errors import RequestError
from ttclib.store.parts import open_new
from ttclib.store.schema import parts_directory, store_path

LEASE_S = 90.0  # more than the minute for which a network file system may show what was
_BEAT_S = 10.0
_OURS: set[str] = set()  # owners in this process
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Claims:
    """The claims of a process on one store; a context manager that gives back what is left.

    Parameters
    ----------
    store : str or pathlib.Path
        It need not exist yet. Nothing is written before the first claim.
    """

    def __init__(self, store: str | Path) -> None:
        self._store = store_path(store)
        self._folder = parts_directory(self._store)
        self._owner = uuid.uuid4().hex  # two containers may share a number of a process
        self._mine: dict[str, int] = {}  # generation of each unit, by its digest
        self._seen: dict[str, tuple[bytes | None, float]] = {}  # leases of others, and since when they read so
        self._lease: int | None = None
        self._stated: dict[str, str | int | None] = {"host": os.uname().nodename, "pid": os.getpid(), "boot": None}
        self._guard = threading.Lock()  # the file of the lease is not closed while it is written
        self._ended = threading.Event()

    def take(self, unit: str) -> bool:
        """Claim a unit of work; False: another process that lives has it.

        Raises
        ------
        RequestError
            The folder of the parts cannot be written.
        """
        try:
            self._begin()
            return self._take(_digest(unit))
        except OSError as error:
            raise RequestError(f"cannot write to '{self._folder}': {error.strerror or error}") from error

    def release(self, unit: str) -> None:
        """Give a unit back, done or not."""
        self._release(_digest(unit))

    def owners(self, units: Iterable[str]) -> list[str]:
        """Who has claimed units, in words, each once."""
        found = dict.fromkeys(owner for unit in units for owner in self._chain(_digest(unit)))
        return list(dict.fromkeys(who for owner in found if (who := self._words(owner))))

    def close(self) -> None:
        """Give back all, and clear away what killed processes left."""
        for digest in list(self._mine):
            self._release(digest)
        self._ended.set()
        if self._lease is None:
            return
        with suppress(OSError):
            self._sweep()
        with self._guard:
            with suppress(OSError):
                self._lease_of(self._owner).unlink()
            os.close(self._lease)
            self._lease = None
        with suppress(OSError):  # not empty, or gone
            self._folder.rmdir()

    def __enter__(self) -> Claims:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _take(self, digest: str) -> bool:
        if digest in self._mine:
            return True
        dead: list[str] = []
        while True:
            generation = len(dead)
            try:
                with open_new(self._file(digest, generation)) as file:
                    self._mine[digest] = generation
                    file.write(self._owner.encode())
            except FileExistsError:
                owner = self._owner_of(digest, generation)
                if owner is None:
                    continue  # given back just now
                if self._lives(owner, digest):
                    return False
                dead.append(owner)
                continue
            # Its last owner may have given it back meanwhile, and a third have begun at the beginning.
            if [self._owner_of(digest, earlier) for earlier in range(generation)] == dead:
                return True
            self._mine.pop(digest)
            self._file(digest, generation).unlink(missing_ok=True)
            return False

    def _release(self, digest: str) -> None:
        for generation in range(self._mine.pop(digest, -1) + 1):  # the oldest first: see `_take`
            with suppress(OSError):
                self._file(digest, generation).unlink()

    def _sweep(self) -> None:
        """Take and give back what the dead had claimed; then nothing needs their leases."""
        claims = [file.name.partition(".")[0] for file in self._folder.glob("*.claim")]
        for digest in dict.fromkeys(claims):
            if self._take(digest):
                self._release(digest)
        named = {_read(file) for file in self._folder.glob("*.claim")}
        for lease in self._folder.glob("*.lease"):
            if lease.stem.encode() not in named and not self._lives(lease.stem):
                lease.unlink(missing_ok=True)

    def _begin(self) -> None:
        """Write the lease, lock it, and keep it fresh."""
        if self._lease is not None:
            return
        _OURS.add(self._owner)
        with open_new(self._lease_of(self._owner)) as file:
            self._lease = os.dup(file.fileno())
        with suppress(OSError):  # a file system without locks: the lease alone tells
            fcntl.flock(self._lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._stated["boot"] = _boot()
        self._beat(0)
        threading.Thread(target=self._keep, daemon=True).start()

    def _keep(self) -> None:
        for number in itertools.count(1):
            if self._ended.wait(_BEAT_S):
                return
            with suppress(OSError):  # a share that is away for a while
                self._beat(number)

    def _beat(self, number: int) -> None:
        with self._guard:
            if self._lease is not None:
                os.pwrite(self._lease, json.dumps({"beat": f"{number:012d}"} | self._stated).encode(), 0)
                os.fsync(self._lease)

    def _lives(self, owner: str, digest: str = "") -> bool:
        """Whether an owner's lease holds, as far as can be told from here; of one unnamed yet, whether it is new."""
        if owner == self._owner:
            return True
        content = _read(self._lease_of(owner)) if owner else None
        if content is not None and _is_unlocked_here(self._lease_of(owner), content):
            return False
        now, key = time.monotonic(), owner or digest
        if key not in self._seen or self._seen[key][0] != content:
            self._seen[key] = content, now
        return now - self._seen[key][1] < LEASE_S

    def _chain(self, digest: str) -> list[str]:
        """The owners of a unit's generations."""
        owners = (self._owner_of(digest, generation) for generation in itertools.count())
        return [owner for owner in itertools.takewhile(lambda owner: owner is not None, owners) if owner]

    def _owner_of(self, digest: str, generation: int) -> str | None:
        """Who claimed a generation; empty: not written yet; None: nobody."""
        content = _read(self._file(digest, generation))
        return None if content is None else content.decode(errors="replace")

    def _words(self, owner: str) -> str | None:
        try:
            stated = json.loads(_read(self._lease_of(owner)) or b"")
            return f"process {stated['pid']} on {stated['host']}"
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _file(self, digest: str, generation: int) -> Path:
        return self._folder / f"{digest}.{generation}.claim"

    def _lease_of(self, owner: str) -> Path:
        return self._folder / f"{owner}.lease"


def foreign_leases(store: str | Path) -> bool:
    """Whether another process works on a store, or was killed while it did."""
    return any(lease.stem not in _OURS for lease in parts_directory(store_path(store)).glob("*.lease"))


def _digest(unit: str) -> str:
    return hashlib.blake2b(unit.encode(), digest_size=12).hexdigest()


def _read(path: Path) -> bytes | None:
    """Content of a small file, as the server of a share has it: opening asks for it anew; None: no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_unlocked_here(path: Path, content: bytes) -> bool:
    """Whether a lease was written on this machine, whose locks we see, and nobody holds it any more."""
    boot = _boot()
    try:
        if boot is None or json.loads(content).get("boot") != boot:
            return False
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: several may look at once
    except (OSError, ValueError, AttributeError):
        return False
    return True


def _boot() -> str | None:
    """What tells this machine's present run from any other; None: it does not say."""
    try:
        return _BOOT.read_text().strip() or None
    except OSError:
        return None
