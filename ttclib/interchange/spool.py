"""Frames set aside, so that what is checked as a whole before it is written need not be held as a whole."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from tempfile import SpooledTemporaryFile

import polars as pl

from ttclib.errors import RequestError

_IN_MEMORY = 1 << 24
ROWS, BYTES = 100_000, 1 << 24  # of frames that are worked on one after the other


class Spool:
    """Frames that are read again in any order: in memory while they are few, then in a file that has no name.

    Whatever ends the process, nothing stays behind: the file goes with it. It lies in the folder for temporary
    files, which TMPDIR names.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self._places: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._places)

    def add(self, frame: pl.DataFrame) -> int:
        """Set a frame aside; its number, from 0.

        Raises
        ------
        RequestError
            There is no room for it.
        """
        content = io.BytesIO()
        frame.write_ipc(content, compression="lz4")
        try:
            begin = self._file.seek(0, io.SEEK_END)
            self._file.write(content.getbuffer())
        except OSError as error:
            raise RequestError(
                f"no room for temporary files: {error.strerror or error}; free some, or let TMPDIR name another folder"
            ) from error
        self._places.append((begin, self._file.tell() - begin))
        return len(self._places) - 1

    def read(self, number: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """A frame, or some columns of it, those of the names that it has."""
        begin, length = self._places[number]
        self._file.seek(begin)
        content = io.BytesIO(self._file.read(length))
        if columns is not None:
            columns = [name for name in pl.read_ipc_schema(content) if name in columns]
            content.seek(0)
        return pl.read_ipc(content, columns=columns)

    def close(self) -> None:
        """Give the room back."""
        with suppress(OSError):
            self._file.close()

    __del__ = close


class Distinct:
    """Rows of many frames of which each is kept once, where it stood first.

    Parameters
    ----------
    key : sequence of str
        What makes two rows the same.
    """

    def __init__(self, key: Sequence[str]) -> None:
        self._key = list(key)
        self._kept: list[pl.DataFrame] = []
        self._n_more = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Take in more rows."""
        self._kept.append(self._once(frame))
        self._n_more += len(self._kept[-1])
        if self._n_more > max(ROWS, len(self._kept[0])):
            self._kept, self._n_more = [self._once(pl.concat(self._kept))], 0

    def frame(self) -> pl.DataFrame:
        """Those that there are, where a frame came."""
        return self._once(pl.concat(self._kept))

    def _once(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.unique(self._key, keep="first", maintain_order=True)


def pieces(frame: pl.DataFrame, n_rows: int = ROWS) -> Iterator[pl.DataFrame]:
    """A frame in pieces of at most so many rows, and of about `BYTES` at most."""
    size = frame.estimated_size()
    fitting = n_rows if size <= BYTES else int(len(frame) * BYTES // size)
    yield from frame.iter_slices(max(1, min(n_rows, fitting)))


def together(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Frames one below the other, a column that one of them lacks null there."""
    return pl.concat(list(frames), how="diagonal_relaxed", rechunk=True)
