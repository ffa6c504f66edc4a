"""What is known of questions before they are sampled, read from a store."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ttclib.errors import TTCError
from ttclib.store import load_questions, write_part
from ttclib.store.cells import pack_halves

KEY = {"policy": "m", "setting": "s"}


def store(path: Path, *features: dict) -> Path:
    rows = [
        {"problem_id": "a", "prompt": "1+1", "metadata": json.dumps({"level": 1, "of": {"kind": "é"}})},
        {"problem_id": "b", "prompt": None, "metadata": "no JSON"},
        {"problem_id": "c", "prompt": "1+3", "metadata": "[1]"},
    ]
    write_part(path, "problems", rows)
    if features:
        write_part(path, "features", [KEY | one for one in features])
    return path


def read(path: Path, ids=("c", "a", "b")):
    return load_questions(path, policy="m", setting="s", problem_ids=ids)


def test_rows_stand_in_the_order_asked_for_and_what_is_missing_is_missing(tmp_path):
    path = store(
        tmp_path / "s.duckdb",
        {"problem_id": "a", "feature": "hidden", "hidden": pack_halves([1.5, -2.0])},
        {"problem_id": "b", "feature": "hidden", "hidden": None},
        {"problem_id": "c", "feature": "greedy", "logprob": -3.0, "completion_tokens": 4},
        {"problem_id": "a", "feature": "greedy", "logprob": -3.0, "completion_tokens": 0},
        {"problem_id": "a", "feature": "hidden", "hidden": pack_halves([9.0, 9.0]), "setting": "other"},
    )
    found = read(path)
    assert found.prompts == ["1+3", "1+1", None]
    assert found.metadata == [{}, {"level": 1, "of": {"kind": "é"}}, {}]
    assert np.array_equal(found.hidden, [[np.nan] * 2, [1.5, -2.0], [np.nan] * 2], equal_nan=True)
    assert np.array_equal(found.greedy_logprob, [-0.75, np.nan, np.nan], equal_nan=True)


def test_nothing_kept_is_a_width_of_nothing(tmp_path):
    found = read(store(tmp_path / "s.duckdb"))
    assert found.hidden.shape == (3, 0) and np.isnan(found.greedy_logprob).all()


def test_states_of_two_widths_are_not_put_side_by_side(tmp_path):
    rows = [
        {"problem_id": name, "feature": "hidden", "hidden": pack_halves([0.0] * n)} for name, n in (("a", 2), ("b", 3))
    ]
    with pytest.raises(TTCError, match="several widths, 2, 3"):
        read(store(tmp_path / "s.duckdb", *rows))


def test_a_sample_at_temperature_0_with_the_same_prompt_format_is_a_greedy_answer(tmp_path):
    path = store(
        tmp_path / "s.duckdb", {"problem_id": "a", "feature": "greedy", "logprob": -8.0, "completion_tokens": 2}
    )
    settings = {
        "s": {"temperature": 1.0, "prompt_format": {"chat": True}},
        "g": {"temperature": 0.0, "prompt_format": {"chat": True}, "max_tokens": 9},
        "h": {"temperature": 0, "prompt_format": {"chat": False}},
    }
    write_part(path, "settings", [{"setting": name, "keys": json.dumps(keys)} for name, keys in settings.items()])
    sampled = [("a", "g", 0, -1.0), ("b", "g", 1, -6.0), ("b", "g", 0, -4.0), ("c", "h", 0, -1.0)]
    rows = [
        {"policy": "m", "problem_id": name, "setting": s, "sample_index": i, "logprob": value, "completion_tokens": 2}
        for name, s, i, value in sampled
    ]
    write_part(path, "samples", rows)
    assert np.array_equal(read(path, ("a", "b", "c")).greedy_logprob, [-4.0, -2.0, np.nan], equal_nan=True)
