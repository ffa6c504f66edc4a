"""Samples as conversations to train on: the question, and an answer that is worth repeating.

The right samples; or of each problem, under each policy and setting, the one that the verifier chooses, or the
shortest right one. Of equal ones the first counts. The question is the benchmark's own text, without the setting's
system text and examples.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import pyarrow as pa

from ttclib.errors import RequestError, one_of
from ttclib.interchange.columns import Notify
from ttclib.interchange.store_rows import StoreRows

ONLY = ("correct", "chosen", "shortest")
_COLUMNS = (
    "problem_id", "policy", "setting", "sample_index", "prompt", "completion", "reasoning", "correct",
    "completion_tokens", "score",
)  # fmt: skip
_SAME_QUESTION = ("policy", "setting", "problem_id")
_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string()), ("reasoning_content", pa.string())])
TRAINING_SCHEMA = pa.schema(
    [
        ("messages", pa.list_(_MESSAGE)),
        ("problem_id", pa.string()),
        ("policy", pa.string()),
        ("sample_index", pa.int64()),
        ("correct", pa.bool_()),
        ("score", pa.float64()),
    ]
)


def training_rows(rows: StoreRows, only: str, notify: Notify) -> Iterator[dict[str, Any]]:
    """The conversations of a store's samples, and at the end, by `notify`, how they were come to.

    Parameters
    ----------
    only : {"correct", "chosen", "shortest"}

    Yields
    ------
    dict
        ``messages`` (the user's and the assistant's, with ``reasoning_content`` where reasoning is kept apart),
        ``problem_id``, ``policy``, ``sample_index``, ``correct``, ``score``. A text that stands there already is
        left out.

    Raises
    ------
    RequestError
        There is none: nothing is graded, right or scored, or no texts are known.
    """
    one_of(only, ONLY, "kind of training set")
    if only == "chosen" and rows.verifier is None:
        raise RequestError(
            f"'{rows.store}' holds no scores to choose by: `ttc score` its samples, or take --verifier logprob"
        )
    said: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    samples = rows.records("samples", _COLUMNS) if rows.n_samples else iter(())
    for _, group in groupby(samples, key=lambda row: [row[name] for name in _SAME_QUESTION]):
        for row in _chosen(list(group), only, said):
            text = (row["prompt"], f"{row['reasoning'] or ''}\0{row['completion']}")
            if text in seen:
                said["doubled"] += 1
                continue
            seen.add(text)
            said["right" if row["correct"] else "wrong" if row["correct"] is False else "of unknown grade"] += 1
            yield _conversation(row)
    for line in _said(rows, only, said, len(seen)):
        notify(line)
    if not seen:
        raise RequestError(
            f"'{rows.store}' gives no training set of {only} samples: {_left_out(said) or 'no sample is right'}"
        )


def training_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Conversations as lines of JSON."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False)


def _chosen(samples: list[dict[str, Any]], only: str, said: Counter[str]) -> list[dict[str, Any]]:
    """Of one question's samples those that count; `said` is told of the rest."""
    usable = [row for row in samples if row["prompt"] is not None and row["completion"] is not None]
    said["without a text"] += len(samples) - len(usable)
    if only == "chosen":
        able = [row for row in usable if row["score"] is not None]
        said["not scored"] += len(usable) - len(able)
        return _first_best(able, [-row["score"] for row in able], said)
    able = [row for row in usable if row["correct"] is not None]
    said["not graded"] += len(usable) - len(able)
    right = [row for row in able if row["correct"]]
    if only == "correct":
        return right
    by_tokens = all(row["completion_tokens"] is not None for row in right)
    said["measured in characters"] += not by_tokens
    lengths = [row["completion_tokens"] if by_tokens else len(row["completion"]) for row in right]
    return _first_best(right, lengths, said)


def _first_best(samples: list[dict[str, Any]], least: list[float], said: Counter[str]) -> list[dict[str, Any]]:
    if not samples:
        said["questions without one"] += 1
        return []
    said["ties"] += least.count(min(least)) > 1
    return [samples[least.index(min(least))]]


def _conversation(row: dict[str, Any]) -> dict[str, Any]:
    answer = {"role": "assistant", "content": row["completion"]}
    if row["reasoning"] is not None:
        answer["reasoning_content"] = row["reasoning"]
    kept = {name: row[name] for name in ("problem_id", "policy", "sample_index", "correct", "score")}
    return {"messages": [{"role": "user", "content": row["prompt"]}, answer], **kept}


def _left_out(said: Counter[str]) -> str:
    names = ("not graded", "not scored", "without a text", "doubled")
    return ", ".join(f"{said[name]:,} {name}" for name in names if said[name])


def _said(rows: StoreRows, only: str, said: Counter[str], count: int) -> Iterator[str]:
    by = {
        "correct": "all right samples",
        "chosen": f"of each problem the sample that {rows.judge} scores highest",
        "shortest": "of each problem the shortest right sample",
    }[only]
    grades = ", ".join(f"{said[name]:,} {name}" for name in ("right", "wrong", "of unknown grade") if said[name])
    yield f"training set: {by}: {count:,} conversations ({grades or 'none'})"
    if left_out := _left_out(said):
        yield f"left out samples: {left_out}"
    if said["questions without one"]:
        yield f"{said['questions without one']:,} problems have none"
    if said["ties"]:
        yield f"{said['ties']:,} problems have several that are equal: the first by sample_index is taken"
    if said["measured in characters"]:
        yield f"{said['measured in characters']:,} problems lack token counts: the shortest is told by characters"
