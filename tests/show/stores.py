"""A small store like the demo's: problems of all difficulties, a PRM that is of use; more of it if asked."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.builders import made_once
from ttclib.store import absorb, write_part

FACTS = {"n_layers": 3, "n_heads": 4, "n_kv_heads": 4, "head_dim": 16, "hidden_size": 64, "training_tokens": 10_000_000}


@made_once
def make_store(
    path: Path,
    *,
    n_problems: int = 12,
    n_samples: int = 16,
    scored: bool = True,
    seed: int = 0,
    search: bool = False,
    uneven: bool = False,
    revisions: bool = False,
    larger: bool = False,
    orm: bool = False,
    second_temperature: float | None = None,
    text: str = "line\n",
) -> Path:
    """Write a store of one policy, with or without PRM scores.

    Parameters
    ----------
    path : pathlib.Path
    n_problems, n_samples : int
    scored : bool
    seed : int
    search : bool
        Every first step has as many children as there are samples, and a greedy one: any search up
        to that budget replays.
    uneven : bool
        The first problem was searched at half that budget only.
    revisions : bool
        Eight chains of eight answers a problem, of a model ``reviser``.
    larger : bool
        A second policy, 4 times as large and better: a pool of 8 reaches what it costs.
    orm : bool
        Whole answers are scored, too, by a verifier ``tiny-orm``.
    second_temperature : float, optional
        The policy was sampled at this temperature, too, and better: two settings.
    text : str
        First step of every completion.
    """
    rng = np.random.default_rng(seed)
    names = [f"p{number:02d}" for number in range(n_problems)]
    ease = [0.05 + 0.9 * number / max(1, n_problems - 1) for number in range(n_problems)]
    write_part(
        path,
        "problems",
        [
            {
                "problem_id": name,
                "benchmark": "synthetic",
                "prompt": f"{number}+1=",
                "reference_answer": str(number + 1),
            }
            for number, name in enumerate(names)
        ],
    )
    _setting(path, "s", 0.8)
    _policy(path, "small", 161_728, names, ease, n_samples, scored, rng, text, orm=orm)
    if second_temperature is not None:
        _setting(path, "t", second_temperature)
        better = [share**0.6 for share in ease]
        _policy(path, "small", 161_728, names, better, n_samples, scored, rng, text, orm=orm, setting="t")
    if larger:
        _policy(path, "large", 4 * 161_728, names, [share**0.4 for share in ease], n_samples, scored, rng, text)
    if search:
        _nodes(path, names, ease, n_samples, rng, uneven)
    if revisions:
        _revisions(path, names, ease, rng)
    absorb(path)
    return path


@made_once
def make_counts(path: Path, *, n_problems: int = 12, n_samples: int = 16, seed: int = 0) -> Path:
    """A store that knows of each problem how many samples were drawn and how many are right, and nothing else."""
    rng = np.random.default_rng(seed)
    names = [f"p{number:02d}" for number in range(n_problems)]
    write_part(path, "problems", [{"problem_id": name, "benchmark": "synthetic"} for name in names])
    _setting(path, "s", 0.8)
    ease = [0.05 + 0.9 * number / max(1, n_problems - 1) for number in range(n_problems)]
    write_part(
        path,
        "counts",
        [
            {
                "policy": "small",
                "problem_id": name,
                "setting": "s",
                "n": n_samples,
                "c": int(rng.binomial(n_samples, p)),
            }
            for name, p in zip(names, ease, strict=True)
        ],
    )
    absorb(path)
    return path


def _setting(path: Path, name: str, temperature: float) -> None:
    keys = json.dumps({"max_tokens": 64, "temperature": temperature, "top_p": 1.0})
    write_part(path, "settings", [{"setting": name, "keys": keys}])


def _policy(
    path: Path,
    policy: str,
    n_parameters: int,
    names: list[str],
    ease: list[float],
    n_samples: int,
    scored: bool,
    rng: np.random.Generator,
    text: str,
    *,
    orm: bool = False,
    setting: str = "s",
) -> None:
    rows: dict[str, list[dict[str, Any]]] = {"samples": [], "scores": [], "grades": []}
    for number, name in enumerate(names):
        for index in range(n_samples):
            correct, answer = _drawn(rng, number, ease[number])
            key = {"policy": policy, "problem_id": name, "setting": setting, "sample_index": index}
            length = int(rng.integers(20, 60))
            rows["samples"].append(
                {
                    **key,
                    "completion": f"{text}#{answer}",
                    "completion_tokens": length,
                    "prompt_tokens": 8,
                    "logprob": -length * 0.2 * float(rng.random()) if scored else None,
                    "finish_reason": "stop",
                    "step_tokens": [length - 3, 3],
                }
            )
            scores = [float(rng.beta(4, 2)), _score(rng, correct)]
            rows["scores"].append({**key, "verifier": "tiny-prm", "step_scores": scores, "prm_tokens": length + 8})
            if orm:
                whole = [_score(rng, correct)]
                rows["scores"].append({**key, "verifier": "tiny-orm", "step_scores": whole, "prm_tokens": length + 8})
            rows["grades"].append(
                {**key, "grader": "exact", "answer": str(answer), "answer_class": answer, "correct": correct}
            )
    write_part(path, "models", [{"model": policy, "n_parameters": n_parameters, **FACTS}])
    if scored:
        write_part(path, "models", [{"model": "tiny-prm", "n_parameters": 300_000, **FACTS}])
    if orm:
        write_part(path, "models", [{"model": "tiny-orm", "kind": "orm", "n_parameters": 300_000, **FACTS}])
    for table, held in rows.items():
        if table != "scores" or scored:
            write_part(path, table, held)


def _nodes(
    path: Path, names: list[str], ease: list[float], n_samples: int, rng: np.random.Generator, uneven: bool
) -> None:
    rows: dict[str, list[dict[str, Any]]] = {"nodes": [], "node_scores": [], "node_grades": []}
    for number, name in enumerate(names):
        for first in range(n_samples // 2 if uneven and number == 0 else n_samples):
            for child in (*range(1, n_samples), "g"):
                correct, answer = _drawn(rng, number, ease[number])
                key = {"policy": "small", "problem_id": name, "setting": "s", "path": f"{first}.{child}"}
                rows["nodes"].append(
                    {**key, "token_ids": [1, 2, 3], "text": f"#{answer}", "finish_reason": "stop", "logprob": -1.0}
                )
                rows["node_scores"].append(
                    {**key, "verifier": "tiny-prm", "step_score": _score(rng, correct), "prm_tokens": 40}
                )
                rows["node_grades"].append(
                    {**key, "grader": "exact", "answer": str(answer), "answer_class": answer, "correct": correct}
                )
    for table, held in rows.items():
        write_part(path, table, held)


def _revisions(path: Path, names: list[str], ease: list[float], rng: np.random.Generator) -> None:
    rows: dict[str, list[dict[str, Any]]] = {"revisions": [], "revision_scores": [], "revision_grades": []}
    for number, name in enumerate(names):
        for chain in range(8):
            for position in range(8):
                correct, answer = _drawn(rng, number, ease[number] ** (1 / (1 + 0.15 * position)))
                key = {"policy": "reviser", "problem_id": name, "setting": "s", "chain": chain, "position": position}
                rows["revisions"].append(
                    {
                        **key,
                        "completion": f"line\n#{answer}",
                        "finish_reason": "stop",
                        "prompt_tokens": 8 + 30 * min(4, position),
                        "completion_tokens": 30,
                        "logprob": -3.0,
                    }
                )
                rows["revision_scores"].append(
                    {**key, "verifier": "tiny-orm", "step_scores": [_score(rng, correct)], "prm_tokens": 60}
                )
                rows["revision_grades"].append(
                    {**key, "grader": "exact", "answer": str(answer), "answer_class": answer, "correct": correct}
                )
    write_part(path, "models", [{"model": "reviser", "n_parameters": 161_728, **FACTS}])
    for table, held in rows.items():
        write_part(path, table, held)


def _drawn(rng: np.random.Generator, number: int, ease: float) -> tuple[bool, int]:
    correct = bool(rng.random() < ease)
    return correct, number + 1 if correct else number + 2 + int(rng.geometric(0.4))


def _score(rng: np.random.Generator, correct: bool) -> float:
    return float(rng.beta(4, 2) if correct else rng.beta(2, 3))
