"""Whose samples a store holds: stated at import, kept, and never trusted."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from tests.builders import build_store
from ttclib.errors import RequestError
from ttclib.interchange import import_samples
from ttclib.show.report import credits_of
from ttclib.store import absorb, write_part
from ttclib.store.credit import Credit, store_credits
from ttclib.store.status import store_status

REAL = Path(__file__).resolve().parents[2] / "store"


def fill(folder: Path, **options: str) -> Path:
    file = folder / "in.jsonl"
    file.write_text(json.dumps({"problem_id": "p", "policy": "m", "sample_index": 0, "correct": True}))
    import_samples(file, folder / "s.duckdb", **options)
    return folder / "s.duckdb"


def test_what_was_stated_is_said(tmp_path):
    store = fill(tmp_path)
    assert store_credits(store) == [] and store_status(store)["credits"] == []
    fill(tmp_path, credit="Ada, 2026", license="CC-BY-4.0")  # of samples that are there already
    fill(tmp_path, credit="Ada, 2026", license="CC-BY-4.0")
    assert store_credits(store) == [Credit("Ada, 2026", "CC-BY-4.0")]
    fill(tmp_path, license="MIT")
    assert {one.line for one in store_credits(store)} == {"Ada, 2026 (licence CC-BY-4.0)", "licence MIT"}
    assert store_status(store)["credits"] == [vars(one) for one in store_credits(store)]
    assert credits_of({"store": str(store), "budget": 4, "other_store": "none"}) == {
        "s.duckdb": tuple(one.line for one in store_credits(store))
    }


@pytest.mark.parametrize("text", ["", " ", "a\nb", "\x1b[31m", "x" * 501])
def test_a_credit_is_one_line(tmp_path, text):
    for name in ("credit", "license"):
        with pytest.raises(RequestError, match=f"{name} .*: give one line of 1 to 500 characters"):
            fill(tmp_path, **{name: text})
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize("config", [None, "", "{", "[1]", '{"credit": 7}', '{"credit": null, "license": null}'])
def test_a_strangers_store_cannot_say_nonsense(tmp_path, config):
    store = build_store(tmp_path / "s.duckdb", n_problems=1, n_samples=1)
    row = {"command": "import", "started_at": datetime(2026, 1, 1)}
    write_part(store, "runs", [{**row, "run_id": "credit-1", "config": config}])
    absorb(store)
    assert store_credits(store) == []
    evil = json.dumps({"credit": "a\n\x1b[31m<b>" + "x" * 900})
    write_part(store, "runs", [{**row, "run_id": "credit-2", "config": evil}])
    absorb(store)
    assert store_credits(store)[0].line == ("a [31m<b>" + "x" * 900)[:500]


@pytest.mark.parametrize(
    ("name", "said"),
    [("frontier", "Epoch AI.*CC BY 4.0"), ("livecodebench", "2403.07974.*CC BY-SA 4.0"), ("pythia", "2502.17578")],
)
def test_the_stores_of_real_models_say_whose_they_are(name, said):
    (credit,) = store_credits(REAL / f"{name}.duckdb")
    assert re.search(said, credit.line)
