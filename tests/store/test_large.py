"""What is read, counted and taken in a part at a time is the same as at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from tests.builders import build_store
from ttclib.errors import RequestError
from ttclib.replay.strategy import variants
from ttclib.samples import AGGREGATIONS, Pool
from ttclib.samples import blocks as sizes
from ttclib.store import absorb, load_pool, memory, write_part
from ttclib.store.fingerprint import fingerprint
from ttclib.store.kept import Kept
from ttclib.store.memory import in_turn, problem_ranges
from ttclib.store.schema import parts_directory, pending_parts
from ttclib.store.sound_parts import examined
from ttclib.store.status import store_status

KEY = {"policy": "policy", "setting": "abc"}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Unequal pools with gaps, two graders beside given grades, a PRM that read twice, and an ORM of some samples."""
    path = build_store(tmp_path / "s.duckdb", n_problems=13, n_samples=9, absorbed=False)
    more: list[dict[str, Any]] = []
    grades: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    for number in range(13):
        for index in range(20, 20 + number % 5):
            key = {**KEY, "problem_id": f"p{number:03d}", "sample_index": index}
            more.append({**key, "completion_tokens": None if number == 3 else 7 + index, "logprob": -0.1 * index})
            for grader in ("given", "exact 2", "exact 10")[number % 3 :]:
                grades.append({**key, "grader": grader, "answer": "7", "answer_class": 1, "correct": index % 2 == 0})
            scores.append({**key, "verifier": "orm", "reading": 0, "step_scores": [index / 30], "prm_tokens": 3})
            scores += [
                {**key, "verifier": "prm", "reading": reading, "step_scores": [0.5, 0.1 * reading], "prm_tokens": 5}
                for reading in (0, 1)
            ]
    for table, rows in {"samples": more, "grades": grades, "scores": scores}.items():
        write_part(path, table, rows)
    absorb(path)
    return path


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large, and what is held at once is a few rows."""
    monkeypatch.setattr(memory, "ROWS", 20)
    monkeypatch.setattr(memory, "LARGE", 0)
    monkeypatch.setattr(sizes, "BLOCK", 40)
    monkeypatch.setattr(Kept, "get", lambda self, key, state, read: read())


def tables(pool: Pool) -> dict[str, np.ndarray]:
    found = {name: getattr(pool, name) for name in ("present", "correct", "answer_ids", "completion_tokens")}
    for name, one in pool.verifiers.items():
        found |= {f"{name} {how}": one.by(how) for how in AGGREGATIONS} | {f"{name} read": one.prm_tokens}
    return found


def test_a_pool_read_in_blocks(store, request):
    whole = load_pool(store)
    request.getfixturevalue("small_blocks")
    found = load_pool(store)
    assert found.problem_ids == whole.problem_ids
    assert list(found.verifiers) == list(whole.verifiers)
    assert [one.kind for one in found.verifiers.values()] == [one.kind for one in whole.verifiers.values()]
    for name, table in tables(whole).items():
        np.testing.assert_array_equal(tables(found)[name], table, err_msg=name)
    assert found.answer_ids.dtype == np.int32 and found.completion_tokens.dtype == np.float32
    assert found.verifiers["orm"].by().dtype == np.float64  # 32 bits do not hold these
    for name in ("pass_at_k", "best_of_n", "majority_vote", "weighted_best_of_n"):
        one = variants(name)[0]
        np.testing.assert_allclose(
            one.replay(found, [1, 3, 9]).accuracy, one.replay(whole, [1, 3, 9]).accuracy, rtol=0, atol=1e-12
        )


def test_every_sample_stands_where_the_store_has_it(store):
    """Against the rows themselves, one by one."""
    pool = load_pool(store)
    with duckdb.connect(str(store), read_only=True) as con:
        rows = con.execute("SELECT problem_id, sample_index, completion_tokens FROM samples ORDER BY ALL").fetchall()
    found = {
        (name, column): None if np.isnan(value) else int(value)
        for name, row, here in zip(pool.problem_ids, pool.completion_tokens, pool.present, strict=True)
        for column, value in enumerate(row[here])
    }
    column: dict[str, int] = {}
    for name, _, value in rows:
        assert found.pop((name, column.setdefault(name, 0))) == value
        column[name] += 1
    assert found == {}


def test_status_counts_the_same_in_blocks(store, request):
    whole = store_status(store)
    request.getfixturevalue("small_blocks")
    assert store_status(store) == whole


def test_parts_are_taken_in_a_few_at_a_time(tmp_path, small_blocks):
    path = build_store(tmp_path / "s.duckdb", n_problems=5, n_samples=16, absorbed=False)
    row = {**KEY, "problem_id": "p001", "sample_index": 3, "completion": "another"}
    write_part(path, "samples", [row])  # later, and of another group of parts: the first stays
    assert len(list(in_turn(examined(pending_parts(path))[0]))) > 2
    first = load_pool(path)
    absorb(path)
    assert not parts_directory(path).exists()
    for name, table in tables(first).items():
        np.testing.assert_array_equal(tables(load_pool(path))[name], table, err_msg=name)
    write_part(path, "samples", [row, {**row, "problem_id": "p00' OR true --"}])
    absorb(path)
    with duckdb.connect(str(path), read_only=True) as con:
        assert con.execute("SELECT count(*), count(*) FILTER (completion = 'another') FROM samples").fetchall() == [
            (81, 1)
        ]


def test_ranges_of_problems():
    assert problem_ranges([]) == []
    assert problem_ranges([("a", 9), ("b", 1), ("c", 1)], 2) == [("a", "a", 1), ("b", "c", 2)]


class TestAFolderOfParts:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        path = build_store(tmp_path / "s.duckdb", n_problems=5, n_samples=16, absorbed=False)
        write_part(path, "samples", [{**KEY, "problem_id": "p001", "sample_index": 3, "completion": "another"}])
        return parts_directory(path).rename(tmp_path / "parts")

    def test_it_is_read_as_it_lies(self, folder, tmp_path):
        before = {part.name: part.stat().st_mtime_ns for part in folder.iterdir()}
        whole = build_store(tmp_path / "whole.duckdb", n_problems=5, n_samples=16)
        assert load_pool(folder).problem_ids == load_pool(whole).problem_ids
        for name, table in tables(load_pool(whole)).items():
            np.testing.assert_array_equal(tables(load_pool(folder))[name], table, err_msg=name)
        assert store_status(folder)["policies"] == store_status(whole)["policies"]
        assert fingerprint(folder) != fingerprint(whole)
        assert {part.name: part.stat().st_mtime_ns for part in folder.iterdir()} == before

    def test_it_is_not_written_to(self, folder):
        for write in (absorb, lambda path: write_part(path, "models", [{"model": "more"}])):
            with pytest.raises(RequestError, match="is a folder of parts, which is read as it lies: name a file"):
                write(folder)

    def test_a_folder_without_parts_is_no_store(self, tmp_path):
        with pytest.raises(RequestError, match="no DuckDB file"):
            load_pool(tmp_path)
