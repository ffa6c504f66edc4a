"""A store copied as it ships: rows in the order of their keys, columns as they are to be."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from ttclib.fresh_names import unfinished
from ttclib.store import checksums
from ttclib.store.isolation import new_connection, quoted, shut
from ttclib.store.memory import WRITING
from ttclib.store.tables import TABLES


def copy_in_order(store: Path, target: Path, shipped: Callable[[str], str], *, without: Collection[str] = ()) -> None:
    """Write a store anew, in the place of what is at `target`.

    Parameters
    ----------
    shipped : callable
        SQL of what ships of a column, by its name.
    without : collection of str
        Tables whose rows stay behind.
    """
    fresh = unfinished(target)
    with new_connection(WRITING) as con:
        con.execute(f"ATTACH {quoted(str(store))} AS collected (READ_ONLY)")
        con.execute(f"ATTACH {quoted(str(fresh))} AS store")
        shut(con)
        con.execute("COPY FROM DATABASE collected TO store (SCHEMA)")
        columns: dict[str, list[str]] = {}
        for table, column in con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'collected' "
            "ORDER BY table_name, column_index"
        ).fetchall():
            columns.setdefault(table, []).append(column)
        for table, own in columns.items():
            order = f"ORDER BY {', '.join(TABLES[table])}" if TABLES.get(table) else ""
            where = "WHERE false" if table in without else order
            rows = f"SELECT {', '.join(map(shipped, own))} FROM collected.main.{table} {where}"
            con.execute(f"INSERT INTO store.main.{table} {rows}")
        checksums.take_anew(con)
        con.execute("DETACH collected")
        con.execute("CHECKPOINT store")
        con.execute("DETACH store")
    fresh.replace(target)
