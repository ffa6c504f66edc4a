"""lm-evaluation-harness: ``samples_TASK_TIME.jsonl`` with ``results_TIME.json`` beside it.

A row a problem and filter. ``resps`` are the repeats' raw texts, ``filtered_resps`` what a filter
made of them: the answers where it gives one for each, else a choice among them, whose grade belongs to
no single repeat. Tasks of multiple choice compare likelihoods: one answer each, no text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ttclib.errors import RequestError
from ttclib.interchange.columns import Batch, Notes, batch_of_records
from ttclib.interchange.readers.registry import reader
from ttclib.interchange.sources import Source

_NAME = re.compile(r"samples_(?P<task>.+?)_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+)$")
_METRICS = ("exact_match", "acc", "math_verify", "pass@1", "pass_at_1", "em")
_NO_ANSWER = "[invalid]"
_DECODING = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_gen_toks": "max_tokens"}


def _recognises(source: Source) -> bool:
    return {"doc_id", "resps", "filtered_resps"} <= set(source.columns)


@reader("lm-eval", "lm-evaluation-harness samples_*.jsonl, repeats as samples", _recognises)
def read_lm_evaluation(source: Source, notes: Notes) -> Iterator[Batch]:
    """The samples of a task.

    Raises
    ------
    RequestError
        A row that is not of that form.
    """
    named = _NAME.match(source.name)
    task = named["task"] if named else source.name.removeprefix("samples_")
    shared = {"benchmark": task, "policy": _model(source, named["time"] if named else None)}
    by_problem: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for place, row in source.records():
        by_problem.setdefault(str(row.get("doc_id")), []).append((place, row))
    records, places = [], []
    for rows in by_problem.values():
        try:
            samples = _samples(rows, notes)
        except (TypeError, KeyError, IndexError, AttributeError) as error:
            raise RequestError(
                f"{source.where} {rows[0][0]} is no row of lm-evaluation-harness: {type(error).__name__} at {error}"
            ) from error
        records += [shared | sample for sample in samples]
        places += [rows[0][0]] * len(samples)
    yield batch_of_records(records, places, source.where)


def _samples(rows: list[tuple[int, dict[str, Any]]], notes: Notes) -> list[dict[str, Any]]:
    row = rows[0][1]
    prompt, decoding = _arguments(row["arguments"])
    shared = {"problem_id": row["doc_id"], "prompt": prompt, "reference_answer": _target(row["target"])}
    if _of_likelihoods(row["resps"]):
        likelihoods = [float(pair[0][0]) for pair in row["resps"]]
        best = max(range(len(likelihoods)), key=likelihoods.__getitem__)
        return [shared | {"sample_index": 0, "answer": str(best), "correct": _grade(row)}]
    if decoding:
        shared["setting"] = decoding
    texts = row["resps"][0] if isinstance(row["resps"][0], list) else row["resps"]
    samples: list[dict[str, Any]] = [
        shared | {"sample_index": index, "completion": text} for index, text in enumerate(texts)
    ]
    for _, filtered in rows:
        answers = filtered["filtered_resps"]
        if len(answers) == 1 and isinstance(answers[0], list):
            answers = answers[0]
        if len(answers) != len(texts):
            notes.said["problems have a grade of all repeats together: each is graded anew"] += 1
            continue
        if answers != texts or len(texts) == 1:
            for sample, answer in zip(samples, answers, strict=True):
                if answer != sample["completion"] and answer != _NO_ANSWER:
                    sample.setdefault("answer", answer)
        if len(texts) == 1 and "correct" not in samples[0]:
            samples[0]["correct"] = _grade(filtered)
    return samples


def _arguments(arguments: Any) -> tuple[Any, dict[str, Any]]:
    """Prompt and decoding; a list in older files."""
    first = next(iter(arguments.values())) if isinstance(arguments, dict) else arguments[0]
    parts = list(first.values()) if isinstance(first, dict) else list(first)
    given = parts[1] if len(parts) > 1 and isinstance(parts[1], dict) else {}
    decoding = {ours: given[theirs] for theirs, ours in _DECODING.items() if given.get(theirs) is not None}
    if given.get("do_sample") is False:
        decoding["temperature"] = 0.0
        decoding.pop("top_p", None)
    return parts[0], decoding


def _target(target: Any) -> Any:
    return (
        target[0] if isinstance(target, list) and len(target) == 1 else target if not isinstance(target, list) else None
    )


def _of_likelihoods(responses: Any) -> bool:
    first = responses[0]
    return isinstance(first, list) and bool(first) and isinstance(first[0], list) and len(first[0]) == 2


def _grade(row: dict[str, Any]) -> bool | None:
    """The first metric that is right or wrong."""
    names = [name for name in _METRICS if name in row] + [name for name in row.get("metrics") or () if name in row]
    return next((bool(row[name]) for name in names if row[name] in (0, 1)), None)


def _model(source: Source, time: str | None) -> str | None:
    for results in sorted(source.path.parent.glob(f"results_{time or '*'}.json")):
        try:
            told = json.loads(results.read_text(encoding="utf-8"))
            name = told.get("model_name") or told["config"]["model_args"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        if isinstance(name, str) and name:
            return name
    return None
