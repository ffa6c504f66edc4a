"""Large Language Monkeys: a YAML file a problem, and the rows of their published samples.

``samples`` are the completions, ``is_corrects`` (once they were graded) say which are right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ttclib.errors import RequestError, needing
from ttclib.interchange.columns import Batch, Notes, batches_of_rows
from ttclib.interchange.readers.naming import note_unknown
from ttclib.interchange.readers.registry import reader
from ttclib.interchange.sources import Source

_IDS = ("name", "theorem_name", "problem_id", "task_id", "orig_dset_idx")
_KNOWN = ("samples", "is_corrects", "prompt", "question", "gt_answer", "model", "policy", *_IDS)


def _recognises(source: Source) -> bool:
    if source.kind == "yaml":
        return True
    return "samples" in source.columns and any(
        name in source.columns for name in ("is_corrects", "gt_answer", "orig_dset_idx")
    )


@reader("monkeys", "Large Language Monkeys: YAML folders and rows (samples, is_corrects)", _recognises)
def read_monkeys(source: Source, notes: Notes) -> Iterator[Batch]:
    """The samples of a YAML file, or of rows with the same names.

    Raises
    ------
    RequestError
        The file is no YAML of that form, PyYAML is missing, or a problem has grades of another number.
    """
    pairs = [(1, _load(source))] if source.kind == "yaml" else source.records()
    yield from batches_of_rows(((place, _samples(row, source, place, notes)) for place, row in pairs), source.where)


def _samples(row: dict[str, Any], source: Source, place: int, notes: Notes) -> list[dict[str, Any]]:
    where = f"'{source.path}'" if source.kind == "yaml" else f"{source.where} {place}"
    completions, grades = row.get("samples"), row.get("is_corrects")
    if not isinstance(completions, list):
        raise RequestError(f"{where} has no list 'samples': a file of Large Language Monkeys has one")
    if grades is not None and (not isinstance(grades, list) or len(grades) != len(completions)):
        raise RequestError(f"{where} has {len(completions)} samples and another number of is_corrects")
    note_unknown(row, _KNOWN, notes)
    named = next((row[name] for name in _IDS if row.get(name) is not None), None)
    reference = row.get("gt_answer")
    shared = {
        "problem_id": named if named is not None else source.name if source.kind == "yaml" else None,
        "prompt": row.get("question") or row.get("prompt"),
        "reference_answer": reference[0] if isinstance(reference, list) and len(reference) == 1 else reference,
        "policy": row.get("model") or row.get("policy"),
    }
    if source.kind == "yaml":
        shared["benchmark"] = source.path.absolute().parent.name
    return [
        shared
        | {
            "sample_index": index,
            # Samples that call tools are lists of turns.
            "completion": "\n".join(map(str, text)) if isinstance(text, list) else text,
            "correct": None if grades is None else grades[index],
        }
        for index, text in enumerate(completions)
    ]


def _load(source: Source) -> dict[str, Any]:
    with needing(f"'{source.path}' is YAML, which", "formats"):
        import yaml
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with source.open() as file:
        try:
            row = yaml.load(file.read(), Loader=loader)
        except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
            raise RequestError(f"'{source.path}' is no YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(row, dict):
        raise RequestError(f"'{source.path}' is no YAML of samples: it holds a {type(row).__name__}, not a mapping")
    return {str(name): value for name, value in row.items()}
