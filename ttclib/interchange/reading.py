"""From paths to batches: whose format it is, its rows; and in words what was read, and what can be asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

import polars as pl

from ttclib.errors import RequestError, one_of
from ttclib.interchange.assembling import Assembled
from ttclib.interchange.columns import KEYS, NAMES, Batch, Notes
from ttclib.interchange.readers import reader_of
from ttclib.interchange.readers.naming import nearest_name
from ttclib.interchange.sources import Source, find_sources

_MOST_NAMED = 5
_TEXTS_AND_NUMBERS = {
    "texts": "completion",
    "step scores": "step_scores",
    "completion tokens": "completion_tokens",
    "log-probabilities": "logprob",
}


class Found:
    """What a user should know of an import, counted as the samples pass by."""

    def __init__(self) -> None:
        self._known: Counter[str] = Counter()

    def add(self, samples: pl.DataFrame, grades: pl.DataFrame) -> None:
        """Count samples, given with their answers and grades in the same order."""
        self._known["answers"] += grades["answer"].count()
        self._known["graded"] += grades["correct"].count()
        for what, column in _TEXTS_AND_NUMBERS.items():
            self._known[what] += samples[column].count()

    def lines(self, read: Assembled) -> Iterator[str]:
        """What was found, and what can be asked of it: a line each."""
        if n := len(read.keys):
            parts = ", ".join(
                f"{name} {_of(self._known[name], n)}" for name in ("answers", "graded", *_TEXTS_AND_NUMBERS)
            )
            yield f"found: {_extent(read.keys)}: {n:,} samples; {parts}"
            yield f"can be asked now: {self._questions()}"
        if len(read.counts):
            total = int(read.counts["n"].sum())
            yield f"found: {_extent(read.counts)}: {len(read.counts):,} counts of {total:,} samples"
            asked = "pass@k, difficulty, frontier, crossover, fits (no answers, scores or tokens)"
            yield f"can be asked now of counts: {asked}"

    def _questions(self) -> str:
        graded, answered, scored, tokens = (
            self._known[name] > 0 for name in ("graded", "answers", "step scores", "completion tokens")
        )
        asked = {
            "pass@k and difficulty": graded,
            "majority vote": graded and answered,
            "best of n": graded and scored,
            "weighted best of n": graded and answered and scored,
            "cost in tokens": tokens,
        }
        yes, no = ([question for question, can in asked.items() if can == wanted] for wanted in (True, False))
        return f"{', '.join(yes) or 'nothing'}" + (f" (not: {', '.join(no)})" if no else "")


def reading_lines(notes: Notes) -> Iterator[str]:
    """How the files were read, where it is not plain: a line each."""
    if notes.read_as:
        told = ", ".join(
            f"{ours} from {', '.join(sorted(map(repr, theirs)))}" for ours, theirs in notes.read_as.items()
        )
        yield f"read as: {told}"
    for sentence, count in notes.said.items():
        yield f"{count:,} {sentence}"
    if notes.unknown:
        most = notes.unknown.most_common(_MOST_NAMED)
        named = ", ".join(f"{key!r}{nearest_name(key)}" for key, _ in most)
        rest = f" and {len(notes.unknown) - _MOST_NAMED} more" if len(notes.unknown) > _MOST_NAMED else ""
        yield f"left out keys that have no place in a store: {named}{rest}; known: {', '.join(KEYS)}"


def _extent(rows: pl.DataFrame) -> str:
    n_problems, n_policies, n_settings = (rows[name].n_unique() for name in ("problem_id", "policy", "setting"))
    settings = f" under {n_settings} settings" if n_settings > 1 else ""
    policies = "policies" if n_policies > 1 else "policy"
    return f"{n_problems:,} problem{'s' * (n_problems > 1)}, {n_policies:,} {policies}{settings}"


def _of(count: int, n: int) -> str:
    return "of all" if count == n else "unknown" if count == 0 else f"of {count:,}"


def find_all(paths: Sequence[Path], fields: Mapping[str, str] | None = None) -> list[Source]:
    """The files of samples at all paths.

    Raises
    ------
    RequestError
        A path without any, or a field of a name that is none of ours.
    """
    for ours in fields or {}:
        one_of(ours, NAMES, "field")
    if not paths:
        raise RequestError("no path was given: name a file or a folder of samples")
    return [source for path in paths for source in find_sources(path, dict(fields or {}))]


def digest(path: Path) -> str:
    """Names a file by its content.

    Raises
    ------
    RequestError
        It cannot be read.
    """
    found = blake2b(digest_size=6)
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    except OSError as error:
        raise RequestError(f"cannot read '{path}': {error.strerror or error}") from error
    return found.hexdigest()


def read_batches(
    sources: Sequence[Source],
    notes: Notes,
    *,
    file_format: str | None = None,
    run_ids: Mapping[Path, str] = MappingProxyType({}),
) -> Iterator[Batch]:
    """The rows of files, each read by its format's reader.

    Parameters
    ----------
    notes : Notes
        Filled on the way.
    file_format : str, optional
        By default each file's is told by its beginning.
    run_ids : mapping
        What names each file by its content.

    Raises
    ------
    RequestError
        A format that is unknown or not to be told, or a bad row.
    """
    if len(sources) > 1 and file_format is None:
        # Beside the samples in a folder: results of an evaluation, a run's configuration.
        sources = [source for source in sources if source.kind != "json" or _is_samples(source)] or sources
    for source in sources:
        for batch in reader_of(source, file_format).read(source, notes):
            yield replace(batch, run_id=run_ids.get(source.path, ""))


def _is_samples(source: Source) -> bool:
    if isinstance(source.value, list) or source.path.name.endswith(("header.json", "summaries.json")):
        return True
    return isinstance(source.value, dict) and "samples" in source.value
