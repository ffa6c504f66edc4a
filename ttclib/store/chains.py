"""Reading: revision chains as arrays of shape (problems, chains, positions), without a row loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np

from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.samples import LOGPROB, Chains, Setting, own_logprob
from ttclib.store.connection import connect
from ttclib.store.models import read_model, read_setting
from ttclib.store.pool import AGGREGATE, _choose, grades_read, grid, verifiers_of
from ttclib.store.schema import REVISION_KEY


def load_chains(
    path: str | Path,
    policy: str | None = None,
    setting: str | None = None,
    *,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Chains:
    """Read the revision chains of one model into arrays; the file is closed again at once.

    Parameters
    ----------
    path : str or pathlib.Path
    policy, setting : str, optional
        Needed only where the store holds more than one. Of several settings the one with the most rows is taken.
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
        No such store, policy or setting; several policies and none named.
    """
    with connect(path, wait_s=wait_s, notify=notify) as con:
        chosen = _choose_reviser(con, str(path), policy)
        chosen_setting = _choose(con, "revisions", "setting", setting, chosen) or ""
        rows = con.execute(_ANSWERS, [chosen, chosen_setting]).fetchnumpy()
        scored = con.execute(_SCORES, [chosen, chosen_setting]).fetchnumpy()
        policy_model = read_model(con, chosen)
        models = {str(name): read_model(con, str(name)) for name in np.unique(np.ma.filled(scored["verifier"]))}
        keys = read_setting(con, chosen_setting)
        problems = con.execute(
            "SELECT DISTINCT problem_id FROM revisions WHERE policy = ? AND setting = ? ORDER BY ALL",
            [chosen, chosen_setting],
        ).fetchall()
    cells = _cells(rows)
    shape = (len(problems), int(cells[1].max()) + 1, int(cells[2].max()) + 1)
    tables = {name: grid(rows[name], cells, shape, np.nan) for name in ("correct", *_TOKENS, LOGPROB)}
    return Chains(
        store=str(path),
        policy=chosen,
        setting=Setting(chosen_setting, keys),
        problem_ids=[problem_id for (problem_id,) in problems],
        present=grid(np.ones(len(cells[0]), dtype=bool), cells, shape, False),
        correct=tables["correct"],
        answer_ids=grid(rows["answer_class"], cells, shape, -1),
        completion_tokens=tables["completion_tokens"],
        prompt_tokens=tables["prompt_tokens"],
        verifiers={
            **verifiers_of(scored, _cells(scored), shape, models),
            LOGPROB: own_logprob(tables[LOGPROB]),
        },
        policy_model=policy_model,
    )


def _cells(rows: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    return tuple(np.ma.filled(rows[name]).astype(int) for name in ("row", "col", "position"))


_TOKENS = ("completion_tokens", "prompt_tokens")
_KEY = ", ".join(REVISION_KEY)
# Chains are numbered anew within a problem (col), so that a gap in their numbers leaves no hole.
_PLACES = f"""
SELECT {_KEY}, prompt_tokens, completion_tokens, logprob,
       dense_rank() OVER (ORDER BY problem_id) - 1 AS row,
       dense_rank() OVER (PARTITION BY problem_id ORDER BY chain) - 1 AS col
FROM revisions WHERE policy = $1 AND setting = $2
"""
_ANSWERS = f"""
WITH chosen AS ({_PLACES}), read_grades AS ({grades_read("revision_grades", REVISION_KEY)})
SELECT row, col, position, correct, answer_class, prompt_tokens, completion_tokens,
       logprob / nullif(completion_tokens, 0) AS logprob
FROM chosen LEFT JOIN read_grades USING ({_KEY})
"""
_SCORES = f"""
WITH chosen AS ({_PLACES})
SELECT row, col, position, verifier, prm_tokens, len(step_scores) AS n_steps,
       {", ".join(f"{sql} AS {name}" for name, sql in AGGREGATE.items())}
FROM chosen JOIN revision_scores USING ({_KEY})
"""


def revisers(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the models that have revision chains."""
    return [name for (name,) in con.execute("SELECT DISTINCT policy FROM revisions ORDER BY policy").fetchall()]


def _choose_reviser(con: duckdb.DuckDBPyConnection, path: str, policy: str | None) -> str:
    names = revisers(con)
    if not names:
        raise NotInStore(f"'{path}' holds no revision chains: collect them with `ttc revise CONFIG`")
    if policy is not None:
        return one_of(policy, names, "revision model")
    if len(names) > 1:
        raise RequestError(f"'{path}' holds chains of several models: name one. Allowed: {', '.join(names)}")
    return names[0]
