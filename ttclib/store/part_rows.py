"""SQL of the rows of parts, and of a table made of a file's rows and theirs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ttclib.store.isolation import no_pattern, quoted
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
