"""Benchmarks by name: where the hub has them, at which revision, and what they call their fields.

The revision is pinned, so a name means the same problems on every machine. MATH-500 names its
problems itself; the others are named by their prompts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttclib.errors import RequestError


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
    try:
        import datasets
    except ImportError as error:
        raise RequestError(
            f"problems from the hub need the package '{error.name}': install it with pip install 'ttclib[benchmarks]', "
            f"or name a JSON-lines file"
        ) from error
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
