"""NeMo-Skills: ``output-rs0.jsonl`` and on, a file a random seed, a row a problem.

The seed in the name is the sample's number. A greedy run is ``output.jsonl``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ttclib.interchange.columns import Batch, Notes, batches_of_rows
from ttclib.interchange.readers.naming import note_unknown
from ttclib.interchange.readers.registry import reader
from ttclib.interchange.sources import Source

_SEED = re.compile(r"output-rs(\d+)$")
_GRADES = ("symbolic_correct", "is_correct", "correct")
_IDS = ("problem_id", "unique_id", "task_id", "id", "question_id")
_FOLDERS = ("eval-results", "generation", "results")


def _recognises(source: Source) -> bool:
    seeded = _SEED.match(source.name) is not None or source.name == "output"
    return (
        source.kind == "lines"
        and "generation" in source.columns
        and (seeded or ("expected_answer" in source.columns and "predicted_answer" in source.columns))
    )


@reader("nemo-skills", "NeMo-Skills output-rs*.jsonl: the seed in the name is the sample", _recognises)
def read_nemo_skills(source: Source, notes: Notes) -> Iterator[Batch]:
    """The samples of one seed.

    Raises
    ------
    RequestError
        A line that cannot be read.
    """
    seed = _SEED.match(source.name)
    folder = source.path.absolute().parent.name

    def sample(row: dict[str, Any]) -> dict[str, Any]:
        record = _record(row, notes)
        record["sample_index"] = int(seed[1]) if seed else row.get("sample_index")
        if folder not in _FOLDERS:
            record.setdefault("benchmark", folder)
        return record

    yield from batches_of_rows(((place, [sample(row)]) for place, row in source.records()), source.where)


def _record(row: dict[str, Any], notes: Notes) -> dict[str, Any]:
    names = {
        "prompt": "problem" if "problem" in row else "question",
        "reference_answer": "expected_answer",
        "completion": "generation",
        "answer": "predicted_answer",
        "completion_tokens": "num_generated_tokens",
        "prompt_tokens": "num_input_tokens",
        "elapsed_s": "generation_time",
        "problem_id": next((name for name in _IDS if row.get(name) is not None), ""),
        "correct": next((name for name in _GRADES if row.get(name) is not None), ""),
    }
    note_unknown([name for name in row if not name.startswith("_")], names.values(), notes)
    record = {ours: row[theirs] for ours, theirs in names.items() if theirs in row}
    if record.get("answer") == "":
        record["answer"] = None
    return record
