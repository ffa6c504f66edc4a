"""Rows of parts: as SQL, beside those of a file, and taken into it, counted before the parts may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from ttclib.errors import TTCError
from ttclib.store import checksums
from ttclib.store.isolation import no_pattern, quoted
from ttclib.store.memory import in_turn
from ttclib.store.migrations import as_of_today
from ttclib.store.remote import name_of
from ttclib.store.schema import table_of
from ttclib.store.tables import TABLES, columns_of


def of_table(parts: Iterable[Path], table: str) -> list[Path]:
    """Those with rows of a table."""
    return [part for part in parts if table_of(part) == table]


def from_parts(table: str, parts: list[Path]) -> str:
    """SQL of the rows of parts, in today's columns; `written` orders them by when they were written."""
    names = ", ".join(quoted(no_pattern(name_of(part))) for part in parts)
    rows = (
        f"SELECT * EXCLUDE (filename, file_row_number), (filename, file_row_number) AS written "
        f"FROM read_parquet([{names}], union_by_name = true, hive_partitioning = false, filename = true, "
        "file_row_number = true)"
    )
    return as_of_today(table, rows, also={"written": "STRUCT(filename VARCHAR, file_row_number BIGINT)"})


def unseen(table: str, own: str | None, parts: list[Path], *, distinct: bool = False) -> str:
    """SQL of the rows of parts whose key `own` has not; of two with one key, if they are not distinct, the first."""
    key = ", ".join(TABLES[table])
    anti = f" ANTI JOIN ({own}) USING ({key})" if own else ""
    first = "" if distinct else f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY written) = 1"
    return f"SELECT * EXCLUDE (written) FROM ({from_parts(table, parts)}){anti}{first}"


def filled_models(own: str | None, parts: list[Path]) -> str:
    """SQL of the models, each fact from the first row that states it."""
    facts = [name for name, _ in columns_of("models") if name != "model"]
    rows = f"SELECT *, 1 AS later FROM ({from_parts('models', parts)})"
    if own:
        rows = f"SELECT *, 0 AS later, NULL AS written FROM ({own}) UNION ALL BY NAME {rows}"
    chosen = ", ".join(f"any_value({fact} ORDER BY later, written) AS {fact}" for fact in facts)
    return f"SELECT model, {chosen} FROM ({rows}) GROUP BY model"


def whole(table: str, own: str | None, parts: Iterable[Path]) -> str:
    """SQL of all rows of a table: `own` of the file, and the parts'."""
    waiting = of_table(parts, table)
    if not waiting:
        return own or as_of_today(table, None)
    if table == "models":
        return filled_models(own, waiting)
    rows = unseen(table, own, waiting)
    return f"{own} UNION ALL BY NAME {rows}" if own else rows


def take_in(con: duckdb.DuckDBPyConnection, store: Path, parts: Mapping[Path, int]) -> None:
    """Put the rows of parts into the file, in one transaction that stands only if all of them are there.

    Raises
    ------
    TTCError
        Fewer went in than the parts count, or rows of another table came or went with it; nothing has changed.
    """
    con.execute("BEGIN")
    if not checksums.comparable(con):
        checksums.take_anew(con)
    before = _counts(con)
    added = dict.fromkeys(TABLES, 0)
    for table in TABLES:
        waiting = of_table(parts, table)
        own = f"SELECT * FROM store.main.{table}"
        if waiting and table == "models":
            con.execute(f"CREATE TEMP TABLE filled AS {filled_models(own, waiting)}")
            checksums.note(con, table, own, gone=True)
            con.execute("DELETE FROM store.main.models")
            ((n_models,),) = con.execute("INSERT INTO store.main.models BY NAME FROM filled").fetchall()
            checksums.note(con, table, own)
            con.execute("DROP TABLE filled")
            added[table] = n_models - before[table]
            _check_all_in(con, store, table, own, waiting, sum(parts[part] for part in waiting))
            continue
        for some in in_turn({part: parts[part] for part in waiting}):
            last = checksums.last_row(con, table)
            near, rows = _new_rows(con, table, own, list(some))
            ((n_rows,),) = con.execute(f"INSERT INTO store.main.{table} BY NAME {rows}").fetchall()
            added[table] += n_rows
            checksums.note(con, table, f"{own} WHERE rowid > {last}")
            _check_all_in(con, store, table, near, list(some), sum(some.values()))
    if (after := _counts(con)) != {table: before[table] + added[table] for table in TABLES}:
        con.execute("ROLLBACK")
        raise TTCError(f"'{store}' has {after} rows where {before} and {added} were to be: nothing was taken in")
    con.execute("COMMIT")


def _new_rows(con: duckdb.DuckDBPyConnection, table: str, own: str, parts: list[Path]) -> tuple[str, str]:
    """SQL of the file's rows of these problems, and of `unseen` without what is of no use.

    Where the file has none of these problems they are not looked for, where no key stands twice none is sorted.
    """
    rows, near, key = from_parts(table, parts), own, ", ".join(TABLES[table])
    if "problem_id" in TABLES[table]:
        ends = con.execute(f"SELECT min(problem_id), max(problem_id) FROM ({rows})").fetchall()[0]
        if None not in ends:
            first, last = map(quoted, ends)
            near = f"{own} WHERE problem_id BETWEEN {first} AND {last}"
    known = con.execute(f"SELECT 1 FROM ({near}) LIMIT 1").fetchall()
    doubled = con.execute(f"SELECT 1 FROM ({rows}) GROUP BY {key} HAVING count(*) > 1 LIMIT 1").fetchall()
    return near, unseen(table, near if known else None, parts, distinct=not doubled)


def _check_all_in(
    con: duckdb.DuckDBPyConnection, store: Path, table: str, near: str, parts: list[Path], n_rows: int
) -> None:
    key = ", ".join(TABLES[table])
    query = f"SELECT count(*) FROM ({from_parts(table, parts)}) SEMI JOIN ({near}) USING ({key})"
    ((found,),) = con.execute(query).fetchall()
    if found != n_rows:
        con.execute("ROLLBACK")
        raise TTCError(f"of {n_rows:,} rows of {table} that wait beside '{store}' {found:,} went in: none was taken in")


def _counts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    query = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM store.main.{table}" for table in TABLES)
    return dict(con.execute(query).fetchall())
