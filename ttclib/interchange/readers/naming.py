"""Which of a file's columns stands for which of ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ttclib.errors import RequestError, nearest
from ttclib.interchange.batch import Notes
from ttclib.interchange.columns import COUNT_COLUMNS, NAMES, SAMPLE_COLUMNS

# Other names that mean just one thing, in groups: of an earlier group before a later one. Two of one
# group in one file cannot be told apart, and are refused.
ALIASES: dict[str, tuple[tuple[str, ...], ...]] = {
    "problem_id": (
        ("unique_id", "task_id", "question_id", "example_id", "doc_id"),
        ("id",),
        ("problem_hash", "sample_id"),
        ("problem",),
    ),
    "policy": (("model",), ("model_name", "generator", "model_id")),
    "benchmark": (("task", "dataset", "benchmark_name"),),
    "sample_index": (("sample_idx", "sample_number", "attempt", "repeat"), ("epoch",)),
    "reference_answer": (("reference", "gold", "ground_truth", "expected_answer", "gt_answer", "gold_answer"),
                         ("target",)),
    "prompt": (("question", "problem_text"), ("problem", "input")),
    "completion": (("response", "generation", "output_text", "model_output"), ("output", "text")),
    "answer": (("predicted_answer", "prediction", "extracted_answer", "model_answer"), ("pred",)),
    "correct": (("is_correct", "passed", "correctness"), ("exact_match",)),
    "step_scores": (("score", "reward", "prm_score", "prm_scores"),),
    "prompt_tokens": (("input_tokens", "n_prompt_tokens"),),
    "completion_tokens": (("output_tokens", "num_generated_tokens", "n_completion_tokens", "generated_tokens"),),
    "elapsed_s": (("working_time_s", "seconds", "latency_s"),),
    "reasoning": (("reasoning_content", "reasoning_text", "thinking"),),
    "setting": (("config",), ("settings",)),
    "run": (("run_id",),),
    "n": (("num_samples", "n_samples", "total"),),
    "c": (("num_correct", "n_correct", "n_passed"),),
}  # fmt: skip


def name_columns(
    columns: Collection[str],
    fields: Mapping[str, str],
    where: str,
    notes: Notes,
    *,
    rows: Sequence[Mapping[str, Any]] = (),
    counts: bool = False,
) -> dict[str, str]:
    """Our name of each of a file's columns that has one.

    Parameters
    ----------
    columns : collection of str
        As the file calls them.
    fields : mapping
        What the user says: ours to theirs.
    where : str
        Names the file in a message.
    rows : sequence of mappings
        The file's first: a ``problem`` with white space is a prompt, another a name.
    counts : bool
        Of counts, else of samples.

    Returns
    -------
    dict of str to str
        Theirs to ours.

    Raises
    ------
    RequestError
        The file lacks a column that the user named, or two of its columns could be the same of ours.
    """
    wanted = COUNT_COLUMNS if counts else SAMPLE_COLUMNS
    named: dict[str, str] = {}
    for ours, theirs in fields.items():
        if theirs not in columns:
            raise RequestError(
                f"{where} has no column '{theirs}'{nearest(theirs, columns)} It has {', '.join(columns)}"
            )
        named[theirs] = ours
    for ours in wanted:
        if ours in columns and ours not in named.values() and ours not in named:
            named[ours] = ours
    for ours in wanted:
        if ours in named.values():
            continue
        for group in ALIASES.get(ours, ()):
            found = [theirs for theirs in group if theirs in columns and theirs not in named]
            if "problem" in found and _is_text(rows) != (ours == "prompt"):
                found.remove("problem")
            if len(found) > 1:
                raise RequestError(
                    f"{where}: {' and '.join(map(repr, found))} could both be {ours}: say --field {ours}={found[0]}"
                )
            if found:
                named[found[0]] = ours
                notes.read_as.setdefault(ours, set()).add(found[0])
                break
    return named


def _is_text(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(isinstance(row.get("problem"), str) and " " in row["problem"].strip() for row in rows)


def note_unknown(columns: Collection[str], named: Collection[str], notes: Notes) -> None:
    """Remember the columns that have no place in a store."""
    notes.unknown.update(column for column in columns if column not in named)


def nearest_name(column: str) -> str:
    """``" (did you mean 'x'?)"`` for the closest of our names."""
    close = get_close_matches(column, NAMES, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
