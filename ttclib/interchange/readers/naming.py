"""Which of a file's columns stands for which of ours; and output tokens with one meaning: those of reasoning included.

OpenAI, Anthropic and DeepSeek count reasoning among the output, Google beside it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import polars as pl

from ttclib.errors import RequestError, nearest
from ttclib.interchange.columns import COUNT_COLUMNS, NAMES, SAMPLE_COLUMNS, Batch, Notes

_BESIDE = re.compile(r"(?i)(?:^|[/_:.-])(?:google|gemini|vertex)(?:$|[/_:.-])|^gemini")


def counts_beside(policy: str | None) -> bool:
    """Whether a provider counts reasoning beside the output.

    Examples
    --------
    >>> counts_beside("google/gemini-2.5-pro"), counts_beside("openai/gpt-5.1")
    (True, False)
    """
    return policy is not None and _BESIDE.search(policy) is not None


def add_reasoning(batch: Batch, notes: Notes) -> Batch:
    """A batch whose `completion_tokens` include those of reasoning.

    A row of another provider that has more reasoning than output contradicts itself: its output is
    unknown then.
    """
    frame = batch.frame
    if not {"completion_tokens", "reasoning_tokens", "policy"} <= set(frame.columns):
        return batch
    policies = frame["policy"].drop_nulls().unique().to_list()
    beside = pl.col("policy").is_in([policy for policy in policies if counts_beside(policy)]).fill_null(False)
    output, reasoning = pl.col("completion_tokens"), pl.col("reasoning_tokens")
    odd = (~beside & (reasoning > output)).fill_null(False)
    n_added = frame.select((beside & reasoning.is_not_null() & output.is_not_null()).sum()).item()
    n_odd = frame.select(odd.sum()).item()
    if n_added:
        notes.said["samples of a provider that counts reasoning beside the output: the two are added up"] += n_added
    if n_odd:
        notes.said["samples say more reasoning than output tokens: their completion_tokens stay unknown"] += n_odd
    tokens = pl.when(odd).then(None).when(beside).then(output + reasoning.fill_null(0)).otherwise(output)
    return Batch(frame.with_columns(tokens.alias("completion_tokens")), batch.where)


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
