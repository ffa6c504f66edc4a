"""Pools and stores from what lies in a notebook."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import ttclib
from ttclib.errors import RequestError
from ttclib.interchange.frames import from_arrays, from_frame

COLUMNS = {
    "problem_id": [1, 1, 2],
    "answer": ["7", "8", "3"],
    "reference_answer": [7, 7, 3],
    "score": [0.5, 0.25, None],
}


@pytest.mark.parametrize("kind", ["polars", "lazy", "arrow", "pandas", "mapping"])
def test_a_pool_of_any_frame(kind):
    frame = {
        "polars": lambda: pl.DataFrame(COLUMNS),
        "lazy": lambda: pl.LazyFrame(COLUMNS),
        "arrow": lambda: pa.table(COLUMNS),
        "pandas": lambda: pytest.importorskip("pandas").DataFrame(COLUMNS),
        "mapping": lambda: COLUMNS,
    }[kind]()
    pool = from_frame(frame)
    np.testing.assert_array_equal(pool.correct, [[1, 0], [1, np.nan]])
    np.testing.assert_array_equal(pool.verifier().by("last"), [[0.5, 0.25], [np.nan, np.nan]])
    assert pool.problem_ids == ["1", "2"] and pool.policy == "policy" and pool.benchmark == "frame"


def test_a_store_of_a_frame(tmp_path):
    path = from_frame(pl.DataFrame(COLUMNS), store=tmp_path / "s.duckdb", policy="m", setting={"temperature": 0.5})
    pool = ttclib.load_pool(path)
    assert pool.policy == "m" and dict(pool.setting.keys) == {"temperature": 0.5}


def test_one_of_several_policies():
    frame = pl.DataFrame({"problem_id": "p", "policy": ["a", "b"], "correct": [True, False]})
    assert from_frame(frame, policy="b").correct.tolist() == [[0.0]]
    with pytest.raises(RequestError, match="several policies"):
        from_frame(frame)


def test_counts():
    pool = ttclib.from_frame({"problem_id": [1, 2], "n": [10, 5], "c": [3, 0]})
    assert pool.counts is not None and pool.counts[0].tolist() == [10, 5] and pool.counts[1].tolist() == [3, 0]


def test_a_bad_row_is_named():
    with pytest.raises(RequestError, match=r"the frame's row 2: correct = 0\.5: give true, false, 1 or 0"):
        from_frame({"problem_id": ["p", "p"], "correct": [1.0, 0.5]})
    with pytest.raises(RequestError, match="list is no frame"):
        from_frame([1, 2])


def test_arrays():
    correct = np.array([[1, 0, np.nan], [1, 1, 0]])
    answers = [["a", None, "b"], ["c", "c", "d"]]
    scores = np.full((2, 3, 2), np.nan)
    scores[0, 0] = [0.5, 0.25]
    scores[1, :, 0] = 0.75
    pool = ttclib.from_arrays(correct, answers=answers, scores=scores, completion_tokens=np.full((2, 3), 9))
    np.testing.assert_array_equal(pool.correct, correct)
    assert pool.answer_ids.tolist() == [[0, -1, 1], [0, 0, 1]]
    np.testing.assert_array_equal(pool.verifier().by("last"), [[0.25, np.nan, np.nan], [0.75, 0.75, 0.75]])
    assert from_arrays(answers=[[1.0, 2.5]], references=[1]).correct.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "no array was given"),
        ({"correct": [1, 0]}, "differ in shape"),
        ({"correct": [[1, 0]], "answers": [["a"]]}, r"differ in shape \(correct \(1, 2\), answer \(1, 1\)"),
        ({"correct": [[1, 0]], "references": [1, 2]}, "references has 2 entries for 1 problems"),
    ],
)
def test_arrays_that_do_not_fit(arrays, message):
    with pytest.raises(RequestError, match=message):
        from_arrays(**arrays)
