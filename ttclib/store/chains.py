"""Reading: revision chains as arrays of shape (problems, chains, positions), without a row loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.store.connection import connect
from ttclib.store.models import ModelFacts, read_model
from ttclib.store.pool import AGGREGATIONS, LOGPROB, _choose, grades_read
from ttclib.store.schema import REVISION_KEY


@dataclass(frozen=True)
class Chains:
    """The revision chains of one model under one setting.

    Problems with fewer chains are padded at the end of the second axis, shorter chains at the end of
    the third; `present` says which cells hold an answer.

    Attributes
    ----------
    store, policy, setting : str
        `policy` is the revision model.
    verifier : str or None
        Name of the verifier whose scores these are; None: the store holds none.
    problem_ids : list of str, length problems
    present : bool array, shape (problems, chains, positions)
    correct : float array, shape (problems, chains, positions)
        1, 0, or NaN: not graded.
    answer_ids : int array, shape (problems, chains, positions)
        Equivalence class of the answer within its problem; −1: no answer.
    scores : dict of str to float array, shape (problems, chains, positions)
        One array for each aggregation of the verifier's scores (last, min, prod, mean: all equal for
        an outcome verifier), and ``"logprob"``, the model's own mean token log-probability. NaN: not
        scored.
    completion_tokens : float array, shape (problems, chains, positions)
        Of this answer. NaN: unknown.
    prompt_tokens : float array, shape (problems, chains, positions)
        Before this answer: the prompt and the earlier answers in view.
    prm_tokens : float array, shape (problems, chains, positions)
        That the verifier read for this answer.
    policy_model, verifier_model : ModelFacts or None
        What the store knows of the two models.
    """

    store: str
    policy: str
    setting: str
    verifier: str | None
    problem_ids: list[str]
    present: np.ndarray
    correct: np.ndarray
    answer_ids: np.ndarray
    scores: dict[str, np.ndarray]
    completion_tokens: np.ndarray
    prompt_tokens: np.ndarray
    prm_tokens: np.ndarray
    policy_model: ModelFacts | None = None
    verifier_model: ModelFacts | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Answers of each chain up to its end or its first hole, shape (problems, chains)."""
        return np.cumprod(self.present, axis=2).sum(axis=2)


def load_chains(
    path: str | Path,
    policy: str | None = None,
    setting: str | None = None,
    verifier: str | None = None,
    *,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Chains:
    """Read the revision chains of one model into arrays; the file is closed again at once.

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
    Chains

    Raises
    ------
    NotInStore
        The store holds no chains.
    RequestError
        No such store, policy, setting or verifier; several policies and none named.
    """
    with connect(path, wait_s=wait_s, notify=notify) as con:
        chosen = _choose_reviser(con, str(path), policy)
        chosen_setting = _choose(con, "revisions", "setting", setting, chosen, None)
        chosen_verifier = _choose(con, "revision_scores", "verifier", verifier, chosen, chosen_setting)
        rows = con.execute(_QUERY, [chosen_verifier, chosen, chosen_setting]).fetchnumpy()
        policy_model, verifier_model = read_model(con, chosen), read_model(con, chosen_verifier)
        problems = con.execute(
            "SELECT DISTINCT problem_id FROM revisions WHERE policy = ? AND setting = ? ORDER BY ALL",
            [chosen, chosen_setting],
        ).fetchall()
    cells = tuple(rows[name].astype(int) for name in ("row", "col", "position"))
    shape = (len(problems), int(cells[1].max()) + 1, int(cells[2].max()) + 1)

    def grid(name: str, missing: float = np.nan) -> np.ndarray:
        values = np.full(shape, missing, dtype=float)
        values[cells] = np.ma.filled(np.ma.asarray(rows[name]).astype(float), missing)
        return values

    present = np.zeros(shape, dtype=bool)
    present[cells] = True
    return Chains(
        store=str(path),
        policy=chosen,
        setting=chosen_setting or "",
        verifier=chosen_verifier,
        problem_ids=[problem_id for (problem_id,) in problems],
        present=present,
        correct=grid("correct"),
        answer_ids=grid("answer_class", -1).astype(int),
        scores={name: grid(name) for name in (*AGGREGATIONS, LOGPROB)},
        completion_tokens=grid("completion_tokens"),
        prompt_tokens=grid("prompt_tokens"),
        prm_tokens=grid("prm_tokens"),
        policy_model=policy_model,
        verifier_model=verifier_model,
    )


_KEY = ", ".join(REVISION_KEY)
# Chains are numbered anew within a problem (col), so that a gap in their numbers leaves no hole.
_QUERY = f"""
WITH chosen AS (
    SELECT {_KEY}, prompt_tokens, completion_tokens, logprob,
           dense_rank() OVER (ORDER BY problem_id) - 1 AS row,
           dense_rank() OVER (PARTITION BY problem_id ORDER BY chain) - 1 AS col
    FROM revisions WHERE policy = $2 AND setting = $3
), read_scores AS (
    SELECT {_KEY}, prm_tokens, {", ".join(f"{sql} AS {name}" for name, sql in AGGREGATIONS.items())}
    FROM revision_scores WHERE verifier = $1
), read_grades AS ({grades_read("revision_grades", REVISION_KEY)})
SELECT row, col, position, correct, answer_class, prompt_tokens, completion_tokens,
       logprob / nullif(completion_tokens, 0) AS logprob, prm_tokens, {", ".join(AGGREGATIONS)}
FROM chosen LEFT JOIN read_scores USING ({_KEY}) LEFT JOIN read_grades USING ({_KEY})
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
