"""Which samples are meant: policy, benchmark and setting, never guessed between several."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import duckdb

from ttclib.errors import NotInStore, RequestError, listed, one_of
from ttclib.samples import Setting
from ttclib.setting_keys import ANY, canonical_json, differing_keys, matches, option, value_at
from ttclib.store.cells import json_object

Wanted: TypeAlias = Setting | str | Mapping[str, Any] | None

# What has (policy, problem, setting), by what is asked of it.
DRAWN = ("samples", "counts")
CHAINS = ("revisions",)


def policies(con: duckdb.DuckDBPyConnection, tables: Sequence[str] = DRAWN) -> list[str]:
    """Names of the policies that have samples."""
    query = " UNION ".join(f"SELECT DISTINCT policy FROM {table}" for table in tables)
    return [name for (name,) in con.execute(f"{query} ORDER BY policy").fetchall()]


def choose_policy(con: duckdb.DuckDBPyConnection, path: str, wanted: str | None, tables: Sequence[str] = DRAWN) -> str:
    """The policy that is meant: the named one, or the only one.

    Raises
    ------
    NotInStore
        There are no chains.
    RequestError
        There are no samples, or several policies' and none is named, or another is.
    """
    names = policies(con, tables)
    chains = tables == CHAINS
    if not names and chains:
        raise NotInStore(f"'{path}' holds no revision chains: collect them with `ttc revise CONFIG`")
    if not names:
        raise RequestError(f"'{path}' holds no samples: collect some with `ttc sample` or fill it with `ttc import`")
    if wanted is not None:
        return one_of(wanted, names, "revision model" if chains else "policy")
    if len(names) > 1:
        several = "chains of several models: name one" if chains else "several policies: name one with --policy"
        raise RequestError(f"'{path}' holds {several}. Allowed: {listed(names)}")
    return names[0]


def choose_benchmark(
    con: duckdb.DuckDBPyConnection, path: str, wanted: str | None, policy: str, tables: Sequence[str] = DRAWN
) -> str | None:
    """The benchmark that is meant; None: all problems, which are of one, or of none that is known.

    Raises
    ------
    RequestError
        Several and none named, or an unknown one.
    """
    own = " UNION ".join(f"SELECT problem_id FROM {table} WHERE policy = $1" for table in tables)
    names = [
        name
        for (name,) in con.execute(
            f"""SELECT DISTINCT benchmark FROM problems SEMI JOIN ({own}) USING (problem_id)
                WHERE benchmark IS NOT NULL ORDER BY 1""",
            [policy],
        ).fetchall()
    ]
    if wanted is not None:
        return one_of(wanted, names, "benchmark")
    if len(names) > 1:
        raise RequestError(
            f"'{path}' holds problems of several benchmarks for '{policy}': name one with --benchmark. Allowed: "
            f"{', '.join(names)}"
        )
    return None


def settings_of(
    con: duckdb.DuckDBPyConnection, policy: str, benchmark: str | None = None, tables: Sequence[str] = DRAWN
) -> list[Setting]:
    """Settings under which a policy has samples, those with most first."""
    own = " UNION ALL ".join(f"SELECT setting, problem_id FROM {table} WHERE policy = $1" for table in tables)
    rows = con.execute(
        f"""SELECT setting, any_value(keys) FROM ({own}) LEFT JOIN settings USING (setting)
            LEFT JOIN problems USING (problem_id) WHERE $2 IS NULL OR benchmark = $2
            GROUP BY setting ORDER BY count(*) DESC, setting""",
        [policy, benchmark],
    ).fetchall()
    return [Setting(name, json_object(keys, f"setting '{name}'")) for name, keys in rows]


def as_key(wanted: Wanted) -> Hashable:
    """What is asked for, to remember it by."""
    if isinstance(wanted, Setting):
        return wanted.name
    if wanted is None or isinstance(wanted, str):
        return wanted
    return canonical_json(wanted), *sorted(name for name, value in wanted.items() if value is None)


def choose_setting(settings: Sequence[Setting], wanted: Wanted, whose: str) -> Setting:
    """The setting that is meant: the one that is named or matches, or the only one.

    Parameters
    ----------
    settings : sequence of Setting
        At least one.
    wanted : Setting, str, mapping or None
        A setting or its name; keys that must all hold, None for one that is not there, ``"*"`` for any; or None.
    whose : str
        For the message.

    Raises
    ------
    RequestError
        None matches, or several do: what tells them apart is listed as options.
    """
    if isinstance(wanted, Setting | str):
        name = wanted.name if isinstance(wanted, Setting) else wanted
        one_of(name, [setting.name for setting in settings], "setting")
        return next(setting for setting in settings if setting.name == name)
    found = all_matching(settings, wanted or {}, whose)
    if len(found) > 1:
        raise RequestError(f"{whose} has samples under {len(found)} settings: choose one of {_told_apart(found)}")
    return found[0]


def all_matching(settings: Sequence[Setting], where: Mapping[str, Any], whose: str) -> list[Setting]:
    """The settings for which all of `where` holds, in order of the keys that may be any, then of the others.

    Raises
    ------
    RequestError
        There is none: an unknown key, a value that no setting has, or no setting with all of them.
    """
    found = [setting for setting in settings if matches(setting.keys, where)]
    if not found:
        _complain_of(where, settings, whose)
    swept = [name for name, value in where.items() if value == ANY]
    names = [*swept, *differing_keys([setting.keys for setting in found])]
    return sorted(found, key=lambda setting: [rank_of(value_at(setting.keys, name)) for name in names])


def _complain_of(where: Mapping[str, Any], settings: Sequence[Setting], whose: str) -> None:
    known = sorted(_names([setting.keys for setting in settings]))
    if not known:
        raise RequestError(f"{whose}: nothing is known of its setting '{settings[0].name}', so leave --setting out")
    for name, value in where.items():
        if value is not None:
            one_of(name, known, "key of a setting")
        if not any(matches(setting.keys, {name: value}) for setting in settings):
            there = dict.fromkeys(option(setting.keys, [name]) for setting in settings)
            raise RequestError(f"{whose} has no samples with {option(where, [name])}: choose one of {', '.join(there)}")
    raise RequestError(
        f"{whose} has no samples with {option(where, list(where))} together: choose one of {_told_apart(settings)}"
    )


def _names(settings: Iterable[Mapping[str, Any]], before: str = "") -> set[str]:
    found = set()
    for keys in settings:
        for name, value in keys.items():
            found.add(before + name)
            if isinstance(value, Mapping):
                found |= _names([value], f"{before}{name}.")
    return found


def _told_apart(settings: Sequence[Setting]) -> str:
    names = differing_keys([setting.keys for setting in settings])
    if not names:  # of which nothing is known but that they are several
        return ", ".join(f"`--setting {setting.name}`" for setting in settings)
    return ", ".join(f"`{option(setting.keys, names)}`" for setting in settings)


def rank_of(value: Any) -> tuple[int, float, str]:
    """Absent first, then numbers, then the rest as text."""
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, int | float):
        return 1, float(value), ""
    return 2, 0.0, json.dumps(value, sort_keys=True)
