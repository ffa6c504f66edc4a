"""What `ttc status` counts."""

from __future__ import annotations

import json
from datetime import datetime

from tests.builders import build_store
from ttclib.store import absorb, write_part
from ttclib.store.schema import parts_directory
from ttclib.store.status import _size, store_status

CONFIG = {"sampling": {"n_samples": 20}, "prm": {"name": "prm"}}


def test_counts_of_a_full_store(small_store):
    found = store_status(small_store)
    assert found["bytes"] >= small_store.stat().st_size and found["pending_parts"] == 0
    (row,) = found["policies"]
    assert (row["policy"], row["setting"], row["temperature"]) == ("policy", "abc", 1.0)
    assert [row[name] for name in ("n_problems", "n_samples", "n_scored", "n_graded", "n_answered")] == [20, *[320] * 4]
    assert row["n_cut"] == 0 and row["tokens"] > 0
    assert row["tokens_per_s"] is None and row["left"] is None  # nothing says how long it took, or what was wanted


def test_parts_count_as_the_file_does(tmp_path):
    path = build_store(tmp_path / "s.duckdb", n_problems=2, n_samples=3, absorbed=False)
    before = store_status(path)
    assert before["pending_parts"] == 6 and before["bytes"] > 0 and not path.exists()
    absorb(path)
    after = store_status(path)
    assert after["pending_parts"] == 0 and after["policies"] == before["policies"]


def test_what_is_left_of_a_stopped_run(tmp_path):
    path = build_store(tmp_path / "s.duckdb", n_problems=3, n_samples=4, scored=False)
    write_part(path, "problems", [{"problem_id": "not yet", "benchmark": "synthetic"}])
    run = {"run_id": "r", "command": "sample", "started_at": datetime(2026, 1, 1), "config": json.dumps(CONFIG)}
    write_part(path, "runs", [run])
    again = {"policy": "policy", "problem_id": "p000", "setting": "abc", "sample_index": 4}
    write_part(path, "samples", [{**again, "run_id": "r", "completion_tokens": 30, "elapsed_s": 0.5}])
    (row,) = store_status(path)["policies"]
    assert row["left"] == {"samples": 4 * 20 - 13, "scores": 4 * 20, "grades": 4 * 20 - 12}
    assert row["tokens_per_s"] == 60  # of the samples whose time is known


def test_a_part_that_goes_meanwhile_does_not_matter(small_store, monkeypatch):
    before = store_status(small_store)["bytes"]
    gone = small_store.with_name("gone.parquet")
    monkeypatch.setattr("ttclib.store.status.parts_directory", lambda store: Listing(gone))
    assert store_status(small_store)["bytes"] == before


def test_the_size_counts_file_log_and_parts(tmp_path):
    path = tmp_path / "s.duckdb"
    parts_directory(path).mkdir()
    files = [path, tmp_path / "s.duckdb.wal", parts_directory(path) / "one.parquet"]
    for exponent, file in enumerate(files):
        file.write_bytes(b" " * 10**exponent)
    assert _size(path) == 111


class Listing:
    """A folder that lists a file which is gone by the time it is looked at."""

    def __init__(self, *names):
        self._names = names

    def glob(self, pattern):
        return self._names
