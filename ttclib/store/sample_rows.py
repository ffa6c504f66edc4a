"""Every sample, or count, of a store as a row with all that is known of it: what an export writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from ttclib.errors import RequestError, one_of
from ttclib.samples import LOGPROB
from ttclib.setting_keys import matches
from ttclib.store.cells import json_object, lists_of_halves
from ttclib.store.choosing import policies
from ttclib.store.connection import connect
from ttclib.store.pool import AGGREGATE, GRADES_READ
from ttclib.store.tables import SAMPLE_KEY

Connection = duckdb.DuckDBPyConnection  # an open store, for those who pass it on
_ROWS = 10_000
TOKENS = ("token_logprobs", "token_entropies", "token_top20", "prompt_hidden")  # kept as half floats
# What the policy tells of a question before it is sampled: on the first of a problem's chosen samples.
FEATURES = ("prompt_hidden", "prompt_layer", "greedy", "greedy_tokens", "greedy_logprob")
# What a row has only where the store knows it of some sample.
MORE = (
    "benchmark", "setting", "reasoning", "reasoning_tokens", "logprob", "elapsed_s", "finish_reason", "completion_ids",
    "step_tokens", "step_logprobs", *TOKENS[:3], "readings", *FEATURES,
)  # fmt: skip


@dataclass(frozen=True)
class Selection:
    """Which of a store's samples are meant."""

    # policy, benchmark: None: all
    policy: str | None = None
    benchmark: str | None = None
    setting: Mapping[str, Any] | None = None  # keys that must all hold, as in `ttclib.store.load_pool`
    # whose scores stand as `step_scores` and `score`; None: the one with the most. `logprob` is the policy's own.
    verifier: str | None = None
    aggregation: str = "last"  # of step scores to `score`


def chosen_verifier(con: Connection, path: Path, wanted: str | None) -> str | None:
    """The verifier that is meant: the named one, or the one with the most scores; None: nobody scored.

    Raises
    ------
    RequestError
        None goes by this name.
    """
    found = con.execute("SELECT verifier FROM scores GROUP BY 1 ORDER BY count(*) DESC, 1").fetchall()
    names = [name for (name,) in found]
    if wanted is None:
        return names[0] if names else None
    return one_of(wanted, [*names, LOGPROB], f"verifier of '{path}'")


def select(con: Connection, path: Path, wanted: Selection) -> tuple[int, int]:
    """Note which samples are meant, for `sample_batches` and `count_rows`; how many samples, and counts, these are.

    Raises
    ------
    RequestError
        No such policy, benchmark or setting, or nothing for which all holds.
    """
    if wanted.policy is not None:
        one_of(wanted.policy, policies(con), "policy")
    if wanted.benchmark is not None:
        known = con.execute("SELECT DISTINCT benchmark FROM problems WHERE benchmark IS NOT NULL ORDER BY 1").fetchall()
        one_of(wanted.benchmark, [name for (name,) in known], "benchmark")
    keys = {
        name: json_object(text, f"setting '{name}' in '{path}'")
        for name, text in con.execute("SELECT setting, keys FROM settings").fetchall()
    }
    for table in ("samples", "counts"):
        found = con.execute(f"SELECT DISTINCT setting FROM {table}").fetchall()
        settings = [name for (name,) in found if matches(keys.get(name, {}), wanted.setting or {})]
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE chosen_{table} AS SELECT {", ".join(_KEYS[table])} FROM {table}
            LEFT JOIN (SELECT problem_id, benchmark FROM problems) USING (problem_id)
            WHERE ($1 IS NULL OR policy = $1) AND ($2 IS NULL OR benchmark = $2) AND list_contains($3, setting)""",
            [wanted.policy, wanted.benchmark, settings],
        )
    n_samples, n_counts = (
        int(con.execute(f"SELECT count(*) FROM chosen_{table}").fetchall()[0][0]) for table in ("samples", "counts")
    )
    if not n_samples and not n_counts:
        asked = {"policy": wanted.policy, "benchmark": wanted.benchmark, "setting": wanted.setting}
        said = ", ".join(f"{name} {value}" for name, value in asked.items() if value)
        raise RequestError(f"'{path}' holds no sample{' of ' + said if said else ''}: there is nothing to export")
    return n_samples, n_counts


_KEYS: dict[str, Sequence[str]] = {"samples": SAMPLE_KEY, "counts": ("policy", "problem_id", "setting")}


def known_columns(con: Connection, verifier: str | None) -> list[str]:
    """Of `MORE` the columns of which something is known, after `select`; `verifier` as `chosen_verifier` gives it."""
    counted = ", ".join(f"count({name}) > 0" for name in MORE)
    query = f"SELECT {counted} FROM ({_rows('last', False)})"
    found = con.execute(query, [verifier]).fetchall()[0]
    return [name for name, known in zip(MORE, found, strict=True) if known]


def sample_batches(
    con: Connection, columns: Sequence[str], verifier: str | None, *, aggregation: str = "last"
) -> Iterator[pa.RecordBatch]:
    """The chosen samples in order of policy, problem, setting and index, ten thousand at a time.

    Parameters
    ----------
    con : Connection
        After `select`.
    columns : sequence of str
        In this order; those of the tables, ``setting`` (its keys as JSON, null: none), ``readings`` and ``score``.
    verifier : str or None
        As `chosen_verifier` gives it.
    aggregation : {"last", "min", "prod", "mean"}

    Yields
    ------
    pyarrow.RecordBatch
        Numbers a token are lists of float32.
    """
    one_of(aggregation, AGGREGATE, "aggregation")
    query = f"SELECT {', '.join(columns)} FROM ({_rows(aggregation, verifier == LOGPROB)}) ORDER BY {', '.join(_ORDER)}"
    for batch in con.sql(query, params=[verifier]).to_arrow_reader(_ROWS):
        arrays = [
            lists_of_halves(column) if name in TOKENS else column
            for name, column in zip(columns, batch.columns, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, names=list(columns))


def count_batches(con: Connection, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The chosen counts: of ``problem_id, benchmark, policy, setting, difficulty, n, c`` those asked for."""
    yield from con.sql(f"SELECT {', '.join(columns)} FROM ({_COUNTS})").to_arrow_reader(_ROWS)


_ORDER = ("policy", "problem_id", "setting_name", "sample_index")


def _readings(aggregation: str) -> str:
    """SQL of a sample's readings, where `step_scores` does not say it all, and of the score that selects."""
    return f"""
SELECT policy, problem_id, setting, sample_index,
       CASE WHEN $1 IS DISTINCT FROM 'prm' OR count(*) > 1 OR max(verifier) <> 'prm' OR max(reading) > 0
                 OR count(step_scores) = 0 OR count(prm_tokens) + count(generated_tokens) + count(said) > 0
            THEN list({{'verifier': verifier, 'reading': reading, 'step_scores': step_scores, 'said': said,
                        'prm_tokens': prm_tokens, 'generated_tokens': generated_tokens}} ORDER BY verifier, reading)
       END AS readings,
       avg({AGGREGATE[aggregation]}) FILTER (WHERE verifier = $1) AS verifier_score
FROM scores SEMI JOIN chosen_samples USING (policy, problem_id, setting, sample_index) GROUP BY ALL
"""


def _rows(aggregation: str, by_logprob: bool) -> str:
    """SQL of the chosen samples; ``setting_name`` tells settings apart where their keys are not known."""
    score = "logprob / nullif(completion_tokens, 0)" if by_logprob else "verifier_score"
    return f"""
SELECT * EXCLUDE (setting, keys), nullif(keys, '{{}}') AS setting, setting AS setting_name, {score} AS score
FROM samples
SEMI JOIN chosen_samples USING (policy, problem_id, setting, sample_index)
LEFT JOIN (SELECT problem_id, benchmark, prompt, reference_answer FROM problems) USING (problem_id)
LEFT JOIN (SELECT setting, keys FROM settings) USING (setting)
LEFT JOIN (SELECT policy, problem_id, setting, sample_index, step_scores FROM scores
           WHERE verifier = $1 AND reading = 0) USING (policy, problem_id, setting, sample_index)
LEFT JOIN ({_readings(aggregation)}) USING (policy, problem_id, setting, sample_index)
LEFT JOIN (SELECT policy, problem_id, setting, sample_index, answer, correct FROM ({GRADES_READ}))
    USING (policy, problem_id, setting, sample_index)
LEFT JOIN ({_FEATURES}) USING (policy, problem_id, setting, sample_index)
"""


_FEATURES = """
SELECT policy, problem_id, setting, sample_index, any_value(hidden) AS prompt_hidden, any_value(layer) AS prompt_layer,
       any_value(completion) AS greedy, any_value(completion_tokens) AS greedy_tokens,
       any_value(logprob) AS greedy_logprob
FROM features
JOIN (SELECT policy, problem_id, setting, min(sample_index) AS sample_index FROM chosen_samples GROUP BY ALL)
    USING (policy, problem_id, setting)
GROUP BY ALL
"""
_COUNTS = """
SELECT problem_id, benchmark, policy, nullif(keys, '{}') AS setting, metadata ->> 'difficulty' AS difficulty, n, c
FROM counts SEMI JOIN chosen_counts USING (policy, problem_id, setting)
LEFT JOIN (SELECT problem_id, benchmark, metadata FROM problems) USING (problem_id)
LEFT JOIN settings USING (setting)
WHERE n IS NOT NULL AND c IS NOT NULL
ORDER BY policy, problem_id, setting
"""


def samples_held(path: Path, names: Sequence[str]) -> pl.DataFrame:
    """The samples of some policies, to tell whether others are the same.

    Returns
    -------
    polars.DataFrame
        ``policy, problem_id, setting, run_id, sample_index, text``; the text is the MD5 of the completion.
    """
    with connect(path) as con:
        return pl.from_arrow(con.sql(_HELD, params=[list(names)]).to_arrow_table())  # type: ignore[return-value]


def totals(con: Connection) -> list[dict[str, Any]]:
    """What was chosen, by table, policy, benchmark and setting.

    Returns
    -------
    list of dict
        ``table``, ``policy``, ``benchmark``, ``setting`` (JSON or None), ``numbers`` (problems, samples, graded and
        right ones) and ``verifiers`` (names, or None).
    """
    rows = con.execute(_TOTALS).fetchall()
    names = ("table", "policy", "benchmark", "setting", "verifiers")
    return [{**dict(zip(names, row[:5], strict=True)), "numbers": list(row[5:])} for row in rows]


def runs_of(con: Connection) -> list[dict[str, Any]]:
    """How the chosen samples came to the store, the earliest first: ``command``, ``file`` (imported), ``day``."""
    rows = con.execute(_RUNS).fetchall()
    return [dict(zip(("command", "file", "day"), row, strict=True)) for row in rows]


_HELD = """
SELECT policy, problem_id, setting, run_id, sample_index::BIGINT AS sample_index, md5(completion) AS text
FROM samples WHERE list_contains($1, policy)
"""
_TOTALS = f"""
SELECT 'samples', policy, benchmark, nullif(keys, '{{}}'), verifiers, count(DISTINCT problem_id), count(*),
       count(correct), count(*) FILTER (WHERE correct)
FROM chosen_samples
LEFT JOIN (SELECT problem_id, benchmark FROM problems) USING (problem_id)
LEFT JOIN settings USING (setting)
LEFT JOIN (SELECT policy, setting, list(DISTINCT verifier ORDER BY verifier) AS verifiers FROM scores GROUP BY ALL)
    USING (policy, setting)
LEFT JOIN (SELECT policy, problem_id, setting, sample_index, correct FROM ({GRADES_READ}))
    USING (policy, problem_id, setting, sample_index)
GROUP BY ALL
UNION ALL
SELECT 'counts', policy, benchmark, nullif(keys, '{{}}'), NULL, count(*), sum(n)::BIGINT, sum(n)::BIGINT,
       sum(c)::BIGINT
FROM counts SEMI JOIN chosen_counts USING (policy, problem_id, setting)
LEFT JOIN (SELECT problem_id, benchmark FROM problems) USING (problem_id)
LEFT JOIN settings USING (setting)
GROUP BY ALL
ORDER BY 1 DESC, 2, 3, 4
"""
_RUNS = """
SELECT command, CASE WHEN json_valid(config) THEN config ->> 'file' END, strftime(min(started_at), '%Y-%m-%d') FROM runs
WHERE run_id IN (SELECT run_id FROM samples SEMI JOIN chosen_samples USING (policy, problem_id, setting, sample_index)
                 UNION SELECT run_id FROM counts SEMI JOIN chosen_counts USING (policy, problem_id, setting))
GROUP BY 1, 2 ORDER BY min(started_at), 1, 2
"""
