"""Rows about models, as facts: read, and set later."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from ttclib.errors import RequestError, one_of
from ttclib.samples import ModelFacts
from ttclib.store.connection import absorb, connect, write_transaction
from ttclib.store.tables import columns_of

KINDS = ("prm", "orm", "judge", "confidence")
FACTS = tuple(name for name, _ in columns_of("models") if name != "model")


def read_model(con: duckdb.DuckDBPyConnection, model: str | None) -> ModelFacts | None:
    """What the store knows about a model; None: it has no row of it."""
    row = read_row(con, model)
    known = {column.name for column in fields(ModelFacts)}
    return ModelFacts(**{name: value for name, value in row.items() if name in known}) if row else None


def read_row(con: duckdb.DuckDBPyConnection, model: str | None) -> dict[str, Any]:
    """A model's row, every column of it; empty: it has none."""
    found = con.execute("SELECT * FROM models WHERE model = ?", [model])
    names = [column[0] for column in found.description]
    rows = found.fetchall()
    return dict(zip(names, rows[0], strict=True)) if rows else {}


def list_models(path: str | Path, *, notify: Callable[[str], None] = lambda text: None) -> list[dict[str, Any]]:
    """Every model that a store names, as policy or as verifier, with what it knows of it.

    Parameters
    ----------
    path : str or pathlib.Path
    notify : callable
        Told in a line when waiting for a writer begins.

    Returns
    -------
    list of dict
        In order of their names: the columns of the table ``models``, and ``roles``, of ``policy``, ``reviser`` and
        ``verifier``.

    Raises
    ------
    RequestError
        No such store, or it is none.
    """
    with connect(path, notify=notify) as con:
        roles: dict[str, list[str]] = {}
        for role, table, column in _ROLES:
            for (name,) in con.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
                own = roles.setdefault(name, [])
                own += [role] if role not in own else []
        named = {name for (name,) in con.execute("SELECT model FROM models").fetchall()}
        empty = dict.fromkeys(FACTS)
        return [
            {"model": name, **empty, **read_row(con, name), "roles": roles.get(name, [])}
            for name in sorted(named | set(roles))
        ]


_ROLES = (
    ("policy", "samples", "policy"),
    ("policy", "counts", "policy"),
    ("reviser", "revisions", "policy"),
    ("verifier", "scores", "verifier"),
    ("verifier", "node_scores", "verifier"),
    ("verifier", "revision_scores", "verifier"),
)


def set_model_facts(
    store: str | Path,
    model: str,
    /,
    *,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
    **facts: Any,
) -> None:
    """State facts about a model of a store, in the place of what it knew; None: unknown again.

    Parameters
    ----------
    store : str or pathlib.Path
    model : str
        A policy or verifier that the store names.
    wait_s, notify
        As in `ttclib.store.load_pool`.
    **facts
        Columns of the table ``models``: ``n_parameters``, ``usd_per_mtok_input``, ``price_date``, ``kind``, …

    Raises
    ------
    RequestError
        No such store, model or fact, or a value that the fact cannot have; nothing was written.
    StoreLockedError
        Another process held the file for longer than `wait_s`; nothing was written.
    """
    one_of(model, [row["model"] for row in list_models(store, notify=notify)], "model")
    if not facts:
        raise RequestError(f"no fact about '{model}': give one of {', '.join(FACTS)}")
    checked = {one_of(name, FACTS, "fact of a model"): _checked(name, value) for name, value in facts.items()}
    absorb(store, wait_s=wait_s, notify=notify)
    with write_transaction(store, wait_s=wait_s, notify=notify) as con:
        con.execute(
            "INSERT INTO store.models (model) SELECT $1 WHERE $1 NOT IN (SELECT model FROM store.models)", [model]
        )
        assigned = ", ".join(f"{name} = ?" for name in checked)
        con.execute(f"UPDATE store.models SET {assigned} WHERE model = ?", [*checked.values(), model])


def refuse_known_verifier(path: str | Path, verifier: str) -> None:
    """Refuse scores of unknown origin under the name of a model that scored here.

    Raises
    ------
    RequestError
        The store knows which model has this name.
    """
    with connect(path) as con:
        row = read_row(con, verifier)
    if row.get("path"):
        raise RequestError(
            f"'{verifier}' in '{path}' is the model at '{row['path']}', and nobody knows whether it gave these scores, "
            "too: name them otherwise with --verifier"
        )


_TYPES = dict(columns_of("models"))
_ZERO_ALLOWED = {"usd_per_mtok_input", "usd_per_mtok_output", "n_embedding"}


def _checked(name: str, value: Any) -> Any:
    """A value that its column can hold, or an error that says which can be."""
    if value is None:
        return None
    if name == "kind":
        return one_of(str(value), KINDS, "kind of a verifier")
    if name == "price_date":
        try:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)):
                raise ValueError
            return date.fromisoformat(str(value)).isoformat()
        except ValueError:
            raise RequestError(f"price_date '{value}': give the day as YYYY-MM-DD, such as 2026-01-31") from None
    if _TYPES[name] == "VARCHAR":
        return str(value)
    whole = _TYPES[name] != "DOUBLE"
    least = 0 if name in _ZERO_ALLOWED else 1
    largest = 2**31 - 1 if _TYPES[name] == "INTEGER" else 2**63 - 1
    good = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= largest
    if not good or (whole and value != int(value)):
        raise RequestError(f"{name} = {value!r}: give a {'whole ' * whole}number from {least} on")
    return int(value) if whole else float(value)
