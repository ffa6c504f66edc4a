"""The steps of the sample tree as rows, for what builds on them: a search that goes on, a grader that joins them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import duckdb

from ttclib.store.remaining import Rows
from ttclib.store.tables import SAMPLE_KEY

_NODE = "policy, problem_id, setting, path"
_SAMPLE = ", ".join(SAMPLE_KEY)
_ASKED = "policy = $1 AND setting = $2 AND problem_id IN (SELECT unnest($4::VARCHAR[]))"


class StepRows(NamedTuple):
    """What a store holds of some problems' trees."""

    nodes: Rows  # problem_id, path, token_ids, text, finish_reason, is_read, step_score, prm_tokens
    # problem_id, sample_index, completion_ids, step_tokens, completion, finish_reason, is_read, step_scores,
    # prm_tokens, prompt_tokens
    samples: Rows
    read_of_pool: Rows  # problem_id, path, step_score, prm_tokens of the samples' own steps that were scored one by one


def step_rows(
    con: duckdb.DuckDBPyConnection,
    policy: str,
    setting: str,
    verifier: str | None,
    problem_ids: Sequence[str],
    n_first: int,
) -> StepRows:
    """Steps of some problems' trees with a verifier's scores, the pool's first `n_first` samples among them."""
    key: list[Any] = [policy, setting, verifier, list(problem_ids)]
    nodes = con.execute(
        f"""SELECT problem_id, path, token_ids, text, finish_reason, is_read, step_score, prm_tokens
            FROM nodes LEFT JOIN (
                SELECT {_NODE}, step_score, prm_tokens, true AS is_read FROM node_scores WHERE verifier = $3
            ) USING ({_NODE}) WHERE {_ASKED}""",
        key,
    ).fetchall()
    samples = con.execute(
        f"""SELECT problem_id, sample_index, completion_ids, step_tokens, completion, finish_reason, is_read,
                   step_scores, prm_tokens, prompt_tokens
            FROM samples LEFT JOIN (
                SELECT {_SAMPLE}, step_scores, prm_tokens, true AS is_read FROM scores WHERE verifier = $3
            ) USING ({_SAMPLE}) WHERE {_ASKED} AND sample_index < $5 ORDER BY problem_id, sample_index""",
        [*key, n_first],
    ).fetchall()
    read_of_pool = con.execute(
        f"""SELECT problem_id, path, step_score, prm_tokens
            FROM node_scores ANTI JOIN nodes USING ({_NODE}) WHERE {_ASKED} AND verifier = $3""",
        key,
    ).fetchall()
    return StepRows(nodes, samples, read_of_pool)


def node_texts(con: duckdb.DuckDBPyConnection) -> Rows:
    """Text of every node: problem_id, policy, setting, path, text."""
    return con.execute("SELECT problem_id, policy, setting, path, text FROM nodes").fetchall()


def texts_of_searched_samples(con: duckdb.DuckDBPyConnection) -> Rows:
    """Samples that searches built on: problem_id, policy, setting, sample_index, completion, its step delimiter."""
    return con.execute(
        """SELECT problem_id, policy, setting, sample_index, completion, keys ->> 'step_delimiter'
           FROM samples LEFT JOIN settings USING (setting)
           SEMI JOIN nodes USING (policy, problem_id, setting) WHERE completion IS NOT NULL"""
    ).fetchall()
