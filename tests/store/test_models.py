"""Facts about models: filled in as they become known, and set by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builders import build_store
from ttclib.errors import RequestError
from ttclib.store import StoreLockedError, absorb, connect, list_models, load_pool, set_model_facts, write_part


def test_prices_and_parameters_are_set_later(small_store: Path):
    price = {"usd_per_mtok_input": 0.15, "usd_per_mtok_output": 0, "price_date": "2026-01-31"}
    set_model_facts(small_store, "policy", n_parameters=8.03e9, **price)
    set_model_facts(small_store, "prm", kind="judge")  # which had no row
    pool = load_pool(small_store)
    facts = pool.policy_model
    assert facts is not None and facts.n_parameters == 8_030_000_000 and facts.price_date == "2026-01-31"
    assert (facts.usd_per_mtok_input, facts.usd_per_mtok_output) == (0.15, 0.0)
    assert pool.verifiers["prm"].kind == "judge"
    set_model_facts(small_store, "policy", price_date=None)
    rows = {row["model"]: row for row in list_models(small_store)}
    assert rows["policy"]["price_date"] is None and rows["policy"]["usd_per_mtok_input"] == 0.15
    assert rows["policy"]["roles"] == ["policy"] and rows["prm"]["roles"] == ["verifier"]


@pytest.mark.parametrize(
    ("model", "facts", "message"),
    [
        ("polcy", {"n_layers": 3}, "unknown model 'polcy': did you mean 'policy'"),
        ("policy", {"n_parameter": 3}, "unknown fact of a model 'n_parameter': did you mean 'n_parameters'"),
        ("policy", {"n_parameters": 0}, "n_parameters = 0: give a whole number from 1 on"),
        ("policy", {"n_parameters": 1.5}, "n_parameters = 1.5: give a whole number"),
        ("policy", {"n_layers": 2**31}, "n_layers = 2147483648: give a whole number"),
        ("policy", {"n_parameters": 2**63}, "n_parameters = 9223372036854775808: give a whole number from 1 on"),
        ("policy", {"usd_per_mtok_input": -1}, "usd_per_mtok_input = -1: give a number from 0 on"),
        ("policy", {"usd_per_mtok_input": float("nan")}, "usd_per_mtok_input = nan: give a number"),
        ("policy", {"usd_per_mtok_output": "cheap"}, "usd_per_mtok_output = 'cheap': give a number"),
        ("policy", {"n_layers": True}, "n_layers = True: give a whole number"),
        ("policy", {"price_date": "31.1.2026"}, "price_date '31.1.2026': give the day as YYYY-MM-DD"),
        ("policy", {"price_date": "2026-02-30"}, "price_date '2026-02-30'"),
        ("prm", {"kind": "oracle"}, "unknown kind of a verifier 'oracle'"),
        ("policy", {}, "no fact about 'policy': give one of kind, path"),
    ],
)
def test_what_cannot_be_a_fact_changes_nothing(small_store: Path, model: str, facts: dict[str, Any], message: str):
    before = list_models(small_store)
    with pytest.raises(RequestError, match=message):
        set_model_facts(small_store, model, **facts)
    assert list_models(small_store) == before


def test_what_was_not_known_is_filled_in_and_what_was_stays(tmp_path: Path):
    path = build_store(tmp_path / "s.duckdb", n_problems=1, n_samples=1, n_parameters=None)
    first = [{"model": "policy", "n_layers": 3}, {"model": "policy", "n_layers": 4, "hidden_size": 5}]
    write_part(path, "models", first[:1])
    write_part(path, "models", first[1:])
    for _ in range(2):
        with connect(path) as con:
            rows = con.execute("SELECT n_layers, hidden_size, n_parameters FROM models").fetchall()
        assert rows == [(3, 5, None)]
        absorb(path)
    set_model_facts(path, "policy", n_layers=7)
    write_part(path, "models", first[1:])
    absorb(path)
    (row,) = [row for row in list_models(path) if row["model"] == "policy"]
    assert row["n_layers"] == 7


def test_a_store_that_is_held_is_left_alone(small_store: Path):
    with connect(small_store), pytest.raises(StoreLockedError):
        set_model_facts(small_store, "policy", n_layers=3, wait_s=0)
