"""Reading: revision chains as arrays of shape (problems, chains, positions), without a row loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ttclib.samples import AGGREGATIONS, LOGPROB, Chains, ModelFacts, Verifier, own_logprob
from ttclib.store.choosing import CHAINS, Wanted, choose_benchmark, choose_policy, choose_setting, settings_of
from ttclib.store.connection import connect
from ttclib.store.memory import grid
from ttclib.store.models import read_model
from ttclib.store.pool import AGGREGATED, grades_read
from ttclib.store.tables import REVISION_KEY


def load_chains(
    path: str | Path,
    policy: str | None = None,
    *,
    setting: Wanted = None,
    benchmark: str | None = None,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Chains:
    """Read the revision chains of one model under one setting into arrays; the file is closed again at once.

    Parameters
    ----------
    path : str or pathlib.Path
    policy : str, optional
        Needed only where the store holds chains of more than one.
    setting, benchmark
        As in `ttclib.store.load_pool`, of the chains: their prompt format says what stands between answers.
    wait_s : float, optional
        How long to wait for a writer to finish; by default `ttclib.store.locks.default_wait_s`.
    notify : callable
        Told once, in a line, when waiting begins.

    Returns
    -------
    Chains

    Raises
    ------
    NotInStore
        The store holds no chains.
    RequestError
        No such store, policy, benchmark or setting; several and none named, with what tells them apart.
    """
    with connect(path, wait_s=wait_s, notify=notify) as con:
        chosen = choose_policy(con, str(path), policy, CHAINS)
        of = choose_benchmark(con, str(path), benchmark, chosen, CHAINS)
        drawn = choose_setting(settings_of(con, chosen, of, CHAINS), setting, f"revision model '{chosen}' in '{path}'")
        key = [chosen, drawn.name, of]
        rows = con.execute(_ANSWERS, key).fetchnumpy()
        scored = con.execute(_SCORES, key).fetchnumpy()
        policy_model = read_model(con, chosen)
        models = {str(name): read_model(con, str(name)) for name in np.unique(np.ma.filled(scored["verifier"]))}
        problems = con.execute(f"SELECT DISTINCT problem_id FROM ({_OWN}) ORDER BY ALL", key).fetchall()
    cells = _cells(rows)
    shape = (len(problems), int(cells[1].max()) + 1, int(cells[2].max()) + 1)
    tables = {name: grid(rows[name], cells, shape, np.nan) for name in ("correct", *_TOKENS, LOGPROB)}
    return Chains(
        store=str(path),
        policy=chosen,
        setting=drawn,
        problem_ids=[problem_id for (problem_id,) in problems],
        present=grid(np.ones(len(cells[0]), dtype=bool), cells, shape, False),
        correct=tables["correct"],
        answer_ids=grid(rows["answer_class"], cells, shape, -1),
        completion_tokens=tables["completion_tokens"],
        prompt_tokens=tables["prompt_tokens"],
        verifiers={
            **_verifiers_of(scored, _cells(scored), shape, models),
            LOGPROB: own_logprob(tables[LOGPROB]),
        },
        policy_model=policy_model,
    )


def _verifiers_of(
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


def _cells(rows: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    return tuple(np.ma.filled(rows[name]).astype(int) for name in ("row", "col", "position"))


_TOKENS = ("completion_tokens", "prompt_tokens")
_KEY = ", ".join(REVISION_KEY)
_OWN = """
SELECT * FROM revisions LEFT JOIN (SELECT problem_id, benchmark FROM problems) USING (problem_id)
WHERE policy = $1 AND setting = $2 AND ($3 IS NULL OR benchmark = $3)
"""
# Chains are numbered anew within a problem (col), so that a gap in their numbers leaves no hole.
_PLACES = f"""
SELECT {_KEY}, prompt_tokens, completion_tokens, logprob,
       dense_rank() OVER (ORDER BY problem_id) - 1 AS row,
       dense_rank() OVER (PARTITION BY problem_id ORDER BY chain) - 1 AS col
FROM ({_OWN})
"""
_ANSWERS = f"""
WITH chosen AS ({_PLACES}), read_grades AS ({grades_read("revision_grades", REVISION_KEY)})
SELECT row, col, position, correct, answer_class, prompt_tokens, completion_tokens,
       logprob / nullif(completion_tokens, 0) AS logprob
FROM chosen LEFT JOIN read_grades USING ({_KEY})
"""
_SCORES = f"""
WITH chosen AS (SELECT * EXCLUDE (prompt_tokens, completion_tokens, logprob) FROM ({_PLACES}))
SELECT row, col, position, verifier, {AGGREGATED}
FROM chosen JOIN revision_scores USING ({_KEY}) GROUP BY row, col, position, verifier
"""
