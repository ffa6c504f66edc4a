"""Stores and pools made from nothing: no model, no network, a fixed seed."""

from __future__ import annotations

import functools
import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ttclib.samples import AGGREGATIONS, LOGPROB, ModelFacts, Pool, Setting, Verifier, own_logprob
from ttclib.setting_keys import canonical_json
from ttclib.store import absorb, write_part
from ttclib.store.schema import parts_directory

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def made_once(build: Callable[..., Path]) -> Callable[..., Path]:
    """A builder of stores that makes each of them once a process: whoever asks for its like gets the same bytes."""

    @functools.lru_cache(maxsize=16)
    def content(**given: Any) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            return build(Path(folder) / "made.duckdb", **given).read_bytes()

    @functools.wraps(build)
    def built(path: Path, **given: Any) -> Path:
        if path.exists() or parts_directory(path).exists() or not given.get("absorbed", True):
            return build(path, **given)  # it adds to what is there, or leaves parts
        path.write_bytes(content(**given))
        return path

    return built


@made_once
def build_store(
    path: Path,
    *,
    n_problems: int = 20,
    n_samples: int = 16,
    scored: bool = True,
    n_parameters: int | None = 161_728,
    policy: str = "policy",
    seed: int = 0,
    absorbed: bool = True,
) -> Path:
    """A synthetic store: additions whose pass@1 is spread over (0, 1), with a verifier of some use.

    Parameters
    ----------
    path : pathlib.Path
        Made here; its folder must exist.
    n_problems, n_samples : int
    scored : bool
        Whether to write step scores of a verifier named ``prm``.
    n_parameters : int or None
        Of the policy; None: the store does not know.
    policy : str
    seed : int
    absorbed : bool
        False: leave the rows as parts beside the store.
    """
    rng = np.random.default_rng(seed)
    samples: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    grades: list[dict[str, Any]] = []
    for number in range(n_problems):
        pass_at_1 = rng.beta(0.7, 0.7)
        for index in range(n_samples):
            right = bool(rng.random() < pass_at_1)
            answer = number + 1 if right else number + 2 + int(rng.geometric(0.3))
            n_tokens = int(rng.integers(20, 100))
            key = {"policy": policy, "problem_id": f"p{number:03d}", "setting": "abc", "sample_index": index}
            samples.append(
                {
                    **key,
                    "completion": f"a line\n#{answer}",
                    "prompt_tokens": 10,
                    "completion_tokens": n_tokens,
                    "step_tokens": [n_tokens - 3, 3],
                    "logprob": -n_tokens * rng.random() * 0.3,
                    "finish_reason": "stop",
                }
            )
            steps = [float(rng.beta(4, 2)), float(rng.beta(4, 2) if right else rng.beta(2, 3))]
            scores.append({**key, "verifier": "prm", "step_scores": steps})
            grades.append({**key, "grader": "exact", "answer": str(answer), "answer_class": answer, "correct": right})
    problems = [
        {
            "problem_id": f"p{number:03d}",
            "benchmark": "synthetic",
            "prompt": f"{number}+1=\n",
            "reference_answer": str(number + 1),
        }
        for number in range(n_problems)
    ]
    write_part(path, "problems", problems)
    write_part(path, "models", [{"model": policy, "n_parameters": n_parameters}])
    keys = canonical_json({"temperature": 1.0, "top_p": 1.0, "max_tokens": 256})
    write_part(path, "settings", [{"setting": "abc", "keys": keys}])
    write_part(path, "samples", samples)
    write_part(path, "scores", scores if scored else [])
    write_part(path, "grades", grades)
    if absorbed:
        absorb(path)
    return path


def add_chains(
    path: Path,
    *,
    n_problems: int = 8,
    n_chains: int = 4,
    n_steps: int = 4,
    scored: bool = True,
    policy: str = "reviser",
    n_parameters: int | None = 200_000,
    seed: int = 0,
) -> Path:
    """Revision chains of the first problems of `build_store`, right the more often the later they stand."""
    rng = np.random.default_rng(seed)
    answers: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    grades: list[dict[str, Any]] = []
    for number in range(n_problems):
        for chain in range(n_chains):
            for position in range(n_steps):
                right = bool(rng.random() < 0.2 + 0.5 * number / n_problems + 0.2 * position / n_steps)
                answer = number + 1 if right else number + 2 + int(rng.geometric(0.4))
                key = {"policy": policy, "problem_id": f"p{number:03d}", "setting": "chains"}
                key |= {"chain": chain, "position": position}
                n_tokens = int(rng.integers(5, 15))
                answers.append(
                    key
                    | {"completion": f"#{answer}", "completion_tokens": n_tokens, "logprob": -0.2 * n_tokens}
                    | {"prompt_tokens": 10 + 12 * min(position, 4), "finish_reason": "stop"}
                )
                score = float(rng.beta(4, 2) if right else rng.beta(2, 3))
                tokens = 10 + 12 * min(position, 4) + n_tokens
                scores.append(key | {"verifier": "orm", "step_scores": [score], "prm_tokens": tokens})
                grade = {"answer": str(answer), "answer_class": answer, "correct": right}
                grades.append(key | {"grader": "exact"} | grade)
    write_part(path, "models", [{"model": policy, "n_parameters": n_parameters}])
    write_part(path, "revisions", answers)
    write_part(path, "revision_scores", scores if scored else [])
    write_part(path, "revision_grades", grades)
    absorb(path)
    return path


def make_pool(correct: Any, *, answer_ids: Any = None, scores: Any = None, **fields: Any) -> Pool:
    """A `Pool` from nested lists, one list a problem; shorter ones are padded at the right.

    `None` in `correct` is an ungraded sample. Answers are the grade itself unless given, scores 0.5.
    """
    rows = [list(row) for row in correct]
    shape = (len(rows), max(len(row) for row in rows))
    present = np.zeros(shape, dtype=bool)
    grid = np.full(shape, np.nan)
    for number, row in enumerate(rows):
        present[number, : len(row)] = True
        grid[number, : len(row)] = [np.nan if value is None else float(value) for value in row]
    ids = np.where(np.isnan(grid), -1, grid).astype(int) if answer_ids is None else np.asarray(answer_ids)
    score = np.where(present, 0.5, np.nan) if scores is None else np.asarray(scores, dtype=float)
    prm = Verifier("prm", "prm", dict.fromkeys(AGGREGATIONS, score), np.full(shape, np.nan))
    defaults: dict[str, Any] = {
        "store": "memory",
        "policy": "policy",
        "setting": Setting("abc", {"temperature": 1.0}),
        "problem_ids": [f"p{number}" for number in range(len(rows))],
        "present": present,
        "correct": grid,
        "answer_ids": ids,
        "completion_tokens": np.where(present, 10.0, np.nan),
        "prompt_tokens": np.full(len(rows), 5.0),
        "verifiers": {"prm": prm, LOGPROB: own_logprob(np.log(np.where(present, 0.5, np.nan)))},
    }
    parameters = fields.pop("policy_parameters", 1000)
    return Pool(**{"policy_model": ModelFacts("policy", parameters), **defaults, **fields})


def real_data(name: str) -> list[dict[str, Any]]:
    """Lines of a real data set that lies beside the checkout; skips the test where it does not."""
    path = REAL_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]
