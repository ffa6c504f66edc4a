"""One question, and how a row of a benchmark becomes one."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ttclib.errors import RequestError

FIELDS = ("problem_id", "prompt", "reference_answer")
LINE, HASH = "line", "hash"
_AFTER_RATIONALE = re.compile(r"^#### *(\S.*?)\s*\Z", re.M)  # as GSM8K writes its answers


@dataclass(frozen=True)
class Problem:
    """One question."""

    problem_id: str  # unique within a store
    prompt: str  # the question as it stands in the benchmark
    reference_answer: str | None  # None: unknown, samples stay ungraded
    benchmark: str
    metadata: dict[str, Any] = field(default_factory=dict)  # what else the benchmark says

    def row(self) -> dict[str, Any]:
        """As a row of the store's `problems`."""
        return {**vars(self), "metadata": json.dumps(self.metadata, ensure_ascii=False, sort_keys=True)}


def prompt_id(prompt: str) -> str:
    r"""An id that a question has wherever it comes from: a hash of its text, white space aside.

    Examples
    --------
    >>> prompt_id("What  is   1+1?") == prompt_id(" What is 1+1? ")
    True
    """
    text = " ".join(unicodedata.normalize("NFC", prompt).split())
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def problem_from_row(
    row: Mapping[str, Any], number: int, where: str, benchmark: str, fields: Mapping[str, str]
) -> Problem:
    """A row of a benchmark as a problem.

    Parameters
    ----------
    number : int
        Of the row, from 1.
    where : str
        Names the row in a message.
    fields : mapping
        What the row calls a field of `FIELDS`. ``{"problem_id": "line"}`` numbers the rows,
        ``{"problem_id": "hash"}`` names them by their prompt.

    Raises
    ------
    RequestError
        A field is missing, empty or no text.
    """
    called = {name: fields.get(name, name) for name in FIELDS}
    values = {name: row.get(key) for name, key in called.items()}
    made = called["problem_id"] in (LINE, HASH) and called["problem_id"] not in row
    if made:
        is_hash = called["problem_id"] == HASH
        values["problem_id"] = prompt_id(str(values["prompt"])) if is_hash else f"{benchmark}-{number:05d}"
    for name, key in called.items():
        if key not in row and not (made and name == "problem_id"):
            by_itself = f', or "{LINE}" to number the lines, "{HASH}" to name them by their prompt'
            raise RequestError(
                f"{where} lacks the field '{key}': it has {', '.join(row) or 'none'}. "
                f'Map it in [problems.fields]: {name} = "…"{by_itself if name == "problem_id" else ""}'
            )
        value = values[name]
        if isinstance(value, dict | list):
            raise RequestError(f"{where}: '{key}' is no text but a JSON {type(value).__name__}: give a text")
        if name != "reference_answer" and (value is None or not str(value).strip()):
            raise RequestError(f"{where}: '{key}' is empty: give a text")
    metadata = {key: value for key, value in row.items() if key not in called.values()}
    stated = values["reference_answer"]
    if isinstance(stated, float) and stated.is_integer():  # a column of whole numbers, read as 27.0
        stated = int(stated)
    answer = None if stated is None else str(stated)
    if answer is not None and (final := _AFTER_RATIONALE.search(answer)):
        metadata["rationale"], answer = answer, final[1]
    return Problem(str(values["problem_id"]), str(values["prompt"]), answer, benchmark, metadata)
