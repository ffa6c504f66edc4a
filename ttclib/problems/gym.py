"""Problems made to order: the tasks of reasoning-gym, each with its parameters and its own scorer.

Problem i depends on the seed and i, so a larger number of problems only adds some. A problem is
made again for scoring, because a scorer may look at what the store does not keep.

References
----------
Stojanovski et al. 2025, arXiv:2505.24760.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from ttclib.errors import RequestError, TTCError, one_of
from ttclib.problems.problem import Problem

_MADE_BY = "reasoning_gym"


def gym_problems(
    task: str, n_problems: int, seed: int, parameters: Mapping[str, Any], *, benchmark: str | None = None
) -> list[Problem]:
    """The first problems of a task.

    Parameters
    ----------
    task : str
        ``chain_sum``, …
    parameters : mapping
        Of the task: ``{"min_terms": 2}``.
    benchmark : str, optional
        Name in the store, by default the task's.

    Raises
    ------
    RequestError
        No such task or parameter, or the package is not installed.
    """
    recipe = {"task": task, "parameters": dict(parameters), "seed": seed}
    digest = hashlib.blake2b(json.dumps(recipe, sort_keys=True).encode(), digest_size=4).hexdigest()
    made = _make(task, n_problems, seed, json.dumps(dict(parameters), sort_keys=True))
    return [
        Problem(
            problem_id=f"{task}-{digest}-{index:05d}",
            prompt=str(made[index]["question"]),
            reference_answer=str(made[index]["answer"]),
            benchmark=benchmark or task,
            metadata={_MADE_BY: {**recipe, "index": index, "version": version("reasoning-gym")}},
        )
        for index in range(n_problems)
    ]


def is_gym_problem(metadata: Mapping[str, Any]) -> bool:
    """Whether a problem with this metadata was made here."""
    return _MADE_BY in metadata


def gym_score(metadata: Mapping[str, Any], prompt: str, answer: str) -> float:
    """Score of an answer by the task's own scorer.

    Parameters
    ----------
    metadata : mapping
        Of the problem.

    Returns
    -------
    float
        In [0, 1]; many scorers give a little for a wrong answer in the right form.

    Raises
    ------
    TTCError
        The installed version makes another problem of the recipe.
    """
    recipe = metadata[_MADE_BY]
    index = recipe["index"]
    made = _make(recipe["task"], index + 1, recipe["seed"], json.dumps(recipe["parameters"], sort_keys=True))
    entry = made[index]
    if str(entry["question"]) != prompt:
        raise TTCError(
            f"reasoning-gym {version('reasoning-gym')} makes another problem {index} of {recipe['task']} than version "
            f"{recipe['version']} did: install that one to score its answers"
        )
    return float(made.score_answer(answer, entry))


@lru_cache(maxsize=4096)
def _make(task: str, size: int, seed: int, parameters: str) -> Any:
    try:
        import reasoning_gym
        from reasoning_gym.factory import DATASETS
    except ImportError as error:
        raise RequestError(
            f"reasoning-gym tasks need the package '{error.name}': install it with pip install 'ttclib[benchmarks]'"
        ) from error
    one_of(task, sorted(DATASETS), "reasoning-gym task")
    try:
        return reasoning_gym.create_dataset(task, size=size, seed=seed, **json.loads(parameters))
    except (AssertionError, TypeError, ValueError) as error:
        said = str(error).removeprefix(f"{type(error).__name__}: ") or "not allowed"
        raise RequestError(f"parameters {parameters} of reasoning-gym task '{task}': {said}") from error
