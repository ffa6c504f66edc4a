"""Facts and prices by name: what a store states first, then the table that ships; both with their date."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

import ttclib
from tests.builders import REAL_DATA, build_store
from ttclib.analysis.ledger import ledger
from ttclib.errors import RequestError
from ttclib.interchange import import_samples
from ttclib.store import list_models, load_pool, set_model_facts
from ttclib.store.fact_tables import SHIPPED, read_facts, shipped_facts
from ttclib.study.answers import ask_frontier
from ttclib.study.question import question

GPT = "openai/gpt-5.1"


def model(store: Path, name: str) -> dict:
    return next(row for row in list_models(store) if row["model"] == name)


def test_the_table_that_ships_is_dated_and_says_where_it_is_from():
    table = read_facts(SHIPPED)
    assert all(re.fullmatch(r"\d{4}-\d\d", row["price_date"]) for row in table.values() if "usd_per_mtok_output" in row)
    with SHIPPED.open() as file:
        assert all(row["source"] for row in csv.DictReader(file))


def test_it_says_what_its_source_says():
    path = REAL_DATA / "prices_usd_per_mtok.csv"
    if not path.exists():
        pytest.skip("no shared data")
    for name, facts in read_facts(path).items():
        assert shipped_facts(name) == facts


@pytest.mark.parametrize("name", [GPT, "gpt-5.1"])
def test_a_price_is_found_by_the_policys_name_and_said_with_its_date(tmp_path, name):
    store = build_store(tmp_path / "s.duckdb", n_problems=6, n_samples=4, policy=name, n_parameters=None)
    row = model(store, name)
    assert (row["usd_per_mtok_input"], row["usd_per_mtok_output"], row["price_date"]) == (1.25, 10, "2026-03")
    assert row["shipped"] == ["usd_per_mtok_input", "usd_per_mtok_output", "price_date"]
    asked = question(strategies="majority_vote", bins=1)
    found = ask_frontier(ttclib.open(store), asked, ledger=ledger("dollars"))
    assert "prices: gpt-5.1 US$ 1.25 / 10 a million tokens in / out (2026-03, the list price that ships)" in found.notes
    set_model_facts(store, name, usd_per_mtok_input=1, usd_per_mtok_output=2, price_date="2026-11-01")
    row = model(store, name)
    assert (row["usd_per_mtok_input"], row["usd_per_mtok_output"], row["shipped"]) == (1, 2, [])
    again = ask_frontier(ttclib.open(store), asked, ledger=ledger("dollars"))
    assert "prices: gpt-5.1 US$ 1 / 2 a million tokens in / out (2026-11-01)" in again.notes
    # Ten prompt tokens in at 1, completions out at 2 a million.
    pool = load_pool(store)
    one = again.result.frame.filter(strategy="majority_vote", budget=1)["cost"][0]
    assert one == pytest.approx((10 + 2 * pool.completion_tokens.mean()) / 1e6)


def test_half_a_price_of_ones_own_is_not_made_whole_by_the_table(tmp_path):
    store = build_store(tmp_path / "s.duckdb", n_problems=1, n_samples=1, policy=GPT)
    set_model_facts(store, GPT, usd_per_mtok_output=3)
    row = model(store, GPT)
    assert (row["usd_per_mtok_input"], row["usd_per_mtok_output"], row["price_date"]) == (None, 3, None)


def test_a_name_that_is_only_like_another_has_no_facts(tmp_path):
    store = build_store(tmp_path / "s.duckdb", n_problems=1, n_samples=1, policy="gpt-5.1-mine", n_parameters=None)
    assert model(store, "gpt-5.1-mine")["shipped"] == [] and load_pool(store).policy_model.price_line == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column model"),
        ("name,n_layers\na,1\n", "has no column model"),
        ("model,colour\na,red\n", "states no fact: give any of the columns kind"),
        ("model,n_layers\na,1\na,2\n", "line 3: model 'a': give each model once"),
        ("model,n_layers\n,2\n", "line 2: model ''"),
        ("model,n_layers\na,x\n", "line 2: n_layers = 'x': give a whole number"),
        ("model,usd_per_mtok_input\na,-1\n", "line 2: usd_per_mtok_input = -1.0: give a number from 0"),
        ("model,usd_per_mtok_input\na,nan\n", "line 2: usd_per_mtok_input = nan"),
        ("model,as_of\na,2026-13\n", "line 2: price_date '2026-13': give the day as YYYY-MM-DD"),
        ("model,price_date\na,yesterday\n", "line 2: price_date 'yesterday'"),
        ("model,n_layers\na,1,2,3\nb\n", None),
    ],
)
def test_a_table_that_is_none_is_named_by_its_line(tmp_path, text, message):
    (tmp_path / "facts.csv").write_text(text)
    if message is None:
        assert read_facts(tmp_path / "facts.csv") == {"a": {"n_layers": 1}, "b": {}}
        return
    with pytest.raises(RequestError) as raised:
        read_facts(tmp_path / "facts.csv")
    assert message in str(raised.value) and "\n" not in str(raised.value)


class TestAtImport:
    def fill(self, tmp_path: Path, *policies: str, **options) -> tuple[Path, list[str]]:
        told: list[str] = []
        file = tmp_path / "in.jsonl"
        rows = [{"problem_id": "p", "policy": name, "sample_index": 0, "correct": True} for name in policies]
        file.write_text("\n".join(map(json.dumps, rows)))
        import_samples(file, tmp_path / "s.duckdb", report=told.append, **options)
        return tmp_path / "s.duckdb", told

    def test_facts_of_the_policy_and_prices_by_name(self, tmp_path):
        (tmp_path / "prices.csv").write_text(
            "model,input_usd_per_mtok,output_usd_per_mtok,as_of\nb,1,2,2026-05\nz,,,\n"
        )
        store, _ = self.fill(tmp_path, "a", "b", prices=tmp_path / "prices.csv")
        assert model(store, "b")["usd_per_mtok_output"] == 2 and model(store, "a")["usd_per_mtok_output"] is None
        assert [row["model"] for row in list_models(store)] == ["a", "b"]
        self.fill(tmp_path, "c", facts={"n_parameters": 8.03e9, "training_tokens": 15e12})
        assert (model(store, "c")["n_parameters"], model(store, "c")["training_tokens"]) == (8_030_000_000, 15 * 10**12)

    def test_what_the_store_states_already_stays_and_is_said(self, tmp_path):
        self.fill(tmp_path, "a", facts={"n_parameters": 10})
        store, told = self.fill(tmp_path, "a", facts={"n_parameters": 11, "n_layers": 2})
        assert (model(store, "a")["n_parameters"], model(store, "a")["n_layers"]) == (10, 2)
        assert told[-1] == "the store states another n_parameters of 'a', which stays: change it with `ttc models`"

    @pytest.mark.parametrize(
        ("policies", "facts", "message"),
        [
            ("ab", {"n_parameters": 10}, "facts n_parameters of which policy?"),
            ("a", {"n_parameter": 10}, "unknown fact of a model 'n_parameter'"),
            ("a", {"n_parameters": 0}, "n_parameters = 0: give a whole number"),
        ],
    )
    def test_a_fact_that_is_none_writes_nothing(self, tmp_path, policies, facts, message):
        with pytest.raises(RequestError, match=re.escape(message)):
            self.fill(tmp_path, *policies, facts=facts)
        assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
