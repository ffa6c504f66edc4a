"""From an older schema to the next, and older rows read as if they were of today.

Number i (from 1) of `MIGRATIONS` brings version i to version i + 1; each is run in one transaction, on a file that
is attached as ``store``. A file that is only read is not changed: `as_of_today` gives its rows in today's columns,
and those of a part that an older ttclib wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import duckdb

from ttclib.store.tables import READINGS, TABLES, columns_of

# What a setting was until version 2.
_DECODING = {
    "max_tokens": "INTEGER",
    "prompt_format": "VARCHAR",
    "step_delimiter": "VARCHAR",
    "stop": "VARCHAR[]",
    "temperature": "DOUBLE",
    "top_p": "DOUBLE",
}
FORMER_COLUMNS = {"settings": _DECODING}


def _member(name: str) -> str:
    """SQL of one member of a JSON object, NULL where its column is."""
    value = f"to_json({name})::VARCHAR"
    if name == "prompt_format":  # was JSON already
        value = f"CASE WHEN json_valid({name}) THEN {name} ELSE {value} END"
    return f"""'"{name}": ' || {value}"""


_KEYS_OF_COLUMNS = f"'{{' || concat_ws(', ', {', '.join(map(_member, _DECODING))}) || '}}'"


def as_of_today(table: str, rows: str | None, *, also: Mapping[str, str] = MappingProxyType({})) -> str:
    """SQL of rows of any version in today's columns.

    Parameters
    ----------
    rows : str or None
        SQL that gives them; None: there are none.
    also : mapping of str to str
        More columns that they have, with their types.
    """
    columns = {**dict(columns_of(table)), **also}
    known = {**columns, **FORMER_COLUMNS.get(table, {})}
    empty = "SELECT " + ", ".join(f"NULL::{kind} AS {name}" for name, kind in known.items()) + " WHERE false"
    if rows is None:
        return f"SELECT {', '.join(columns)} FROM ({empty})"
    taken = {name: name for name in columns}
    if table == "settings":
        taken["keys"] = f"coalesce(keys, {_KEYS_OF_COLUMNS}) AS keys"
    if table in READINGS:
        taken["reading"] = "coalesce(reading, 0) AS reading"
    return f"SELECT {', '.join(taken.values())} FROM ({empty} UNION ALL BY NAME {rows})"


def _declared(table: str) -> str:
    required = dict.fromkeys(TABLES.get(table, ()), " NOT NULL")
    return ", ".join(f"{name} {kind}{required.get(name, '')}" for name, kind in columns_of(table))


def _add_trees_and_revisions(con: duckdb.DuckDBPyConnection) -> None:
    for table in ("nodes", "node_scores", "node_grades", "revisions", "revision_scores", "revision_grades"):
        con.execute(f"CREATE TABLE store.main.{table} ({_declared(table)})")


def _free_the_keys_of_settings(con: duckdb.DuckDBPyConnection) -> None:
    """Free keys of settings; counts; identity, kind and price of models; what cannot be drawn again."""
    con.execute(f"CREATE TEMP TABLE old_settings AS {as_of_today('settings', 'SELECT * FROM store.main.settings')}")
    con.execute("DROP TABLE store.main.settings")
    con.execute(f"CREATE TABLE store.main.settings ({_declared('settings')})")
    con.execute(f"CREATE TABLE IF NOT EXISTS store.main.counts ({_declared('counts')})")
    con.execute("INSERT INTO store.main.settings BY NAME SELECT * FROM old_settings")
    con.execute("DROP TABLE old_settings")
    for table in ("models", "runs", "samples", "nodes", "revisions", *READINGS):
        for name, kind in columns_of(table):
            first = " DEFAULT 0" if name == "reading" else ""
            con.execute(f"ALTER TABLE store.main.{table} ADD COLUMN IF NOT EXISTS {name} {kind}{first}")
    for table in READINGS:
        con.execute(f"ALTER TABLE store.main.{table} ALTER COLUMN reading SET NOT NULL")


def _add_features(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"CREATE TABLE IF NOT EXISTS store.main.features ({_declared('features')})")


def _add_checksums(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"CREATE TABLE IF NOT EXISTS store.main.checksums ({_declared('checksums')})"
    )  # filled by the first write


MIGRATIONS: tuple[Callable[[duckdb.DuckDBPyConnection], None], ...] = (
    _add_trees_and_revisions,
    _free_the_keys_of_settings,
    _add_features,
    _add_checksums,
)
SCHEMA_VERSION = 1 + len(MIGRATIONS)
