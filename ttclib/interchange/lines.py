"""One line of the interchange format, and reading a file of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ttclib.errors import RequestError
from ttclib.problems import read_json_lines

Notify = Callable[[str], None]


class SampleLine(BaseModel):
    """One line of the interchange format."""

    model_config = ConfigDict(extra="ignore", strict=True)

    problem_id: str = Field(min_length=1)
    policy: str = Field(min_length=1)
    sample_index: int = Field(ge=0, lt=2**31)
    reference_answer: str | None = None
    prompt: str | None = None
    completion: str | None = None
    answer: str | None = None
    correct: bool | None = None
    step_scores: list[Annotated[float, Field(allow_inf_nan=False)]] | None = None
    prompt_tokens: int | None = Field(default=None, ge=0, lt=2**31)
    completion_tokens: int | None = Field(default=None, ge=0, lt=2**31)


KEYS = tuple(SampleLine.model_fields)


def read_samples(file: Path, notify: Notify) -> dict[int, SampleLine]:
    """Read and check the samples of a file.

    Parameters
    ----------
    file : pathlib.Path
    notify : callable
        Told of keys that are left out.

    Returns
    -------
    dict of int to SampleLine
        By the line's number, at least one.

    Raises
    ------
    RequestError
        A line that is not JSON, lacks a key, has a bad value or repeats a sample, named by its number.
    """
    if not file.is_file():
        raise RequestError(f"no file '{file}': name a file of JSON lines")
    lines: dict[int, SampleLine] = {}
    seen: dict[tuple[str, str, int], int] = {}
    unknown: Counter[str] = Counter()
    for number, row in read_json_lines(file):
        try:
            line = SampleLine.model_validate(row)
        except ValidationError as error:
            raise RequestError(f"'{file}' line {number}: {_explain(error, row)}") from error
        identity = (line.policy, line.problem_id, line.sample_index)
        if identity in seen:
            raise RequestError(
                f"'{file}' line {number} repeats line {seen[identity]}: sample {line.sample_index} of problem "
                f"{line.problem_id!r} by {line.policy!r} must stand there once"
            )
        seen[identity] = number
        lines[number] = line
        unknown.update(row.keys() - set(KEYS))
    if not lines:
        raise RequestError(f"'{file}' holds no sample: give at least one line")
    if unknown:
        named = ", ".join(f"{key!r}{_nearest_key(key)}" for key, _ in unknown.most_common(5))
        rest = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        notify(f"left out keys that have no place in a store: {named}{rest}; known: {', '.join(KEYS)}")
    return lines


def _nearest_key(key: str) -> str:
    close = get_close_matches(key, KEYS, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _explain(error: ValidationError, row: dict[str, Any]) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        close = get_close_matches(where, sorted(row.keys() - set(KEYS)), n=1)
        return f"lacks the key '{where}'" + (f": is '{close[0]}' meant?" if close else ": add it")
    shown = json.dumps(first["input"], default=str)
    return f"{where} = {shown if len(shown) <= 60 else shown[:60] + '…'}: {first['msg'][0].lower() + first['msg'][1:]}"
