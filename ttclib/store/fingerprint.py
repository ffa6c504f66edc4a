"""What tells one state of a store from another: a hash of its bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ttclib.errors import RequestError
from ttclib.store.remote import is_file
from ttclib.store.schema import pending_parts, readable_path


def fingerprint(path: str | Path) -> str:
    """SHA-256 of a store's file and of the parts still beside it, as 16 hexadecimal digits.

    Two reports with the same fingerprint were made from the same bytes. The converse does not hold:
    a file that DuckDB has rewritten holds the same rows in other bytes.

    Raises
    ------
    RequestError
        No such store, or it cannot be read.
    """
    store = readable_path(path)
    files = [*([store] if is_file(store) else []), *pending_parts(store)]
    if not files:
        raise RequestError(f"no store at '{store}': collect one with `ttc sample` or fill one with `ttc import`")
    digest = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise RequestError(f"cannot read '{file}': {error.strerror}") from error
    return digest.hexdigest()[:16]
