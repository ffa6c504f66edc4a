"""Reading the sample tree: the pool's steps and the steps that searches drew, as one tree a problem.

Step t of sample i is node ``i.0.….0`` (t zeros) and lies in `samples`; every other step lies in
`nodes`. A first step that a search drew before the pool had grown so far stays what its children
hang on: a sample of that index gives no nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import numpy as np

from ttclib.errors import RequestError, TTCError
from ttclib.samples import Setting, Tree
from ttclib.store.connection import connect
from ttclib.store.models import read_model
from ttclib.store.pool import GRADES_READ
from ttclib.store.tree_table import put_together


def load_tree(
    path: str | Path,
    *,
    policy: str,
    setting: Setting,
    verifier: str,
    problem_ids: Sequence[str] | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Tree:
    """Read the trees of a policy; the file is closed again at once.

    Parameters
    ----------
    setting : Setting
        As `ttclib.store.load_pool` chose it.
    verifier : str
        Whose scores the steps carry; of several readings their mean.
    problem_ids : sequence of str, optional
        Only of these problems; None: of all.

    Returns
    -------
    Tree
        Of the problems that have samples or nodes, in order of their ids.

    Raises
    ------
    RequestError
        No PRM has read the samples, or they have no steps (they were imported without).
    TTCError
        A node hangs on nothing or on a leaf, or a sample's scores are not one a step.
    """
    key = [policy, setting.name, verifier]
    with connect(path, notify=notify) as con:
        _check(con, str(path), policy, setting.name, verifier)
        con.execute(_NUMBERED, [policy, setting.name, None if problem_ids is None else list(problem_ids)])
        numbered = con.execute("SELECT problem_id, tokens_of_prompt FROM numbered ORDER BY number").fetchall()
        pool = con.sql(_POOL, params=key).pl()
        (several,) = con.execute(_SEVERAL_READINGS, key).fetchall()[0]
        try:
            drawn = con.sql(_DRAWN.format(readings=_MEAN_READING if several else _ONLY_READING), params=key).pl()
        except duckdb.ConversionException as error:
            raise TTCError(
                f"'{path}' holds a node whose path is not numbers joined by dots: remove it "
                f"({str(error).splitlines()[0]})"
            ) from error
        policy_model, verifier_model = read_model(con, policy), read_model(con, verifier)
    if not numbered:
        raise RequestError(f"'{path}' holds no steps of policy '{policy}': {_REMEDY}")
    problem_ids = [str(name) for name, _ in numbered]
    return Tree(
        store=str(path),
        policy=policy,
        setting=setting,
        verifier=verifier,
        problem_ids=problem_ids,
        places=np.arange(len(problem_ids)),
        steps=put_together(pool, drawn, [tokens or 0 for _, tokens in numbered], problem_ids, str(path)),
        policy_model=policy_model,
        verifier_model=verifier_model,
    )


_PATH = r"(\d{1,9}|g)(\.(\d{1,9}|g))*"  # what would be cast to a number is more: ' 1', '-1', '1e3'
_REMEDY = "a search needs their tokens step by step, which `ttc sample` keeps and an import has not"

# The step scores of each sample, of several readings their means; NULL where readings tell of different steps.
MEAN_SCORES = """
    SELECT problem_id, sample_index, sum(prm_tokens)::BIGINT AS prm_tokens,
           CASE WHEN count(*) = 1 THEN any_value(step_scores)
                WHEN min(len(step_scores)) = max(len(step_scores)) THEN list_transform(
                    range(1, max(len(step_scores)) + 1),
                    lambda i: list_avg(list_transform(list(step_scores), lambda scores: scores[i]))
                ) END AS step_scores
    FROM scores WHERE policy = $1 AND setting = $2 AND verifier = $3 GROUP BY problem_id, sample_index
"""

# Problems that have steps, in order of their ids.
_NUMBERED = """
CREATE OR REPLACE TEMP TABLE numbered AS
WITH lengths AS (
    SELECT problem_id, max(prompt_tokens) AS prompt_tokens, max(len(step_tokens)) AS n_steps
    FROM samples WHERE policy = $1 AND setting = $2 GROUP BY problem_id
), own AS (SELECT DISTINCT problem_id FROM nodes WHERE policy = $1 AND setting = $2)
SELECT problem_id, prompt_tokens AS tokens_of_prompt, (row_number() OVER (ORDER BY problem_id) - 1)::INTEGER AS number
FROM lengths FULL JOIN own USING (problem_id)
WHERE (n_steps > 0 OR problem_id IN (FROM own))
    AND ($3::VARCHAR[] IS NULL OR list_contains($3::VARCHAR[], problem_id))
"""

# Samples, one a row. One whose first step a search drew on its own gives no steps.
_POOL = f"""
WITH own AS (
    SELECT problem_id, path FROM nodes WHERE policy = $1 AND setting = $2 AND NOT contains(path, '.')
), read_samples AS (
    SELECT problem_id, sample_index, step_scores, prm_tokens, true AS is_read FROM ({MEAN_SCORES})
), grades_read AS (
    SELECT problem_id, sample_index, answer_class, correct, true AS is_graded FROM ({GRADES_READ})
    WHERE policy = $1 AND setting = $2
)
SELECT number AS problem, sample_index, step_tokens, prompt_tokens, completion_tokens,
       coalesce(is_read, false) AS is_read, step_scores IS NOT NULL AS has_scores, step_scores,
       read_samples.prm_tokens AS prm_tokens,
       coalesce(is_graded, false) AS is_graded, answer_class, correct::DOUBLE AS correct
FROM (SELECT * FROM samples WHERE policy = $1 AND setting = $2 AND len(step_tokens) > 0) AS pool
JOIN numbered USING (problem_id)
LEFT JOIN read_samples USING (problem_id, sample_index) LEFT JOIN grades_read USING (problem_id, sample_index)
WHERE (problem_id, sample_index::VARCHAR) NOT IN (SELECT (problem_id, path) FROM own)
ORDER BY number, sample_index
"""

_READINGS = "FROM node_scores WHERE policy = $1 AND setting = $2 AND verifier = $3"
_SEVERAL_READINGS = f"SELECT count(*) > 0 {_READINGS} AND reading > 0"
_ONLY_READING = f"SELECT problem_id, path, step_score AS score, prm_tokens {_READINGS}"  # a good part quicker
_MEAN_READING = f"""
    SELECT problem_id, path, avg(step_score) AS score, sum(prm_tokens)::BIGINT AS prm_tokens {_READINGS}
    GROUP BY problem_id, path
"""

# What searches drew, and what they had the verifier read of the pool's steps, which have no `id`. `above` is the drawn
# step before; where there is none, `steps` is the whole path. A greedy step is −1.
_DRAWN = f"""
WITH own AS MATERIALIZED (
    SELECT row_number() OVER () - 1 AS id, number, path, len(token_ids)::INTEGER AS n_tokens,
           finish_reason IS NOT NULL AS ends
    FROM nodes JOIN numbered USING (problem_id) WHERE policy = $1 AND setting = $2
), read_nodes AS (
    SELECT number, path, score, prm_tokens, true AS is_read FROM ({{readings}}) JOIN numbered USING (problem_id)
), grader AS (
    SELECT grader FROM ({GRADES_READ}) WHERE policy = $1 AND setting = $2 AND grader <> 'given'
    UNION ALL
    SELECT * FROM (SELECT grader FROM node_grades WHERE policy = $1 AND setting = $2 ORDER BY grader DESC LIMIT 1)
    LIMIT 1
), grades_read AS (
    SELECT number, path, answer_class, correct, true AS is_graded FROM node_grades JOIN numbered USING (problem_id)
    WHERE policy = $1 AND setting = $2 AND grader IN (FROM grader)
)
SELECT id, above, number AS problem, CASE WHEN last = 'g' THEN -1 ELSE last::INTEGER END AS child,
       CASE WHEN above IS NULL THEN string_split(replace(path, 'g', '-1'), '.')::INTEGER[] END AS steps,
       n_tokens, coalesce(ends, false) AS ends, coalesce(is_read, false) AS is_read, score, prm_tokens,
       coalesce(is_graded, false) AS is_graded, answer_class, correct::DOUBLE AS correct
FROM (
    SELECT *, regexp_extract(path, '[^.]*$') AS last, left(path, len(path) - len(last) - 1) AS before
    FROM own FULL JOIN read_nodes USING (number, path) LEFT JOIN grades_read USING (number, path)
) AS joined LEFT JOIN (SELECT number, path AS before, id AS above FROM own) AS parents USING (number, before)
"""


def _check(con: duckdb.DuckDBPyConnection, path: str, policy: str, setting: str, verifier: str) -> None:
    """Refuse samples without steps, scores that do not belong to the steps, and paths that lead nowhere."""
    odd = con.execute(
        "SELECT problem_id, path FROM nodes WHERE policy = $1 AND setting = $2 AND NOT regexp_full_match(path, $3) "
        "LIMIT 1",
        [policy, setting, _PATH],
    ).fetchall()
    for problem_id, wrong in odd:
        raise TTCError(
            f"node {wrong[:40]!r} of problem '{problem_id}' in '{path}' is no path: numbers joined by dots, or g for a "
            "step that was drawn greedily; remove it"
        )
    n_samples, n_cut = con.execute(
        "SELECT count(*), count(step_tokens) FROM samples WHERE policy = $1 AND setting = $2", [policy, setting]
    ).fetchall()[0]
    if n_samples and not n_cut:
        raise RequestError(f"the samples of '{policy}' in '{path}' have no step tokens: {_REMEDY}")
    uneven = con.execute(
        """SELECT problem_id, sample_index, len(step_scores), len(step_tokens)
           FROM samples JOIN scores USING (policy, problem_id, setting, sample_index)
           WHERE policy = $1 AND setting = $2 AND verifier = $3
               AND len(step_scores) NOT IN (1, len(step_tokens)) LIMIT 1""",
        [policy, setting, verifier],
    ).fetchall()
    for problem_id, sample_index, n_scores, n_steps in uneven:
        raise TTCError(
            f"sample {sample_index} of problem '{problem_id}' in '{path}' has {n_steps} steps and {n_scores} scores of "
            f"'{verifier}': score it again with the step delimiter it was sampled with"
        )
