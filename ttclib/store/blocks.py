"""DuckDB's file, block by block: which are damaged, and what a single damaged byte was.

A file has three headers of 4 KiB, then blocks of 256 KiB; each begins with a checksum of the rest, the exclusive or
of its 64-bit words times a constant. Such a sum tells what one word must have been if all others are sound; but not
which one: where the damaged word has the value x and was y, any other y might have been an x. So what is mended is
a likely guess, for somebody else to prove.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

HEADER, BLOCK = 4096, 262_144
FIRST_BLOCK = 3 * HEADER
_MAGIC = b"DUCK"
_FACTOR = 0xBF58476D1CE4E5B9
_INVERSE = pow(_FACTOR, -1, 1 << 64)
_START = 5381
_MOST_GUESSES = 32
_LONGEST_HEADER = 128  # of a write-ahead log


class Block(NamedTuple):
    """Where a header or block lies in its file, in bytes."""

    start: int
    size: int

    @property
    def name(self) -> str:
        """What it is called in a report."""
        kind = "header" if self.start < FIRST_BLOCK else "block"
        number = self.start // HEADER if kind == "header" else (self.start - FIRST_BLOCK) // BLOCK
        return f"{kind} {number} (bytes {self.start:,} to {self.start + self.size - 1:,})"


def is_duckdb(path: Path) -> bool:
    """Whether a file is DuckDB's, damaged or not: its mark is there, or a header whose checksum is right."""
    try:
        with path.open("rb") as file:
            head = file.read(FIRST_BLOCK)
    except OSError:
        return False
    whole = [head[start : start + HEADER] for start in range(0, FIRST_BLOCK, HEADER)]
    return len(head) == FIRST_BLOCK and (head[8:12] == _MAGIC or any(map(is_sound, whole)))


def is_sound(content: bytes | bytearray) -> bool:
    """Whether a header or block has the checksum that it says."""
    words = np.frombuffer(content, dtype="<u8")
    return int(words[0]) == _checksum(words[1:])


def damaged_blocks(path: Path) -> Iterator[tuple[Block, bytes]]:
    """Headers and blocks of a file whose checksum is wrong, with their content.

    A block that is not in use may be among them.
    """
    with path.open("rb") as file:
        start = 0
        while content := file.read(HEADER if start < FIRST_BLOCK else BLOCK):
            block = Block(start, len(content))
            if len(content) % 8 or len(content) < 16 or not is_sound(content):
                yield block, content
            start += len(content)


def mended(content: bytes) -> Iterator[bytes]:
    """What a block may have been before one byte of it was damaged, the likeliest first; nothing: more than one was."""
    if len(content) % 8 or is_sound(content):
        return
    words = np.frombuffer(content, dtype="<u8")
    said, rest = int(words[0]), words[1:]
    found = _checksum(rest)
    if _bytes_apart(np.array([said ^ found], np.uint64))[0] == 1:
        yield np.concatenate([[np.uint64(found)], rest]).tobytes()  # the checksum itself
    with np.errstate(over="ignore"):
        needed = (np.uint64(said ^ found) ^ (rest * np.uint64(_FACTOR))) * np.uint64(_INVERSE)
    (at,) = np.nonzero(_bytes_apart(needed ^ rest) == 1)
    if not len(at):
        return
    _, which, counts = np.unique(rest[at], return_inverse=True, return_counts=True)
    for place in at[np.argsort(counts[which], kind="stable")][:_MOST_GUESSES]:  # a value that stands alone is odd
        guess = words.copy()
        guess[1 + place] = needed[place]
        yield guess.tobytes()


def log_is_whole(log: Path) -> bool:
    """Whether a write-ahead log ends where an entry does; else a write was cut off, by a kill, or the log was.

    Behind a header of unknown length each entry begins with its length and a checksum.
    """
    with log.open("rb") as file:
        end = file.seek(0, 2)

        def walks(place: int) -> bool:
            while place + 16 <= end:
                file.seek(place)
                place += 16 + int.from_bytes(file.read(8), "little")
            return place == end

        return end <= _LONGEST_HEADER or any(walks(start) for start in range(_LONGEST_HEADER))


def _checksum(words: np.ndarray) -> int:
    with np.errstate(over="ignore"):
        return int(np.bitwise_xor.reduce(words * np.uint64(_FACTOR))) ^ _START


def _bytes_apart(difference: np.ndarray) -> np.ndarray:
    """How many bytes of each word differ."""
    return (np.ascontiguousarray(difference).view(np.uint8).reshape(-1, 8) != 0).sum(axis=1)
