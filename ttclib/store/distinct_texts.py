"""Which samples of a pool say something of their own, and what was found behind their steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ttclib.samples import Pool
from ttclib.store.connection import connect
from ttclib.store.pool import grades_read


@dataclass(frozen=True)
class DistinctTexts:
    """One sample for each text that a problem's samples hold, and for each grade that it was given."""

    # rows, columns: int, shape (texts,); the first sample that says it, as a cell of the pool
    rows: np.ndarray
    columns: np.ndarray
    times: np.ndarray  # int, shape (texts,); samples that say the same
    n_chars: np.ndarray  # int, shape (texts,)
    n_texts: int  # samples that have a text


def load_distinct_texts(pool: Pool) -> DistinctTexts:
    """The texts of a pool, each once; which are equal is told without reading them into memory."""
    with connect(pool.store) as con:
        found = con.execute(_FIRST_OF_EACH, [pool.policy, pool.setting.name]).fetchnumpy()
    place = {name: row for row, name in enumerate(pool.problem_ids)}
    rows = np.array([place.get(name, -1) for name in found["problem_id"].tolist()], dtype=np.int64)
    known = rows >= 0
    rows, columns, first = rows[known], found["col"][known].astype(np.int64), found["first"][known].astype(np.int64)
    grade = np.nan_to_num(pool.correct[rows, columns], nan=-1).astype(np.int64)
    order = np.lexsort((columns, grade, first, rows))
    keys = np.stack([rows, first, grade])[:, order]
    begins = np.flatnonzero(np.r_[True, (keys[:, 1:] != keys[:, :-1]).any(axis=0)]) if len(order) else order
    times = np.diff(np.r_[begins, len(order)])
    chosen = order[begins]
    n_chars = found["n_chars"][known].astype(np.int64)
    return DistinctTexts(rows[chosen], columns[chosen], times, n_chars[chosen], int(known.sum()))


def load_endings(pool: Pool, problem_ids: Sequence[str]) -> dict[tuple[str, int], list[tuple[int, int, int]]]:
    """Graded endings that searches and rollouts drew behind the steps of samples.

    Returns
    -------
    dict of (problem_id, sample_index) to list of (step, n, n_right)
        `n` endings leave the sample behind its step number `step`, from 0; they share that step and all before it.
    """
    with connect(pool.store) as con:
        rows = con.execute(_ENDINGS, [pool.policy, pool.setting.name, list(problem_ids)]).fetchall()
    found: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
    for problem_id, sample_index, *ending in rows:
        found.setdefault((problem_id, sample_index), []).append((ending[0], ending[1], ending[2]))
    return found


_FIRST_OF_EACH = """
SELECT problem_id, col, n_chars, min(col) OVER (PARTITION BY problem_id, said) AS first
FROM (
    SELECT problem_id, md5(completion) AS said, length(completion) AS n_chars,
           row_number() OVER (PARTITION BY problem_id ORDER BY sample_index) - 1 AS col
    FROM samples WHERE policy = $1 AND setting = $2
) WHERE said IS NOT NULL
"""

# Step t of sample i is node i.0.….0 with t zeros, so the zeros that a path begins with are the steps it shares. A
# first step that a search drew by itself is not the sample's.
_ENDINGS = f"""
WITH own AS (
    SELECT problem_id, path AS first FROM nodes WHERE policy = $1 AND setting = $2 AND NOT contains(path, '.')
), ends AS (
    SELECT problem_id, split_part(path, '.', 1) AS first,
           len(regexp_extract(path, '^[0-9]+((\\.0)*)(\\.|$)', 1)) // 2 AS step, correct
    FROM (SELECT * FROM ({grades_read("node_grades", ("policy", "setting", "problem_id", "path"))})
          WHERE policy = $1 AND setting = $2 AND list_contains($3, problem_id) AND correct IS NOT NULL)
)
SELECT problem_id, first::INTEGER, step, count(*)::INTEGER, count(*) FILTER (WHERE correct)::INTEGER
FROM ends ANTI JOIN own USING (problem_id, first)
GROUP BY ALL ORDER BY ALL
"""
