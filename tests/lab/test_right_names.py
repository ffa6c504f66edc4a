"""The five situations in which a sample could come to stand under a wrong name, with the models that ship, by `ttc`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from click.testing import CliRunner

from tests.cli.commands import table_rows
from ttclib.cli import cli
from ttclib.errors import TTCError
from ttclib.store import load_pool

CONFIG = """
store = "s.duckdb"
[problems]
source = "lab:test"
limit = 5
[policy]
name = "lab-policy"
path = "lab:policy"
[sampling]
n_samples = 8
max_tokens = 100
[prm]
path = "lab:prm"
[grading]
grader = "exact"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(name: str, *changes: tuple[str, str]) -> str:
    text = CONFIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    Path(name).write_text(text)
    return name


def ttc(*arguments: str) -> Any:
    """Run a command in this process; an error is raised, as `main` turns it into a line."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(cli, list(arguments), catch_exceptions=False, standalone_mode=False)


def refused(*arguments: str) -> str:
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    with pytest.raises(TTCError) as error:
        ttc(*arguments)
    assert error.value.exit_status == 2 and "\n" not in str(error.value)
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    return str(error.value)


def test_five_situations(folder: Path) -> None:
    plain = config("plain.toml")
    said = ttc("sample", plain).stdout
    row = table_rows(said)[0]  # 5 x 8, no benchmark
    assert [row[name] for name in ("problems", "samples", "scored", "graded")] == ["5", "40", "40", "40"]
    assert row["left to do"] == "nothing"
    before = load_pool("s.duckdb").correct

    # 1. A model 14 times as large under the same name; and another PRM under the default name, which is its path's.
    large = config("large.toml", ('"lab:policy"', '"lab:policy-14x"'))
    said = refused("sample", large, "--n-samples", "16")
    assert "'lab-policy' in 's.duckdb' is the model at 'lab:policy', and 'lab:policy-14x' has other weights" in said
    other = config("other.toml", ('path = "lab:prm"', 'name = "prm"\npath = "lab:revision-orm"'))
    assert "'prm' in 's.duckdb' is the model at 'lab:prm', and 'lab:revision-orm'" in refused("score", other)
    ttc("score", config("own.toml", ('"lab:prm"', '"lab:revision-orm"')))
    assert [name for name in load_pool("s.duckdb").verifiers if name != "logprob"] == ["prm", "revision-orm"]

    # 2. Another setting does not take over.
    ttc("sample", config("cold.toml", ("n_samples = 8", "n_samples = 16\ntemperature = 0.5")))
    said = refused("replay", "--store", "s.duckdb", "--strategy", "pass_at_k", "--budgets", "1")
    assert "choose one of `--setting temperature=0.5`, `--setting temperature=1`" in said
    warm = load_pool("s.duckdb", setting={"temperature": 1})
    assert (warm.correct == before).all()
    rows = json.loads(
        ttc(
            "replay",
            "--store",
            "s.duckdb",
            "--strategy",
            "pass_at_k",
            "--budgets",
            "1",
            "--json",
            "--setting",
            "temperature=1",
        ).stdout
    )
    assert rows[0]["accuracy"] == pytest.approx(before.mean())
    status = json.loads(ttc("status", "s.duckdb", "--json").stdout)["policies"]
    assert [row["differs"] for row in status] == [{"temperature": 0.5}, {"temperature": 1}]
    assert [row["left"]["samples"] for row in status] == [0, 0]
    told = {row["samples of"]: row["samples"] for row in table_rows(ttc("status", "--store", "s.duckdb").stdout)}
    assert told["lab-policy (temperature=0.5)"] == "80"

    # 3. and 4. Scoring reads what is asked for, or says what there is.
    hot = config("hot.toml", ("n_samples = 8", "temperature = 0.7"))
    assert "drawn as configured (temperature = 0.7); there are some with `--setting temperature=0.5`" in refused(
        "score", hot
    )
    assert "unknown policy 'lab-polcy': did you mean 'lab-policy'?" in refused("score", hot, "--policy", "lab-polcy")
    line = {
        "problem_id": "mine",
        "policy": "mine",
        "prompt": "1*(8-1)=\n",
        "sample_index": 0,
        "completion": "1*7\n7\n#7",
    }
    Path("mine.jsonl").write_text(json.dumps(line) + "\n")
    ttc("import", "mine.jsonl", "--store", "s.duckdb", "--grader", "exact")
    ttc("score", plain, "--policy", "mine", "--setting", "imported")
    assert load_pool("s.duckdb", policy="mine").verifier("prm").by().shape == (1, 1)

    # 5. What cannot be drawn again is kept, and told in bytes before.
    said = ttc("sample", plain, "--n-samples", "9", "--dry-run").stdout
    assert "bytes a sample" in said and "log-probability" in said and "sampling.keep_logprobs = true" in said


def test_what_is_left_is_what_was_asked_for(folder: Path) -> None:
    ttc("sample", config("all.toml", ("limit = 5", "limit = 9"), ("n_samples = 8", "n_samples = 2")))
    ttc("sample", config("few.toml", ("limit = 5", "limit = 3"), ("n_samples = 8", "n_samples = 4\ntemperature = 0.5")))
    rows = json.loads(ttc("status", "--store", "s.duckdb", "--json").stdout)["policies"]
    assert [(row["n_samples"], row["left"]) for row in sorted(rows, key=lambda row: row["n_problems"])] == [
        (12, {"samples": 0, "scores": 0, "grades": 0}),
        (18, {"samples": 0, "scores": 0, "grades": 0}),
    ]


def test_models_lists_and_takes_facts(folder: Path) -> None:
    ttc("sample", config("plain.toml"))
    ttc("models", "s.duckdb", "--set", "lab-policy", "usd_per_mtok_output=0.6", "price_date=2026-01-31")
    found = {row["model"]: row for row in json.loads(ttc("models", "--store", "s.duckdb", "--json").stdout)}
    assert found["lab-policy"]["usd_per_mtok_output"] == 0.6 and found["lab-policy"]["roles"] == ["policy"]
    assert found["prm"]["kind"] == "prm" and found["prm"]["roles"] == ["verifier"]
    (row,) = (one for one in table_rows(ttc("models", "s.duckdb").stdout) if one["model"] == "lab-policy")
    assert row["US$ a million tokens, in / out"] == "? / 0.6 (2026-01-31)"
    assert "of no model: say which with --set MODEL" in refused("models", "s.duckdb", "n_layers=3")
    assert "unknown fact of a model 'price'" in refused("models", "s.duckdb", "--set", "prm", "price=3")
