"""Rows about models, as facts: read, and set later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb

from ttclib.errors import RequestError, one_of
from ttclib.samples import ModelFacts
from ttclib.store.checksums import note
from ttclib.store.connection import absorb, connect, write_transaction
from ttclib.store.fact_tables import FACTS, PRICES, checked_facts, shipped_facts
from ttclib.store.reading_through import refuse_damaged


def read_model(con: duckdb.DuckDBPyConnection, model: str | None) -> ModelFacts | None:
    """What is known about a model: by the store, else by the table that ships; None: nothing is."""
    if model is None:
        return None
    row, shipped = with_shipped(model, read_row(con, model))
    known = {column.name for column in fields(ModelFacts)}
    facts = {name: value for name, value in row.items() if name in known}
    return ModelFacts(**{"model": model, **facts, "shipped": shipped}) if facts else None


def with_shipped(model: str, row: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A row with what it lacks from the table that ships, and which facts these are; a price comes whole or not."""
    shipped = {name: value for name, value in shipped_facts(model).items() if row.get(name) is None}
    if any(row.get(name) is not None for name in PRICES):
        shipped = {name: value for name, value in shipped.items() if name not in PRICES}
    return {**row, **shipped}, tuple(shipped)


def read_row(con: duckdb.DuckDBPyConnection, model: str | None) -> dict[str, Any]:
    """A model's row, every column of it; empty: it has none."""
    found = con.execute("SELECT * FROM models WHERE model = ?", [model])
    names = [column[0] for column in found.description]
    rows = found.fetchall()
    return dict(zip(names, rows[0], strict=True)) if rows else {}


def list_models(path: str | Path, *, notify: Callable[[str], None] = lambda text: None) -> list[dict[str, Any]]:
    """Every model that a store names, as policy or as verifier, with what it knows of it.

    Returns
    -------
    list of dict
        In order of their names: the columns of the table ``models``; ``roles``, of ``policy``, ``reviser`` and
        ``verifier``; and ``shipped``, the facts that the store does not know and the table that ships does.

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
        empty, found = dict.fromkeys(FACTS), []
        for name in sorted(named | set(roles)):
            row, shipped = with_shipped(name, read_row(con, name))
            found.append({"model": name, **empty, **row, "roles": roles.get(name, []), "shipped": list(shipped)})
        return found


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
    model : str
        A policy or verifier that the store names.
    **facts
        Columns of the table ``models``: ``n_parameters``, ``usd_per_mtok_input``, ``price_date``, ``kind``, …

    Raises
    ------
    RequestError
        No such store, model or fact, or a value that the fact cannot have; nothing was written.
    StoreLockedError
        Another process held the file for longer than `wait_s`; nothing was written.
    """
    if not facts:
        raise RequestError(f"no fact about '{model}': give one of {', '.join(FACTS)}")
    set_facts_of(store, {model: facts}, wait_s=wait_s, notify=notify)


def set_facts_of(
    store: str | Path,
    stated: Mapping[str, Mapping[str, Any]],
    *,
    wait_s: float | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> None:
    """`set_model_facts` for several models: all of them, or nothing."""
    refuse_damaged(store, notify=notify)
    known = [row["model"] for row in list_models(store, notify=notify)]
    checked = {one_of(model, known, "model"): checked_facts(dict(facts)) for model, facts in stated.items()}
    absorb(store, wait_s=wait_s, notify=notify)
    with write_transaction(store, wait_s=wait_s, notify=notify) as con:
        of_them = f"SELECT * FROM store.main.models WHERE model IN ({', '.join('?' * len(checked))})"
        note(con, "models", of_them, list(checked), gone=True)
        for model, facts in checked.items():
            con.execute(_NAME, [model])
            assigned = ", ".join(f"{name} = ?" for name in facts)
            con.execute(f"UPDATE store.main.models SET {assigned} WHERE model = ?", [*facts.values(), model])
        note(con, "models", of_them, list(checked))


_NAME = "INSERT INTO store.main.models (model) SELECT $1 WHERE $1 NOT IN (SELECT model FROM store.main.models)"


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
