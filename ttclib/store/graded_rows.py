"""Graded answers with what they were graded from, problem by problem."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import duckdb

from ttclib.store.tables import TABLES

GRADED_TABLES = ("grades", "node_grades", "revision_grades")


def known_classes(
    con: duckdb.DuckDBPyConnection, grader: str, of: str | None = None
) -> dict[str, list[tuple[str, int]]]:
    """The classes that a grader, or data that came with grades, has numbered already.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        As `connect` gives it.
    grader : str
        Name and version.
    of : str, optional
        A problem; by default all.

    Returns
    -------
    dict of str to list of (answer, class)
        By problem, in order of the answer; no entry (an empty list when asked for) without any.
    """
    tables = " UNION ".join(
        f"""SELECT problem_id, answer, answer_class FROM {table}
            WHERE answer_class IS NOT NULL AND grader IN ($1, 'given') AND ($2 IS NULL OR problem_id = $2)"""
        for table in GRADED_TABLES
    )
    classes: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for problem_id, answer, number in con.execute(f"{tables} ORDER BY ALL", [grader, of]).fetchall():
        classes[problem_id].append((answer, number))
    return classes


GRADED = {"grades": "samples", "node_grades": None, "revision_grades": "revisions"}
_ROWS = 10_000


@dataclass(frozen=True)
class GradedRow:
    """A grade and its answer's origin."""

    key: dict[str, Any]  # of the grade
    completion: str | None  # None: not known, or of a leaf, whose steps stand apart
    imported: bool  # whether the sample came with an import, whose answers may have been stated
    answer: str | None
    answer_class: int | None
    correct: bool | None


@dataclass(frozen=True)
class GradedProblem:
    """All grades of one problem by one grader, in one table; with the problem, None where it is not known."""

    table: str
    problem_id: str
    grader: str
    reference: str | None
    prompt: str | None
    metadata: str | None
    rows: tuple[GradedRow, ...]


def graders_of(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, int]]:
    """Who graded, and how many rows each."""
    return con.execute(f"SELECT grader, count(*) FROM {table} GROUP BY ALL ORDER BY ALL").fetchall()


def graded_problems(con: duckdb.DuckDBPyConnection, table: str) -> Iterator[GradedProblem]:
    """The grades of a table, a problem and grader at a time; the tables are named without a database."""
    key, of = TABLES[table], GRADED[table]
    names = ", ".join(key)
    if of is None:
        origin, more = "", "NULL::VARCHAR AS completion, false AS imported"
    else:
        own = ", ".join(TABLES[of])
        origin = f"""LEFT JOIN (SELECT {own}, completion, command = 'import' AS imported FROM {of}
                     LEFT JOIN (SELECT run_id, command FROM runs) USING (run_id)) USING ({own})"""
        more = "completion, coalesce(imported, false) AS imported"
    found = con.execute(
        f"""SELECT {names}, {more}, answer, answer_class, correct, reference_answer, prompt, metadata
            FROM {table} {origin}
            LEFT JOIN (SELECT problem_id, reference_answer, prompt, metadata FROM problems) USING (problem_id)
            ORDER BY problem_id, grader, {names}"""
    )
    place, by = key.index("problem_id"), key.index("grader")

    def rows() -> Iterator[tuple[Any, ...]]:
        while chunk := found.fetchmany(_ROWS):
            yield from chunk

    n = len(key)
    for (problem_id, grader), group in groupby(rows(), key=lambda row: (row[place], row[by])):
        own_rows = list(group)
        reference, prompt, metadata = own_rows[0][n + 5 :]
        graded = tuple(GradedRow(dict(zip(key, row[:n], strict=True)), *row[n : n + 5]) for row in own_rows)
        yield GradedProblem(table, problem_id, grader, reference, prompt, metadata, graded)
