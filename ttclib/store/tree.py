"""Reading the sample tree: the pool's steps and the steps that searches drew, as one tree a problem.

Step t of sample i is node ``i.0.….0`` (t zeros) and lies in `samples`; every other step lies in
`nodes`. A first step that a search drew before the pool had grown so far stays what its children
hang on: a sample of that index gives no nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np

from ttclib.errors import RequestError, TTCError
from ttclib.samples import Setting, Tree
from ttclib.store.connection import connect
from ttclib.store.models import read_model
from ttclib.store.pool import GRADES_READ


def load_tree(
    path: str | Path,
    *,
    policy: str,
    setting: Setting,
    verifier: str,
    benchmark: str | None = None,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Tree:
    """Read the trees of a policy; the file is closed again at once.

    Parameters
    ----------
    path : str or pathlib.Path
    policy : str
    setting : Setting
        As `ttclib.store.load_pool` chose it.
    verifier : str
        Whose scores the steps carry; of several readings their mean.
    benchmark : str, optional
        Only of its problems; by default of all.
    wait_s, notify
        As in `ttclib.store.load_pool`.

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
    with connect(path, wait_s=wait_s, notify=notify) as con:
        _check(con, str(path), policy, setting.name, verifier)
        rows = con.execute(_QUERY, [policy, setting.name, verifier, benchmark]).fetchnumpy()
        prompts = dict(
            con.execute(
                "SELECT problem_id, max(prompt_tokens) FROM samples WHERE policy = $1 AND setting = $2 GROUP BY ALL",
                [policy, setting.name],
            ).fetchall()
        )
        policy_model, verifier_model = read_model(con, policy), read_model(con, verifier)
    problem_of_row, paths = rows["problem_id"], rows["path"].tolist()
    if not len(paths):
        raise RequestError(f"'{path}' holds no steps of policy '{policy}': {_REMEDY}")
    starts = np.flatnonzero(np.r_[True, problem_of_row[1:] != problem_of_row[:-1]])
    index = [
        dict(zip(paths[begin:end], range(begin, end), strict=True))
        for begin, end in zip(starts, np.r_[starts[1:], len(paths)], strict=True)
    ]
    ends = _filled(rows["ends"], False).astype(bool).tolist()
    _check_parents(index, ends, [str(name) for name in problem_of_row[starts]], str(path))
    read = _filled(rows["is_read"], False).astype(bool)
    scores = _filled(rows["score"], np.nan).astype(float).astype(object)
    scores[~read] = None
    graded = _filled(rows["is_graded"], False).astype(bool)
    classes = _filled(rows["answer_class"], -1).astype(int)
    correct = _filled(rows["correct"], np.nan).astype(float)
    return Tree(
        store=str(path),
        policy=policy,
        setting=setting,
        verifier=verifier,
        problem_ids=[str(name) for name in problem_of_row[starts]],
        prompt_tokens=[int(prompts.get(name) or 0) for name in problem_of_row[starts]],
        rows=index,
        steps=list(
            zip(
                _filled(rows["n_tokens"], 0).astype(int).tolist(),
                ends,
                scores.tolist(),
                _filled(rows["prm_tokens"], np.nan).astype(float).tolist(),
                strict=True,
            )
        ),
        grades=[
            found if known else None
            for found, known in zip(zip(classes.tolist(), correct.tolist(), strict=True), graded.tolist(), strict=True)
        ],
        policy_model=policy_model,
        verifier_model=verifier_model,
    )


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

# A sample whose first step a search drew on its own gives no nodes. A verifier that gives a score a step gives
# every step's; an outcome verifier that of the last. What a search had read by itself comes first.
_QUERY = f"""
WITH own AS (
    SELECT problem_id, path, len(token_ids) AS n_tokens, finish_reason IS NOT NULL AS ends
    FROM nodes WHERE policy = $1 AND setting = $2
), pool AS (
    SELECT problem_id, sample_index, step_tokens, prompt_tokens, completion_tokens
    FROM samples WHERE policy = $1 AND setting = $2 AND step_tokens IS NOT NULL
        AND (problem_id, sample_index::VARCHAR) NOT IN (SELECT (problem_id, path) FROM own)
), read_samples AS (
    SELECT problem_id, sample_index, step_scores, prm_tokens, true AS is_read FROM ({MEAN_SCORES})
), read_nodes AS (
    SELECT problem_id, path, avg(step_score) AS step_score, sum(prm_tokens)::BIGINT AS prm_tokens, true AS is_read
    FROM node_scores WHERE policy = $1 AND setting = $2 AND verifier = $3 GROUP BY problem_id, path
), grades_read AS (
    SELECT problem_id, sample_index, answer_class, correct, true AS is_graded FROM ({GRADES_READ})
    WHERE policy = $1 AND setting = $2
), grader AS (
    SELECT grader FROM ({GRADES_READ}) WHERE policy = $1 AND setting = $2 AND grader <> 'given'
    UNION ALL
    SELECT * FROM (SELECT grader FROM node_grades WHERE policy = $1 AND setting = $2 ORDER BY grader DESC LIMIT 1)
    LIMIT 1
), cut AS (
    SELECT *, unnest(range(1, len(step_tokens) + 1)) AS number FROM pool
), steps AS (
    SELECT problem_id, sample_index || repeat('.0', (number - 1)::INTEGER) AS path, step_tokens[number] AS n_tokens,
           number = len(step_tokens) AS ends,
           CASE WHEN len(step_scores) = len(step_tokens) THEN step_scores[number]
                WHEN number = len(step_tokens) THEN step_scores[-1] END AS score,
           (is_read AND (step_scores IS NULL OR len(step_scores) = len(step_tokens) OR number = len(step_tokens)))
               AS is_read,
           prm_tokens * (prompt_tokens + list_sum(step_tokens[1:number])) / (prompt_tokens + completion_tokens)
               AS prm_tokens,
           CASE WHEN number = len(step_tokens) THEN answer_class END AS answer_class,
           CASE WHEN number = len(step_tokens) THEN correct::DOUBLE END AS correct, is_graded
    FROM cut LEFT JOIN read_samples USING (problem_id, sample_index)
    LEFT JOIN grades_read USING (problem_id, sample_index)
    UNION ALL BY NAME
    SELECT own.*, answer_class, correct::DOUBLE AS correct, is_graded FROM own LEFT JOIN (
        SELECT problem_id, path, answer_class, correct, true AS is_graded FROM node_grades
        WHERE policy = $1 AND setting = $2 AND grader IN (FROM grader)
    ) USING (problem_id, path)
)
SELECT problem_id, path, n_tokens, ends,
       CASE WHEN read_nodes.is_read THEN step_score ELSE score END AS score,
       coalesce(read_nodes.is_read, steps.is_read, false) AS is_read,
       coalesce(read_nodes.prm_tokens, steps.prm_tokens) AS prm_tokens, answer_class, correct,
       coalesce(is_graded, false) AS is_graded
FROM steps LEFT JOIN read_nodes USING (problem_id, path)
WHERE $4 IS NULL OR problem_id IN (SELECT problem_id FROM problems WHERE benchmark = $4)
ORDER BY problem_id
"""


def _filled(column: np.ndarray, missing: float | bool) -> np.ndarray:
    return np.ma.filled(np.ma.asarray(column), missing)


def _check(con: duckdb.DuckDBPyConnection, path: str, policy: str, setting: str, verifier: str) -> None:
    """Refuse samples without steps, and scores that do not belong to the steps."""
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


def _check_parents(index: list[dict[str, int]], ends: list[bool], problem_ids: list[str], path: str) -> None:
    for problem_id, rows in zip(problem_ids, index, strict=True):
        for name in rows:
            parent = name.rpartition(".")[0]
            row = rows.get(parent)
            if parent and (row is None or ends[row]):
                what = "which the store lacks" if row is None else "which ends its solution"
                raise TTCError(
                    f"node '{name}' of problem '{problem_id}' in '{path}' follows '{parent}', {what}: "
                    "its prefix is none of this problem's; remove it, or collect into another store"
                )
