"""Reading: samples as arrays of shape (problems, samples), without a row loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from ttclib.errors import RequestError, one_of
from ttclib.store.connection import connect
from ttclib.store.kept import Kept, store_state
from ttclib.store.models import ModelFacts, read_model
from ttclib.store.schema import SAMPLE_KEY, store_path

AGGREGATIONS = {
    "last": "list_extract(step_scores, -1)",
    "min": "list_min(step_scores)",
    "prod": "list_product(step_scores)",
    "mean": "list_avg(step_scores)",
}
LOGPROB = "logprob"


@dataclass(frozen=True)
class VerifierScores:
    """What one verifier says of the samples of a pool.

    Attributes
    ----------
    name : str
    kind : {"prm", "orm"}
        A PRM scores steps; an outcome reward model (ORM) gives one score a sample.
    scores : dict of str to float array, shape (problems, samples)
        By aggregation of the step scores; NaN: not scored.
    prm_tokens : float array, shape (problems, samples)
        Tokens that it read; NaN: unknown, or not scored.
    model : ModelFacts or None
    """

    name: str
    kind: str
    scores: dict[str, np.ndarray]
    prm_tokens: np.ndarray
    model: ModelFacts | None = None


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
    verifiers : dict of str to VerifierScores
        Every verifier that was read, by name; the one called `verifier` is among them.
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
    verifiers: dict[str, VerifierScores] = field(default_factory=dict)

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

    What was read is kept for the session: asked again, an unchanged store answers at once, and one that
    grew is read anew. The arrays are read-only for that reason.

    Parameters
    ----------
    path : str or pathlib.Path
    policy, setting, verifier : str, optional
        Needed only where the store holds more than one. Of several settings the one with the most rows
        is taken; of several verifiers all are read, and the PRM with the most rows is `verifier`.
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
    store = store_path(path)

    def read() -> SamplePool:
        return _read_pool(str(path), policy, setting, verifier, wait_s, notify)

    key = (str(path), str(store.absolute()), policy, setting, verifier)
    return _KEPT.get(key, store_state(store), read)


def _read_pool(
    path: str,
    policy: str | None,
    setting: str | None,
    verifier: str | None,
    wait_s: float | None,
    notify: Callable[[str], None],
) -> SamplePool:
    with connect(path, wait_s=wait_s, notify=notify) as con:
        chosen = _choose_policy(con, path, policy)
        chosen_setting = _choose(con, "samples", "setting", setting, chosen, None)
        named = _choose(con, "scores", "verifier", verifier, chosen, chosen_setting)
        con.execute(_PLACES, [chosen, chosen_setting])
        rows = con.execute(_SAMPLES, [chosen, chosen_setting]).fetchnumpy()
        scored = con.execute(_SCORES, [chosen, chosen_setting, verifier]).fetchnumpy()
        policy_model = read_model(con, chosen)
        models = {name: read_model(con, name) for name in _names(scored["verifier"])}
        decoding = con.execute(
            "SELECT temperature, top_p, max_tokens FROM settings WHERE setting = ?", [chosen_setting]
        ).fetchall()
        problems = con.execute(
            """SELECT problem_id, any_value(benchmark), max(prompt_tokens)
               FROM samples LEFT JOIN problems USING (problem_id)
               WHERE policy = ? AND setting = ? GROUP BY problem_id ORDER BY problem_id""",
            [chosen, chosen_setting],
        ).fetchall()
    shape = (len(problems), int(rows["col"].max()) + 1)
    cells = (rows["row"], rows["col"])
    verifiers = _verifiers(scored, shape, models)
    # The fullest verifier is the default, and a PRM before an ORM.
    if verifier is None and verifiers:
        named = next((name for name, found in verifiers.items() if found.kind == "prm"), named)
    default = verifiers.get(named or "")
    unscored = _read_only(np.full(shape, np.nan))
    benchmarks = {benchmark for _, benchmark, _ in problems if benchmark}
    return SamplePool(
        store=path,
        policy=chosen,
        setting=chosen_setting or "",
        verifier=named,
        problem_ids=[problem_id for problem_id, _, _ in problems],
        present=_grid(np.ones(len(cells[0]), dtype=bool), cells, shape, False),
        correct=_grid(rows["correct"], cells, shape, np.nan),
        answer_ids=_grid(rows["answer_class"], cells, shape, -1),
        completion_tokens=_grid(rows["completion_tokens"], cells, shape, np.nan),
        scores={
            **(dict.fromkeys(AGGREGATIONS, unscored) if default is None else default.scores),
            LOGPROB: _grid(rows["logprob"], cells, shape, np.nan),
        },
        prompt_tokens=_read_only(np.array([np.nan if n is None else n for _, _, n in problems], dtype=float)),
        prm_tokens=unscored if default is None else default.prm_tokens,
        policy_model=policy_model,
        verifier_model=None if default is None else default.model,
        benchmark=" + ".join(sorted(benchmarks)) or None,
        decoding=dict(zip(("temperature", "top_p", "max_tokens"), decoding[0], strict=True)) if decoding else {},
        verifiers=verifiers,
    )


def _verifiers(
    scored: dict[str, np.ndarray], shape: tuple[int, int], models: dict[str, ModelFacts | None]
) -> dict[str, VerifierScores]:
    """The scores of each verifier as arrays, the fullest verifier first."""
    names, number = np.unique(np.ma.filled(scored["verifier"]).astype(str), return_inverse=True)
    found = {}
    for index in np.argsort(-np.bincount(number), kind="stable") if len(names) else []:
        mine = number == index
        cells = (scored["row"][mine], scored["col"][mine])
        several = np.ma.filled(np.ma.asarray(scored["n_steps"][mine]), 0).max() > 1
        name = str(names[index])
        found[name] = VerifierScores(
            name=name,
            kind="prm" if several else "orm",
            scores={column: _grid(scored[column][mine], cells, shape, np.nan) for column in AGGREGATIONS},
            prm_tokens=_grid(scored["prm_tokens"][mine], cells, shape, np.nan),
            model=models[name],
        )
    return found


def _grid(
    values: np.ndarray, cells: tuple[np.ndarray, np.ndarray], shape: tuple[int, int], missing: float
) -> np.ndarray:
    """A column of rows put in its cells; `missing`, whose type it takes, elsewhere and for NULL."""
    table = np.full(shape, missing)
    given: Any = np.ma.asarray(values)
    table[cells] = given.astype(table.dtype).filled(missing) if np.ma.is_masked(given) else given.data
    return _read_only(table)


def _read_only(table: np.ndarray) -> np.ndarray:
    table.flags.writeable = False
    return table


def _names(column: np.ndarray) -> list[str]:
    return sorted(set(np.ma.filled(column).astype(str).tolist()))


def _bytes(pool: SamplePool) -> int:
    tables = [pool.present, pool.correct, pool.answer_ids, pool.completion_tokens, pool.scores[LOGPROB]]
    for found in pool.verifiers.values():
        tables += [*found.scores.values(), found.prm_tokens]
    return sum(table.nbytes for table in tables)


_KEPT: Kept[SamplePool] = Kept(_bytes)


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
_PLACES = """
CREATE OR REPLACE TEMP TABLE places AS
SELECT problem_id, sample_index, (dense_rank() OVER (ORDER BY problem_id) - 1)::INTEGER AS row,
       (row_number() OVER (PARTITION BY problem_id ORDER BY sample_index) - 1)::INTEGER AS col
FROM samples WHERE policy = $1 AND setting = $2
"""
_SAMPLES = f"""
SELECT row, col, correct, answer_class, completion_tokens, logprob / nullif(completion_tokens, 0) AS logprob
FROM (SELECT * FROM samples WHERE policy = $1 AND setting = $2)
JOIN places USING (problem_id, sample_index)
LEFT JOIN (SELECT problem_id, sample_index, correct, answer_class FROM ({GRADES_READ})
           WHERE policy = $1 AND setting = $2) USING (problem_id, sample_index)
"""
_SCORES = f"""
SELECT row, col, verifier, prm_tokens, len(step_scores) AS n_steps,
       {", ".join(f"{sql} AS {name}" for name, sql in AGGREGATIONS.items())}
FROM scores JOIN places USING (problem_id, sample_index)
WHERE policy = $1 AND setting = $2 AND ($3 IS NULL OR verifier = $3)
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
