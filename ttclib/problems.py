"""A benchmark → problems with stable ids."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ttclib.errors import RequestError, one_of

FIELDS = ("problem_id", "prompt", "reference_answer")
LAB_SPLITS = ("test", "validation")
_LAB_DEFAULT_LIMIT = 100


@dataclass(frozen=True)
class Problem:
    """One question.

    Attributes
    ----------
    problem_id : str
        Unique within a store.
    prompt : str
        The question as it stands in the benchmark.
    reference_answer : str or None
        None: unknown, samples stay ungraded.
    benchmark : str
    metadata : dict
        What else the benchmark says.
    """

    problem_id: str
    prompt: str
    reference_answer: str | None
    benchmark: str
    metadata: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """As a row of the store's `problems`."""
        return {**vars(self), "metadata": json.dumps(self.metadata, ensure_ascii=False, sort_keys=True)}


def load_problems(
    source: str, *, limit: int | None = None, benchmark: str | None = None, fields: Mapping[Any, str] | None = None
) -> list[Problem]:
    """Read problems from the lab or from a JSON-lines file.

    Parameters
    ----------
    source : str
        ``lab:test``, ``lab:validation`` or a path.
    limit : int, optional
        The first so many.
    benchmark : str, optional
        Name in the store; by default the file's name without its ending.
    fields : mapping, optional
        ``{"prompt": "question"}``: what the file calls a field.

    Returns
    -------
    list of Problem
        At least one, ids distinct.

    Raises
    ------
    RequestError
        No such file; a line that is not JSON, lacks a field or repeats an id (named by its number).

    Examples
    --------
    >>> load_problems("lab:test", limit=1)[0].benchmark
    'lab'
    """
    if source.startswith("lab:"):
        return _lab_problems(one_of(source[4:], LAB_SPLITS, "lab split"), limit or _LAB_DEFAULT_LIMIT)
    path = Path(source)
    if not path.is_file():
        raise RequestError(f"no problem file '{source}': name a JSON-lines file, or lab:test for the problems that ship")
    problems: dict[str, Problem] = {}
    for number, row in read_json_lines(path):
        problem = _problem(row, f"'{source}' line {number}", benchmark or path.stem, fields or {})
        if problem.problem_id in problems:
            raise RequestError(f"'{source}' line {number}: problem_id '{problem.problem_id}' stands there twice: ids must differ")
        problems[problem.problem_id] = problem
        if limit is not None and len(problems) == limit:
            break
    if not problems:
        raise RequestError(f"'{source}' holds no problem: give at least one line")
    return list(problems.values())


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each non-empty line of a file as (line number, object).

    Raises
    ------
    RequestError
        A line that is not JSON or no object, named by its number.
    """
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise RequestError(f"'{path}' line {number} is not JSON: {error.msg} at column {error.colno}") from error
                if not isinstance(row, dict):
                    raise RequestError(f"'{path}' line {number} is no JSON object but {type(row).__name__}: one object a line")
                yield number, row
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read '{path}': {error}") from error


def _problem(row: dict[str, Any], where: str, benchmark: str, fields: Mapping[str, str]) -> Problem:
    values = {}
    for name in FIELDS:
        called = fields.get(name, name)
        if called not in row:
            raise RequestError(
                f"{where} lacks the field '{called}': it has {', '.join(row)}. Map it in [problems.fields]: {name} = \"…\""
            )
        values[name] = row[called]
    for name in ("problem_id", "prompt"):
        if values[name] is None or not str(values[name]).strip():
            raise RequestError(f"{where}: '{fields.get(name, name)}' is empty: give a text")
    taken = {fields.get(name, name) for name in FIELDS}
    answer = values["reference_answer"]
    return Problem(
        problem_id=str(values["problem_id"]),
        prompt=str(values["prompt"]),
        reference_answer=None if answer is None else str(answer),
        benchmark=benchmark,
        metadata={key: value for key, value in row.items() if key not in taken},
    )


def _lab_problems(split: str, limit: int) -> list[Problem]:
    from ttclib.lab.task import held_out

    return [
        Problem(
            problem_id=f"lab-{split}-{number:04d}",
            prompt=exercise.prompt,
            reference_answer=str(exercise.value),
            benchmark="lab",
            metadata={"n_operations": exercise.n_operations},
        )
        for number, exercise in enumerate(held_out(split, limit))
    ]
