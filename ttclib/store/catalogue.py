"""Which tables and columns the attached file declares, and which of them a reader may trust."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import duckdb

from ttclib.store.migrations import FORMER_COLUMNS
from ttclib.store.tables import READINGS, TABLES, columns_of

_VERSION_TABLE = {"version": "INTEGER", "applied_at": "TIMESTAMP"}
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")


@dataclass(frozen=True)
class FileColumn:
    """A column as the file declares it; `collated`: some column of its table has a collation."""

    kind: str
    default: str | None
    generated: bool
    nullable: bool
    collated: bool


Catalogue = dict[str, dict[str, FileColumn]]


def catalogue_of(con: duckdb.DuckDBPyConnection) -> Catalogue:
    """Columns by table of the file that is attached as ``store``, of its schema ``main``; no view, no other schema."""
    found: Catalogue = {}
    for table, sql, name, kind, default, generated, nullable in con.execute(_COLUMNS).fetchall():
        collated = re.search(r"\bCOLLATE\b", _QUOTED.sub("", sql or ""), re.IGNORECASE) is not None
        found.setdefault(table, {})[name] = FileColumn(kind, default, generated, nullable, collated)
    return found


def version_of(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> int | None:
    """Schema version that the attached file states; None: it states none."""
    column = catalogue.get("schema_version", {}).get("version")
    if column is None or column.generated:
        return None
    found = con.execute("SELECT max(TRY_CAST(version AS INTEGER)) FROM store.main.schema_version").fetchall()
    return int(found[0][0]) if found[0][0] is not None else None


@cache
def expected_columns(table: str) -> dict[str, str]:
    """Names and types of the columns that a table of any version may have; empty: no table of ours."""
    if table == "schema_version":
        return _VERSION_TABLE
    if table == "checksums":
        return dict(columns_of(table))
    return {**dict(columns_of(table)), **FORMER_COLUMNS.get(table, {})} if table in TABLES else {}


def rows_of(table: str, columns: dict[str, FileColumn] | None, *conditions: str) -> str | None:
    """SQL of a table's rows: columns of ours, in our types; no generated one, no row without its key.

    Parameters
    ----------
    columns : dict of str to FileColumn or None
        As the file declares them; None: it has no such table.
    *conditions : str
        SQL that holds for the rows, such as of their rowid.

    Returns
    -------
    str or None
        None: there is nothing to read.
    """
    stored = {name: column for name, column in (columns or {}).items() if not column.generated}
    taken = {name: column for name, column in stored.items() if name in expected_columns(table)}
    keys = [name for name in TABLES[table] if name != "reading" or table not in READINGS]
    if not set(keys) <= taken.keys():
        return None
    chosen = [_as_ours(name, column, expected_columns(table)[name]) for name, column in taken.items()]
    known = [*conditions, *(f"{name} IS NOT NULL" for name in keys if taken[name].nullable)]
    return f"SELECT {', '.join(chosen)} FROM store.main.{table}" + (f" WHERE {' AND '.join(known)}" if known else "")


def is_whole(table: str, columns: dict[str, FileColumn]) -> bool:
    """Whether `rows_of` gives every column that the table has today."""
    return all(name in columns and not columns[name].generated for name, _ in columns_of(table))


def _as_ours(name: str, column: FileColumn, kind: str) -> str:
    if column.collated and column.kind == kind == "VARCHAR":
        return f"decode(encode({name})) AS {name}"  # a cast would keep the collation, by which 'A' may equal 'a'
    return name if column.kind == kind else f"CAST({name} AS {kind}) AS {name}"


# Joined to the tables: a view's columns could only be told by binding it.
_COLUMNS = """
SELECT table_name, sql, column_name, data_type, column_default, is_generated, is_nullable
FROM (SELECT table_oid, sql FROM duckdb_tables() WHERE database_name = 'store' AND schema_name = 'main')
JOIN (SELECT * FROM duckdb_columns() WHERE database_name = 'store' AND schema_name = 'main') USING (table_oid)
ORDER BY table_name, column_index
"""
