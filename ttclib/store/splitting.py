"""A store into several, by policy, benchmark or problems; merged they are the store again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb

from ttclib.errors import RequestError, one_of
from ttclib.store.connection import connect
from ttclib.store.copying import filling, pour, refuse_existing
from ttclib.store.schema import store_path
from ttclib.store.tables import READINGS, TABLES, columns_of

BY = ("policy", "benchmark", "problems")
_ROWS = tuple(table for table in TABLES if table not in ("problems", "models", "settings", "runs"))
_WITH_RUNS = tuple(table for table in _ROWS if "run_id" in dict(columns_of(table)))


def split_store(
    path: str | Path,
    by: str,
    folder: str | Path,
    *,
    n_parts: int = 2,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> dict[str, int]:
    """Cut a store into several, all of one moment.

    Each holds what its rows name: problems, models, settings, runs, and every credit. What no row names is in the
    first.

    Parameters
    ----------
    path : str or pathlib.Path
    by : {"policy", "benchmark", "problems"}
        One store a policy, a benchmark (``none``: of no benchmark), or `n_parts` stores of as many problems each.
    folder : str or pathlib.Path
        Where they are made, as ``STORE-NAME.duckdb``; itself made if need be.
    n_parts : int
    wait_s, notify
        As in `ttclib.store.connect`.

    Returns
    -------
    dict of str to int
        Samples, or counts, nodes and answers of chains, of each file.

    Raises
    ------
    RequestError
        No such store or way, nothing to split, or one of the files is there; nothing is written.
    DamagedStoreError
        A row cannot be read; nothing is left.
    """
    one_of(by, BY, "way to split")
    if n_parts < 1:
        raise RequestError(f"{n_parts} parts: give at least 1")
    store, place = store_path(path), Path(folder)
    made: dict[Path, int] = {}
    with connect(path, wait_s=wait_s, notify=notify) as con:
        _number(con, by, n_parts)
        names = [name for (name,) in con.execute("SELECT name FROM cuts ORDER BY cut").fetchall()]
        if not names:
            raise RequestError(f"'{path}' holds no sample: there is nothing to split")
        targets = _targets(place, store.name.removesuffix(".duckdb"), names)
        new_folder = not place.exists()
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RequestError(f"cannot make '{place}': {error.strerror}") from error
        try:
            for target in targets:
                refuse_existing(target)
            for cut, target in enumerate(targets):
                with filling(target) as into:
                    counts = {table: pour(con, query, into, table, store=store) for table, query in _queries(by, cut)}
                made[target] = sum(counts[table] for table in ("samples", "counts", "nodes", "revisions"))
        except BaseException:
            for target in made:
                target.unlink(missing_ok=True)
            if new_folder:
                with suppress(OSError):
                    place.rmdir()
            raise
    return {str(target): n for target, n in made.items()}


def _number(con: duckdb.DuckDBPyConnection, by: str, n_parts: int) -> None:
    """Number the cuts, and say of each policy or problem in which it is."""
    named = " UNION ".join(f"SELECT policy, problem_id FROM {table}" for table in _ROWS)
    con.execute(f"CREATE OR REPLACE TEMP TABLE named AS {named}")
    if by == "policy":
        con.execute(
            """CREATE OR REPLACE TEMP TABLE members AS
               SELECT policy AS member, policy AS name, dense_rank() OVER (ORDER BY policy) - 1 AS cut
               FROM (SELECT DISTINCT policy FROM named)"""
        )
    else:
        in_turn = f"(row_number() OVER (ORDER BY problem_id) - 1) % {n_parts}"
        name = "coalesce(benchmark, 'none')" if by == "benchmark" else in_turn
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE members AS
                SELECT member, name, dense_rank() OVER (ORDER BY name) - 1 AS cut FROM (
                    SELECT problem_id AS member, ({name})::VARCHAR AS name
                    FROM (SELECT problem_id FROM problems UNION SELECT problem_id FROM named)
                    LEFT JOIN (SELECT problem_id, any_value(benchmark) AS benchmark FROM problems GROUP BY ALL)
                        USING (problem_id))"""
        )
    con.execute("CREATE OR REPLACE TEMP TABLE cuts AS SELECT DISTINCT cut, name FROM members")


def _targets(folder: Path, stem: str, names: list[str]) -> list[Path]:
    found: list[Path] = []
    for name in names:
        plain = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "unnamed"
        target, number = folder / f"{stem}-{plain}.duckdb", 2
        while target.name.casefold() in {other.name.casefold() for other in found}:
            target, number = folder / f"{stem}-{plain}-{number}.duckdb", number + 1
        found.append(target)
    return found


def _queries(by: str, cut: int) -> Iterator[tuple[str, str]]:
    """By table the rows of a cut."""
    member = "policy" if by == "policy" else "problem_id"
    here = f"{member} IN (SELECT member FROM members WHERE cut = {cut})"
    rows = {table: f"SELECT * FROM {table} WHERE {here}" for table in _ROWS}
    named = {
        "models": [f"SELECT policy FROM {table} WHERE {here}" for table in _ROWS]
        + [f"SELECT verifier FROM {table} WHERE {here}" for table in READINGS],
        "settings": [f"SELECT setting FROM {table} WHERE {here}" for table in _ROWS],
        "runs": [f"SELECT run_id FROM {table} WHERE run_id IS NOT NULL AND {here}" for table in _WITH_RUNS],
        "problems": [f"SELECT problem_id FROM {table} WHERE {here}" for table in _ROWS],
    }
    for table, parts in named.items():
        (key,) = TABLES[table]
        if table == "problems" and by != "policy":
            yield table, f"SELECT * FROM problems WHERE {here}"
            continue
        condition = f"{key} IN ({' UNION '.join(parts)})"
        if table == "runs":
            condition += " OR starts_with(run_id, 'credit-')"
        if cut == 0:
            anywhere = " UNION ".join(part.replace(f" AND {here}", "").replace(f" WHERE {here}", "") for part in parts)
            condition += f" OR {key} NOT IN ({anywhere})"
        yield table, f"SELECT * FROM {table} WHERE {condition}"
    yield from rows.items()
