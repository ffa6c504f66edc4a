"""What stands in a store's file that ttclib did not put there, and that could run: triggers, views, macros, defaults.

A store may come from anybody. Its rows are data; whatever else it holds is told of, never run: such a file is
read, column by column of what the schema knows, and not written to, since writing is what sets off triggers, defaults,
generated columns and checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from shlex import quote

import duckdb

from ttclib.errors import RequestError, visible
from ttclib.store.catalogue import Catalogue, catalogue_of, expected_columns, version_of
from ttclib.store.kept import Kept, store_state
from ttclib.store.migrations import SCHEMA_VERSION
from ttclib.store.tables import READINGS, TABLES, columns_of

_said: set[tuple[str, ...]] = set()


def say_once(store: Path, line: str, notify: Callable[[str], None]) -> None:
    """Tell a line about a store, unless this listener has heard it."""
    told = (str(store.absolute()), line, notify.__module__, getattr(notify, "__qualname__", type(notify).__name__))
    if told not in _said:
        _said.add(told)
        notify(line)


_NAMED = 3


class ForeignStoreError(RequestError):
    """The store holds what could run when it is written to."""


def foreign_objects(con: duckdb.DuckDBPyConnection) -> list[str]:
    """What a store holds beside the tables, columns and NOT NULLs that some version of the schema gives it.

    Only the catalogue is read; no row, no view.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        With the file attached as ``store``.

    Returns
    -------
    list of str
        In words, such as ``trigger 'audit' on grades``; names are escaped, so that each is safe to print.
        Empty: the file is as ttclib makes it.
    """
    catalogue = catalogue_of(con)
    found = [*_objects(con), *_tables(con), *_columns(catalogue), *_constraints(con)]
    if version_of(con, catalogue) == SCHEMA_VERSION:  # an older one may lack tables and columns
        found += _lacking(catalogue)
    return [visible(line) for line in found]


def what_it_holds(found: Sequence[str]) -> str:
    """The first of what is foreign, and how many more."""
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def foreign_in(con: duckdb.DuckDBPyConnection, store: Path) -> tuple[str, ...]:
    """`foreign_objects` of a file whose lock is held, looked for once while it stays as it is."""
    return _FOUND.get(store.absolute(), store_state(store)[:2], lambda: tuple(foreign_objects(con)))


_FOUND: Kept[tuple[str, ...]] = Kept(len, largest=1000)


def say_foreign(con: duckdb.DuckDBPyConnection, store: Path, notify: Callable[[str], None]) -> None:
    """Tell whoever listens, once, what else the file holds."""
    if found := foreign_in(con, store):
        say_once(
            store,
            f"'{store}' holds what ttclib did not make ({what_it_holds(found)}): only its samples are read, none of "
            f"that is run, and nothing is written to it; `{_remedy(store)}` copies its rows into a clean file",
            notify,
        )


def refuse_foreign(store: Path, found: Sequence[str]) -> None:
    """Refuse to write to a store that holds something foreign.

    Raises
    ------
    ForeignStoreError
    """
    if found:
        raise ForeignStoreError(
            f"'{store}' holds what ttclib did not make ({what_it_holds(found)}), so it is read and not written to: "
            f"copy its rows into a clean file with `{_remedy(store)}`, and write to that"
        )


def _remedy(store: Path) -> str:
    return f"ttc verify {quote(str(store))} --repair --output CLEAN"


def _objects(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Whatever is no table."""
    for query, words in _KINDS:
        yield from (words.format(*row) for row in con.execute(query).fetchall())


def _tables(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for schema, table in con.execute(_TABLES).fetchall():
        if schema != "main" or not expected_columns(table):
            yield f"table '{table}'" if schema == "main" else f"table '{schema}.{table}'"


def _columns(catalogue: Catalogue) -> Iterator[str]:
    for table, columns in catalogue.items():
        expected = expected_columns(table)
        if expected and any(column.collated for column in columns.values()):
            yield f"a collation in table {table}"
        for name, column in columns.items() if expected else ():
            if name not in expected:
                yield f"column '{name}' of {table}"
            elif column.generated:
                yield f"generated column {table}.{name}"
            elif column.kind != expected[name]:
                yield f"column {table}.{name} of type {column.kind}, which is {expected[name]}"
            elif column.default is not None and not _from_migration(table, name, column.default):
                yield f"default of column {table}.{name}"
            elif column.nullable and name in TABLES.get(table, ()):
                yield f"column {table}.{name}, a key, without NOT NULL"


def _from_migration(table: str, column: str, default: str) -> bool:
    return column == "reading" and table in READINGS and default == "0"


def _constraints(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for table, kind, columns in con.execute(_CONSTRAINTS).fetchall():
        if expected_columns(table) and not (kind == "NOT NULL" and set(columns) <= set(TABLES.get(table, ()))):
            yield f"{kind} on {table} ({', '.join(columns)})"


def _lacking(catalogue: Catalogue) -> Iterator[str]:
    for table in TABLES:
        absent = [name for name, _ in columns_of(table) if name not in catalogue.get(table, {})]
        if table not in catalogue:
            yield f"no table {table}"
        elif absent:
            yield f"no column {', '.join(absent)} in {table}"


_OURS = "database_name = 'store'"
_KINDS = (
    (f"SELECT trigger_name, table_name FROM duckdb_triggers() WHERE {_OURS} ORDER BY ALL", "trigger '{0}' on {1}"),
    (f"SELECT view_name FROM duckdb_views() WHERE {_OURS} AND NOT internal ORDER BY ALL", "view '{0}'"),
    (f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE {_OURS} ORDER BY ALL", "macro '{0}'"),
    (f"SELECT index_name, table_name FROM duckdb_indexes() WHERE {_OURS} ORDER BY ALL", "index '{0}' on {1}"),
    (f"SELECT sequence_name FROM duckdb_sequences() WHERE {_OURS} ORDER BY ALL", "sequence '{0}'"),
    (f"SELECT DISTINCT type_name FROM duckdb_types() WHERE {_OURS} AND NOT internal ORDER BY ALL", "type '{0}'"),
    (f"SELECT schema_name FROM duckdb_schemas() WHERE {_OURS} AND NOT internal ORDER BY ALL", "schema '{0}'"),
)
_TABLES = f"SELECT schema_name, table_name FROM duckdb_tables() WHERE {_OURS} AND NOT internal ORDER BY ALL"
_CONSTRAINTS = f"""
SELECT table_name, constraint_type, constraint_column_names FROM duckdb_constraints()
WHERE {_OURS} AND schema_name = 'main' ORDER BY ALL
"""
