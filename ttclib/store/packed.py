"""A store packed for sharing: ``NAME.duckdb.xz`` beside where ``NAME.duckdb`` would be.

DuckDB's blocks pack to about a quarter. Whoever opens the store by its own name gets it unpacked
first; the packed file stays, and is never read again while the store is there.
"""

from __future__ import annotations

import errno
import lzma
import os
import shutil
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from ttclib.errors import RequestError, TTCError
from ttclib.fresh_names import unfinished

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class ReadOnlyFolderError(RequestError):
    """A packed store lies where it cannot be unpacked."""


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
    target : pathlib.Path, optional
        By default beside the store.
    """
    target = target or packed_path(store)
    fresh = unfinished(target)
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
    fresh = unfinished(store)
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
        kind = ReadOnlyFolderError if error.errno in _READ_ONLY else RequestError
        raise kind(
            f"cannot unpack '{packed}' beside it: {error.strerror}; copy it to a folder that can be written to"
        ) from error
    finally:
        with suppress(OSError):
            fresh.unlink()


def cached_copy(store: Path) -> Path:
    """The unpacked form of a store whose folder cannot be written to, in the user's cache directory.

    It is made where it is not there yet, and made anew when the packed file changes. To be read, not written to.

    Parameters
    ----------
    store : pathlib.Path
        Where the unpacked file would lie.

    Raises
    ------
    ReadOnlyFolderError
        The cache directory cannot be written to either.
    TTCError
        The packed file is damaged.
    """
    packed = packed_path(store)
    found = packed.stat()
    place = blake2b(str(packed.resolve()).encode(), digest_size=8).hexdigest()
    state = blake2b(f"{found.st_ino} {found.st_size} {found.st_mtime_ns}".encode(), digest_size=8).hexdigest()
    folder = cache_directory() / "stores" / f"{place}-{state}"
    copy = folder / store.name
    if copy.exists():
        return copy
    fresh = unfinished(copy)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with lzma.open(packed) as source, fresh.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        fresh.replace(copy)
    except (lzma.LZMAError, EOFError) as error:
        raise TTCError(f"cannot unpack '{packed}': {error}; fetch the file again") from error
    except OSError as error:
        raise ReadOnlyFolderError(
            f"cannot unpack '{packed}', neither beside it nor in '{folder}' ({error.strerror}): copy it to a folder "
            "that can be written to, or name one with XDG_CACHE_HOME"
        ) from error
    finally:
        with suppress(OSError):
            fresh.unlink()
    for older in folder.parent.glob(f"{place}-*"):
        if older != folder:
            shutil.rmtree(older, ignore_errors=True)
    return copy


def cache_directory() -> Path:
    """Where copies that can be made again lie: ``$XDG_CACHE_HOME/ttclib``, by default ``~/.cache/ttclib``."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path("~/.cache").expanduser()) / "ttclib"
