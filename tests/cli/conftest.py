"""Stores that commands are asked of, made once a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.builders import build_store
from ttclib.store import absorb, write_part


@pytest.fixture(scope="session")
def asking(tmp_path_factory) -> Path:
    """`s.duckdb`: 24 problems x 16 samples of a small policy, and greedy samples of one 14 times larger.

    `large.duckdb` holds the greedy samples alone, `q.duckdb` a policy of unknown size without scores.
    """
    folder = tmp_path_factory.mktemp("asking")
    store = build_store(folder / "s.duckdb", n_problems=24, policy="small", n_parameters=1000, absorbed=False)
    build_store(folder / "q.duckdb", n_problems=24, policy="drawn", n_parameters=None, scored=False)
    rng = np.random.default_rng(0)
    keys = [{"policy": "large", "problem_id": f"p{n:03d}", "setting": "greedy", "sample_index": 0} for n in range(24)]
    right = rng.random(24) < 0.6
    for path in (store, folder / "large.duckdb"):
        write_part(path, "models", [{"model": "large", "n_parameters": 14_000}])
        write_part(path, "settings", [{"setting": "greedy", "keys": '{"max_tokens":256,"temperature":0.0}'}])
        write_part(path, "samples", [{**key, "completion_tokens": 60, "prompt_tokens": 10} for key in keys])
        grades = [{"grader": "exact", "answer_class": 1, "correct": bool(one)} for one in right]
        write_part(path, "grades", [key | grade for key, grade in zip(keys, grades, strict=True)])
        absorb(path)
    return folder
