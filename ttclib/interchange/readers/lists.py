"""A row a problem with lists of its samples, as search-and-learn writes them.

``completions``, ``scores`` (a list of step scores each), ``completion_tokens``, ``answers``,
``correct`` stand side by side; beside such lists a single ``answer`` is the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ttclib.errors import RequestError
from ttclib.interchange.columns import Batch, Notes, batches_of_rows
from ttclib.interchange.readers.naming import note_unknown
from ttclib.interchange.readers.registry import reader
from ttclib.interchange.sources import Source

# Of the lists, the first name that a file has.
LISTS = {
    "completion": ("completions", "samples", "responses", "generations", "outputs"),
    "answer": ("answers", "predictions", "extracted_answers", "preds"),
    "correct": ("correct", "passed", "is_corrects", "corrects", "is_correct"),
    "step_scores": ("scores", "step_scores", "prm_scores", "agg_scores", "tests_passed", "rewards"),
    "completion_tokens": ("completion_tokens", "output_tokens", "num_tokens"),
    "logprob": ("logprobs", "logprob"),
}
# Where a sample is an object of its own.
_WITHIN = {
    "completion": ("completion", "text", "response"),
    "answer": ("answer", "prediction"),
    "correct": ("correct", "is_correct", "passed"),
    "step_scores": ("step_scores", "scores", "score"),
    "completion_tokens": ("completion_tokens", "tokens", "n_tokens", "output_tokens"),
    "logprob": ("logprob", "logprob_t1"),
    "finish_reason": ("finish_reason",),
}
_OF_PROBLEM = {
    "problem_id": ("problem_id", "unique_id", "task_id", "question_id", "id"),
    "policy": ("policy", "model", "model_name"),
    "prompt": ("prompt", "problem", "question"),
    "reference_answer": ("reference_answer", "gold", "gt_answer", "expected_answer", "ground_truth", "answer",
                         "target"),
    "prompt_tokens": ("prompt_tokens",),
    "benchmark": ("benchmark", "dataset"),
    "setting": ("setting", "config"),
}  # fmt: skip


def _recognises(source: Source) -> bool:
    if source.kind not in ("lines", "json", "parquet", "arrow") or not source.first_rows:
        return False
    row = source.first_rows[0]
    lists = [name for names in LISTS.values() for name in names if isinstance(row.get(name), list)]
    # The step scores of one sample are a list too.
    single = any(isinstance(row.get(name), (str, int)) for name in ("completion", "sample_index"))
    return any(name not in ("step_scores", "scores", "prm_scores") for name in lists) and not single


@reader("lists", "a row a problem with lists: search-and-learn (completions, scores), passed lists", _recognises)
def read_lists(source: Source, notes: Notes) -> Iterator[Batch]:
    """The samples of rows with lists.

    Raises
    ------
    RequestError
        Lists of one row that differ in length.
    """
    rows = ((place, samples_of_row(row, source, place, notes)) for place, row in source.records())
    yield from batches_of_rows(rows, source.where)


def samples_of_row(row: dict[str, Any], source: Source, place: int, notes: Notes) -> list[dict[str, Any]]:
    """The samples of one row, with what they share."""
    used = set()

    def first(names: tuple[str, ...], ours: str, among: dict[str, Any], *, of_list: bool) -> Any:
        for name in (source.fields.get(ours, ""), *names):
            if isinstance(among.get(name), list) == of_list and among.get(name) is not None:
                used.add(name)
                return among[name]
        return None

    lists = {ours: first(names, ours, row, of_list=True) for ours, names in LISTS.items()}
    lists = {ours: values for ours, values in lists.items() if values is not None}
    lengths = {ours: len(values) for ours, values in lists.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{ours} {length}" for ours, length in lengths.items())
        raise RequestError(f"{source.where} {place}: its lists differ in length ({told}): give one entry a sample")
    shared = {ours: first(names, ours, row, of_list=False) for ours, names in _OF_PROBLEM.items()}
    shared = {ours: value for ours, value in shared.items() if value is not None}
    note_unknown(row, used, notes)
    samples = []
    for index in range(max(lengths.values(), default=0)):
        sample = {ours: values[index] for ours, values in lists.items()}
        if isinstance(whole := sample.get("completion"), dict):
            within = {ours: next((whole[n] for n in names if n in whole), None) for ours, names in _WITHIN.items()}
            sample = sample | within
        if sample.get("answer") == "":
            sample["answer"] = None
        samples.append(shared | sample | {"sample_index": index})
    return samples
