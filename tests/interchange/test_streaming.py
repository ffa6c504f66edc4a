"""Files larger than memory: the same rows some at a time as at once, whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.crashes import content
from ttclib.errors import RequestError, TTCError
from ttclib.interchange import columns, import_samples, tables, writing_parts
from ttclib.interchange.spool import Distinct, Spool, pieces
from ttclib.store import absorb, load_pool
from ttclib.store.schema import parts_directory


def samples(n_problems: int = 30, n_samples: int = 12, *, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of two policies in no order, some of them without a grade, a score or an answer."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = [
        {
            "problem_id": f"p{problem}",
            "policy": f"m{index % 2}",
            "sample_index": index,
            "reference_answer": "1" if index else None,
            "prompt": f"what is {problem}?" if index == 3 else None,
            "completion": str(rng.choice(["so \\boxed{1}", "no idea", "The answer is 2."])),
            "answer": rng.choice([None, "1", "3.0", "1.0"]),
            "correct": rng.choice([None, True, False]),
            "step_scores": rng.random(3).tolist() if rng.random() < 0.8 else None,
            "completion_tokens": int(rng.integers(50)),
        }
        for problem in range(n_problems)
        for index in range(n_samples)
    ]
    return [rows[place] for place in rng.permutation(len(rows))]


def put(path: Path, rows: list[dict[str, Any]]) -> Path:
    frame = pl.DataFrame(rows, infer_schema_length=None)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".csv":
        frame.drop("step_scores").write_csv(path)
    else:
        frame.write_parquet(path)
    return path


def filled(path: Path, store: Path, **options: Any) -> tuple[int, dict[str, Any], list[str]]:
    """What an import adds, what the store then holds, and what was told."""
    told: list[str] = []
    added = import_samples(path, store, notify=told.append, report=told.append, **options)
    return added, {table: rows for table, rows in content(store).items() if table != "runs"}, told


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_some_at_a_time_is_the_same_as_at_once(tmp_path: Path, name: str) -> None:
    path = put(tmp_path / name, samples())
    at_once = filled(path, tmp_path / "whole.duckdb")
    for rows_at_once in (50, 359):
        store = tmp_path / f"{rows_at_once}.duckdb"
        assert filled(path, store, rows_at_once=rows_at_once) == at_once
        assert import_samples(path, store, rows_at_once=rows_at_once + 1) == 0
    assert at_once[0] == 360 and len(at_once[2]) > 2  # with what the checks saw


@pytest.mark.parametrize("without", ["sample_index", "problem_id"])
def test_what_names_itself_is_named_the_same(tmp_path: Path, without: str) -> None:
    rows = [{name: value for name, value in row.items() if name not in (without, "sample_index")} for row in samples()]
    rows = [
        row | {"prompt": "the same" if without == "sample_index" else f"{number % 30}"}
        for number, row in enumerate(rows)
    ]
    path = put(tmp_path / "a.jsonl", rows)
    first, grown = put(tmp_path / "first.jsonl", rows[:200]), tmp_path / "grown.duckdb"
    at_once = filled(path, tmp_path / "whole.duckdb")
    assert filled(path, tmp_path / "some.duckdb", rows_at_once=70) == at_once
    assert [import_samples(one, grown, rows_at_once=70) for one in (first, path, path)] == [200, 160, 0]


def test_a_late_fault_leaves_nothing(tmp_path: Path) -> None:
    rows = samples()
    for fault, said in (
        ({"correct": "perhaps"}, "line 300: correct = "),
        ({"problem_id": rows[0]["problem_id"], "policy": rows[0]["policy"], "sample_index": rows[0]["sample_index"]},
         "line 300 repeats line 1"),
        ({"reference_answer": "7"}, "line 300: problem 'p"),
    ):  # fmt: skip
        path = put(tmp_path / "a.jsonl", [*rows[:299], rows[299] | fault, *rows[300:]])
        with pytest.raises(RequestError, match=said):
            import_samples(path, tmp_path / "s.duckdb", rows_at_once=50)
        assert [one.name for one in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("taken_in", [False, True])
def test_a_full_disk_takes_back_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_in: bool
) -> None:
    path, store = put(tmp_path / "a.jsonl", samples()), tmp_path / "s.duckdb"
    plain = writing_parts.write_part

    def full(where: Path, table: str, rows: Any) -> Path | None:
        if table == "grades":
            if taken_in:
                absorb(where)
            raise RequestError("no space left")
        return plain(where, table, rows)

    monkeypatch.setattr(writing_parts, "write_part", full)
    monkeypatch.setattr(writing_parts, "ROWS", 100)
    with pytest.raises(TTCError, match="no space left") as told:
        import_samples(path, store, rows_at_once=50)
    assert not parts_directory(store).exists()
    assert told.value.exit_status == (1 if taken_in else 2) and store.exists() == taken_in
    monkeypatch.undo()
    import_samples(path, store)
    assert load_pool(store, policy="m0").pool_sizes.sum() == 180


_KILLED = """
import os, sys
from pathlib import Path
from ttclib.interchange import import_samples, writing_parts

left, plain = int(sys.argv[3]), writing_parts.write_part

def write_part(*part):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
    return plain(*part)

writing_parts.write_part, writing_parts.ROWS = write_part, 50
import_samples(Path(sys.argv[1]), Path(sys.argv[2]), rows_at_once=50)
"""


@pytest.mark.parametrize("n_written", [6, 14])
def test_the_same_command_brings_what_a_kill_left_out(tmp_path: Path, n_written: int) -> None:
    """Also of samples that the file does not number: between a chunk's samples and their scores, or their grades."""
    rows = [{name: value for name, value in row.items() if name != "sample_index"} for row in samples()]
    path, store = put(tmp_path / "a.jsonl", rows), tmp_path / "s.duckdb"
    whole = filled(path, tmp_path / "whole.duckdb")
    arguments = [sys.executable, "-c", _KILLED, str(path), str(store), str(n_written)]
    assert subprocess.run(arguments, check=False).returncode == 9
    held = {table: len(rows) for table, rows in content(store).items()}
    assert 0 < held["samples"] < 360 and held["grades"] < held["samples"]
    assert filled(path, store)[1] == whole[1]


_MEASURED = """
import resource, sys
from pathlib import Path
from ttclib.interchange import import_samples, importing

def written(*store, **options):
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return take_in(*store, **options)

take_in, importing.absorb = importing.absorb, written
print(import_samples(Path(sys.argv[1]), Path(sys.argv[2])))
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Of 150 MB more of samples a part stays in memory until all is written; DuckDB's own has a limit of its own."""
    peaks = []
    for n in (50_000, 200_000):
        row = pl.int_range(n, eager=True)
        frame = pl.DataFrame({
            "problem_id": (row // 1000).cast(pl.String), "policy": "m", "sample_index": row % 1000,
            "completion": row.cast(pl.String) + "x" * 1000, "answer": (row % 7).cast(pl.String),
            "correct": row % 7 == 0,
        })  # fmt: skip
        path = tmp_path / f"{n}.jsonl"
        frame.write_ndjson(path)
        # A process counts what its parent held when it was made: a small one stands between.
        between = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"]
        arguments = [*between, sys.executable, "-c", _MEASURED, str(path), str(tmp_path / f"{n}.duckdb")]
        told = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.split()
        peaks.append(int(told[0]) / 1e3)  # MB
        assert int(told[1]) == n
    assert peaks[1] - peaks[0] < 0.4 * 150


@pytest.mark.parametrize(
    "odd", [None, {"temperature": 1.0}, {"temperature": 0.8, "effort": "löw", "top_p": 1}, {}, "within"]
)
def test_one_setting_for_all_is_read_at_once_and_as_each_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: Any
) -> None:
    """By columns and by lines the same; a setting that differs, is longer, or stands elsewhere is seen."""
    usual = {"temperature": 0.8, "effort": "löw"}
    judged = {"readings": [{"verifier": "judge", "reading": 1, "step_scores": [0.5, 1], "said": "so"}]}
    rows = [row | judged | {"setting": usual, "meta": {"x": '"setting": {'}} for row in samples(12)]
    if odd == "within":
        rows[-1] = {name: value for name, value in rows[-1].items() if name != "setting"} | {"meta": {"setting": usual}}
    elif odd is not None:
        rows[-1] = rows[-1] | {"setting": odd}
    path = put(tmp_path / "a.jsonl", rows)
    quick = filled(path, tmp_path / "quick.duckdb")
    monkeypatch.setattr(tables, "table_of_lines", lambda lines, schema: None)
    assert filled(path, tmp_path / "slow.duckdb") == quick
    assert len(quick[1]["settings"]) == (1 if odd is None else 2)


def test_plain_lines_are_not_looked_at_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_by_one(name: object, *_: object, **__: object) -> str:
        assert name == "setting"
        return '{"temperature": 0.8}'

    more = {"setting": {"temperature": 0.8}, "readings": [{"verifier": "judge", "reading": 0, "step_scores": [0.5]}]}
    path = put(tmp_path / "a.jsonl", [row | more for row in samples(5)])
    monkeypatch.setattr(columns, "cast_value", one_by_one)
    monkeypatch.setattr(tables, "parse_line", one_by_one)
    assert import_samples(path, tmp_path / "s.duckdb") == 60


def test_frames_come_back_as_they_were() -> None:
    spool, frame = Spool(), pl.DataFrame({"a": [1, 2, 3], "b": [["x"], None, []]})
    assert [spool.add(some) for some in pieces(frame, 2)] == [0, 1]
    assert spool.read(1).equals(frame[2:]) and spool.read(0).equals(frame[:2])
    assert spool.read(0, ["b", "nowhere"]).columns == ["b"]
    once = Distinct(["a"])
    for some in (frame, frame.reverse()):
        once.add(some)
    assert once.frame().equals(frame)
