"""Reading: samples as arrays of shape (problems, samples), without a row loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np

from ttclib.errors import RequestError, one_of
from ttclib.store.connection import connect
from ttclib.store.models import ModelFacts, read_model
from ttclib.store.schema import SAMPLE_KEY

AGGREGATIONS = {
    "last": "list_extract(step_scores, -1)",
    "min": "list_min(step_scores)",
    "prod": "list_product(step_scores)",
    "mean": "list_avg(step_scores)",
}
LOGPROB = "logprob"


@dataclass(frozen=True)
class SamplePool:
    """The samples of one policy under one setting.

    Pools of unequal size are padded at the right; `present` says which cells hold a sample.

    Attributes
    ----------
    store, policy, setting : str
    verifier : str or None
        Name of the PRM whose scores these are; None: the store holds none.
    problem_ids : list of str, length problems
    present : bool array, shape (problems, samples)
    correct : float array, shape (problems, samples)
        1, 0, or NaN: not graded.
    answer_ids : int array, shape (problems, samples)
        Equivalence class of the answer within its problem; −1: no answer.
    completion_tokens : float array, shape (problems, samples)
        NaN: unknown.
    scores : dict of str to float array, shape (problems, samples)
        One array for each aggregation of the PRM's step scores (last, min, prod, mean), and
        ``"logprob"``, the policy's own mean token log-probability. NaN: not scored.
    prompt_tokens : float array, shape (problems,)
    prm_tokens : float array, shape (problems, samples), or None
        Tokens that the PRM read for a sample. NaN, or None for all: unknown.
    policy_model, verifier_model : ModelFacts or None
        What the store knows of the policy and of the PRM; None: no row of it.
    """

    store: str
    policy: str
    setting: str
    verifier: str | None
    problem_ids: list[str]
    present: np.ndarray
    correct: np.ndarray
    answer_ids: np.ndarray
    completion_tokens: np.ndarray
    scores: dict[str, np.ndarray]
    prompt_tokens: np.ndarray
    prm_tokens: np.ndarray | None = None
    policy_model: ModelFacts | None = None
    verifier_model: ModelFacts | None = None
    benchmark: str | None = None
    decoding: dict[str, float | None] = field(default_factory=dict)

    @property
    def pool_sizes(self) -> np.ndarray:
        """Samples of each problem, shape (problems,)."""
        return self.present.sum(axis=1)

    @property
    def policy_parameters(self) -> int | None:
        """Parameters of the policy, for FLOPs; None: the store does not know."""
        return None if self.policy_model is None else self.policy_model.n_parameters


def load_pool(
    path: str | Path,
    *,
    policy: str | None = None,
    setting: str | None = None,
    verifier: str | None = None,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> SamplePool:
    """Read the samples of one policy into arrays; the file is closed again at once.

    Parameters
    ----------
    path : str or pathlib.Path
    policy, setting, verifier : str, optional
        Needed only where the store holds more than one. Of several settings or verifiers the one
        with the most rows is taken.
    wait_s : float, optional
        How long to wait for a writer to finish; by default `ttclib.store.locks.default_wait_s`.
    notify : callable
        Told once, in a line, when waiting begins.

    Returns
    -------
    SamplePool

    Raises
    ------
    RequestError
        No such store, policy, setting or verifier; several policies and none named.
    """
    with connect(path, wait_s=wait_s, notify=notify) as con:
        chosen = _choose_policy(con, str(path), policy)
        chosen_setting = _choose(con, "samples", "setting", setting, chosen, None)
        chosen_verifier = _choose(con, "scores", "verifier", verifier, chosen, chosen_setting)
        rows = con.execute(_QUERY, [chosen_verifier, chosen, chosen_setting]).fetchnumpy()
        policy_model, verifier_model = read_model(con, chosen), read_model(con, chosen_verifier)
        decoding = con.execute(
            "SELECT temperature, top_p, max_tokens FROM settings WHERE setting = ?", [chosen_setting]
        ).fetchall()
        problems = con.execute(
            """SELECT problem_id, any_value(benchmark), max(prompt_tokens)
               FROM samples LEFT JOIN problems USING (problem_id)
               WHERE policy = ? AND setting = ? GROUP BY problem_id ORDER BY problem_id""",
            [chosen, chosen_setting],
        ).fetchall()
    row, column = rows["row"].astype(int), rows["col"].astype(int)
    shape = (len(problems), int(column.max()) + 1)

    def grid(values: np.ndarray, missing: float) -> np.ndarray:
        cells = np.full(shape, missing, dtype=float)
        cells[row, column] = np.ma.filled(np.ma.asarray(values).astype(float), missing)
        return cells

    present = np.zeros(shape, dtype=bool)
    present[row, column] = True
    benchmarks = {benchmark for _, benchmark, _ in problems if benchmark}
    return SamplePool(
        store=str(path),
        policy=chosen,
        setting=chosen_setting or "",
        verifier=chosen_verifier,
        problem_ids=[problem_id for problem_id, _, _ in problems],
        present=present,
        correct=grid(rows["correct"], np.nan),
        answer_ids=grid(rows["answer_class"], -1).astype(int),
        completion_tokens=grid(rows["completion_tokens"], np.nan),
        scores={name: grid(rows[name], np.nan) for name in (*AGGREGATIONS, LOGPROB)},
        prompt_tokens=np.array([np.nan if tokens is None else tokens for _, _, tokens in problems], dtype=float),
        prm_tokens=grid(rows["prm_tokens"], np.nan),
        policy_model=policy_model,
        verifier_model=verifier_model,
        benchmark=" + ".join(sorted(benchmarks)) or None,
        decoding=dict(zip(("temperature", "top_p", "max_tokens"), decoding[0], strict=True)) if decoding else {},
    )


def grades_read(table: str, key: tuple[str, ...]) -> str:
    """SQL of the grades that count, one a graded thing.

    A grade that came with the data wins; beside those, a pool is read through one grader, since
    classes of two graders are not comparable: the one that graded most of it, so that a newer one
    counts once it is through, and of those the latest, its version compared number by number.
    """
    return f"""
    SELECT * EXCLUDE (chosen_grader) FROM {table}
    LEFT JOIN (
        SELECT policy, setting, grader AS chosen_grader FROM {table} WHERE grader <> 'given'
        GROUP BY policy, setting, grader
        QUALIFY row_number() OVER (
            PARTITION BY policy, setting
            ORDER BY count(*) DESC, regexp_replace(grader, '[0-9.]+$', '') DESC,
                     list_transform(regexp_extract_all(grader, '[0-9]+'), lambda part: part::HUGEINT) DESC, grader DESC
        ) = 1
    ) USING (policy, setting)
    WHERE grader IN ('given', chosen_grader)
    QUALIFY row_number() OVER (PARTITION BY {", ".join(key)} ORDER BY grader = 'given' DESC) = 1
"""


GRADES_READ = grades_read("grades", SAMPLE_KEY)

# Samples are numbered anew within a problem (col), so that a gap in the indices leaves no hole.
_QUERY = f"""
WITH chosen AS (
    SELECT *, dense_rank() OVER (ORDER BY problem_id) - 1 AS row,
           row_number() OVER (PARTITION BY problem_id ORDER BY sample_index) - 1 AS col
    FROM (SELECT policy, problem_id, setting, sample_index, completion_tokens, logprob FROM samples
          WHERE policy = $2 AND setting = $3)
), read_scores AS (
    SELECT policy, problem_id, setting, sample_index, prm_tokens,
           {", ".join(f"{sql} AS {name}" for name, sql in AGGREGATIONS.items())}
    FROM scores WHERE verifier = $1
), read_grades AS ({GRADES_READ})
SELECT row, col, correct, answer_class, completion_tokens, logprob / nullif(completion_tokens, 0) AS logprob,
       prm_tokens, {", ".join(AGGREGATIONS)}
FROM chosen
LEFT JOIN read_scores USING (policy, problem_id, setting, sample_index)
LEFT JOIN read_grades USING (policy, problem_id, setting, sample_index)
"""


def policies(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the policies that have samples."""
    return [name for (name,) in con.execute("SELECT DISTINCT policy FROM samples ORDER BY policy").fetchall()]


def _choose_policy(con: duckdb.DuckDBPyConnection, path: str, policy: str | None) -> str:
    names = policies(con)
    if not names:
        raise RequestError(f"'{path}' holds no samples: collect some with `ttc sample` or fill it with `ttc import`")
    if policy is not None:
        return one_of(policy, names, "policy")
    if len(names) > 1:
        raise RequestError(f"'{path}' holds several policies: name one with --policy. Allowed: {', '.join(names)}")
    return names[0]


def _choose(
    con: duckdb.DuckDBPyConnection, table: str, column: str, wanted: str | None, policy: str, setting: str | None
) -> str | None:
    """The wanted value of a column, or the most frequent one; None when the table has no rows."""
    condition, values = ("AND setting = ?", [policy, setting]) if setting else ("", [policy])
    names = [
        name
        for (name,) in con.execute(
            f"SELECT {column} FROM {table} WHERE policy = ? {condition} GROUP BY 1 ORDER BY count(*) DESC, 1", values
        ).fetchall()
    ]
    if wanted is not None:
        return one_of(wanted, names, column)
    return names[0] if names else None
