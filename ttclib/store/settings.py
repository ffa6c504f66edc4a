"""Which settings a policy was sampled under, and whether its tree was grown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ttclib.samples import Pool
from ttclib.store.connection import connect
from ttclib.store.pool import load_pool


def policy_settings(
    path: str | Path, policy: str, *, wait_s: float | None = None, notify: Callable[[str], None] = lambda text: None
) -> list[dict[str, Any]]:
    """The settings that a policy has samples under, those with most samples first.

    Parameters
    ----------
    path : str or pathlib.Path
    policy : str
    wait_s, notify
        As in `ttclib.store.load_pool`.

    Returns
    -------
    list of dict
        `setting`, `temperature` (None: unknown), `n_samples`, `n_problems`.
    """
    with connect(path, wait_s=wait_s, notify=notify) as con:
        rows = con.execute(
            """SELECT samples.setting, any_value(temperature), count(*), count(DISTINCT problem_id)
               FROM samples LEFT JOIN settings USING (setting) WHERE policy = ?
               GROUP BY samples.setting ORDER BY count(*) DESC, samples.setting""",
            [policy],
        ).fetchall()
    return [dict(zip(("setting", "temperature", "n_samples", "n_problems"), row, strict=True)) for row in rows]


def greedy_pool(path: str | Path, policy: str, *, notify: Callable[[str], None] = lambda text: None) -> Pool:
    """The pool of a policy at temperature 0; its largest where it has none.

    Raises
    ------
    RequestError
        An unknown store or policy.
    """
    largest = load_pool(path, policy=policy, notify=notify)
    greedy = [row["setting"] for row in policy_settings(path, policy, notify=notify) if row["temperature"] == 0]
    return load_pool(path, policy=policy, setting=greedy[0], notify=notify) if greedy else largest


def has_nodes(
    path: str | Path, policy: str, *, wait_s: float | None = None, notify: Callable[[str], None] = lambda text: None
) -> bool:
    """Whether the store holds steps of a policy's tree beside its samples."""
    with connect(path, wait_s=wait_s, notify=notify) as con:
        return bool(con.execute("SELECT count(*) FROM nodes WHERE policy = ?", [policy]).fetchall()[0][0])
