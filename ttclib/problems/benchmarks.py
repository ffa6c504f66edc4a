"""Benchmarks by name, files of JSON lines, and problems made to order by reasoning-gym.

Of a benchmark it says where the hub has it, at which revision, and what it calls its fields. The revision is pinned, so
a name means the same problems on every machine. MATH-500 names its problems itself; the others are named by their
prompts.

Problem i of a reasoning-gym task depends on the seed and i, so a larger number of problems only adds some. It is made
again for scoring, because a scorer may look at what the store does not keep.

References
----------
Stojanovski et al. 2025, arXiv:2505.24760.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ttclib.errors import RequestError, TTCError, needing, one_of
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
    with needing("a reasoning-gym task", "benchmarks"):
        import reasoning_gym
        from reasoning_gym.factory import DATASETS
    one_of(task, sorted(DATASETS), "reasoning-gym task")
    try:
        return reasoning_gym.create_dataset(task, size=size, seed=seed, **json.loads(parameters))
    except (AssertionError, TypeError, ValueError) as error:
        said = str(error).removeprefix(f"{type(error).__name__}: ") or "not allowed"
        raise RequestError(f"parameters {parameters} of reasoning-gym task '{task}': {said}") from error


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each non-empty line of a file as (line number, object).

    Raises
    ------
    RequestError
        A line that is not JSON or no object, named by its number.
    """
    if path.exists() and not path.is_file():
        raise RequestError(f"'{path}' is no file: name one of JSON lines")
    try:
        with open(path, encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise RequestError(
                        f"'{path}' line {number} is not JSON: {error.msg} at column {error.colno}"
                    ) from error
                except (ValueError, RecursionError) as error:  # a number or a nesting beyond all reason
                    raise RequestError(f"'{path}' line {number} cannot be read: {str(error).split(';')[0]}") from error
                if not isinstance(row, dict):
                    raise RequestError(
                        f"'{path}' line {number} is no JSON object but {type(row).__name__}: one object a line"
                    )
                yield number, row
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read '{path}': {error}") from error


@dataclass(frozen=True)
class Benchmark:
    """A data set of the hub."""

    hub_id: str  # `owner/name`, or a directory that holds a copy
    revision: str | None  # commit; None: the latest
    subset: str | None
    split: str | None
    fields: Mapping[str, str]  # what it calls `problem_id`, `prompt` and `reference_answer`


_PROBLEM = {"problem_id": "hash", "prompt": "problem", "reference_answer": "answer"}
_QUESTION = {"problem_id": "hash", "prompt": "question", "reference_answer": "answer"}

BENCHMARKS: dict[str, Benchmark] = {
    "math500": Benchmark(
        "HuggingFaceH4/MATH-500",
        "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
        None,
        "test",
        {**_PROBLEM, "problem_id": "unique_id"},
    ),
    "gsm8k": Benchmark("openai/gsm8k", "740312add88f781978c0658806c59bc2815b9866", "main", "test", _QUESTION),
    "aime24": Benchmark("HuggingFaceH4/aime_2024", "2fe88a2f1091d5048c0f36abc874fb997b3dd99a", None, "train", _PROBLEM),
    "aime25": Benchmark("math-ai/aime25", "563bb8404243c5f09de6ec262f2db674fe5bce9b", None, "test", _PROBLEM),
    "amc23": Benchmark("math-ai/amc23", "80815d37005feb82cd7f8fbc6901d5d3eff43057", None, "test", _QUESTION),
}


def hub_rows(benchmark: Benchmark) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of a data set as (number from 1, row).

    Raises
    ------
    RequestError
        The package is not installed, the hub cannot be reached, or has no such data set, revision,
        subset or split.
    """
    with needing("a benchmark of the hub, other than a JSON-lines file,", "benchmarks"):
        import datasets
    try:
        rows = datasets.load_dataset(
            benchmark.hub_id, benchmark.subset, split=benchmark.split, revision=benchmark.revision
        )
    except Exception as error:  # of the hub's many, each says in its first line what is wrong
        raise RequestError(
            f"cannot load the data set '{benchmark.hub_id}' (revision {benchmark.revision or 'latest'}, subset "
            f"{benchmark.subset or 'default'}, split {benchmark.split}): "
            f"{(str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0]}"
        ) from error
    for number, row in enumerate(rows, start=1):
        yield number, dict(row)
