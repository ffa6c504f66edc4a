"""Reading: samples as arrays of shape (problems, samples), without a row loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ttclib.samples import AGGREGATIONS, LOGPROB, ModelFacts, Pool, Verifier, own_logprob
from ttclib.store.choosing import Wanted, as_key, choose_benchmark, choose_policy, choose_setting, settings_of
from ttclib.store.connection import connect
from ttclib.store.kept import Kept, store_state
from ttclib.store.models import read_model
from ttclib.store.schema import readable_path
from ttclib.store.tables import SAMPLE_KEY

# SQL of one score from the scores of steps.
AGGREGATE = {
    "last": "list_extract(step_scores, -1)",
    "min": "list_min(step_scores)",
    "prod": "list_product(step_scores)",
    "mean": "list_avg(step_scores)",
}

# Of the readings of one thing by one verifier: the mean of each score, tokens of all.
AGGREGATED = ", ".join(
    [
        "sum(prm_tokens) AS prm_tokens",
        "max(len(step_scores)) AS n_steps",
        *(f"avg({sql}) AS {name}" for name, sql in AGGREGATE.items()),
    ]
)


def load_pool(
    path: str | Path,
    *,
    policy: str | None = None,
    benchmark: str | None = None,
    setting: Wanted = None,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Pool:
    """Read the samples of one policy under one setting into arrays; the file is closed again at once.

    What was read is kept for the session: asked again, an unchanged store answers at once, and one that
    grew is read anew. The arrays are read-only for that reason.

    Parameters
    ----------
    path : str or pathlib.Path
    policy, benchmark : str, optional
        Needed only where the store holds samples of more than one.
    setting : Setting, str or mapping, optional
        A setting or its name; or keys that must all hold, ``{"temperature": 0.5}``, None for a key that is not
        there and ``"*"`` for any value. Needed only where the policy was sampled under more than one.
    wait_s : float, optional
        How long to wait for a writer to finish; by default `ttclib.store.locks.default_wait_s`.
    notify : callable
        Told once, in a line, when waiting begins, and of counts that stand beside samples and are not read.

    Returns
    -------
    Pool
        With `counts`, where the store knows no more than these.

    Raises
    ------
    RequestError
        No such store, policy, benchmark or setting; several and none named, with what tells them apart.
    """
    store = readable_path(path)

    def read() -> Pool:
        return _read_pool(str(path), policy, benchmark, setting, wait_s, notify)

    key = (str(path), str(store.absolute()), policy, benchmark, as_key(setting))
    return _KEPT.get(key, store_state(store), read)


def _read_pool(
    path: str,
    policy: str | None,
    benchmark: str | None,
    setting: Wanted,
    wait_s: float | None,
    notify: Callable[[str], None],
) -> Pool:
    with connect(path, wait_s=wait_s, notify=notify) as con:
        chosen = choose_policy(con, path, policy)
        of = choose_benchmark(con, path, benchmark, chosen)
        drawn = choose_setting(settings_of(con, chosen, of), setting, f"policy '{chosen}' in '{path}'")
        key = [chosen, drawn.name, of]
        con.execute(_PLACES, key)
        rows = con.execute(_SAMPLES, key[:2]).fetchnumpy()
        scored = con.execute(_SCORES, key[:2]).fetchnumpy()
        counted = con.execute(_COUNTS, key).fetchall()
        policy_model = read_model(con, chosen)
        models = {name: read_model(con, name) for name in _names(scored["verifier"])}
        problems = con.execute(_PROBLEMS, key).fetchall()
    if not problems:
        problems = [(problem_id, name, None) for problem_id, name, _, _ in counted]
        counts = np.array([(n, c) for _, _, n, c in counted], dtype=np.int64).reshape(-1, 2).T
    elif counted:
        notify(f"counts of {len(counted):,} problems are left out: '{chosen}' has samples under the same setting")
    shape = (len(problems), int(rows["col"].max()) + 1 if len(rows["col"]) else 0)
    cells = (rows["row"], rows["col"])
    benchmarks = {name for _, name, _ in problems if name}
    return Pool(
        store=path,
        policy=chosen,
        setting=drawn,
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
        counts=None if shape[1] else (_read_only(counts[0]), _read_only(counts[1])),
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
            kind=(models[name] or ModelFacts(name)).kind or ("prm" if several else "orm"),
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
FROM samples LEFT JOIN (SELECT problem_id, benchmark FROM problems) USING (problem_id)
WHERE policy = $1 AND setting = $2 AND ($3 IS NULL OR benchmark = $3)
"""
_PROBLEMS = """
SELECT problem_id, any_value(benchmark), max(prompt_tokens)
FROM samples LEFT JOIN problems USING (problem_id)
WHERE policy = $1 AND setting = $2 AND ($3 IS NULL OR benchmark = $3) GROUP BY problem_id ORDER BY problem_id
"""
_COUNTS = """
SELECT problem_id, benchmark, n, c FROM counts LEFT JOIN problems USING (problem_id)
WHERE policy = $1 AND setting = $2 AND ($3 IS NULL OR benchmark = $3) AND n IS NOT NULL AND c IS NOT NULL
ORDER BY problem_id
"""
_SAMPLES = f"""
SELECT row, col, correct, answer_class, completion_tokens, logprob / nullif(completion_tokens, 0) AS logprob
FROM (SELECT * FROM samples WHERE policy = $1 AND setting = $2)
JOIN places USING (problem_id, sample_index)
LEFT JOIN (SELECT problem_id, sample_index, correct, answer_class FROM ({GRADES_READ})
           WHERE policy = $1 AND setting = $2) USING (problem_id, sample_index)
"""
_SCORES = f"""
SELECT row, col, verifier, {AGGREGATED}
FROM scores JOIN places USING (problem_id, sample_index)
WHERE policy = $1 AND setting = $2 GROUP BY row, col, verifier
"""
