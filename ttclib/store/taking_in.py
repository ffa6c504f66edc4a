"""From parts into the file: rows that it lacks, counted before the parts may go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from ttclib.errors import TTCError
from ttclib.store.part_rows import filled_models, from_parts, of_table, unseen
from ttclib.store.tables import TABLES


def take_in(con: duckdb.DuckDBPyConnection, store: Path, parts: Mapping[Path, int]) -> None:
    """Put the rows of parts into the file, in one transaction that stands only if all of them are there.

    Raises
    ------
    TTCError
        Fewer went in than the parts count, or rows of another table came or went with it; nothing has changed.
    """
    con.execute("BEGIN")
    before = _counts(con)
    added = dict.fromkeys(TABLES, 0)
    for table in TABLES:
        waiting = of_table(parts, table)
        own = f"SELECT * FROM store.main.{table}"
        if waiting and table == "models":
            con.execute(f"CREATE TEMP TABLE filled AS {filled_models(own, waiting)}")
            con.execute("DELETE FROM store.main.models")
            ((n_models,),) = con.execute("INSERT INTO store.main.models BY NAME FROM filled").fetchall()
            con.execute("DROP TABLE filled")
            added[table] = n_models - before[table]
        elif waiting:
            into = f"INSERT INTO store.main.{table} BY NAME {unseen(table, own, waiting)}"
            ((added[table],),) = con.execute(into).fetchall()
        if waiting:
            _check_all_in(con, store, table, waiting, sum(parts[part] for part in waiting))
    if (after := _counts(con)) != {table: before[table] + added[table] for table in TABLES}:
        con.execute("ROLLBACK")
        raise TTCError(f"'{store}' has {after} rows where {before} and {added} were to be: nothing was taken in")
    con.execute("COMMIT")


def _check_all_in(con: duckdb.DuckDBPyConnection, store: Path, table: str, parts: list[Path], n_rows: int) -> None:
    key = ", ".join(TABLES[table])
    query = f"SELECT count(*) FROM ({from_parts(table, parts)}) SEMI JOIN store.main.{table} USING ({key})"
    ((found,),) = con.execute(query).fetchall()
    if found != n_rows:
        con.execute("ROLLBACK")
        raise TTCError(f"of {n_rows:,} rows of {table} that wait beside '{store}' {found:,} went in: none was taken in")


def _counts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    query = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM store.main.{table}" for table in TABLES)
    return dict(con.execute(query).fetchall())
