"""Samples without an index: further files add to what a store holds, the same ones do not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ttclib.interchange import import_samples
from ttclib.store import connect


def line(problem: str, text: str, **more: Any) -> str:
    return json.dumps({"problem_id": problem, "policy": "m", "completion": text, **more})


@pytest.fixture
def place(tmp_path):
    """Import files of lines by name; `place.told` holds what was said of the last."""

    def one(files: dict[str, list[str]], **options: Any) -> int:
        paths = []
        for name, rows in files.items():
            (tmp_path / name).write_text("\n".join(rows) + "\n")
            paths.append(tmp_path / name)
        one.told = []
        return import_samples(paths, one.store, grader="exact", notify=one.told.append, benchmark="b", **options)

    one.store, one.told = tmp_path / "s.duckdb", []
    return one


def texts(store: Path, policy: str = "m") -> dict[str, list[str | None]]:
    """The completions of each problem, in order of their numbers, which leave no gap."""
    with connect(store) as con:
        rows = con.execute(
            "SELECT problem_id, sample_index, completion FROM samples WHERE policy = ? ORDER BY ALL", [policy]
        ).fetchall()
    found: dict[str, list[str | None]] = {}
    for problem, index, text in rows:
        assert index == len(found.setdefault(problem, []))
        found[problem].append(text)
    return found


FIRST = {"run1.jsonl": [line("p", "a"), line("p", "b"), line("q", "c")]}
SECOND = {"run2.jsonl": [line("p", "d"), line("q", "c"), line("q", "e"), line("r", "f")]}
BOTH = {"p": ["a", "b", "d"], "q": ["c", "c", "e"], "r": ["f"]}


def test_a_second_file_is_numbered_on_from_the_first(place):
    assert (place(FIRST), place(SECOND)) == (3, 4)
    assert texts(place.store) == BOTH
    assert place.told == [
        "3 samples without an index are numbered on from those that the store holds of the same policy, problem and "
        "setting (if they are the same, give both files a sample_index)"
    ]


def test_files_of_one_call_are_numbered_on(place):
    assert place({**FIRST, **SECOND}) == 7
    assert texts(place.store) == BOTH and place.told == []


def test_a_file_imported_again_is_known_by_its_content(place):
    place(FIRST)
    place(SECOND)
    for again in (FIRST, SECOND, {"renamed.jsonl": SECOND["run2.jsonl"]}, {**SECOND, **FIRST}):
        assert place(again) == 0 and texts(place.store) == BOTH
        assert place.told[0].endswith("are in the store already: the same file was imported before")
    third = {"run3.jsonl": [line("p", "g")]}
    assert place({**SECOND, **third}) == 1
    assert texts(place.store)["p"] == ["a", "b", "d", "g"]


def test_a_file_that_has_grown_adds_the_rest(place):
    place(FIRST)
    grown = {"run1.jsonl": [*FIRST["run1.jsonl"], line("p", "x"), line("r", "y")]}
    assert place(grown) == 2
    assert texts(place.store) == {"p": ["a", "b", "x"], "q": ["c"], "r": ["y"]}
    assert "has grown" in place.told[0]
    assert place(grown) == 0  # although the store has but the rest under its content
    assert place({"run1.jsonl": FIRST["run1.jsonl"][:2]}) == 0  # an older state of it


def test_a_packed_file_is_the_same_file(place, tmp_path):
    place(FIRST)
    (tmp_path / "run1.jsonl.gz").write_bytes(gzip.compress((tmp_path / "run1.jsonl").read_bytes()))
    assert import_samples(tmp_path / "run1.jsonl.gz", place.store, grader="exact", benchmark="b") == 0


def test_answers_that_happen_to_be_alike_are_further_samples(place):
    rows = [json.dumps({"problem_id": name, "policy": "m", "answer": "1", "completion_tokens": 5}) for name in "pq"]
    place({"a.jsonl": rows})
    assert place({"b.jsonl": [*rows, rows[0]]}) == 3
    assert {name: len(found) for name, found in texts(place.store).items()} == {"p": 3, "q": 2}


def test_policies_and_settings_count_for_themselves(place):
    place(FIRST)
    place({"other.jsonl": [line("p", "z", setting={"temperature": 0.5}), line("p", "y", policy="n")]})
    with connect(place.store) as con:
        rows = con.execute("SELECT sample_index FROM samples WHERE completion IN ('z', 'y')").fetchall()
    assert rows == [(0,), (0,)] and place.told == []
    assert place(FIRST, policy="n") == 0  # the lines say theirs


def test_an_index_is_what_it_says(place):
    place({"a.jsonl": [line("p", "a", sample_index=0), line("p", "b", sample_index=7)]})
    assert place({"b.jsonl": [line("p", "other", sample_index=7), line("p", "c", sample_index=1)]}) == 1
    place({"c.jsonl": [line("p", "d")]})
    with connect(place.store) as con:
        rows = con.execute("SELECT sample_index, completion FROM samples ORDER BY 1").fetchall()
    assert rows == [(0, "a"), (1, "c"), (7, "b"), (8, "d")]


def test_runs_of_several_calls_do_not_overwrite_each_other(place):
    runs = {name: [line("p", f"{name}{epoch}", run=name, sample_index=epoch) for epoch in range(2)] for name in "ab"}
    assert place({"one.jsonl": runs["a"]}) == 2
    assert place({"two.jsonl": runs["b"]}) == 2
    assert texts(place.store) == {"p": ["a0", "a1", "b0", "b1"]}
    assert place({"one.jsonl": runs["a"], "two.jsonl": runs["b"]}) == 0


def test_scores_of_a_file_imported_again_find_their_samples(place):
    rows = {"run.jsonl": [line("p", "d", step_scores=[0.25]), line("p", "e", step_scores=[0.75])]}
    place(FIRST)
    place(rows)
    place(rows, verifier="other")
    with connect(place.store) as con:
        found = con.execute("SELECT sample_index, verifier, step_scores FROM scores ORDER BY ALL").fetchall()
    assert found == [(i, name, [score]) for i, score in ((2, 0.25), (3, 0.75)) for name in ("other", "prm")]
