"""Handing a store's samples on as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ttclib.errors import one_of
from ttclib.interchange.batch import Notify
from ttclib.store import connect
from ttclib.store.choosing import policies
from ttclib.store.pool import GRADES_READ

_SETTINGS = """
SELECT policy, setting, count(*) FROM samples WHERE $1 IS NULL OR policy = $1
GROUP BY 1, 2 ORDER BY policy, count(*) DESC, setting
"""
_EXPORT = f"""
SELECT problem_id, policy, sample_index, reference_answer, prompt, completion, answer, correct,
       step_scores, prompt_tokens, completion_tokens
FROM samples
LEFT JOIN problems USING (problem_id)
LEFT JOIN (SELECT * FROM scores WHERE verifier = $1 AND reading = 0) USING (policy, problem_id, setting, sample_index)
LEFT JOIN ({GRADES_READ}) USING (policy, problem_id, setting, sample_index)
WHERE list_extract($3::VARCHAR[], list_position($2::VARCHAR[], policy)) = setting
ORDER BY policy, problem_id, setting, sample_index
"""


def export_samples(
    store: Path,
    *,
    policy: str | None = None,
    verifier: str | None = None,
    notify: Notify = lambda text: None,
) -> Iterator[str]:
    """The samples of a store as interchange lines, ordered by policy, problem and index.

    Of a policy that was sampled under several settings, the setting with the most samples is
    written, as `ttclib.store.load_pool` reads it: a line has no place for more.

    Parameters
    ----------
    store : pathlib.Path
    policy : str, optional
        By default all.
    verifier : str, optional
        Whose step scores; by default the one with the most.
    notify : callable
        Told of samples left out, and of waiting.

    Yields
    ------
    str
        A line of JSON without its newline.

    Raises
    ------
    RequestError
        No such store, policy or verifier.
    """
    with connect(store, notify=notify) as con:
        if policy is not None:
            one_of(policy, policies(con), "policy")
        verifiers = [
            name
            for (name,) in con.execute("SELECT verifier FROM scores GROUP BY 1 ORDER BY count(*) DESC, 1").fetchall()
        ]
        chosen = one_of(verifier, verifiers, "verifier") if verifier else (verifiers or [None])[0]
        settings = con.execute(_SETTINGS, [policy]).fetchall()
        written = {name: setting for name, setting, _ in reversed(settings)}
        for name, setting, n_samples in settings:
            if setting != written[name]:
                notify(f"left out: {n_samples:,} samples of '{name}' under setting '{setting}'")
        rows = con.execute(_EXPORT, [chosen, list(written), list(written.values())])
        names = [column[0] for column in rows.description]
        while batch := rows.fetchmany(10_000):
            for row in batch:
                yield json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
