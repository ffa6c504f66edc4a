"""Grading numbers the answers of samples, of chains and of trees alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from ttclib.collect import run
from ttclib.grading import get_grader
from ttclib.store import connect, write_part
from ttclib.store.graded_rows import known_classes

KEY = {"policy": "m", "problem_id": "p", "setting": "s"}


def write(store: Path, table: str, *rows: dict[str, Any]) -> None:
    write_part(store, table, [KEY | row for row in rows])


def graded(store: Path, table: str) -> list[tuple[Any, ...]]:
    with connect(store) as con:
        return con.execute(f"SELECT answer, answer_class, correct FROM {table} ORDER BY ALL").fetchall()


def test_samples_and_chains_share_the_classes_of_a_problem(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    write_part(store, "problems", [{"problem_id": "p", "reference_answer": "7"}])
    write(store, "samples", *({"sample_index": i, "completion": f"#{a}"} for i, a in enumerate((5, 7))))
    answers = ("7.0", "9", "5", "none")
    assert run.grade(store, "exact") == 2
    write(
        store,
        "revisions",
        *(
            {"chain": 0, "position": i, "completion": f"#{a}" if a != "none" else "I stop"}
            for i, a in enumerate(answers)
        ),
    )
    assert run.grade(store, "exact") == 4
    assert graded(store, "grades") == [("5", 0, False), ("7", 1, True)]
    assert graded(store, "revision_grades") == [
        ("5", 0, False),
        ("7.0", 1, True),
        ("9", 2, False),
        (None, None, False),
    ]
    write(store, "samples", {"sample_index": 2, "completion": "#9.0"}, {"sample_index": 3, "completion": "#8"})
    assert run.grade(store, "exact") == 2  # and nothing twice
    assert graded(store, "grades")[2:] == [("8", 3, False), ("9.0", 2, False)]


def test_grades_that_came_with_samples_are_compared_and_what_cannot_be_graded_is_counted(tmp_path: Path) -> None:
    store, said = tmp_path / "s.duckdb", []
    write_part(store, "problems", [{"problem_id": "p", "reference_answer": "7"}])
    texts = ("#7", "#7", "#5", "#5", None)  # of the last nothing is known
    write(store, "samples", *({"sample_index": i, "completion": text} for i, text in enumerate(texts)))
    given = {"grader": "given", "answer": None, "answer_class": None}
    came = [True, False, False]
    write(store, "grades", *({"sample_index": i, "correct": right} | given for i, right in enumerate(came)))
    n = run.grade(store, "exact", again=True, notify=said.append)
    compared = [line for line in said if "came with" in line]
    assert compared == ["grade: 2 of 3 grades that came with the samples say the same"]
    with connect(store) as con:
        ours = con.execute("SELECT sample_index, correct FROM grades WHERE grader LIKE 'exact%' ORDER BY 1").fetchall()
    assert len(ours) == n and ours[:4] == [(0, True), (1, True), (2, False), (3, False)]
    run.grade(store, "exact", again=True)
    with connect(store) as con:  # in the place of those before
        query = "SELECT sample_index, correct FROM grades WHERE grader LIKE 'exact%' ORDER BY 1"
        assert con.execute(query).fetchall() == ours
    said.clear()
    assert run.grade(store, "exact", notify=said.append) == 0 and said == ["grade: exact-2 has graded all there is"]


def test_leaves_of_a_tree_count_as_well(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    ours = get_grader("exact").name
    grade = {"grader": ours, "answer": "3", "answer_class": 4, "correct": False}
    write(store, "node_grades", {"path": "0"} | grade)
    write(store, "grades", {"sample_index": 0} | grade | {"grader": "given", "answer": "6", "answer_class": 0})
    write(store, "grades", {"sample_index": 1} | grade | {"grader": "other", "answer": "1", "answer_class": 9})
    with connect(store) as con:
        assert known_classes(con, ours) == {"p": [("3", 4), ("6", 0)]}
    write_part(store, "problems", [{"problem_id": "p", "reference_answer": "7"}])
    write(store, "revisions", *({"chain": 0, "position": i, "completion": f"#{a}"} for i, a in enumerate((3, 6, 8))))
    run.grade(store, "exact")
    assert graded(store, "revision_grades") == [("3", 4, False), ("6", 0, False), ("8", 5, False)]
