"""Names for files that are being made, which take their own name when they are whole."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path


def unfinished(target: Path, *, hidden: bool = False, ending: str = "tmp") -> Path:
    """A name beside a target that no other process uses, on this machine or in another container.

    Process numbers would not do: two containers that share a folder have the same ones.

    Examples
    --------
    >>> name = unfinished(Path("runs/a.html"), hidden=True).name
    >>> name.startswith(".a.html."), name.endswith(".tmp"), name == unfinished(Path("runs/a.html"), hidden=True).name
    (True, True, False)
    """
    return target.with_name(f"{'.' if hidden else ''}{target.name}.{uuid.uuid4().hex}.{ending}")


def write_whole(target: Path, text: str) -> None:
    """Write a text, whole or not at all.

    Raises
    ------
    OSError
        It cannot be written; what was there stays.
    """
    fresh = unfinished(target)
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(target)
    finally:
        with suppress(OSError):  # on a read-only file system not even what is not there can be removed
            fresh.unlink()
