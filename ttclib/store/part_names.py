"""Names of parts: each ends with the hash of the part's bytes, so that a damaged one is told."""

from __future__ import annotations

import hashlib
from pathlib import Path

_HASHED = "sha256_"


def hash_in_name(part: Path) -> str:
    """What a part's name ends with."""
    with part.open("rb") as file:
        return _HASHED + hashlib.file_digest(file, "sha256").hexdigest()[:32]


def is_as_named(part: Path) -> bool:
    """Whether a part has the bytes that its name says; true of one whose name says nothing, by an earlier ttclib.

    Raises
    ------
    OSError
        It cannot be read, or is gone.
    """
    _, mark, said = part.stem.rpartition(f"-{_HASHED}")
    return not mark or hash_in_name(part) == _HASHED + said
