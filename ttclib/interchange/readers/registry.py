"""The readers of all formats, and which of them a file is for.

A reader of another package is found by its entry point in the group ``ttclib.readers``, which names a
`Reader`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from ttclib.errors import RequestError, one_of
from ttclib.interchange.columns import Batch, Notes
from ttclib.interchange.sources import Source
from ttclib.plugins import plugins

GROUP = "ttclib.readers"
_READERS: dict[str, Reader] = {}


@dataclass(frozen=True)
class Reader:
    """A format that can be read."""

    name: str  # as `--format` calls it
    about: str  # a line for the help
    recognises: Callable[[Source], bool]  # whether a `Source` is of this format, by looking at its beginning
    # `read(source, notes)` gives batches; what a user must know goes to the `Notes`
    read: Callable[[Source, Notes], Iterator[Batch]]


def reader(
    name: str, about: str, recognises: Callable[[Source], bool]
) -> Callable[..., Callable[..., Iterator[Batch]]]:
    """Register a function as the reader of a format; those registered first are asked first."""

    def register(read: Callable[[Source, Notes], Iterator[Batch]]) -> Callable[[Source, Notes], Iterator[Batch]]:
        _READERS[name] = Reader(name, about, recognises, read)
        return read

    return register


@cache
def readers() -> dict[str, Reader]:
    """All readers by name; those of other packages are asked first."""
    found = {}
    for _, loaded in plugins(GROUP, Reader, "a ttclib.interchange.Reader"):
        found[loaded.name] = loaded
    return found | {name: one for name, one in _READERS.items() if name not in found}


def reader_of(source: Source, name: str | None = None) -> Reader:
    """The reader of a file.

    Parameters
    ----------
    name : str, optional
        Which; by default the first that recognises it.

    Raises
    ------
    RequestError
        No such reader, or none that recognises the file.
    """
    known = readers()
    if name is not None:
        return known[one_of(name, known, "format")]
    for one in known.values():
        if one.recognises(source):
            return one
    seen = ", ".join(map(repr, source.columns[:8])) or "nothing that could be read as a row"
    raise RequestError(
        f"'{source.path}' is of no format that is known by sight (it begins with {seen}): name it with --format "
        f"({', '.join(known)}), or its columns with --field ours=theirs"
    )
