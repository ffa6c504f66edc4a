"""What a store holds, policy by policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

from ttclib.setting_keys import differing_keys, value_at
from ttclib.store.cells import as_object, json_object
from ttclib.store.choosing import rank_of
from ttclib.store.connection import connect
from ttclib.store.credit import credits_in
from ttclib.store.foreign import foreign_in
from ttclib.store.memory import Range, problem_ranges
from ttclib.store.remote import is_file, is_remote
from ttclib.store.schema import parts_directory, pending_parts, readable_path


def store_status(path: str | Path, *, notify: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Count what a store holds and what its last run has left to do.

    Returns
    -------
    dict
        ``store``, ``bytes`` (file, its log and parts), ``pending_parts``, ``credits`` (a list of ``credit`` and
        ``license``, None: not stated), ``foreign`` (what the file holds that ttclib did not make: while there is
        any, it is not written to) and ``policies``: a list of
        ``policy``, ``setting``, ``keys`` (of the setting), ``differs`` (of these, what tells the policy's settings
        apart), ``temperature``, ``n_problems``, ``n_samples``, ``n_scored``,
        ``n_graded``, ``n_answered``, ``n_cut`` (ended by the token limit), ``tokens``
        (completion tokens), ``tokens_per_s`` (None: unknown) and ``left`` (samples, scores and
        grades that the last run asked for and that are not there; None: it was imported). Then
        ``counts`` (``n_problems``, ``n`` and ``c`` of a policy and setting), ``chains`` and ``trees``, one entry
        a policy and setting that has any, all with ``keys`` and ``differs``: ``n_problems``,
        ``n_chains`` and ``n_answers`` of revision chains, ``n_nodes`` and ``n_leaves`` of search
        trees (samples, which are part of the tree, not counted), ``n_scored``, ``n_graded``,
        ``tokens``.

    Raises
    ------
    RequestError
        No such store, or it is none.
    """
    store = readable_path(path)
    with connect(store, notify=notify) as con:
        ranges = problem_ranges(con.execute(_SIZES).fetchall())
        tables = [_sampled(con, ranges), *(_records(con, query) for query in (_COUNTS, _CHAINS, _TREES))]
        keys = {
            name: json_object(text, f"setting '{name}' in '{store}'")
            for name, text in con.execute("SELECT setting, keys FROM settings").fetchall()
        }
        credits = [vars(one) for one in credits_in(con)]
        foreign = list(foreign_in(con, store)) if is_file(store) else []
        last = {(policy, setting): row for policy, setting, *row in con.execute(_LAST_RUN).fetchall()}
        for row in tables[0]:
            row["left"] = _left(con, row, ranges, *last.get((row["policy"], row["setting"]), (None, None)))
    for rows in tables:
        _tell_settings_apart(rows, keys)
    for row in tables[0]:
        row["temperature"] = row["keys"].get("temperature")
    return {
        "store": str(store),
        "bytes": _size(store),
        "pending_parts": len(pending_parts(store)),
        "credits": credits,
        "foreign": foreign,
        **dict(zip(("policies", "counts", "chains", "trees"), tables, strict=True)),
    }


def _records(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    rows = con.execute(query, values)
    names = [column[0] for column in rows.description]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def _sampled(con: duckdb.DuckDBPyConnection, ranges: list[Range]) -> list[dict[str, Any]]:
    """What is held of each policy and setting, counted a range of problems at a time."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for first, last, _ in ranges:
        for row in _records(con, _SAMPLES, [first, last]):
            whole = found.setdefault((row["policy"], row["setting"]), dict.fromkeys(row, 0))
            whole |= {name: value if isinstance(value, str) else whole[name] + value for name, value in row.items()}
    for row in found.values():
        tokens, seconds = row.pop("timed_tokens"), row.pop("seconds")
        row["tokens_per_s"] = tokens / seconds if seconds else None
    return [found[key] for key in sorted(found)]


def _size(store: Path) -> int:
    """Bytes of the file, of its write-ahead log and of the parts beside it."""
    size = 0
    beside = [] if is_remote(store) else [store, store.with_name(store.name + ".wal")]
    for file in (*beside, *parts_directory(store).glob("*")):
        with suppress(FileNotFoundError):  # another process may be taking parts in
            size += file.stat().st_size
    return size


def _tell_settings_apart(rows: list[dict[str, Any]], keys: Mapping[str, dict[str, Any]]) -> None:
    """Give each row its setting's keys, and those that tell it from the policy's others."""
    for row in rows:
        row["keys"] = keys.get(row["setting"], {})
    for row in rows:
        names = differing_keys([other["keys"] for other in rows if other["policy"] == row["policy"]])
        row["differs"] = {name: value_at(row["keys"], name) for name in names}
    rows.sort(key=lambda row: (row["policy"], [rank_of(value) for value in row["differs"].values()]))


def _left(
    con: duckdb.DuckDBPyConnection,
    row: dict[str, Any],
    ranges: list[Range],
    text: str | None,
    asked: list[str] | None,
) -> dict[str, int] | None:
    """What of a run's samples, scores and grades is not there; None: nobody knows what was asked for."""
    if not text:
        return None
    config = as_object(text) or {}
    n_samples, verifier, limit = (
        _within(config, *place) for place in (("sampling", "n_samples"), ("prm", "name"), ("problems", "limit"))
    )
    if not isinstance(n_samples, int) or not isinstance(verifier, str | None) or not isinstance(limit, int | None):
        return None  # no configuration of ours
    key = [row["policy"], row["setting"]]
    if asked is None:  # by a run that did not say; at least as many as it drew, and their benchmark is theirs
        found = con.execute(_ASKED_OF_OLD, key).fetchall()
        asked = [name for (name,) in found][: None if limit is None else max(limit, row["n_problems"])]
    n_wanted = len(asked) * n_samples
    done = [con.execute(_DONE, [*key, asked, n_samples, verifier, *ends]).fetchall()[0] for *ends, _ in ranges]
    drawn, scored, graded = (sum(counts) for counts in zip(*done, strict=True))
    return {
        "samples": n_wanted - drawn,
        "scores": n_wanted - scored if verifier else 0,
        "grades": n_wanted - graded,
    }


def _within(config: Any, *place: str) -> Any:
    """A value within sections; None: it is not there."""
    for name in place:
        config = config.get(name) if isinstance(config, dict) else None
    return config


_KEY = "policy, problem_id, setting, sample_index"
_SAMPLES = f"""
SELECT policy, setting,
       count(DISTINCT problem_id) AS n_problems, count(*) AS n_samples,
       count(*) FILTER (WHERE scored) AS n_scored, count(*) FILTER (WHERE graded) AS n_graded,
       count(*) FILTER (WHERE answered) AS n_answered, count(*) FILTER (WHERE finish_reason = 'length') AS n_cut,
       coalesce(sum(completion_tokens), 0)::BIGINT AS tokens,
       coalesce(sum(completion_tokens) FILTER (WHERE elapsed_s > 0), 0)::BIGINT AS timed_tokens,
       coalesce(sum(elapsed_s), 0) AS seconds
FROM (SELECT * FROM samples WHERE problem_id BETWEEN $1 AND $2)
LEFT JOIN (SELECT {_KEY}, true AS scored FROM scores WHERE problem_id BETWEEN $1 AND $2 GROUP BY ALL) USING ({_KEY})
LEFT JOIN (
    SELECT {_KEY}, true AS graded, bool_or(answer IS NOT NULL) AS answered FROM grades
    WHERE problem_id BETWEEN $1 AND $2 GROUP BY ALL
) USING ({_KEY})
GROUP BY policy, setting
"""
_SIZES = "SELECT problem_id, count(*) FROM samples GROUP BY problem_id ORDER BY problem_id"
_COUNTS = """
SELECT policy, setting, count(*) AS n_problems, sum(n)::BIGINT AS n, sum(c)::BIGINT AS c
FROM counts GROUP BY policy, setting ORDER BY policy, setting
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
_LAST_RUN = """
SELECT policy, setting, arg_max(config, started_at), arg_max(problem_ids, started_at) FROM runs
JOIN (SELECT DISTINCT policy, setting, run_id FROM samples) USING (run_id)
WHERE command = 'sample' GROUP BY 1, 2
"""
# The problems of the benchmark, those with samples first.
_ASKED_OF_OLD = """
WITH own AS (SELECT DISTINCT problem_id FROM samples WHERE policy = $1 AND setting = $2)
SELECT problem_id FROM own UNION ALL
SELECT problem_id FROM problems ANTI JOIN own USING (problem_id)
WHERE benchmark IN (SELECT benchmark FROM problems SEMI JOIN own USING (problem_id))
"""
_DONE = f"""
SELECT count(*), count(*) FILTER (WHERE scored), count(*) FILTER (WHERE graded)
FROM (
    SELECT * FROM samples WHERE policy = $1 AND setting = $2 AND problem_id BETWEEN $6 AND $7
           AND problem_id IN (SELECT unnest($3)) AND sample_index < $4
)
LEFT JOIN (
    SELECT {_KEY}, true AS scored FROM scores WHERE verifier = $5 AND problem_id BETWEEN $6 AND $7 GROUP BY ALL
) USING ({_KEY})
LEFT JOIN (SELECT {_KEY}, true AS graded FROM grades WHERE problem_id BETWEEN $6 AND $7 GROUP BY ALL) USING ({_KEY})
"""
