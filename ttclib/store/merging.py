"""Several stores into one: of one identity one row, whatever the order in which they come.

A column has one value: where one store knows it and another does not, it is filled in; where two know it differently,
the row is a conflict, which is named, and nothing is written. What only says how a row came to be (its run, how long
it took, where a model lay) is no conflict: the least of its values stands. Of a model's prices those of the latest
date stand. Numbers of answers' classes are a store's own; `ttclib.soundness.merging` tells when they mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ttclib.errors import RequestError, visible
from ttclib.store.copying import batches
from ttclib.store.fact_tables import PRICES
from ttclib.store.findings import at
from ttclib.store.graded_rows import GRADED_TABLES
from ttclib.store.tables import TABLES, columns_of

_SHOWN = 5
# How a row came to be; no part of what it says.
_ORIGIN = {"run_id", "elapsed_s", "answer_class"}
_ORIGIN_OF = {"runs": {"started_at", "seed", "problem_ids", "config", "versions"}}
_IDENTITY = ("path", "revision", "weights_hash", "tokenizer_hash", "reads", "kind")


class Conflicts:
    """Rows that two stores hold with other content."""

    def __init__(self) -> None:
        self.n = 0
        self.lines: list[str] = []

    def add(self, table: str, key: Mapping[str, Any], columns: Sequence[str], store: Path) -> None:
        """Note a row."""
        self.n += 1
        if len(self.lines) < _SHOWN:
            self.lines.append(visible(f"{table} {at(key)}: '{store}' has another {', '.join(columns)}"))

    def refuse(self) -> None:
        """End here if there are any.

        Raises
        ------
        RequestError
        """
        if self.n:
            more = f", and {self.n - len(self.lines):,} more" if self.n > len(self.lines) else ""
            raise RequestError(
                f"{self.n:,} rows are in two stores with other content: {'; '.join(self.lines)}{more}. Nothing was "
                "written: leave one of the stores out, or split off what differs (ttc split)"
            )


def merge_rows(
    source: duckdb.DuckDBPyConnection, into: duckdb.DuckDBPyConnection, store: Path, conflicts: Conflicts
) -> None:
    """Put the rows of an open store into one that `ttclib.store.copying.filling` gives."""
    for table in TABLES:
        if table == "models":
            _merge_models(source, into, store, conflicts)
            continue
        for batch in batches(source, f"SELECT * FROM {table}", store):
            into.register("poured", pa.Table.from_batches([batch]))
            _merge_batch(into, table, store, conflicts)
            into.unregister("poured")


def _merge_batch(con: duckdb.DuckDBPyConnection, table: str, store: Path, conflicts: Conflicts) -> None:
    key = TABLES[table]
    names = ", ".join(key)
    origin = _ORIGIN | _ORIGIN_OF.get(table, set())
    rest = [name for name, _ in columns_of(table) if name not in key]
    content = [name for name in rest if name not in origin]
    both = ", ".join(f"own.{name} AS own_{name}, new.{name} AS new_{name}" for name in rest)
    own, new = (", ".join(f"{side}.{name}" for name in rest) for side in ("own", "new"))
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE met AS
            SELECT {names}, {both} FROM store.main.{table} AS own JOIN poured AS new USING ({names})
            WHERE ({own}) IS DISTINCT FROM ({new})"""
    )
    if content:
        differs = ", ".join(f"CASE WHEN own_{name} <> new_{name} THEN '{name}' END" for name in content)
        query = f"""SELECT {names}, list_filter([{differs}], lambda name: name IS NOT NULL) AS names FROM met
                    WHERE len(names) > 0 ORDER BY {names}"""
        for *values, columns in con.execute(query).fetchall():
            conflicts.add(table, dict(zip(key, values, strict=True)), columns, store)
    con.execute(f"DELETE FROM store.main.{table} WHERE ({names}) IN (SELECT ({names}) FROM met)")
    merged = ", ".join(f"least(own_{name}, new_{name}) AS {name}" for name in rest)
    unseen = f"SELECT * FROM poured ANTI JOIN store.main.{table} USING ({names}) ANTI JOIN met USING ({names})"
    con.execute(f"INSERT INTO store.main.{table} BY NAME {unseen}")
    con.execute(f"INSERT INTO store.main.{table} BY NAME SELECT {names}, {merged} FROM met")


def _merge_models(
    source: duckdb.DuckDBPyConnection, into: duckdb.DuckDBPyConnection, store: Path, conflicts: Conflicts
) -> None:
    names = [name for name, _ in columns_of("models")]
    columns = ", ".join(names)
    own = {
        row[0]: dict(zip(names, row, strict=True))
        for row in into.execute(f"SELECT {columns} FROM store.main.models").fetchall()
    }
    for row in source.execute(f"SELECT {columns} FROM models ORDER BY model").fetchall():
        new = dict(zip(names, row, strict=True))
        name = new["model"]
        if name not in own:
            own[name] = new
            continue
        own[name], differing = merged_model(own[name], new)
        if differing:
            named = ", ".join(differing)
            what = [f"{named} (another model by this name?)" if set(differing) & set(_IDENTITY) else named]
            conflicts.add("models", {"model": name}, what, store)
    into.execute("DELETE FROM store.main.models")
    if own:
        into.executemany(
            f"INSERT INTO store.main.models ({columns}) VALUES ({', '.join('?' * len(names))})",
            [list(row.values()) for row in own.values()],
        )


def merged_model(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Two rows of one model as one, and the columns in which they differ.

    Weights tell a model; where both rows know them, and they are the same, it may lie in two places.

    Examples
    --------
    >>> one = {"path": "a", "weights_hash": "x", "price_date": None, "usd_per_mtok_input": None}
    >>> merged_model(one, {**one, "path": "b", "price_date": "2026-01", "usd_per_mtok_input": 2.0})
    ({'path': 'a', 'weights_hash': 'x', 'price_date': '2026-01', 'usd_per_mtok_input': 2.0}, [])
    >>> merged_model(one, {**one, "weights_hash": "y"})[1]
    ['weights_hash']
    """
    same_weights = one["weights_hash"] is not None and one["weights_hash"] == other["weights_hash"]
    merged, differing = dict(one), []
    by_date = _date(one) != _date(other)
    latest = max((one, other), key=_date)
    for name in one:
        values = sorted({value for value in (one[name], other[name]) if value is not None})
        if name in PRICES and by_date:
            merged[name] = latest[name]
            continue
        merged[name] = values[0] if values else None
        if len(values) > 1 and not (same_weights and name in ("path", "revision")):
            differing.append(name)
    return merged, differing


def _date(row: Mapping[str, Any]) -> tuple[bool, str]:
    """By what prices are chosen: none at all, of no date, of a date."""
    priced = any(row.get(name) is not None for name in PRICES)
    return priced, str(row.get("price_date") or "")


def classes_in(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Numbers of answers' classes of a store: ``problem_id, grader, answer, number``, each once."""
    rows = " UNION ".join(
        f"SELECT problem_id, grader, answer, answer_class AS number FROM {table} "
        "WHERE answer_class IS NOT NULL AND answer IS NOT NULL"
        for table in GRADED_TABLES
    )
    return con.sql(f"{rows} ORDER BY ALL").to_arrow_table()


def problem_of(con: duckdb.DuckDBPyConnection, problem_id: str) -> tuple[str | None, str | None, str | None]:
    """Reference, prompt and metadata of a problem; None: not known."""
    query = "SELECT reference_answer, prompt, metadata FROM problems WHERE problem_id = ?"
    rows = con.execute(query, [problem_id]).fetchall()
    return rows[0] if rows else (None, None, None)


def renumber(con: duckdb.DuckDBPyConnection, numbers: Sequence[tuple[str, str, str, int]]) -> None:
    """Give classes other numbers: problem, grader, answer, number."""
    columns = ("problem_id", "grader", "answer", "number")
    con.register("renumbered", pa.table(dict(zip(columns, map(list, zip(*numbers, strict=True)), strict=True))))
    for table in GRADED_TABLES:
        con.execute(
            f"""UPDATE store.main.{table} AS own SET answer_class = renumbered.number FROM renumbered
                WHERE own.problem_id = renumbered.problem_id AND own.grader = renumbered.grader
                AND own.answer = renumbered.answer AND own.answer_class IS NOT NULL"""
        )
    con.unregister("renumbered")
