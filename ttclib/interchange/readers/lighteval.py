"""lighteval: ``details/MODEL/TIME/details_TASK_TIME.parquet``, a row a problem.

Metrics are of all samples of a problem together, unless there is one: several are graded anew.
Files of before version 0.10 have the columns ``example``, ``predictions``, ``gold``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from ttclib.errors import RequestError
from ttclib.interchange.columns import Batch, Notes, batches_of_rows
from ttclib.interchange.readers.registry import reader
from ttclib.interchange.sources import Source

_TOO_DEEP = (RecursionError, MemoryError)  # what Python says of a list within lists without end
_NAME = re.compile(r"details_(?P<task>.+)_\d{4}-\d\d-\d\dT[\d.:-]+$")


def _recognises(source: Source) -> bool:
    columns = set(source.columns)
    return {"doc", "model_response", "metric"} <= columns or {"predictions", "gold", "metrics"} <= columns


@reader("lighteval", "lighteval details (Parquet)", _recognises)
def read_lighteval(source: Source, notes: Notes) -> Iterator[Batch]:
    """The samples of a task.

    Raises
    ------
    RequestError
        A row that is not of that form.
    """
    named = _NAME.match(source.name)
    shared = {"benchmark": named["task"] if named else source.name, "policy": _model(source)}

    def samples(row: dict[str, Any], place: int) -> list[dict[str, Any]]:
        try:
            found = _samples(row, place) if "doc" in row else _older_samples(row, place)
        except (TypeError, KeyError, IndexError, AttributeError, ValueError, SyntaxError, *_TOO_DEEP) as error:
            raise RequestError(
                f"{source.where} {place} is no row of lighteval: {type(error).__name__} at {str(error)[:80]}"
            ) from error
        return [shared | sample for sample in found]

    yield from batches_of_rows(((place, samples(row, place)) for place, row in source.records()), source.where)


def _samples(row: dict[str, Any], place: int) -> list[dict[str, Any]]:
    doc, response = row["doc"], row["model_response"]
    texts, ids = response["text"] or [], response.get("output_tokens") or []
    gold = doc["gold_index"][0] if isinstance(doc["gold_index"], list) else doc["gold_index"]
    shared = {
        "problem_id": doc.get("id") or place - 1,
        "prompt": doc["query"],
        "reference_answer": doc["choices"][gold] if doc["choices"] else None,
        "prompt_tokens": len(response["input_tokens"]) if response.get("input_tokens") else None,
    }
    grade = _grade(row["metric"]) if len(texts) == 1 else None
    return [
        shared
        | {
            "sample_index": index,
            "completion": text,
            "correct": grade,
            "completion_tokens": len(ids[index]) if index < len(ids) and ids[index] else None,
        }
        for index, text in enumerate(texts)
    ]


def _older_samples(row: dict[str, Any], place: int) -> list[dict[str, Any]]:
    texts = row["predictions"]
    if isinstance(texts, str):  # written as Python shows a list
        texts = ast.literal_eval(texts)
    gold = row["gold"]
    if isinstance(gold, str) and gold.startswith("["):
        gold = ast.literal_eval(gold)
    shared = {
        "problem_id": place - 1,
        "prompt": row.get("example"),
        "reference_answer": gold[0] if isinstance(gold, list) and gold else gold or None,
    }
    grade = _grade(row["metrics"]) if len(texts) == 1 and isinstance(row["metrics"], dict) else None
    return [shared | {"sample_index": index, "completion": text, "correct": grade} for index, text in enumerate(texts)]


def _grade(metrics: dict[str, Any]) -> bool | None:
    """The first metric that is right or wrong."""
    return next((bool(value) for value in metrics.values() if value in (0, 1)), None)


def _model(source: Source) -> str | None:
    """From the folders ``details/ORGANISATION/MODEL/TIME``."""
    parts = source.path.absolute().parts
    if "details" not in parts[:-2]:
        return None
    begin = len(parts) - 1 - parts[::-1].index("details")
    return "/".join(parts[begin + 1 : -2]) or None
