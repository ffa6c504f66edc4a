"""`ttc grade`: grades beside grades, and samples as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import error_line, ttc
from tests.test_structure import run_blocked
from ttclib.cli import cli
from ttclib.errors import RequestError
from ttclib.grading import get_grader
from ttclib.store import connect, load_pool, write_part

MATH, EXACT = get_grader("math").name, get_grader("exact").name
LINE = {"problem_id": "p", "policy": "m", "reference_answer": "1/2"}


def rows(store: Path, query: str) -> list[tuple[Any, ...]]:
    with connect(store) as con:
        return con.execute(query).fetchall()


@pytest.fixture
def store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Four samples: one that came with a (wrong) grade, one that states its answer alone, two that are searched."""
    lines = [
        {**LINE, "sample_index": 0, "completion": "#0.5", "correct": False},
        {**LINE, "sample_index": 1, "answer": r"\frac{1}{2}"},
        {**LINE, "sample_index": 2, "completion": "#3"},
        {**LINE, "sample_index": 3, "completion": "#9^9^9^9"},
    ]
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    cli(["import", str(file), "--store", str(tmp_path / "s.duckdb"), "--grader", "exact"], standalone_mode=False)
    assert "grade: 4 of 4 samples" in capsys.readouterr().err
    return tmp_path / "s.duckdb"


@pytest.fixture
def grade(capsys):
    """Run the command in this process; what it said."""

    def one(store: Path, *options: str) -> str:
        cli(["grade", str(store), *options], standalone_mode=False)
        return "".join(capsys.readouterr())

    return one


def test_another_grader_stands_beside_and_nothing_is_graded_twice(store, grade):
    samples = rows(store, "SELECT * FROM samples ORDER BY ALL")
    assert f"grade: 3 samples by {MATH}" in grade(store)
    assert rows(store, f"SELECT sample_index, answer, correct FROM grades WHERE grader = '{MATH}' ORDER BY 1") == [
        (1, r"\frac{1}{2}", True),
        (2, "3", False),
        (3, "9^9^9^9", None),
    ]
    before = rows(store, "SELECT * FROM grades ORDER BY ALL")
    assert len(before) == 7 and rows(store, "SELECT * FROM samples ORDER BY ALL") == samples
    assert f"{MATH} has graded all there is" in grade(store)
    assert rows(store, "SELECT * FROM grades ORDER BY ALL") == before
    pool = load_pool(store)
    assert pool.correct[0][:3].tolist() == [0, 1, 0]  # the given grade is read first
    assert pool.answer_ids[0, 0] == pool.answer_ids[0, 1]


def test_again_grades_what_came_with_a_grade_and_replaces_its_own(store, grade):
    grade(store)
    wrong = {"policy": "m", "problem_id": "p", "setting": "imported", "sample_index": 2, "grader": MATH}
    with_error = store.parent / "t.duckdb"
    write_part(with_error, "grades", [wrong | {"answer": "3", "answer_class": 9, "correct": True}])
    for table in ("problems", "runs", "samples", "grades"):
        with connect(store) as con:
            write_part(with_error, table, con.sql(f"SELECT * FROM {table}").to_arrow_table())
    assert rows(with_error, f"SELECT correct FROM grades WHERE grader = '{MATH}' AND sample_index = 2") == [(True,)]
    said = grade(with_error, "--again")
    assert f"grade: 4 samples by {MATH}" in said and "0 of 1 grades that came with the samples say the same" in said
    assert "1 samples could not be graded, which is not 'wrong'" in said
    found = rows(with_error, f"SELECT sample_index, answer, correct FROM grades WHERE grader = '{MATH}' ORDER BY 1")
    stated = r"\frac{1}{2}"
    assert found == [(0, "0.5", True), (1, stated, True), (2, "3", False), (3, "9^9^9^9", None)]
    assert len(rows(with_error, "SELECT * FROM grades WHERE grader = 'given'")) == 1
    assert load_pool(with_error).correct[0, 0] == 0  # which is read first
    before = rows(with_error, "SELECT * FROM grades ORDER BY ALL")
    grade(with_error, "--again")
    assert rows(with_error, "SELECT * FROM grades ORDER BY ALL") == before


def test_a_bad_request_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, message in [
        ([], "name one store: ttc grade runs/lab.duckdb"),
        (["a.duckdb", "--store", "b.duckdb"], "name one store"),
        (["none.duckdb"], "no store at 'none.duckdb'"),
        (["none.duckdb", "--grader", "mth"], "unknown grader 'mth': did you mean 'math'"),
    ]:
        with pytest.raises(RequestError, match=message):
            cli(["grade", *arguments], standalone_mode=False)
    assert "no store at 'none.duckdb'" in error_line(ttc("grade", "none.duckdb", "--again", cwd=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_it_needs_no_model_library(store):
    run_blocked("from ttclib.cli import cli\ncli(['grade', sys.argv[1]], standalone_mode=False)", store)


def test_graders_side_by_side_write_nothing_and_say_where_they_differ(store, grade, capsys):
    before = rows(store, "SELECT * FROM grades ORDER BY ALL")
    said = grade(store, "--compare", "math,exact")
    assert "math and exact grade 3 of 4 answers otherwise (75.0%)" in said and "right by math alone 2" in said
    assert "'1/2' and '0.5': math right, exact wrong" in said
    cli(["grade", str(store), "--compare", "math,exact,math-verify", "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert found["graders"] == ["math", "exact", "math-verify"] and found["n_samples"] == 4
    assert {(pair["answer"], pair["correct"]["math"], pair["correct"]["exact"]) for pair in found["pairs"]} >= {
        ("0.5", True, False),
        (r"\frac{1}{2}", True, False),
    }
    curves = {(row["grader"], row["strategy"], row["budget"]): row for row in found["curves"]}
    # Of four samples two are right by value and none by text; one is not graded by value.
    assert curves["exact", "pass_at_k", 1]["accuracy"] == 0
    assert curves["math", "pass_at_k", 1]["accuracy"] > 0.4 and curves["math", "pass_at_k", 1]["difference"] == 0
    assert curves["exact", "pass_at_k", 1]["difference"] == -curves["math", "pass_at_k", 1]["accuracy"]
    assert rows(store, "SELECT * FROM grades ORDER BY ALL") == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--compare", "math"], "give at least two of math, math-verify, exact"),
        (["--compare", "math,mth"], "unknown grader 'mth'"),
        (["--compare", "math,exact", "--again"], "comparing writes nothing"),
        (["--json"], "go with --compare"),
        (["--compare", "math,exact", "--policy", "nobody"], "nobody"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_one_line(store, options, message):
    with pytest.raises(RequestError, match=message):
        cli(["grade", str(store), *options], standalone_mode=False)


def test_a_pool_without_answers_is_said_with_an_example(tmp_path, capsys):
    lines = [{**LINE, "sample_index": number, "completion": "I shall not say."} for number in range(9)]
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    store = tmp_path / "s.duckdb"
    cli(["import", str(file), "--store", str(store)], standalone_mode=False)
    capsys.readouterr()
    cli(["grade", str(store), "--again"], standalone_mode=False)
    assert "no answer was found in 9 of 9 samples" in capsys.readouterr().err
