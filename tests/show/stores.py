"""A small store like the demo's: problems of all difficulties, a PRM that is of use."""

from pathlib import Path
from typing import Any

import numpy as np

from ttclib.store import absorb, write_part


def make_store(path: Path, *, n_problems: int = 12, n_samples: int = 16, scored: bool = True, seed: int = 0) -> Path:
    """Write a store of one policy, with or without PRM scores."""
    rng = np.random.default_rng(seed)
    names = [f"p{number:02d}" for number in range(n_problems)]
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
    write_part(path, "models", [{"model": "small", "n_parameters": 161_728}])
    write_part(path, "settings", [{"setting": "s", "temperature": 0.8, "top_p": 1.0, "max_tokens": 64}])
    samples: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    grades: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        ease = 0.05 + 0.9 * number / (n_problems - 1)
        for index in range(n_samples):
            correct = bool(rng.random() < ease)
            key = {"policy": "small", "problem_id": name, "setting": "s", "sample_index": index}
            answer = number + 1 if correct else number + 2 + int(rng.geometric(0.4))
            length = int(rng.integers(20, 60))
            samples.append(
                {
                    **key,
                    "completion": f"line\n#{answer}",
                    "completion_tokens": length,
                    "prompt_tokens": 8,
                    "logprob": -length * 0.2 * float(rng.random()) if scored else None,
                    "finish_reason": "stop",
                    "step_tokens": [length - 3, 3],
                }
            )
            good = float(rng.beta(4, 2) if correct else rng.beta(2, 3))
            scores.append({**key, "verifier": "tiny-prm", "step_scores": [float(rng.beta(4, 2)), good]})
            grades.append({**key, "grader": "exact", "answer": str(answer), "answer_class": answer, "correct": correct})
    write_part(path, "samples", samples)
    if scored:
        write_part(path, "scores", scores)
    write_part(path, "grades", grades)
    absorb(path)
    return path
