"""Reading what is known of questions before they are sampled: text, metadata, and what the policy tells of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ttclib.errors import TTCError
from ttclib.samples import Questions
from ttclib.store.cells import unpack_halves
from ttclib.store.connection import connect

HIDDEN, GREEDY = "hidden", "greedy"


def load_questions(
    path: str | Path,
    *,
    policy: str,
    setting: str,
    problem_ids: Sequence[str],
) -> Questions:
    """The questions of a pool, in its order.

    Parameters
    ----------
    policy, setting : str
        Whose, and under which setting, by its name. Where no greedy answer was kept under it, one that was sampled at
        temperature 0 with the same prompt format counts.

    Raises
    ------
    TTCError
        Hidden states of one policy differ in their width.
    """
    with connect(path) as con:
        asked = {
            name: row for name, *row in con.execute("SELECT problem_id, prompt, metadata FROM problems").fetchall()
        }
        states = dict(con.execute(_HIDDEN, [policy, setting]).fetchall())
        greedy = dict(con.execute(_SAMPLED, [policy, setting]).fetchall())
        greedy |= dict(con.execute(_GREEDY, [policy, setting]).fetchall())
    known = {name: unpack_halves(state) for name, state in states.items()}
    widths = {len(state) for state in known.values() if state is not None}
    if len(widths) > 1:
        found = ", ".join(map(str, sorted(widths)))
        raise TTCError(
            f"'{path}' holds hidden states of '{policy}' of several widths, {found}: they are not comparable"
        )
    width = widths.pop() if widths else 0
    hidden = np.full((len(problem_ids), width), np.nan, dtype=np.float32)
    for row, name in enumerate(problem_ids):
        state = known.get(name)
        if state is not None:
            hidden[row] = state
    return Questions(
        problem_ids=list(problem_ids),
        prompts=[asked.get(name, (None, None))[0] for name in problem_ids],
        metadata=[_object(asked.get(name, (None, None))[1]) for name in problem_ids],
        hidden=hidden,
        greedy_logprob=np.array([greedy.get(name, np.nan) for name in problem_ids], dtype=float),
    )


def features_held(path: str | Path, policy: str, setting: str, *, notify: Callable[[str], None]) -> dict[str, set[str]]:
    """Problems of which a feature is held, by its name."""
    found: dict[str, set[str]] = {HIDDEN: set(), GREEDY: set()}
    with connect(path, notify=notify) as con:
        rows = con.execute(
            "SELECT feature, problem_id FROM features WHERE policy = ? AND setting = ?", [policy, setting]
        ).fetchall()
    for feature, problem_id in rows:
        found.setdefault(feature, set()).add(problem_id)
    return found


def _object(text: str | None) -> dict[str, Any]:
    """The metadata of a problem; what is no JSON object says nothing."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


_HIDDEN = "SELECT problem_id, hidden FROM features WHERE policy = $1 AND setting = $2 AND feature = 'hidden'"
_GREEDY = """
SELECT problem_id, logprob / completion_tokens FROM features
WHERE policy = $1 AND setting = $2 AND feature = 'greedy' AND logprob IS NOT NULL AND completion_tokens > 0
"""
_SAMPLED = """
SELECT problem_id, arg_min(logprob / completion_tokens, sample_index)
FROM samples JOIN settings USING (setting)
WHERE policy = $1 AND logprob IS NOT NULL AND completion_tokens > 0
      AND TRY_CAST(CASE WHEN json_valid(keys) THEN keys ->> 'temperature' END AS DOUBLE) = 0
      AND CASE WHEN json_valid(keys) THEN json(keys -> 'prompt_format') END IS NOT DISTINCT FROM
          (SELECT any_value(CASE WHEN json_valid(keys) THEN json(keys -> 'prompt_format') END) FROM settings
           WHERE setting = $2)
GROUP BY problem_id
"""
