"""A store of one model sampled at several efforts, with known accuracy and tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ttclib.interchange import import_samples


def make_efforts(
    path: Path,
    efforts: Mapping[str, tuple[float, int]],
    *,
    n_problems: int = 60,
    n_samples: int = 8,
    sizes: Mapping[str, int] | None = None,
    answers: bool = True,
    uncounted: int = 0,
    seed: int = 0,
) -> Path:
    """Write it.

    Parameters
    ----------
    path : pathlib.Path
    efforts : mapping of name to (accuracy, tokens)
        Mean over problems, which are spread about it; tokens of each answer.
    n_problems, n_samples, seed : int
    sizes : mapping of effort to int, optional
        Samples where they are others than `n_samples`.
    answers : bool
        Whether final answers are known; wrong ones are spread over three.
    uncounted : int
        Samples of the first effort, of one problem, that lack their token count.
    """
    rng = np.random.default_rng(seed)
    lines = []
    for place, (effort, (accuracy, tokens)) in enumerate(efforts.items()):
        ease = np.clip(accuracy + np.linspace(-0.2, 0.2, n_problems), 0, 1)
        for problem in range(n_problems):
            for index in range((sizes or {}).get(effort, n_samples)):
                right = bool(rng.random() < ease[problem])
                lines.append(
                    {
                        "problem_id": f"p{problem:02d}",
                        "policy": "m",
                        "benchmark": "toy",
                        "setting": {"reasoning_effort": effort},
                        "sample_index": index,
                        "answer": ("0" if right else str(rng.integers(1, 4))) if answers else None,
                        "correct": right,
                        "completion_tokens": None if place == problem == 0 and index < uncounted else tokens,
                        "prompt_tokens": 10,
                    }
                )
    source = path.with_suffix(".jsonl")
    source.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    import_samples(source, path)
    return path
