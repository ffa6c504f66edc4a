"""`ttc models`: which models a store names, and the facts about them, which can be set later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from ttclib.analysis.columns import DASH
from ttclib.cli.common import FILE, as_json, assignment, cli, notify, print_json, wants
from ttclib.cli.printing import record_lines, say_lines
from ttclib.errors import RequestError
from ttclib.samples import ModelFacts
from ttclib.store.fact_tables import PRICES


@cli.command()
@click.argument("words", nargs=-1, metavar="[STORE] [FACT=VALUE...]")
@click.option("--store", type=FILE, help="DuckDB file of the samples; or STORE.")
@click.option(
    "--set", "model", metavar="MODEL", help="State facts about MODEL, such as n_parameters=8.03e9; null: unknown."
)
@click.option(
    "--prices",
    type=FILE,
    help="A CSV of facts to state: model, usd_per_mtok_input, usd_per_mtok_output, price_date, or any others.",
)
@as_json()
def models(words: Sequence[str], store: Path | None, model: str | None, prices: Path | None) -> None:
    """List the models that STORE names, with what it knows of them; with --set, state facts about one.

    With --prices, state facts of several from a table.

    Facts: kind (of a verifier: prm, orm, judge, confidence), n_parameters, training_tokens, n_layers,
    usd_per_mtok_input and usd_per_mtok_output (list price of a million tokens), price_date, and the rest
    that --json shows. What STORE does not know comes from a table of list prices and sizes that ships,
    by the model's name; null takes a fact that was stated back.
    """
    from ttclib.store.fact_tables import read_facts
    from ttclib.store.models import list_models, set_facts_of, set_model_facts

    if store is None:
        if not words:
            raise RequestError("no store: name its DuckDB file, such as ttc models runs/lab.duckdb")
        store, words = Path(words[0]), words[1:]
    facts = dict(assignment(word) for word in words)
    if facts and model is None:
        raise RequestError(f"facts {', '.join(facts)} of no model: say which with --set MODEL")
    if model is not None:
        set_model_facts(store, model, notify=notify, **facts)
    if prices is not None:
        stated = read_facts(prices)
        named = {row["model"] for row in list_models(store, notify=notify)}
        of_store = {name: known for name, known in stated.items() if name in named and known}
        if not of_store:
            raise RequestError(
                f"'{prices}' names no model of '{store}', which has {', '.join(sorted(named)[:5])}"
                f"{' …' * (len(named) > 5)}: call them alike"
            )
        set_facts_of(store, of_store, notify=notify)
        notify(f"models: facts of {len(of_store)} of the {len(stated)} models of '{prices}' are stated")
    found = list_models(store, notify=notify)
    if wants("json"):
        print_json(found)
        return
    say_lines(record_lines(found, _CELLS, ("model", "role", _PRICE, "table that ships", "from")))


def _role(row: dict[str, Any]) -> str:
    roles = " and ".join(row["roles"]) or "no samples"
    return f"{roles}, {row['kind']}" if row["kind"] else roles


def _number(row: dict[str, Any], name: str) -> str:
    return DASH if row[name] is None else f"{row[name]:,}"


def _price(row: dict[str, Any]) -> str:
    facts = ModelFacts(**{name: row[name] for name in ("model", *PRICES)}, shipped=tuple(row["shipped"]))
    return f"{facts.price[0]} ({facts.price[1]})" if facts.price else DASH


def _from_the_table(row: dict[str, Any]) -> str:
    return ", ".join(name for name in row["shipped"] if name not in PRICES) or DASH


def _source(row: dict[str, Any]) -> str:
    return f"{row['path']}{'@' + row['revision'] if row['revision'] else ''}" if row["path"] else DASH


_PRICE = "US$ a million tokens, in / out"
_CELLS: dict[str, Callable[[dict[str, Any]], str]] = {
    "model": lambda row: str(row["model"]),
    "role": _role,
    "parameters": partial(_number, name="n_parameters"),
    "training tokens": partial(_number, name="training_tokens"),
    _PRICE: _price,
    "table that ships": _from_the_table,
    "from": _source,
}
