"""The one place that makes connections to DuckDB: each reaches one store and nothing else.

A store from a stranger is data. So no extension is installed or loaded, no file but the store's own is read or
written, Python's variables are no tables, and none of it can be changed later by anything that SQL says. Nor is
``USE`` ever said to the store: with it in the search path, a macro ``count`` that the file holds would take the
place of DuckDB's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from ttclib.store.memory import READING, within
from ttclib.store.remote import name_of, reach

_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
}


def new_connection(megabytes: int = READING) -> duckdb.DuckDBPyConnection:
    """A connection without a database, of bounded memory; attach the store to it, then `shut` it."""
    con = duckdb.connect(config={**_CLOSED, **within(megabytes)})
    con.execute("SET enable_progress_bar = false")  # else `python -c` and notebooks get one among what they print
    return con


def shut(
    con: duckdb.DuckDBPyConnection, *, readable: Sequence[Path | str] = (), folder: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Close a connection off from all but what is attached to it.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
    readable : sequence of pathlib.Path or str
        Files that may be read besides, by their exact names.
    folder : pathlib.Path, optional
        A folder whose files may be read besides, for a connection that is to see new ones come.

    Returns
    -------
    duckdb.DuckDBPyConnection
        The same.
    """
    reach(con, readable)
    files = [name for one in readable for name in _spellings(one)]
    folders = [] if folder is None else [f"{name}/" for name in _spellings(folder)]
    con.execute(f"SET allowed_paths = {_literal(files)}")
    con.execute(f"SET allowed_directories = {_literal(folders)}")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    return con


def no_pattern(name: str) -> str:
    """A file's name as DuckDB's readers take it, which would take ``[1]`` or ``*`` in it for a pattern.

    Examples
    --------
    >>> no_pattern("runs [1]/s.parquet")
    'runs [[]1]/s.parquet'
    """
    return re.sub(r"([*?\[])", r"[\1]", name)


def _spellings(file: Path | str) -> tuple[str, ...]:
    """What a file is called where its access is checked: as it was asked for, and by its name."""
    name = file if isinstance(file, str) else name_of(file)
    return (name,) if no_pattern(name) == name else (name, no_pattern(name))


def _literal(names: Sequence[str]) -> str:
    return "[" + ", ".join(quoted(name) for name in names) + "]"


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
