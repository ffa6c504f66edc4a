"""Stores filled from files and written to files: whole, or not at all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.builders import build_store, real_data
from tests.store.processes import start
from ttclib.errors import RequestError
from ttclib.interchange import KEYS, export_samples, import_samples
from ttclib.store import connect, load_pool, write_part
from ttclib.store.schema import parts_directory

LINE = {"problem_id": "p", "policy": "m", "sample_index": 0}


def write(path: Path, *lines: object) -> Path:
    text = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path


def exported(store: Path, **options: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export_samples(store, **options)]


@pytest.fixture
def fill(tmp_path):
    """Import lines into a store; `fill.told` holds what was said."""

    def one(*lines: object, name: str = "s.duckdb", **options: Any) -> Path:
        store = tmp_path / name
        one.added = import_samples(write(tmp_path / "in.jsonl", *lines), store, notify=one.told.append, **options)
        return store

    one.told = []
    return one


def test_a_line_with_the_required_keys_only(fill):
    store = fill(LINE)
    assert exported(store) == [{**dict.fromkeys(KEYS), **LINE, "benchmark": "in"}]
    pool = load_pool(store)
    assert pool.pool_sizes.tolist() == [1] and np.isnan(pool.correct).all() and pool.benchmark == "in"
    assert fill.told == []


@pytest.mark.parametrize("absorbed", [True, False])
def test_export_import_export_is_the_identity(tmp_path, fill, absorbed):
    before = exported(build_store(tmp_path / "a.duckdb", absorbed=absorbed))
    assert tuple(before[0])[: len(KEYS)] == KEYS and len(before) == 320
    store = fill(*before, name="b.duckdb")
    assert exported(store) == before and fill.added == 320
    first, second = load_pool(tmp_path / "a.duckdb"), load_pool(store)
    np.testing.assert_array_equal(first.correct, second.correct)
    np.testing.assert_array_equal(first.verifier().by("prod"), second.verifier().by("prod"))


def test_text_scores_and_several_policies_survive(fill):
    text = 'Ünï\u2028 "\\boxed{二}"\n\t😀'
    lines = [
        {**LINE, "policy": policy, "prompt": "√?", "completion": text, "step_scores": [0.1, 1, 1e-300], "answer": "二"}
        | {"correct": True, "reference_answer": "二", "prompt_tokens": 0, "completion_tokens": 7, "benchmark": "b"}
        for policy in ("large", "small")
    ]
    store = fill(*lines)
    assert exported(store) == lines
    assert exported(store, policy="small") == lines[1:]
    with pytest.raises(RequestError, match="unknown policy 'smal': did you mean 'small'"):
        exported(store, policy="smal")


def test_a_given_grade_is_kept_and_a_null_one_is_graded(fill):
    known = {"reference_answer": "7"}
    store = fill(
        {**LINE, **known, "answer": "7", "correct": False},
        {**LINE, **known, "sample_index": 1, "answer": "8", "correct": True},
        {**LINE, **known, "sample_index": 2, "completion": "#7.0"},
        {**LINE, **known, "sample_index": 3, "completion": "no idea"},
        {**LINE, **known, "sample_index": 4},
    )
    lines = exported(store)
    assert [line["correct"] for line in lines] == [False, True, True, False, None]
    assert [line["answer"] for line in lines] == ["7", "8", "7.0", None, None]
    assert load_pool(store).answer_ids.tolist() == [[0, 1, 0, -1, -1]]


def test_a_second_import_adds_nothing_and_a_longer_file_only_the_rest(fill):
    lines = [{**LINE, "sample_index": index, "answer": str(index)} for index in range(5)]
    store = fill(*lines[:3])
    assert fill.added == 3
    before = exported(store)
    fill(*lines[:3])
    assert fill.added == 0 and exported(store) == before
    fill(*lines)
    assert fill.added == 2 and exported(store)[:3] == before
    assert load_pool(store).answer_ids.tolist() == [[0, 1, 2, 3, 4]]


def test_classes_go_on_from_those_of_the_store(fill):
    fill({**LINE, "answer": "1/2", "reference_answer": "0.5"})
    store = fill({**LINE, "sample_index": 1, "answer": "3"}, {**LINE, "sample_index": 2, "answer": "0.50"})
    assert load_pool(store).answer_ids.tolist() == [[0, 1, 0]]
    assert load_pool(store).correct.tolist() == [[1, 0, 1]]  # the store knows the reference


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{oops", "line 2 is not JSON"),
        ("[]", "line 2 is no JSON object but list"),
        ('{"problem_id": "\\ud800", "policy": "m", "sample_index": 1}', "line 2: problem_id = "),
        ({"problem_id": "p", "policy": "m"}, "line 2: lacks the key 'sample_index': add it"),
        ({"problem_id": "p", "policy": "m", "index": 3}, "lacks the key 'sample_index'"),
        ({"problem": "p", "policy": "m", "sample_index": 3}, "lacks the key 'problem_id': is 'problem' meant"),
        ({**LINE, "sample_index": -1}, "line 2: sample_index = -1: "),
        ({**LINE, "sample_index": 1.5}, "line 2: sample_index = 1.5: "),
        ({**LINE, "sample_index": 2**31}, "line 2: sample_index = 2147483648: "),
        ({**LINE, "policy": ""}, 'line 2: policy = "": '),
        ({**LINE, "problem_id": 3.5}, "line 2: problem_id = 3.5: "),
        ({**LINE, "problem_id": True}, "line 2: problem_id = true: "),
        ({**LINE, "correct": "yes"}, 'line 2: correct = "yes": '),
        ({**LINE, "correct": 0.5}, "line 2: correct = 0.5: "),
        ({**LINE, "step_scores": [0.5, float("nan")]}, "line 2: step_scores.1 = NaN: "),
        ({**LINE, "step_scores": [0.5, None]}, "line 2: step_scores.1 = null: "),
        ({**LINE, "step_scores": "high"}, 'line 2: step_scores = "high": '),
        ({**LINE, "completion_tokens": 2**40}, "line 2: completion_tokens = "),
        ({**LINE, "answer": [7]}, "line 2: answer = [7]: "),
        ({**LINE, "setting": "low"}, 'line 2: setting = "low": '),
        (
            '{"problem_id": "p", "policy": "m", "sample_index": 1, "policy": "n"}',
            "line 2 cannot be read: the key 'policy'",
        ),
        ('{"problem_id": "p", "policy": "m", "sample_index": 1}{}', "line 2 is not JSON: Extra data"),
        ('{"problem_id": "p", "policy": "m", "sample_index": 1, "answer": "\\udc00"}', "line 2: answer = "),
        ('{"problem_id": "p", "policy": "m", "sample_index": 1' + "0" * 5000 + "}", "line 2 cannot be read"),
        (LINE, "line 2 repeats line 1: sample 0 of problem 'p' by 'm'"),
        ({**LINE, "sample_index": 1, "reference_answer": "8"}, "line 2: problem 'p' has another reference_answer, '8'"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(tmp_path, line, message):
    file = write(tmp_path / "in.jsonl", {**LINE, "reference_answer": "7"}, line)
    with pytest.raises(RequestError, match=re.escape(message)) as raised:
        import_samples(file, tmp_path / "s.duckdb")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400
    assert list(tmp_path.iterdir()) == [file]


def test_a_bad_request_is_named_and_nothing_is_written(tmp_path):
    file = write(tmp_path / "in.jsonl", LINE)
    with pytest.raises(RequestError, match=r"no file .*none\.jsonl"):
        import_samples(tmp_path / "none.jsonl", tmp_path / "s.duckdb")
    with pytest.raises(RequestError, match="unknown grader 'mth': did you mean 'math'"):
        import_samples(file, tmp_path / "s.duckdb", grader="mth")
    with pytest.raises(RequestError, match="holds no sample"):
        import_samples(write(tmp_path / "empty.jsonl"), tmp_path / "s.duckdb")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.jsonl", "in.jsonl"]


def test_a_problem_that_the_store_has_with_another_text_is_refused(fill):
    store = fill({**LINE, "prompt": "1+1="})
    before = store.read_bytes()
    with pytest.raises(
        RequestError, match=r"line 1: problem 'p' has another prompt, '1\+2=', than in the store, '1\+1='"
    ):
        fill({**LINE, "sample_index": 1, "prompt": "1+2="})
    assert store.read_bytes() == before and not parts_directory(store).exists()


def test_a_disk_that_fills_up_leaves_nothing(tmp_path, monkeypatch):
    def full(store: Path, table: str, rows: object) -> Path | None:
        if table == "samples":
            raise RequestError("no space left")
        return write_part(store, table, rows)

    monkeypatch.setattr("ttclib.interchange.writing_parts.write_part", full)
    file = write(tmp_path / "in.jsonl", LINE)
    with pytest.raises(RequestError, match="no space left"):
        import_samples(file, tmp_path / "s.duckdb")
    assert list(tmp_path.iterdir()) == [file]


def test_unknown_keys_are_left_out_with_a_word(fill):
    store = fill({**LINE, "answr": "7", "zzz": [1]}, {**LINE, "sample_index": 1, "zzz": 2})
    assert fill.added == 2 and exported(store)[0]["answer"] is None
    assert len(fill.told) == 1
    assert "'zzz', 'answr' (did you mean 'answer'?); known: problem_id, policy" in fill.told[0]


def test_an_open_notebook_does_not_stop_an_import(tmp_path, fill, monkeypatch):
    store = fill(LINE)
    reader = start("hold", store)
    try:
        assert reader.stdout.readline() == "open\n"
        monkeypatch.setenv("TTC_WAIT_S", "0.2")
        fill({**LINE, "sample_index": 1})
        assert fill.added == 1 and len(exported(store)) == 2
        assert f"process {reader.pid}" in fill.told[-1] and "count already" in fill.told[-1]
    finally:
        reader.communicate("\n", timeout=60)


def test_the_run_is_on_record(fill):
    with connect(fill(LINE)) as con:
        assert con.execute("SELECT command FROM runs").fetchall() == [("import",)]


class TestSuspicion:
    def lines(self, n_problems: int, n_samples: int, answer: Any, **more: Any) -> list[dict[str, Any]]:
        return [
            {"problem_id": f"p{problem:03d}", "policy": "m", "sample_index": index, "reference_answer": str(problem)}
            | {"answer": str(answer(problem, index))}
            | {key: value(problem, index) for key, value in more.items()}
            for problem in range(n_problems)
            for index in range(n_samples)
        ]

    def test_grades_that_contradict_the_answers(self, fill):
        wrong = self.lines(10, 4, lambda problem, index: problem, correct=lambda problem, index: index > 0)
        store = fill(*wrong)
        assert len(fill.told) == 1 and "\n" not in fill.told[0]
        assert fill.told[0].startswith("warning: ") and "of 40 grades that can be checked 10 contradict" in fill.told[0]
        assert load_pool(store).correct.mean() == 0.75  # imported as they stand

    def test_samples_under_the_wrong_problems(self, fill):
        fill(*self.lines(40, 4, lambda problem, index: (problem + 7 * index) % 40))
        assert len(fill.told) == 1 and "right answers of other problems stand" in fill.told[0]

    def test_a_weak_policy_is_not_suspected(self, fill):
        rng = np.random.default_rng(0)
        fill(
            *self.lines(40, 8, lambda problem, index: problem if rng.random() < 0.1 else problem + rng.integers(-9, 9))
        )
        assert fill.told == []

    def test_too_few_answers_are_not_suspected(self, fill):
        fill(*self.lines(3, 2, lambda problem, index: 3 * index + problem, correct=lambda problem, index: True))
        assert fill.told == []


def test_a_real_dump_with_shuffled_samples_is_suspected(fill):
    fill(*as_lines(real_data("prm_steps_llama32_3b_n16_MISALIGNED.jsonl.gz")), grader="exact")
    assert fill.added == 1600
    assert len(fill.told) == 1 and "samples under the wrong problems" in fill.told[0]


@pytest.mark.parametrize("name", ["prm_steps_llama31_8b_math500_n1", "smollm2_arith_120x128"])
def test_a_real_dump_in_order_is_not(fill, name):
    rows = real_data(f"{name}.jsonl.gz")
    if "samples" in rows[0]:
        rows = [
            {"unique_id": row["problem_id"], "problem": row["question"], "gold": row["gold"]}
            | {
                "completions": [s["text"] for s in row["samples"][:16]],
                "answers": [s["answer"] for s in row["samples"]],
            }
            | {"correct": [s["correct"] for s in row["samples"]], "step_scores": [None] * 16}
            for row in rows
        ]
    fill(*as_lines(rows[:200]), grader="math" if "math" in name else "exact")
    assert fill.told == []


def as_lines(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Interchange lines of a dump with a row a problem."""
    return [
        {"problem_id": row["unique_id"], "policy": "llm", "sample_index": index, "reference_answer": row["gold"]}
        | {"prompt": row["problem"], "completion": completion, "answer": row["answers"][index] or None}
        | {"correct": bool(row["correct"][index]), "step_scores": row["step_scores"][index]}
        for row in rows
        for index, completion in enumerate(row["completions"])
    ]
