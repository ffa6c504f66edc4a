"""`ttc export`, `import` and `models` as a user calls them."""

from __future__ import annotations

import json

import polars as pl
import pytest

from tests.cli.commands import error_line, table_rows, ttc

ROW = {"problem_id": "p", "policy": "openai/gpt-5.1", "prompt": "1+1?", "completion": "2", "correct": True}


@pytest.fixture
def store(tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps(ROW))
    made = ttc("import", "in.jsonl", "--store", "s.duckdb", "--credit", "Ada, 2026", "--license", "MIT", cwd=tmp_path)
    assert made.returncode == 0
    return tmp_path


def test_the_form_is_said_with_what_told_it(store):
    for out, told in (
        (("o.jsonl",), "as interchange, told by the ending '.jsonl'"),
        (("o.jsonl.zst",), "as interchange, told by the ending '.jsonl.zst'"),
        (("o.parquet",), "as parquet, told by the ending '.parquet'"),
        (("card", "--format", "huggingface"), "as huggingface, told by --format huggingface"),
        (("t.jsonl", "--only", "correct"), "as training, told by --only correct"),
    ):
        done = ttc("export", "s.duckdb", *out, cwd=store)
        what = "conversations" if "training" in told else "samples"
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.splitlines()[-1] == f"export: 1 {what} written to '{out[0]}' {told}"
    assert pl.read_parquet(store / "o.parquet")["completion"].to_list() == ["2"]
    text = (store / "card" / "README.md").read_text()
    assert "license: mit" in text and "- Ada, 2026 (licence MIT)" in text
    flags = ttc("export", "--store", "s.duckdb", "flags.jsonl", cwd=store)
    assert flags.returncode == 0 and (store / "flags.jsonl").read_text() == (store / "o.jsonl").read_text()
    piped = ttc("export", "s.duckdb", "-", cwd=store)
    assert (piped.stdout, piped.stderr) == ((store / "o.jsonl").read_text(), "")
    training = ttc("export", "s.duckdb", "--format", "training", cwd=store)
    assert training.stdout == (store / "t.jsonl").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("s.duckdb", "out"), "'out' does not say what to write: give --format"),
        (("s.duckdb", "in.jsonl"), "'in.jsonl' is there already"),
        (("s.duckdb", "a.jsonl", "b.jsonl"), "'a.jsonl', 'b.jsonl': give one store and one file to write"),
        (("s.duckdb", "a.jsonl", "--only", "best"), "unknown kind of training set 'best'"),
        (("s.duckdb", "a.jsonl", "--only", "chosen"), "holds no scores to choose by"),
        (("s.duckdb", "a.jsonl", "--policy", "gpt"), "unknown policy 'gpt'"),
        (("s.duckdb", "a.jsonl", "--benchmark", "other"), "unknown benchmark 'other'"),
        (("s.duckdb", "a.jsonl", "--setting", "temperature=1"), "holds no sample of setting {'temperature': 1}"),
        (("s.duckdb", "a.jsonl", "--verifier", "prm"), "unknown verifier of 's.duckdb' 'prm'"),
        (("s.duckdb", "a.jsonl", "--aggregation", "sum"), "unknown aggregation 'sum'"),
        ((), "no store: name one"),
    ],
)
def test_a_wrong_request_writes_nothing(store, arguments, message):
    before = sorted(path.name for path in store.iterdir())
    done = ttc("export", *arguments, cwd=store)
    assert message in error_line(done) and done.returncode == 2
    assert sorted(path.name for path in store.iterdir()) == before


def test_status_says_whose_samples_they_are(store):
    assert "\ncredit: Ada, 2026 (licence MIT)\n" in ttc("status", "s.duckdb", cwd=store).stdout
    stated = json.loads(ttc("status", "s.duckdb", "--json", cwd=store).stdout)["credits"]
    assert stated == [{"credit": "Ada, 2026", "license": "MIT"}]


def test_prices_of_the_table_that_ships_and_of_ones_own(store):
    (shown,) = table_rows(ttc("models", "s.duckdb", cwd=store).stdout)
    assert shown["US$ a million tokens, in / out"] == "1.25 / 10 (2026-03, the list price that ships)"
    (store / "mine.csv").write_text(
        "model,usd_per_mtok_input,usd_per_mtok_output,price_date\nopenai/gpt-5.1,1,2,2026-11-02\nother,3,4,2026-11-02\n"
    )
    done = ttc("models", "s.duckdb", "--prices", "mine.csv", cwd=store)
    assert "facts of 1 of the 2 models of 'mine.csv' are stated" in done.stderr
    assert table_rows(done.stdout)[0]["US$ a million tokens, in / out"] == "1 / 2 (2026-11-02)"
    (store / "others.csv").write_text("model,n_layers\nother,3\n")
    done = ttc("models", "s.duckdb", "--prices", "others.csv", cwd=store)
    assert "'others.csv' names no model of 's.duckdb', which has openai/gpt-5.1: call them alike" in error_line(done)
    done = ttc("import", "in.jsonl", "--store", "s.duckdb", "--policy", "m", "--fact", "n_parameters=8e9", cwd=store)
    assert done.returncode == 0
    told = table_rows(ttc("models", "s.duckdb", cwd=store, COLUMNS="200").stdout)
    assert "8,000,000,000" in [row["parameters"] for row in told]
