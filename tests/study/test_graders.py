"""Graders side by side: against two stores that were graded by one each."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import ttclib
from ttclib.cli import cli
from ttclib.errors import RequestError
from ttclib.study.answers import ask_compare
from ttclib.study.graders import ask_graders
from ttclib.study.question import question

# Of the answers to a problem whose reference is 1/2 "math" takes three for right, "exact" the first alone; and of the
# four wrong votes "math" sees one class, "exact" two.
SAID = ["1/2", "0.5", r"\frac{1}{2}", "3", "3.0", "3", "3.0", "7"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    lines = [
        {"problem_id": f"p{row}", "policy": "m", "sample_index": index, "reference_answer": "1/2",
         "completion": f"So it is \\boxed{{{answer}}}.", "completion_tokens": 5}
        for row in range(4) for index, answer in enumerate(SAID[row:] + SAID[:row])
    ]  # fmt: skip
    path = tmp_path / "said.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def imported(file: Path, grader: str) -> Path:
    store = file.with_name(f"{grader}.duckdb")
    cli(["import", str(file), "--store", str(store), "--grader", grader], standalone_mode=False)
    return store


def test_each_curve_is_that_of_a_store_graded_so(file: Path) -> None:
    stores = {name: ttclib.open(imported(file, name)) for name in ("math", "exact")}
    found = ask_graders(stores["math"], ["math", "exact"]).result
    asked = question(strategies=["pass_at_k", "majority_vote"])
    apart = ask_compare(stores["math"], stores["exact"], ("math", "exact"), asked).result.frame
    other = found.frame.filter(pl.col("grader") == "exact")
    same = ("strategy", "budget", "difference", "ci_low", "ci_high", "n_problems")
    assert other.select(same).rows() == apart.select(same).rows()
    assert other["accuracy"].to_list() == apart["second"].to_list()
    first = found.frame.filter(pl.col("grader") == "math")
    assert first["accuracy"].to_list() == apart["first"].to_list() and set(first["difference"]) == {0.0}
    # By hand: one sample of eight is right by text, three by value; three votes of value against four for 3.
    at = {(row["grader"], row["strategy"], row["budget"]): row["accuracy"] for row in found.frame.to_dicts()}
    assert at["math", "pass_at_k", 1] == pytest.approx(3 / 8) and at["exact", "pass_at_k", 1] == pytest.approx(1 / 8)
    assert at["math", "majority_vote", 8] == 0
    assert set(found.pairs()["answer"]) == {"0.5", r"\frac{1}{2}"} and len(found.pairs()) == 8
    assert set(found.pairs()["math"]) == {"right"} and set(found.pairs()["exact"]) == {"wrong"}


def test_what_the_store_holds_is_a_grader_too(file: Path) -> None:
    store = ttclib.open(imported(file, "exact"))
    found = ask_graders(store, ["stored", "exact", "math"])
    moved = {name: own["difference"].abs().max() for (name,), own in found.result.frame.group_by("grader")}
    assert moved["stored"] == moved["exact"] == 0 and moved["math"] == pytest.approx(2 / 8, abs=0.2)
    assert found.findings[0].startswith("stored and math grade 8 of 32 answers otherwise (25.0%): right by stored")
    assert "Graded by exact instead of stored no curve moves." in found.findings
    kept = store.replay(strategies=["majority_vote"]).frame["accuracy"].to_list()
    by = found.result.frame.filter(pl.col("grader") == "stored", pl.col("strategy") == "majority_vote")
    assert by["accuracy"].to_list() == kept


def test_grades_without_texts_or_references_are_refused(tmp_path: Path) -> None:
    line = {"problem_id": "p", "policy": "m", "correct": True}
    for more, said in (({}, "no reference answer"), ({"reference_answer": "1"}, "neither texts nor answers")):
        folder = tmp_path / said
        folder.mkdir()
        (folder / "in.jsonl").write_text(json.dumps(line | more))
        cli(["import", str(folder / "in.jsonl"), "--store", str(folder / "s.duckdb")], standalone_mode=False)
        with pytest.raises(RequestError, match=said):
            ask_graders(ttclib.open(folder / "s.duckdb"), ["math", "exact"])
