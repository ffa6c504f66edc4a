"""What a store lacks: samples to draw, answers to score, judge or grade, with what it takes; what searches go on from.

All take an open connection (`ttclib.store.connect`) and give plain rows in a stable order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import duckdb

from ttclib.store.tables import SAMPLE_KEY, TABLES

Rows = list[tuple[Any, ...]]
GRADES_OF = {"samples": "grades", "revisions": "revision_grades"}
_SAMPLE = ", ".join(SAMPLE_KEY)
_OF = "(${0} IS NULL OR problem_id IN (SELECT unnest(${0}::VARCHAR[])))"


def _listed(names: Collection[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def known_problems(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str | None]]:
    """`benchmark`, `prompt` and `reference_answer` of every problem, by id."""
    names = ("benchmark", "prompt", "reference_answer")
    rows = con.execute(f"SELECT problem_id, {', '.join(names)} FROM problems").fetchall()
    return {problem_id: dict(zip(names, own, strict=True)) for problem_id, *own in rows}


def holds_samples(con: duckdb.DuckDBPyConnection, policy: str, setting: str) -> bool:
    """Whether there is any sample of a pool."""
    query = "SELECT 1 FROM samples WHERE policy = $1 AND setting = $2 LIMIT 1"
    return bool(con.execute(query, [policy, setting]).fetchall())


def count_samples(con: duckdb.DuckDBPyConnection, policy: str, setting: str) -> int:
    """Samples of a pool."""
    query = "SELECT count(*) FROM samples WHERE policy = $1 AND setting = $2"
    return int(con.execute(query, [policy, setting]).fetchall()[0][0])


def drawn_samples(
    con: duckdb.DuckDBPyConnection, policy: str, setting: str, of: Collection[str] | None = None
) -> set[tuple[str, int]]:
    """Problem and index of every sample of a pool; of these problems alone, if any are named."""
    query = f"SELECT problem_id, sample_index FROM samples WHERE policy = $1 AND setting = $2 AND {_OF.format(3)}"
    return set(con.execute(query, [policy, setting, _listed(of)]).fetchall())


def read_already(
    con: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[str],
    policy: str,
    setting: str,
    verifier: str,
    of: Collection[str],
) -> set[tuple[Any, ...]]:
    """Columns of what a verifier has read of some problems, from one of the tables of scores."""
    query = f"""SELECT {", ".join(columns)} FROM {table}
                WHERE policy = $1 AND setting = $2 AND verifier = $3 AND {_OF.format(4)}"""
    return set(con.execute(query, [policy, setting, verifier, _listed(of)]).fetchall())


def n_drawn(con: duckdb.DuckDBPyConnection) -> int:
    """Samples and problems' counts that a store holds."""
    query = "SELECT (SELECT count(*) FROM samples) + (SELECT count(*) FROM counts)"
    return int(con.execute(query).fetchall()[0][0])


def drawn_answers(
    con: duckdb.DuckDBPyConnection, policy: str, setting: str, n_context: int, of: Collection[str] | None = None
) -> Rows:
    """Answers of revision chains: problem, chain, position, token ids; ids alone of those that the next will see."""
    return con.execute(
        f"""WITH own AS (
               SELECT problem_id, chain, position, completion_ids,
                      row_number() OVER (PARTITION BY problem_id, chain ORDER BY position) - 1 AS rank
               FROM revisions WHERE policy = $1 AND setting = $2 AND {_OF.format(4)}
           )
           SELECT problem_id, chain, position, CASE WHEN position >= n_whole - $3 THEN completion_ids END
           FROM own JOIN (
               SELECT problem_id, chain, count(*) FILTER (WHERE rank = position) AS n_whole FROM own GROUP BY ALL
           ) USING (problem_id, chain)""",
        [policy, setting, n_context, _listed(of)],
    ).fetchall()


def unscored_samples(con: duckdb.DuckDBPyConnection, policy: str, setting: str, verifier: str) -> Rows:
    """Samples that a verifier has not read, short prompts first: problem, index, prompt, completion."""
    return con.execute(
        f"""SELECT problem_id, sample_index, prompt, completion
            FROM (SELECT * FROM samples WHERE policy = $1 AND setting = $2) LEFT JOIN problems USING (problem_id)
            ANTI JOIN (SELECT * FROM scores WHERE verifier = $3) USING ({_SAMPLE})
            ORDER BY length(prompt), problem_id, sample_index""",
        [policy, setting, verifier],
    ).fetchall()


def unscored_answers(con: duckdb.DuckDBPyConnection, policy: str, setting: str, verifier: str, n_context: int) -> Rows:
    """Answers of chains that a verifier has not read: problem, chain, position, prompt, texts seen, completion.

    The texts seen are the answer's own and those of up to `n_context` before it.
    """
    return con.execute(
        f"""SELECT problem_id, chain, position, prompt, seen, completion FROM (
                SELECT *, list(completion) OVER (
                    PARTITION BY problem_id, chain ORDER BY position
                    ROWS BETWEEN {int(n_context)} PRECEDING AND CURRENT ROW
                ) AS seen
                FROM revisions WHERE policy = $1 AND setting = $2 AND completion IS NOT NULL
            ) JOIN problems USING (problem_id)
            ANTI JOIN (SELECT * FROM revision_scores WHERE verifier = $3)
                USING (policy, problem_id, setting, chain, position)
            WHERE prompt IS NOT NULL ORDER BY length(prompt), problem_id, chain, position""",
        [policy, setting, verifier],
    ).fetchall()


def readings_made(con: duckdb.DuckDBPyConnection, policy: str, setting: str, verifier: str) -> Rows:
    """Samples with a text and the readings that a judge has made: problem, index, prompt, completion, numbers."""
    return con.execute(
        f"""SELECT problem_id, sample_index, prompt, completion, readings
            FROM (SELECT * FROM samples WHERE policy = $1 AND setting = $2) JOIN problems USING (problem_id)
            LEFT JOIN (
                SELECT {_SAMPLE}, list(reading) AS readings FROM scores WHERE verifier = $3 GROUP BY ALL
            ) USING ({_SAMPLE})
            WHERE prompt IS NOT NULL AND completion IS NOT NULL
            ORDER BY problem_id, sample_index""",
        [policy, setting, verifier],
    ).fetchall()


def ungraded(
    con: duckdb.DuckDBPyConnection, kind: str, grader: str, *, again: bool = False, of: str | None = None
) -> Rows:
    """Answers that a grader has not graded and that came with no grade; all answers if `again`.

    Parameters
    ----------
    kind : {"samples", "revisions"}
    of : str, optional
        A problem; by default all.

    Returns
    -------
    list of tuple
        The table's key, then completion, stated answer, given grade, reference answer, prompt, metadata. An answer
        that an import stated was never in a completion: it is taken from the grades that hold it.
    """
    key = ", ".join(TABLES[kind])
    return con.execute(
        f"""SELECT {key}, completion, CASE WHEN command = 'import' THEN stated END, given, reference_answer, prompt,
                   metadata
            FROM {kind} LEFT JOIN problems USING (problem_id) LEFT JOIN runs USING (run_id)
            LEFT JOIN (
                SELECT {key}, list(grader) AS came, bool_or(correct) FILTER (WHERE grader = 'given') AS given,
                       first(answer ORDER BY grader <> 'given', grader DESC) FILTER (WHERE answer IS NOT NULL) AS stated
                FROM {GRADES_OF[kind]} GROUP BY ALL
            ) USING ({key})
            WHERE (completion IS NOT NULL OR stated IS NOT NULL)
                  AND ($2 OR came IS NULL OR NOT list_has_any(came, ['given', $1]))
                  AND ($3 IS NULL OR problem_id = $3)
            ORDER BY problem_id, {key}""",
        [grader, again, of],
    ).fetchall()


def ungraded_leaves(con: duckdb.DuckDBPyConnection, grader: str, *, again: bool = False, of: str | None = None) -> Rows:
    """Leaves of searches that a grader has not graded: problem, policy, setting, path, reference, prompt, metadata."""
    return con.execute(
        """SELECT problem_id, policy, setting, path, reference_answer, prompt, metadata
           FROM nodes LEFT JOIN problems USING (problem_id)
           ANTI JOIN (SELECT * FROM node_grades WHERE grader = $1 AND NOT $2) USING (policy, problem_id, setting, path)
           WHERE finish_reason IS NOT NULL AND ($3 IS NULL OR problem_id = $3) ORDER BY ALL""",
        [grader, again, of],
    ).fetchall()


_NODE = "policy, problem_id, setting, path"
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
