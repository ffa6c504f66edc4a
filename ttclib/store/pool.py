"""Reading: samples as arrays of shape (problems, samples), without a row loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from ttclib.errors import RequestError, one_of
from ttclib.samples import AGGREGATIONS, LOGPROB, ModelFacts, Pool, Setting, Verifier, own_logprob
from ttclib.store.connection import connect
from ttclib.store.kept import Kept, store_state
from ttclib.store.models import read_model, read_setting
from ttclib.store.schema import SAMPLE_KEY, store_path

# SQL of one score from the scores of steps.
AGGREGATE = {
    "last": "list_extract(step_scores, -1)",
    "min": "list_min(step_scores)",
    "prod": "list_product(step_scores)",
    "mean": "list_avg(step_scores)",
}


def load_pool(
    path: str | Path,
    *,
    policy: str | None = None,
    setting: str | None = None,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Pool:
    """Read the samples of one policy into arrays; the file is closed again at once.

    What was read is kept for the session: asked again, an unchanged store answers at once, and one that
    grew is read anew. The arrays are read-only for that reason.

    Parameters
    ----------
    path : str or pathlib.Path
    policy, setting : str, optional
        Needed only where the store holds more than one. Of several settings the one with the most rows
        is taken.
    wait_s : float, optional
        How long to wait for a writer to finish; by default `ttclib.store.locks.default_wait_s`.
    notify : callable
        Told once, in a line, when waiting begins.

    Returns
    -------
    Pool

    Raises
    ------
    RequestError
        No such store, policy or setting; several policies and none named.
    """
    store = store_path(path)

    def read() -> Pool:
        return _read_pool(str(path), policy, setting, wait_s, notify)

    key = (str(path), str(store.absolute()), policy, setting)
    return _KEPT.get(key, store_state(store), read)


def _read_pool(
    path: str, policy: str | None, setting: str | None, wait_s: float | None, notify: Callable[[str], None]
) -> Pool:
    with connect(path, wait_s=wait_s, notify=notify) as con:
        chosen = _choose_policy(con, path, policy)
        chosen_setting = _choose(con, "samples", "setting", setting, chosen) or ""
        con.execute(_PLACES, [chosen, chosen_setting])
        rows = con.execute(_SAMPLES, [chosen, chosen_setting]).fetchnumpy()
        scored = con.execute(_SCORES, [chosen, chosen_setting]).fetchnumpy()
        policy_model = read_model(con, chosen)
        models = {name: read_model(con, name) for name in _names(scored["verifier"])}
        keys = read_setting(con, chosen_setting)
        problems = con.execute(
            """SELECT problem_id, any_value(benchmark), max(prompt_tokens)
               FROM samples LEFT JOIN problems USING (problem_id)
               WHERE policy = ? AND setting = ? GROUP BY problem_id ORDER BY problem_id""",
            [chosen, chosen_setting],
        ).fetchall()
    shape = (len(problems), int(rows["col"].max()) + 1)
    cells = (rows["row"], rows["col"])
    benchmarks = {benchmark for _, benchmark, _ in problems if benchmark}
    return Pool(
        store=path,
        policy=chosen,
        setting=Setting(chosen_setting, keys),
        problem_ids=[problem_id for problem_id, _, _ in problems],
        present=grid(np.ones(len(cells[0]), dtype=bool), cells, shape, False),
        correct=grid(rows["correct"], cells, shape, np.nan),
        answer_ids=grid(rows["answer_class"], cells, shape, -1),
        completion_tokens=grid(rows["completion_tokens"], cells, shape, np.nan),
        prompt_tokens=_read_only(np.array([np.nan if n is None else n for _, _, n in problems], dtype=float)),
        verifiers={
            **verifiers_of(scored, (scored["row"], scored["col"]), shape, models),
            LOGPROB: own_logprob(grid(rows["logprob"], cells, shape, np.nan)),
        },
        policy_model=policy_model,
        benchmark=" + ".join(sorted(benchmarks)) or None,
    )


def verifiers_of(
    scored: dict[str, np.ndarray],
    cells: tuple[np.ndarray, ...],
    shape: tuple[int, ...],
    models: dict[str, ModelFacts | None],
) -> dict[str, Verifier]:
    """The scores of each verifier as arrays, the fullest verifier first."""
    names, number = np.unique(np.ma.filled(scored["verifier"]).astype(str), return_inverse=True)
    found = {}
    for index in np.argsort(-np.bincount(number), kind="stable") if len(names) else []:
        mine = number == index
        own = tuple(axis[mine] for axis in cells)
        several = np.ma.filled(np.ma.asarray(scored["n_steps"][mine]), 0).max() > 1
        name = str(names[index])
        found[name] = Verifier(
            name=name,
            kind="prm" if several else "orm",
            scores={column: grid(scored[column][mine], own, shape, np.nan) for column in AGGREGATIONS},
            prm_tokens=grid(scored["prm_tokens"][mine], own, shape, np.nan),
            model=models[name],
        )
    return found


def grid(values: np.ndarray, cells: tuple[np.ndarray, ...], shape: tuple[int, ...], missing: float) -> np.ndarray:
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


def _bytes(pool: Pool) -> int:
    tables = [pool.present, pool.correct, pool.answer_ids, pool.completion_tokens]
    for found in pool.verifiers.values():
        tables += [*found.scores.values(), found.prm_tokens]
    return sum({id(table): table.nbytes for table in tables}.values())


_KEPT: Kept[Pool] = Kept(_bytes)


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
       {", ".join(f"{sql} AS {name}" for name, sql in AGGREGATE.items())}
FROM scores JOIN places USING (problem_id, sample_index)
WHERE policy = $1 AND setting = $2
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


def _choose(con: duckdb.DuckDBPyConnection, table: str, column: str, wanted: str | None, policy: str) -> str | None:
    """The wanted value of a column, or the most frequent one; None when the table has no rows."""
    names = [
        name
        for (name,) in con.execute(
            f"SELECT {column} FROM {table} WHERE policy = ? GROUP BY 1 ORDER BY count(*) DESC, 1", [policy]
        ).fetchall()
    ]
    if wanted is not None:
        return one_of(wanted, names, column)
    return names[0] if names else None
