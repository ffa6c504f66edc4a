"""The settings that a policy was sampled under, and the one that a question means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ttclib import setting_keys
from ttclib.errors import RequestError
from ttclib.samples import Pool, Setting
from ttclib.store.choosing import Wanted, all_matching, choose_benchmark, choose_policy, settings_of
from ttclib.store.connection import connect
from ttclib.store.pool import load_pool


def matching_settings(
    path: str | Path,
    policy: str | None = None,
    where: Mapping[str, Any] | None = None,
    benchmark: str | None = None,
    *,
    notify: Callable[[str], None] = lambda text: None,
) -> list[Setting]:
    """The settings of a policy for which all of some keys hold, to be put side by side.

    Parameters
    ----------
    policy, benchmark : str, optional
        As in `ttclib.store.load_pool`.
    where : mapping of str to value, optional
        None: the key is not there; ``"*"``: any. By default all settings.

    Returns
    -------
    list of Setting
        At least one, in order of the values in which they differ.

    Raises
    ------
    RequestError
        No such store, policy, benchmark or key, or no setting for which all of it holds.
    """
    with connect(path, notify=notify) as con:
        chosen = choose_policy(con, str(path), policy)
        of = choose_benchmark(con, str(path), benchmark, chosen)
        return all_matching(settings_of(con, chosen, of), where or {}, f"policy '{chosen}' in '{path}'")


def differing_keys(settings: Iterable[Setting]) -> tuple[str, ...]:
    """Names of the keys in which settings differ, for `Setting.label`; those inside objects with a dot."""
    return setting_keys.differing_keys([setting.keys for setting in settings])


def greedy_pool(
    path: str | Path,
    policy: str | None = None,
    benchmark: str | None = None,
    setting: Wanted = None,
    *,
    notify: Callable[[str], None] = lambda text: None,
) -> Pool:
    """The pool of a policy at temperature 0; where it has none, of its only setting.

    Raises
    ------
    RequestError
        What `ttclib.store.load_pool` refuses: several greedy settings, too, or several and none greedy.
    """
    if setting is None:
        try:
            setting = {"temperature": 0}
            matching_settings(path, policy, setting, benchmark, notify=notify)
        except RequestError:  # none is greedy, or worse, which reading says again
            setting = None
    return load_pool(path, policy=policy, benchmark=benchmark, setting=setting, notify=notify)


def has_nodes(
    path: str | Path,
    policy: str,
    setting: Setting | None = None,
    *,
    notify: Callable[[str], None] = lambda text: None,
) -> bool:
    """Whether the store holds steps of a policy's tree beside its samples, of this setting or of any."""
    with connect(path, notify=notify) as con:
        name = None if setting is None else setting.name
        query = "SELECT count(*) FROM nodes WHERE policy = $1 AND ($2 IS NULL OR setting = $2)"
        return bool(con.execute(query, [policy, name]).fetchall()[0][0])
