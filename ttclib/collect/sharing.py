"""Work that several processes share: shards of a whole, and units that one has claimed and the others leave to it.

A unit is a block of `BLOCK` indices of one problem, or a problem. Which unit a sample belongs to, and which shard a
unit, depends on the problem's id and the index alone: not on how many are asked for, on who runs, or in which order.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ttclib.collect.keeper import Keeper, Notify
from ttclib.errors import RequestError
from ttclib.store import StoreLockedError
from ttclib.store.claims import Claims

BLOCK = 8  # indices of a problem that go together: they share its prompt
_LOOK_EVERY_S = 0.5

Cell = TypeVar("Cell")


@dataclass(frozen=True)
class Shard:
    """One of so many parts of the work, that together are the whole."""

    number: int = 1  # from 1
    of: int = 1

    def has(self, problem_id: str, index: int = 0) -> bool:
        """Whether a sample, or a problem, is this shard's.

        Examples
        --------
        >>> shards = [Shard(number, 3) for number in (1, 2, 3)]
        >>> {sum(shard.has(f"p{i}", j) for shard in shards) for i in range(9) for j in range(90)}
        {1}
        """
        digest = hashlib.blake2b(problem_id.encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") + index // BLOCK) % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


WHOLE = Shard()


def read_shard(text: str | None) -> Shard:
    """A shard from ``i/n``; the whole from None.

    Raises
    ------
    RequestError

    Examples
    --------
    >>> read_shard("2/4")
    Shard(number=2, of=4)
    """
    if text is None:
        return WHOLE
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*/\s*([0-9]{1,9})\s*", text)
    if found and 1 <= int(found[1]) <= int(found[2]):
        return Shard(int(found[1]), int(found[2]))
    raise RequestError(f"--shard {text!r}: give i/n with i from 1 to n, such as 1/8")


class Work(Generic[Cell]):
    """What is to be done, handed out as far as no other process is at it; a context manager.

    Parameters
    ----------
    keeper : Keeper
        Made before the store was read; it writes what comes of the work.
    kind : sequence of str
        What the work is, but for the cells: policy, setting, verifier.
    cells : sequence
        In the order in which they are to be done.
    unit_of : callable
        (problem_id, block) of a cell.
    lacking : callable
        Of some cells those that the store lacks; asked where others have written since the store was read.
    what : str
        For the messages: ``"sample: samples"``.

    Attributes
    ----------
    n_by_others : int
        Cells that others have done since the store was read.
    """

    def __init__(
        self,
        keeper: Keeper,
        kind: Sequence[str],
        cells: Sequence[Cell],
        unit_of: Callable[[Cell], tuple[str, int]],
        lacking: Callable[[list[Cell]], Iterable[Cell]] | None = None,
        *,
        what: str,
        notify: Notify = lambda text: None,
    ) -> None:
        self.n_by_others = 0
        self._keeper, self._lacking = keeper, lacking
        self._what, self._notify = what, notify
        self._claims = Claims(keeper.store)
        self._units: dict[str, list[Cell]] = {}
        self._unit_of: dict[Cell, str] = {}
        names: dict[tuple[str, int], str] = {}  # one string a unit, whatever its cells
        for cell in cells:
            place = unit_of(cell)
            unit = names.setdefault(place, "\0".join((*kind, *map(str, place))))
            self._unit_of[cell] = unit
            self._units.setdefault(unit, []).append(cell)
        self._left = {unit: len(own) for unit, own in self._units.items()}
        self._open = deque(self._units)
        self._others: deque[str] = deque()  # units that another process had when they were last looked at
        self._ready: deque[Cell] = deque()
        self._told = False

    def __enter__(self) -> Work[Cell]:
        return self

    def __exit__(self, *_: object) -> None:
        self._claims.close()

    def take(self, n: int, *, wait: bool = True) -> list[Cell]:
        """The next cells, at most `n`; none at the end, or if `wait` is false, where others have all that is left."""
        while True:
            while len(self._ready) < n and (self._open or self._others):
                before = len(self._open) + len(self._others)
                self._claim(n - len(self._ready))
                if len(self._open) + len(self._others) == before:
                    break  # others have all of them
            if self._ready or not (self._open or self._others) or not wait:
                return [self._ready.popleft() for _ in range(min(n, len(self._ready)))]
            self._tell()
            time.sleep(_LOOK_EVERY_S)

    def done(self, cells: Iterable[Cell]) -> None:
        """These are written, or cannot be had."""
        for cell in cells:
            unit = self._unit_of[cell]
            self._left[unit] -= 1
            if not self._left[unit]:
                self._claims.release(unit)

    def _claim(self, n: int) -> None:
        """Claim units of at least `n` cells, as far as they are to be had, and leave out what others have done."""
        looking = self._open or self._others
        refused: list[str] = []
        claimed: list[Cell] = []
        while looking and len(claimed) < n:
            unit = looking.popleft()
            if self._claims.take(unit):
                claimed += self._units[unit]
            else:
                refused.append(unit)
        self._others.extend(refused)
        left = self._still(claimed)
        self._ready.extend(left)
        if len(left) < len(claimed):
            there = set(left)
            gone = [cell for cell in claimed if cell not in there]
            self.n_by_others += len(gone)
            self.done(gone)

    def _still(self, cells: list[Cell]) -> list[Cell]:
        """Those that nobody has done since the store was read."""
        if self._lacking is None or not cells or self._keeper.alone():
            return cells
        try:
            left = set(self._lacking(cells))
        except StoreLockedError:  # another takes much in; at worst something is done twice, and kept once
            return cells
        return [cell for cell in cells if cell in left]

    def _tell(self) -> None:
        """Say once that there is nothing to do but to wait."""
        if self._told:
            return
        n = sum(self._left[unit] for unit in self._others)
        who = ", ".join(self._claims.owners(self._others)) or "another process"
        self._notify(f"{self._what}: waiting for {n:,} that {who} is at")
        self._told = True
