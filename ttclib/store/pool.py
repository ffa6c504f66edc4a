"""Reading: samples as arrays of shape (problems, samples), without a row loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from ttclib.samples import AGGREGATIONS, LOGPROB, ORM, PRM, ModelFacts, Pool, Verifier, own_logprob
from ttclib.store.choosing import Wanted, as_key, choose_benchmark, choose_policy, choose_setting, settings_of
from ttclib.store.connection import connect
from ttclib.store.kept import Kept, store_state
from ttclib.store.memory import Column, problem_ranges
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

# Of several graders the one whose grades are read: the one that graded most, of those the latest version.
_BEST = """
count(*) DESC, regexp_replace(grader, '[0-9.]+$', '') DESC,
list_transform(regexp_extract_all(grader, '[0-9]+'), lambda part: part::HUGEINT) DESC, grader DESC
"""

# Of the readings of one thing by one verifier: the mean of each score, tokens of all.
AGGREGATED = ", ".join(
    [
        "sum(prm_tokens) AS prm_tokens",
        "max(len(step_scores)) AS n_steps",
        *(f"avg({sql}) AS {name}" for name, sql in AGGREGATE.items()),
    ]
)
AGGREGATED_ONE = f"sum(prm_tokens) AS prm_tokens, avg({AGGREGATE['last']}) AS last"  # of those with one step


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
        problems = con.execute(_PROBLEMS, key).fetchall()
        counted = con.execute(_COUNTS, key).fetchall()
        columns = _Columns(con, key, [size for *_, size in problems])
        row = 0
        for first, last, n_problems in problem_ranges((name, size) for name, *_, size in problems):
            columns.read(con, [*key, first, last], row)
            row += n_problems
        policy_model = read_model(con, chosen)
        verifiers = columns.verifiers(con)
    if not problems:
        problems = [(problem_id, name, None, 0) for problem_id, name, _, _ in counted]
        counts = np.array([(n, c) for _, _, n, c in counted], dtype=np.int64).reshape(-1, 2).T
    elif counted:
        notify(f"counts of {len(counted):,} problems are left out: '{chosen}' has samples under the same setting")
    benchmarks = {name for _, name, _, _ in problems if name}
    has_samples = bool(columns.shape[1])
    empty = {name: np.full((len(problems), 0), missing) for name, missing in _MISSING.items()}
    tables = columns.tables() if has_samples else empty
    return Pool(
        store=path,
        policy=chosen,
        setting=drawn,
        problem_ids=[problem_id for problem_id, *_ in problems],
        prompt_tokens=_read_only(np.array([np.nan if n is None else n for _, _, n, _ in problems], dtype=float)),
        verifiers={**verifiers, LOGPROB: own_logprob(tables.pop("logprob"))},
        policy_model=policy_model,
        benchmark=" + ".join(sorted(benchmarks)) or None,
        counts=None if has_samples else (_read_only(counts[0]), _read_only(counts[1])),
        **tables,
    )


_MISSING: dict[str, float] = {
    "present": False,
    "correct": float("nan"),
    "answer_ids": -1,
    "completion_tokens": float("nan"),
    "logprob": float("nan"),
}


class _Columns:
    """The columns of a pool, read some problems at a time: never is more than a block of rows held beside them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, key: list[Any], sizes: list[int]) -> None:
        self.shape = (len(sizes), max(sizes, default=0))
        self._columns = {name: Column(self.shape, missing) for name, missing in _MISSING.items()}
        graders = [name for (name,) in con.execute(_GRADERS, key[:2]).fetchall()]
        self._read_grades = _CHOSEN_GRADES if len(graders) > 1 else _ONLY_GRADES
        self._graders = graders
        self._known = {name: bool(several) for name, several in con.execute(_VERIFIERS, key).fetchall()}
        self._n_scored = dict.fromkeys(self._known, 0)
        # One step has one score, whichever way it is aggregated.
        self._scores = {
            name: {how: Column(self.shape, np.nan) for how in (AGGREGATIONS if several else AGGREGATIONS[:1])}
            for name, several in self._known.items()
        }
        self._read = {name: Column(self.shape, np.nan) for name in self._known}

    def read(self, con: duckdb.DuckDBPyConnection, key: list[Any], row: int) -> None:
        """Some problems, the first of which has this row."""
        con.execute(_PLACES, key)
        policy_setting, ends = key[:2], key[3:]
        found = con.execute(_SAMPLES.format(grades=self._read_grades), [*policy_setting, *ends, self._graders])
        rows = found.fetchnumpy()
        cells = (rows["row"] + row, rows["col"])
        self._columns["present"].put(np.ones(len(cells[0]), dtype=bool), cells)
        self._columns["answer_ids"].put(rows["answer_class"], cells)
        for name in ("correct", "completion_tokens", "logprob"):
            self._columns[name].put(rows[name], cells)
        for name, several in self._known.items():
            how = AGGREGATED if several else AGGREGATED_ONE
            scored = con.execute(_SCORES.format(aggregated=how), [*policy_setting, *ends, name]).fetchnumpy()
            cells = (scored["row"] + row, scored["col"])
            self._n_scored[name] += len(scored["row"])
            self._read[name].put(scored["prm_tokens"], cells)
            for aggregation, held in self._scores[name].items():
                held.put(scored[aggregation], cells)

    def tables(self) -> dict[str, np.ndarray]:
        """By the names of `Pool`'s fields, and ``logprob``."""
        return {name: column.table() for name, column in self._columns.items()}

    def verifiers(self, con: duckdb.DuckDBPyConnection) -> dict[str, Verifier]:
        """The scores of each verifier, the fullest verifier first."""
        found = {}
        for name in sorted(self._n_scored, key=lambda name: (-self._n_scored[name], name)):
            if not self._n_scored[name]:
                continue
            tables = {how: column.table() for how, column in self._scores[name].items()}
            scores = {how: tables.get(how, tables[AGGREGATIONS[0]]) for how in AGGREGATIONS}
            model = read_model(con, name)
            kind = (model or ModelFacts(name)).kind or (PRM if self._known[name] else ORM)
            found[name] = Verifier(name, kind, scores, self._read[name].table(), model)
        return found


def _read_only(table: np.ndarray) -> np.ndarray:
    table.flags.writeable = False
    return table


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
            ORDER BY {_BEST}
        ) = 1
    ) USING (policy, setting)
    WHERE grader IN ('given', chosen_grader)
    QUALIFY row_number() OVER (PARTITION BY {", ".join(key)} ORDER BY grader = 'given' DESC) = 1
"""


GRADES_READ = grades_read("grades", SAMPLE_KEY)
_GRADERS = f"""
SELECT grader FROM grades WHERE policy = $1 AND setting = $2 AND grader = 'given' GROUP BY grader
UNION ALL (
    SELECT grader FROM grades WHERE policy = $1 AND setting = $2 AND grader <> 'given' GROUP BY grader
    ORDER BY {_BEST} LIMIT 1
)
"""
_VERIFIERS = """
SELECT verifier, max(len(step_scores)) > 1 FROM scores
WHERE policy = $1 AND setting = $2
      AND ($3 IS NULL OR problem_id IN (SELECT problem_id FROM problems WHERE benchmark = $3))
GROUP BY verifier ORDER BY verifier
"""
_PROBLEMS = """
SELECT problem_id, benchmark, prompt_tokens, n FROM (
    SELECT problem_id, max(prompt_tokens) AS prompt_tokens, count(*) AS n FROM samples
    WHERE policy = $1 AND setting = $2 GROUP BY problem_id
) LEFT JOIN (SELECT problem_id, benchmark FROM problems) USING (problem_id)
WHERE $3 IS NULL OR benchmark = $3 ORDER BY problem_id
"""
_COUNTS = """
SELECT problem_id, benchmark, n, c FROM counts LEFT JOIN problems USING (problem_id)
WHERE policy = $1 AND setting = $2 AND ($3 IS NULL OR benchmark = $3) AND n IS NOT NULL AND c IS NOT NULL
ORDER BY problem_id
"""
# Samples are numbered anew within a problem (col), so that a gap in the indices leaves no hole.
_PLACES = """
CREATE OR REPLACE TEMP TABLE places AS
SELECT problem_id, sample_index, (dense_rank() OVER (ORDER BY problem_id) - 1)::INTEGER AS row,
       (row_number() OVER (PARTITION BY problem_id ORDER BY sample_index) - 1)::INTEGER AS col
FROM samples
WHERE policy = $1 AND setting = $2 AND problem_id BETWEEN $4 AND $5
      AND ($3 IS NULL OR problem_id IN (SELECT problem_id FROM problems WHERE benchmark = $3))
"""
_OWN = "policy = $1 AND setting = $2 AND problem_id BETWEEN $3 AND $4"
_SAMPLES = f"""
SELECT row, col, correct, answer_class, completion_tokens, logprob / nullif(completion_tokens, 0) AS logprob
FROM (SELECT * FROM samples WHERE {_OWN}) JOIN places USING (problem_id, sample_index)
LEFT JOIN ({{grades}}) USING (problem_id, sample_index)
"""
_ONLY_GRADES = f"""
SELECT problem_id, sample_index, correct, answer_class FROM grades WHERE {_OWN} AND list_contains($5, grader)
"""
_CHOSEN_GRADES = f"""{_ONLY_GRADES}
QUALIFY row_number() OVER (PARTITION BY problem_id, sample_index ORDER BY grader = 'given' DESC) = 1
"""
_SCORES = f"""
SELECT row, col, {{aggregated}}
FROM (SELECT * FROM scores WHERE {_OWN} AND verifier = $5) JOIN places USING (problem_id, sample_index)
GROUP BY row, col
"""
