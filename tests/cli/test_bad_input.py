"""Each wrong request: exit status 2, one line that names the value, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from tests.builders import build_store
from tests.cli.commands import error_line, listing, ttc, ttc_process
from ttclib.store.schema import SCHEMA_VERSION

REPLAY = ("replay", "--store", "s.duckdb", "--strategy")
SAMPLE = 'store = "out.duckdb"\n[problems]\nsource = "{source}"\n[policy]\nname = "m"\npath = "{path}"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A small store beside files that are none. Shared, since no test here may change it."""
    folder = tmp_path_factory.mktemp("bad input")
    build_store(folder / "s.duckdb", n_problems=6, n_samples=8)
    (folder / "text.duckdb").write_text("no database\n" * 100)
    (folder / "empty.duckdb").write_bytes(b"")
    build_store(folder / "newer.duckdb", n_problems=1, n_samples=1)
    with duckdb.connect(str(folder / "newer.duckdb")) as con:
        con.execute(f"INSERT INTO schema_version VALUES ({SCHEMA_VERSION + 1}, now()::TIMESTAMP)")
    with duckdb.connect(str(folder / "other.duckdb")) as con:
        con.execute("CREATE TABLE mine (a INTEGER)")
    good = {"problem_id": "p", "prompt": "1+1=", "reference_answer": "2"}
    lines = {
        "text": [good, "{oops"],
        "lacks": [good, {"problem_id": "q", "prompt": "1"}],
        "twice": [good, good],
    }
    for name, rows in lines.items():
        text = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(text))
        (folder / f"{name}.toml").write_text(SAMPLE.format(source=f"{name}.jsonl", path="lab:policy"))
    (folder / "no_model.toml").write_text(SAMPLE.format(source="lab:test", path="./no/model"))
    (folder / "unknown.toml").write_text(SAMPLE.format(source="lab:test", path="x") + "[sampling]\ntemprature = 1\n")
    (folder / "value.toml").write_text(SAMPLE.format(source="lab:test", path="x") + "[sampling]\ntop_p = 3\n")
    (folder / "broken.toml").write_text("store = [")
    return folder


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ((*REPLAY, "pass_at_k", "--budgets", "0"), "budget 0: give at least 1"),
        ((*REPLAY, "pass_at_k", "--budgets", "9"), "budget 9 is out of range: the pool of 'policy' holds 8 samples"),
        ((*REPLAY, "pass_at_k", "--budgets", "1,two"), "budgets '1,two': give whole numbers with commas"),
        ((*REPLAY, "pass_at_k", "--budgets", "1.5"), "budgets '1.5': give whole numbers with commas"),
        (
            (*REPLAY, "best_of_m"),
            "unknown strategy 'best_of_m': did you mean 'best_of_n'? Allowed: pass_at_k, majority_vote, best_of_n",
        ),
        ((*REPLAY, "best_of_n", "--verifier", "orm"), "holds no orm scores"),
        ((*REPLAY, "best_of_n", "--verifier", "rpm"), "unknown verifier 'rpm': did you mean 'prm'"),
        ((*REPLAY, "best_of_n", "--transform", "logti"), "unknown transform 'logti': did you mean 'logit'"),
        ((*REPLAY, "best_of_n", "--interval", "wide"), "unknown interval 'wide'. Allowed: pointwise, simultaneous"),
        ((*REPLAY, "best_of_n", "--length-cap", "0"), "length cap 0: give at least 1 token"),
        ((*REPLAY, "majority_vote", "--subsets", "-3"), "-3 subsets: give 1 or more, or 0"),
        ((*REPLAY, "majority_vote", "--subsets", "many"), "subsets 'many': give a whole number"),
        ((*REPLAY, "beam_search", "--beam-width", "wide"), "beam width 'wide': give a whole number or sqrt"),
        ((*REPLAY, "beam_search", "--beam-width", "4", "--budgets", "2"), "beam width 4 at budget 2: allowed 1 to 2"),
        ((*REPLAY, "best_of_n", "--bins", "7"), "7 bins: allowed 1 to 6"),
        ((*REPLAY, "best_of_n", "--bins", "2", "--thresholds", "0.5"), "bins and thresholds: give one of them"),
        ((*REPLAY, "best_of_n", "--problems", "sharde"), "unknown problems 'sharde': did you mean 'shared'"),
        ((*REPLAY, "best_of_n", "--told", "half", "--bins", "2"), "did you mean 'halves'"),
        ((*REPLAY, "best_of_n", "--setting", "temperature"), "parameter 'temperature': give NAME=VALUE"),
        (("replay", "s.duckdb", "--store", "other.duckdb"), "two stores, 's.duckdb' and 'other.duckdb': give one"),
        ((*REPLAY, "best_of_n", "--budgets", "4-2"), "budgets '4-2': a range goes upwards, such as 2-4"),
        ((*REPLAY, "best_of_n", "--budgets", "1-9999999"), "budgets '1-9999999': at most 100000 in a range"),
        ((*REPLAY, "best_of_n", "--aggregation", "max"), "Allowed: last, min, prod, mean"),
        ((*REPLAY, "best_of_n", "--bins", "0"), "0 bins: give at least 1"),
        ((*REPLAY, "best_of_n", "--bins", "2", "--difficulty", "orcle"), "did you mean 'oracle'"),
        ((*REPLAY, "best_of_n", "--policy", "poliy"), "unknown policy 'poliy': did you mean 'policy'"),
        ((*REPLAY, "best_of_n", "--seed", "-1"), "Invalid value for '--seed'"),
        (("replay", "--strategy", "best_of_n"), "no store: name one"),
        (("replay", "--store", "no.duckdb", "--strategy", "pass_at_k"), "no store at 'no.duckdb': collect one"),
        (("replay", "--store", "text.duckdb", "--strategy", "pass_at_k"), "'text.duckdb' is no DuckDB file"),
        (("replay", "--store", "empty.duckdb", "--strategy", "pass_at_k"), "'empty.duckdb' is no DuckDB file"),
        (("replay", "--store", "other.duckdb", "--strategy", "pass_at_k"), "a DuckDB file but no ttclib store"),
        (
            ("replay", "--store", "newer.duckdb", "--strategy", "pass_at_k"),
            f"reads up to {SCHEMA_VERSION}: upgrade ttclib",
        ),
        (("replay", "--store", "what?.duckdb", "--strategy", "pass_at_k"), "'what?.duckdb' holds '?'"),
        (("status", "--store", "newer.duckdb"), f"has schema version {SCHEMA_VERSION + 1}"),
        (("status", "--store", "no.duckdb"), "no store at 'no.duckdb'"),
        (("export", "--store", "no.duckdb", "--output", "out.jsonl"), "no store at 'no.duckdb'"),
        (("export", "--store", "s.duckdb", "--output", "no/out.jsonl"), "cannot write 'no/out.jsonl'"),
        (("import", "no.jsonl", "--store", "out.duckdb"), "no file 'no.jsonl'"),
        (("import", "s.duckdb", "--store", "out.duckdb"), "cannot read 's.duckdb'"),
        (("import", "text.jsonl", "--store", "out.duckdb"), "'text.jsonl' line 1: lacks the key 'policy'"),
        (("import", "text.jsonl", "--store", "out.duckdb", "--grader", "m"), "unknown grader 'm'"),
        (("sample", "no.toml"), "no config 'no.toml': name a TOML file or a preset ("),
        (("sample", "unknown.toml"), "unknown key 'sampling.temprature': did you mean 'temperature'"),
        (("sample", "value.toml"), "sampling.top_p = 3: "),
        (("sample", "broken.toml"), "config 'broken.toml' is no valid TOML"),
        (("sample", "no_model.toml"), "no model at './no/model'"),
        (("sample", "text.toml"), "'text.jsonl' line 2 is not JSON"),
        (("sample", "lacks.toml"), "'text.jsonl' line 2 lacks the field 'reference_answer'".replace("text", "lacks")),
        (("sample", "twice.toml"), "'twice.jsonl' line 2: problem_id 'p' stands there twice"),
        (("sample", "lab", "--store", "out.duckdb", "--n-samples", "0"), "sampling.n_samples = 0"),
        (("sample", "lab", "--store", "text.duckdb", "--limit", "1"), "'text.duckdb' is no DuckDB file"),
        (("sample", "lab", "--store", "newer.duckdb", "--limit", "1"), "upgrade ttclib"),
        (("score", "value.toml"), "sampling.top_p = 3: "),
        (("replya",), "unknown command 'replya': did you mean 'replay'? Allowed: "),
        (("lab", "train", "pmr"), "'pmr' is not one of 'all', 'policy', 'policy-2x', 'policy-4x', 'policy-14x', "),
        (("lab", "tarin"), "unknown command 'tarin': did you mean 'train'"),
        (("report", "no.ipynb"), "'no.ipynb'"),
        (("report",), "name a NOTEBOOK or several, or else give --all"),
        (("apply-policy", "plan.json", "--store", "s.duckdb"), "is called `ttc plan apply` now"),
        (("frontier", "s.duckdb", "--export-policy", "p.json"), "--export-policy is called --export-plan now"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refused_in_one_line_with_nothing_written(folder, command, message):
    before = listing(folder)
    assert message in error_line(ttc(*command, cwd=folder))
    assert listing(folder) == before


def test_a_wait_that_is_no_number_is_refused(folder):
    done = ttc_process(*REPLAY, "pass_at_k", cwd=folder, TTC_WAIT_S="soon")
    assert "TTC_WAIT_S='soon': give the seconds" in error_line(done)
