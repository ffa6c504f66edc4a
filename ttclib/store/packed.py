"""A store packed for sharing: ``NAME.duckdb.xz`` beside where ``NAME.duckdb`` would be.

DuckDB's blocks pack to about a quarter. Whoever opens the store by its own name gets it unpacked
first; the packed file stays, and is never read again while the store is there.
"""

from __future__ import annotations

import lzma
import os
import shutil
from pathlib import Path

from ttclib.errors import RequestError, TTCError


def packed_path(store: Path) -> Path:
    """Where a store's packed form lies.

    Examples
    --------
    >>> packed_path(Path("store/demo.duckdb")).as_posix()
    'store/demo.duckdb.xz'
    """
    return store.with_name(store.name + ".xz")


def pack(store: Path, target: Path | None = None) -> Path:
    """Write the packed form of a store that nobody writes to.

    Parameters
    ----------
    store : pathlib.Path
    target : pathlib.Path, optional
        By default beside the store.

    Returns
    -------
    pathlib.Path
    """
    target = target or packed_path(store)
    fresh = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    with store.open("rb") as source, lzma.open(fresh, "wb", preset=6) as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    fresh.replace(target)
    return target


def unpack_to(packed: Path, target: Path) -> None:
    """Unpack a file, under another name.

    Raises
    ------
    TTCError
        It is damaged.
    """
    try:
        with lzma.open(packed) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
    except (lzma.LZMAError, EOFError) as error:
        raise TTCError(f"cannot unpack '{packed}': {error}; fetch the file again") from error


def unpack(store: Path) -> bool:
    """Unpack a store that is there in its packed form alone; of several that try at once one wins, unharmed.

    Parameters
    ----------
    store : pathlib.Path
        The path of the unpacked file.

    Returns
    -------
    bool
        Whether it was unpacked now.

    Raises
    ------
    TTCError
        The packed file is damaged.
    RequestError
        Its folder cannot be written to, or is full.
    """
    packed = packed_path(store)
    if store.exists() or not packed.is_file():
        return False
    fresh = store.with_name(f"{store.name}.{os.getpid()}.tmp")
    try:
        unpack_to(packed, fresh)
        try:
            os.link(fresh, store)  # unlike a rename it never takes the place of what another unpacked and wrote to
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            fresh.replace(store)
        return True
    except OSError as error:
        raise RequestError(
            f"cannot unpack '{packed}' beside it: {error.strerror}; copy it to a folder that can be written to"
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
