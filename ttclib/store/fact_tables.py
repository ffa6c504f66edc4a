"""Tables of facts about models, by their names: the one that ships, and a user's own.

What ships are list prices with their date, parameters and training tokens, as their source states them. They stand in
where a store knows nothing; whatever it knows comes first.
"""

from __future__ import annotations

import csv
import re
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ttclib.errors import RequestError, one_of
from ttclib.store.tables import columns_of

KINDS = ("prm", "orm", "judge", "confidence")
_TYPES = dict(columns_of("models"))
FACTS = tuple(name for name in _TYPES if name != "model")
PRICES = ("usd_per_mtok_input", "usd_per_mtok_output", "price_date")
_ZERO_ALLOWED = {"usd_per_mtok_input", "usd_per_mtok_output", "n_embedding"}
SHIPPED = Path(str(files("ttclib.store").joinpath("model_facts.csv")))
# What lists of prices call them, too.
_ALIASES = {
    "policy": "model",
    "input_usd_per_mtok": "usd_per_mtok_input",
    "output_usd_per_mtok": "usd_per_mtok_output",
    "as_of": "price_date",
}


def checked_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts that their columns can hold.

    Raises
    ------
    RequestError
        A name that is no fact, or a value that it cannot have.
    """
    return {one_of(name, FACTS, "fact of a model"): _checked(name, value) for name, value in facts.items()}


def read_facts(path: Path) -> dict[str, dict[str, Any]]:
    """Facts by model from a CSV with the column ``model`` and any of `FACTS`; an empty cell says nothing.

    Raises
    ------
    RequestError
        It cannot be read, lacks a column, names a model twice, or has a value that is no fact, named by its line.
    """
    if path.exists() and not path.is_file():
        raise RequestError(f"'{path}' is no file: name a CSV with a column model")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read '{path}': {getattr(error, 'strerror', None) or error}") from error
    return _parsed(text, f"'{path}'")


@cache
def shipped_facts(model: str) -> dict[str, Any]:
    """What the table that ships knows of a model, by its name with or without the provider's before it.

    Examples
    --------
    >>> shipped_facts("gpt-5.1") == shipped_facts("openai/gpt-5.1") != shipped_facts("gpt-5.1-mine") == {}
    True
    """
    table = _shipped()
    return table.get(model) or next((facts for name, facts in table.items() if name.partition("/")[2] == model), {})


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    return read_facts(SHIPPED)


def _parsed(text: str, where: str) -> dict[str, dict[str, Any]]:
    try:
        rows = list(csv.DictReader(text.splitlines()))
    except csv.Error as error:
        raise RequestError(f"{where} is no CSV: {error}") from error
    if not rows or "model" not in (names := {_ALIASES.get(name, name) for name in rows[0] if name}):
        raise RequestError(f"{where} has no column model: give a CSV with model and any of {', '.join(FACTS)}")
    if not names & set(FACTS):
        raise RequestError(f"{where} states no fact: give any of the columns {', '.join(FACTS)}")
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, start=2):
        named = {
            _ALIASES.get(name, name): (value or "").strip() for name, value in row.items() if isinstance(name, str)
        }
        model = named.pop("model")
        if not model or model in found:
            raise RequestError(f"{where} line {number}: model {model!r}: give each model once, by its name")
        try:
            found[model] = checked_facts(
                {name: _number(name, value) for name, value in named.items() if value and name in FACTS}
            )
        except RequestError as error:
            raise RequestError(f"{where} line {number}: {error}") from None
    return found


def _number(name: str, text: str) -> Any:
    if _TYPES[name] == "VARCHAR":
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _checked(name: str, value: Any) -> Any:
    """A value that its column can hold, or an error that says which can be."""
    if value is None:
        return None
    if name == "kind":
        return one_of(str(value), KINDS, "kind of a verifier")
    if name == "price_date":
        try:
            if not re.fullmatch(r"\d{4}-\d\d(-\d\d)?", str(value)):
                raise ValueError
            return date.fromisoformat(f"{value}-01"[:10]).isoformat()[: len(str(value))]
        except ValueError:
            raise RequestError(
                f"price_date '{value}': give the day as YYYY-MM-DD, such as 2026-01-31, or the month as YYYY-MM"
            ) from None
    if _TYPES[name] == "VARCHAR":
        return str(value)
    whole = _TYPES[name] != "DOUBLE"
    least = 0 if name in _ZERO_ALLOWED else 1
    largest = 2**31 - 1 if _TYPES[name] == "INTEGER" else 2**63 - 1
    good = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= largest
    if not good or (whole and value != int(value)):
        raise RequestError(f"{name} = {value!r}: give a {'whole ' * whole}number from {least} on")
    return int(value) if whole else float(value)
