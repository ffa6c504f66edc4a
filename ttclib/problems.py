"""A benchmark → problems with stable ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ttclib.errors import RequestError, one_of

FIELDS = ("problem_id", "prompt", "reference_answer")
LAB_SPLITS = ("test", "validation")
LINE = "line"
_LAB_DEFAULT_LIMIT = 100
_AFTER_RATIONALE = re.compile(r"^#### *(\S.*?)\s*\Z", re.M)  # as GSM8K writes its answers


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
        ``{"prompt": "question"}``: what the file calls a field. ``{"problem_id": "line"}`` numbers
        the lines, for a file that has no ids. A reference answer that ends in ``#### 7``, as
        GSM8K's do, is 7; what stands before goes to `metadata`.

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
        raise RequestError(
            f"no problem file '{source}': name a JSON-lines file, or lab:test for the problems that ship"
        )
    problems: dict[str, Problem] = {}
    for number, row in read_json_lines(path):
        problem = _problem(row, number, f"'{source}' line {number}", benchmark or path.stem, fields or {})
        if problem.problem_id in problems:
            raise RequestError(
                f"'{source}' line {number}: problem_id '{problem.problem_id}' stands there twice: ids must differ"
            )
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


def _problem(row: dict[str, Any], number: int, where: str, benchmark: str, fields: Mapping[str, str]) -> Problem:
    called = {name: fields.get(name, name) for name in FIELDS}
    numbered = called["problem_id"] == LINE and LINE not in row
    values = {name: row.get(key) for name, key in called.items()}
    if numbered:
        values["problem_id"] = f"{benchmark}-{number:05d}"
    for name, key in called.items():
        if key not in row and not (numbered and name == "problem_id"):
            advice = f'{name} = "…"' + (f', or "{LINE}" to number the lines' if name == "problem_id" else "")
            raise RequestError(
                f"{where} lacks the field '{key}': it has {', '.join(row) or 'none'}. "
                f"Map it in [problems.fields]: {advice}"
            )
        value = values[name]
        if isinstance(value, dict | list):
            raise RequestError(f"{where}: '{key}' is no text but a JSON {type(value).__name__}: give a text")
        if name != "reference_answer" and (value is None or not str(value).strip()):
            raise RequestError(f"{where}: '{key}' is empty: give a text")
    metadata = {key: value for key, value in row.items() if key not in called.values()}
    stated = values["reference_answer"]
    answer = None if stated is None else str(stated)
    if answer is not None and (final := _AFTER_RATIONALE.search(answer)):
        metadata["rationale"], answer = answer, final[1]
    return Problem(str(values["problem_id"]), str(values["prompt"]), answer, benchmark, metadata)


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
