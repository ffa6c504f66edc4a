"""Classes of equivalent answers, whose numbers all kinds of answers to a problem share."""

from __future__ import annotations

from collections import defaultdict

import duckdb

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
