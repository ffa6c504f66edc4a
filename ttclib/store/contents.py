"""What a store can be asked: which policies, benchmarks, settings, verifiers, trees and chains it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from ttclib.samples import Setting
from ttclib.store.cells import json_object
from ttclib.store.connection import connect
from ttclib.store.kept import Kept, store_state
from ttclib.store.pool import GRADES_READ


@dataclass(frozen=True)
class PolicyContents:
    """What a store holds of one model, on one benchmark, under one setting."""

    policy: str
    n_parameters: int | None  # None: unknown
    benchmark: str | None  # None: the store does not know which
    setting: Setting
    n_problems: int  # with samples or counts of them; of a setting of chains alone, with chains
    n_samples: int = 0
    n_counted: int = 0  # samples that the store knows nothing of but how many are right
    n_graded: int = 0  # samples with a grade of right or wrong
    # kind (`prm`, `orm`, `judge`, `confidence`) of each verifier that scored its samples, the one with the most scores
    # first
    verifier_kinds: Mapping[str, str] = field(default_factory=dict)
    n_nodes: int = 0  # steps of its sample tree beyond the samples
    n_revisions: int = 0  # answers in its revision chains

    @property
    def verifiers(self) -> tuple[str, ...]:
        """Names of the verifiers that scored its samples, the one with the most scores first."""
        return tuple(self.verifier_kinds)


def contents(path: str | Path, *, notify: Callable[[str], None] = lambda text: None) -> list[PolicyContents]:
    """What a store holds, by model, benchmark and setting: those with samples first, the smallest model first.

    Raises
    ------
    RequestError
        No such store, or it is none.
    """
    store = Path(path)
    return list(_CONTENTS.get(store.absolute(), store_state(store), lambda: tuple(_read(path, notify))))


_CONTENTS: Kept[tuple[PolicyContents, ...]] = Kept(lambda found: 1000 * len(found), largest=32)


def _read(path: str | Path, notify: Callable[[str], None]) -> list[PolicyContents]:
    with connect(path, notify=notify) as con:
        rows = con.execute(_QUERY).fetchall()
        kinds: dict[tuple[str, str | None, str], dict[str, str]] = {}
        for *key, verifier, kind in con.execute(_KINDS).fetchall():
            kinds.setdefault((key[0], key[1], key[2]), {})[verifier] = kind
    return [
        PolicyContents(
            policy,
            parameters,
            benchmark,
            Setting(name, json_object(keys, f"setting '{name}' in '{path}'")),
            n_problems,
            n_samples,
            n_counted,
            n_graded,
            kinds.get((policy, benchmark, name), {}),
            n_nodes=beyond[0],
            n_revisions=beyond[1],
        )
        for policy, parameters, benchmark, name, keys, n_problems, n_samples, n_counted, n_graded, *beyond in rows
    ]


_QUERY = """
WITH of AS (SELECT problem_id, benchmark FROM problems),
all_rows AS (
    SELECT policy, setting, problem_id, count(*) AS n_samples, 0 AS n_counted, 0 AS n_graded, 0 AS n_nodes,
           0 AS n_revisions
    FROM samples GROUP BY ALL
    UNION ALL SELECT policy, setting, problem_id, 0, sum(n), 0, 0, 0 FROM counts GROUP BY ALL
    UNION ALL SELECT policy, setting, problem_id, 0, 0, count(DISTINCT sample_index), 0, 0
              FROM grades WHERE correct IS NOT NULL GROUP BY ALL
    UNION ALL SELECT policy, setting, problem_id, 0, 0, 0, count(*), 0 FROM nodes GROUP BY ALL
    UNION ALL SELECT policy, setting, problem_id, 0, 0, 0, 0, count(*) FROM revisions GROUP BY ALL
), summed AS (
    SELECT policy, benchmark, setting, problem_id, sum(n_samples) AS n_samples, sum(n_counted) AS n_counted,
           sum(n_graded) AS n_graded, sum(n_nodes) AS n_nodes, sum(n_revisions) AS n_revisions
    FROM all_rows LEFT JOIN of USING (problem_id) GROUP BY ALL
)
SELECT policy, any_value(n_parameters), benchmark, setting, any_value(keys),
       count(*) FILTER (WHERE n_samples + n_counted + n_revisions > 0), sum(n_samples)::BIGINT,
       sum(n_counted)::BIGINT, sum(n_graded)::BIGINT, sum(n_nodes)::BIGINT, sum(n_revisions)::BIGINT
FROM summed LEFT JOIN (SELECT model AS policy, n_parameters FROM models) USING (policy)
LEFT JOIN settings USING (setting)
GROUP BY policy, benchmark, setting HAVING sum(n_samples + n_counted + n_nodes + n_revisions) > 0
ORDER BY sum(n_samples + n_counted) = 0, any_value(n_parameters) NULLS LAST, policy, benchmark NULLS LAST,
         sum(n_samples + n_counted) DESC, setting
"""
_KINDS = """
SELECT policy, benchmark, setting, verifier,
       coalesce(any_value(kind), CASE WHEN max(len(step_scores)) > 1 THEN 'prm' ELSE 'orm' END)
FROM scores LEFT JOIN (SELECT problem_id, benchmark FROM problems) USING (problem_id)
LEFT JOIN (SELECT model AS verifier, kind FROM models) USING (verifier)
GROUP BY policy, benchmark, setting, verifier ORDER BY count(*) DESC, verifier
"""


_SAMPLES = f"""
SELECT policy, problem_id, setting, sample_index, completion, completion_tokens, logprob, answer, answer_class, correct,
       coalesce(grader = 'given', false) AS given
FROM samples LEFT JOIN ({GRADES_READ}) USING (policy, problem_id, setting, sample_index)
"""


def samples_frame(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every sample with the grade that is read, and whether that came with it (`given`)."""
    return con.sql(_SAMPLES).pl()


def problems_frame(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every problem: `problem_id`, `benchmark`, `prompt`, `reference_answer`."""
    return con.sql("SELECT problem_id, benchmark, prompt, reference_answer FROM problems").pl()


def counts_frame(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every problem that is known by its counts alone: `policy`, `setting`, `benchmark`, `n`, `c`."""
    return con.sql("SELECT policy, setting, benchmark, n, c FROM counts LEFT JOIN problems USING (problem_id)").pl()
