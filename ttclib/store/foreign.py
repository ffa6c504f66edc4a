"""What stands in a store's file that ttclib did not put there, and that could run: triggers, views, macros, defaults.

A store may come from anybody. Its rows are data; whatever else it holds is told of, never run: such a file is
read, column by column of what the schema knows, and not written to, since writing is what sets off triggers, defaults,
generated columns and checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import duckdb

from ttclib.errors import visible
from ttclib.store.migrations import FORMER_COLUMNS
from ttclib.store.tables import READINGS, TABLES, columns_of

_VERSION_TABLE = {"version": "INTEGER", "applied_at": "TIMESTAMP"}
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")


@cache
def expected_columns(table: str) -> dict[str, str]:
    """Names and types of the columns that a table of any version may have; empty: no table of ours."""
    if table == "schema_version":
        return _VERSION_TABLE
    if table == "checksums":
        return dict(columns_of(table))
    return {**dict(columns_of(table)), **FORMER_COLUMNS.get(table, {})} if table in TABLES else {}


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
    found = [*_objects(con), *_tables(con), *_columns(con), *_constraints(con)]
    return [visible(line) for line in found]


def _objects(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Whatever is no table."""
    for query, words in _KINDS:
        yield from (words.format(*row) for row in con.execute(query).fetchall())


def _tables(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for schema, table, sql in con.execute(_TABLES).fetchall():
        if schema != "main" or not expected_columns(table):
            yield f"table '{table}'" if schema == "main" else f"table '{schema}.{table}'"
        elif re.search(r"\bCOLLATE\b", _QUOTED.sub("", sql or ""), re.IGNORECASE):
            yield f"a collation in table {table}"


def _columns(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for table, column, kind, default, generated in con.execute(_COLUMNS).fetchall():
        expected = expected_columns(table)
        if not expected:
            continue  # told of as a table
        if column not in expected:
            yield f"column '{column}' of {table}"
        elif generated:
            yield f"generated column {table}.{column}"
        elif kind != expected[column]:
            yield f"type {kind} of column {table}.{column}, which is {expected[column]}"
        elif default is not None and not (column == "reading" and table in READINGS and default == "0"):
            yield f"default of column {table}.{column}"


def _constraints(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for table, kind, columns in con.execute(_CONSTRAINTS).fetchall():
        if expected_columns(table) and not (kind == "NOT NULL" and set(columns) <= set(TABLES.get(table, ()))):
            yield f"{kind} on {table} ({', '.join(columns)})"


_OURS = "database_name = 'store'"
_KINDS = (
    (
        f"SELECT trigger_name, table_name FROM duckdb_triggers() WHERE {_OURS} ORDER BY ALL",
        "trigger '{0}' on {1}",
    ),
    (f"SELECT view_name FROM duckdb_views() WHERE {_OURS} AND NOT internal ORDER BY ALL", "view '{0}'"),
    (
        f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE {_OURS} AND NOT internal ORDER BY ALL",
        "macro '{0}'",
    ),
    (f"SELECT index_name, table_name FROM duckdb_indexes() WHERE {_OURS} ORDER BY ALL", "index '{0}' on {1}"),
    (f"SELECT sequence_name FROM duckdb_sequences() WHERE {_OURS} ORDER BY ALL", "sequence '{0}'"),
    (
        f"SELECT DISTINCT type_name FROM duckdb_types() WHERE {_OURS} AND NOT internal ORDER BY ALL",
        "type '{0}'",
    ),
    (f"SELECT schema_name FROM duckdb_schemas() WHERE {_OURS} AND NOT internal ORDER BY ALL", "schema '{0}'"),
)
_TABLES = f"SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE {_OURS} AND NOT internal ORDER BY ALL"
# Of tables alone: a view's columns could only be told by binding it.
_COLUMNS = f"""
SELECT table_name, column_name, data_type, column_default, is_generated
FROM duckdb_columns() SEMI JOIN (SELECT table_oid FROM duckdb_tables() WHERE {_OURS}) USING (table_oid)
WHERE {_OURS} AND schema_name = 'main' ORDER BY table_name, column_index
"""
_CONSTRAINTS = f"""
SELECT table_name, constraint_type, constraint_column_names FROM duckdb_constraints()
WHERE {_OURS} AND schema_name = 'main' ORDER BY ALL
"""
