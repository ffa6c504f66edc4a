"""Folders of parts on an object store or a web server, read as they lie.

The folder is listed once each time that a store is opened, and its parts' exact addresses are all that the connection
may read: DuckDB reads them through fsspec, byte ranges of the columns asked for, so that no extension is loaded and no
copy made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ttclib.errors import RequestError, needing, visible

if TYPE_CHECKING:
    import duckdb
    from upath import UPath

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.+)", re.IGNORECASE | re.DOTALL)  # one letter is a drive


def remote_folder(path: str | Path) -> Path | None:
    """The folder that an address names, with the methods of a path; None: it is the path of a file here.

    Parameters
    ----------
    path : str or pathlib.Path
        ``s3://bucket/folder``; also as `pathlib.Path` leaves it, with one slash.

    Raises
    ------
    RequestError
        A package is missing, there is no such protocol, or the address is no folder of parts.

    Examples
    --------
    >>> remote_folder("store/demo.duckdb") is None
    True
    """
    if is_remote(path):
        _forget(_fs(path))
        return cast(Path, path)
    if (found := _ADDRESS.fullmatch(str(path))) is None:
        return None
    address = f"{found[1].lower()}://{found[2]}"
    with needing(f"'{address}' is an address, which", "remote"):
        from upath import UPath
    try:
        # What is found here is kept until the folder is asked for again; web servers' listings are not by default.
        options: dict[str, Any] = {"use_listings_cache": True} if address.startswith("http") else {}
        folder = UPath(address, **options)
        _forget(folder.fs)
        is_folder = bool(folder.name or folder.path.strip("/")) and bool(listed(cast(Path, folder)))
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
    except ImportError as error:
        raise RequestError(f"'{address}' needs another package: {visible(str(error))}") from error
    except Exception as error:  # whatever a network and its many packages raise
        raise RequestError(f"cannot read '{address}': {visible(str(error) or type(error).__name__)[:200]}") from error
    if not is_folder:
        raise no_parts(address)
    return cast(Path, folder)


def no_parts(address: Path | str) -> RequestError:
    """What is said of an address where nothing is to be read."""
    return RequestError(
        f"'{address}' is no folder of parts: put one there, as `ttc backup STORE --to FOLDER --parts` writes it"
    )


def is_remote(path: object) -> bool:
    """Whether a path is one that `remote_folder` gave."""
    return hasattr(path, "fs")


def is_file(store: Path) -> bool:
    """Whether a store is a file here; a web server calls a folder one, too."""
    return not is_remote(store) and store.is_file()


def _forget(fs: Any) -> None:
    """Let the next listing be a new one; that of a web server outlives the method that is meant for it."""
    fs.invalidate_cache()
    if (kept := getattr(fs, "dircache", None)) is not None:
        kept.clear()


def listed(folder: Path) -> list[Path]:
    """What lies in a folder at an address; asked for in one way, so that a listing that is kept is found."""
    found = _fs(folder).ls(cast("UPath", folder).path.rstrip("/") + "/", detail=True)
    return [folder / str(one["name"]).rstrip("/").rpartition("/")[2] for one in found]


def name_of(part: Path) -> str:
    """What DuckDB is told to read."""
    return str(_fs(part).unstrip_protocol(cast("UPath", part).path)) if is_remote(part) else str(part.absolute())


def reach(con: duckdb.DuckDBPyConnection, parts: Iterable[Path | str]) -> None:
    """Let a connection read addresses; which ones, `ttclib.store.isolation.shut` says."""
    for fs in {id(_fs(part)): _fs(part) for part in parts if is_remote(part)}.values():
        con.register_filesystem(_unchanging(fs))


def _fs(part: Path | str) -> Any:
    return cast("UPath", part).fs


def _unchanging(fs: Any) -> Any:
    """A file system that knows when a file was changed: parts never are, and a web server need not say."""
    try:
        fs.modified("")
    except NotImplementedError:
        fs.modified = lambda path: datetime(1970, 1, 1, tzinfo=UTC)
    except Exception:
        pass
    return fs
