"""What a store holds, policy by policy."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

from ttclib.store.connection import connect
from ttclib.store.schema import parts_directory, pending_parts, store_path


def store_status(path: str | Path, *, notify: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Count what a store holds and what its last run has left to do.

    Parameters
    ----------
    path : str or pathlib.Path
    notify : callable
        Told in a line when waiting for a writer begins.

    Returns
    -------
    dict
        ``store``, ``bytes`` (file, its log and parts), ``pending_parts`` and ``policies``: a list of
        ``policy``, ``setting``, ``temperature``, ``n_problems``, ``n_samples``, ``n_scored``,
        ``n_graded``, ``n_answered``, ``n_cut`` (ended by the token limit), ``tokens``
        (completion tokens), ``tokens_per_s`` (None: unknown) and ``left`` (samples, scores and
        grades that the last run's configuration still asks for; None: it was imported). Then
        ``chains`` and ``trees``, one entry a policy and setting that has any: ``n_problems``,
        ``n_chains`` and ``n_answers`` of revision chains, ``n_nodes`` and ``n_leaves`` of search
        trees (samples, which are part of the tree, not counted), ``n_scored``, ``n_graded``,
        ``tokens``.

    Raises
    ------
    RequestError
        No such store, or it is none.
    """
    store = store_path(path)
    with connect(store, notify=notify) as con:
        policies = _records(con, _QUERY)
        wanted = {
            (policy, setting): json.loads(config)
            for policy, setting, config in con.execute(_LAST_CONFIG).fetchall()
            if config
        }
        chains, trees = (_records(con, query) for query in (_CHAINS, _TREES))
        benchmarks = dict(con.execute("SELECT benchmark, count(*) FROM problems GROUP BY 1").fetchall())
    for row in policies:
        config = wanted.get((row["policy"], row["setting"]))
        row["left"] = None if config is None else _left(row, config, benchmarks)
    return {
        "store": str(store),
        "bytes": _size(store),
        "pending_parts": len(pending_parts(store)),
        "policies": policies,
        "chains": chains,
        "trees": trees,
    }


def _records(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    rows = con.execute(query)
    names = [column[0] for column in rows.description]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def _size(store: Path) -> int:
    """Bytes of the file, of its write-ahead log and of the parts beside it."""
    size = 0
    for file in (store, store.with_name(store.name + ".wal"), *parts_directory(store).glob("*")):
        with suppress(FileNotFoundError):  # another process may be taking parts in
            size += file.stat().st_size
    return size


def _left(row: dict[str, Any], config: dict[str, Any], benchmarks: dict[str, int]) -> dict[str, int]:
    # A stopped run has written all its problems first, so their number is known.
    n_problems = max(row["n_problems"], benchmarks.get(row["benchmark"], 0))
    n_wanted = max(row["n_samples"], n_problems * config["sampling"]["n_samples"])
    return {
        "samples": n_wanted - row["n_samples"],
        "scores": n_wanted - row["n_scored"] if config["prm"] else 0,
        "grades": n_wanted - row["n_graded"],
    }


_KEY = "policy, problem_id, setting, sample_index"
_QUERY = f"""
SELECT policy, setting, any_value(temperature) AS temperature, any_value(benchmark) AS benchmark,
       count(DISTINCT problem_id) AS n_problems, count(*) AS n_samples,
       count(*) FILTER (WHERE scored) AS n_scored, count(*) FILTER (WHERE graded) AS n_graded,
       count(*) FILTER (WHERE answered) AS n_answered, count(*) FILTER (WHERE finish_reason = 'length') AS n_cut,
       coalesce(sum(completion_tokens), 0)::BIGINT AS tokens,
       sum(completion_tokens) FILTER (WHERE elapsed_s > 0) / sum(elapsed_s) AS tokens_per_s
FROM samples
LEFT JOIN (SELECT {_KEY}, true AS scored FROM scores GROUP BY ALL) USING ({_KEY})
LEFT JOIN (
    SELECT {_KEY}, true AS graded, bool_or(answer IS NOT NULL) AS answered FROM grades GROUP BY ALL
) USING ({_KEY})
LEFT JOIN settings USING (setting)
LEFT JOIN problems USING (problem_id)
GROUP BY policy, setting ORDER BY policy, setting
"""
_CHAINS = """
SELECT policy, setting, count(DISTINCT problem_id) AS n_problems, count(DISTINCT (problem_id, chain)) AS n_chains,
       count(*) AS n_answers, count(*) FILTER (WHERE scored) AS n_scored, count(*) FILTER (WHERE graded) AS n_graded,
       coalesce(sum(completion_tokens), 0)::BIGINT AS tokens
FROM revisions
LEFT JOIN (SELECT policy, problem_id, setting, chain, position, true AS scored FROM revision_scores GROUP BY ALL)
    USING (policy, problem_id, setting, chain, position)
LEFT JOIN (SELECT policy, problem_id, setting, chain, position, true AS graded FROM revision_grades GROUP BY ALL)
    USING (policy, problem_id, setting, chain, position)
GROUP BY policy, setting ORDER BY policy, setting
"""
_TREES = """
SELECT policy, setting, count(DISTINCT problem_id) AS n_problems, count(*) AS n_nodes,
       count(*) FILTER (WHERE finish_reason IS NOT NULL) AS n_leaves,
       count(*) FILTER (WHERE scored) AS n_scored, count(*) FILTER (WHERE graded) AS n_graded,
       coalesce(sum(len(token_ids)), 0)::BIGINT AS tokens
FROM nodes
LEFT JOIN (SELECT policy, problem_id, setting, path, true AS scored FROM node_scores GROUP BY ALL)
    USING (policy, problem_id, setting, path)
LEFT JOIN (SELECT policy, problem_id, setting, path, true AS graded FROM node_grades GROUP BY ALL)
    USING (policy, problem_id, setting, path)
GROUP BY policy, setting ORDER BY policy, setting
"""
_LAST_CONFIG = """
SELECT policy, setting, arg_max(config, started_at) FROM runs
JOIN (SELECT DISTINCT policy, setting, run_id FROM samples) USING (run_id)
WHERE command = 'sample' GROUP BY 1, 2
"""
