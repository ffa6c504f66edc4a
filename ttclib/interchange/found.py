"""What was read, in words: how much there is, what is unknown, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from ttclib.interchange.assembling import Assembled
from ttclib.interchange.batch import Notes
from ttclib.interchange.columns import KEYS
from ttclib.interchange.readers.naming import nearest_name

_MOST_NAMED = 5


def found_lines(read: Assembled, grades: pl.DataFrame) -> Iterator[str]:
    """What a user should know of an import, a line each.

    Parameters
    ----------
    grades : polars.DataFrame
        ``answer`` and ``correct`` of each sample, in the order of ``read.samples``.
    """
    samples, n = read.samples, len(read.samples)
    if n:
        known = {
            "answers": grades["answer"].count(),
            "graded": grades["correct"].count(),
            "texts": samples["completion"].count(),
            "step scores": samples["step_scores"].count(),
            "completion tokens": samples["completion_tokens"].count(),
            "log-probabilities": samples["logprob"].count(),
        }
        parts = ", ".join(f"{name} {_of(count, n)}" for name, count in known.items())
        yield f"found: {_extent(samples)}: {n:,} samples; {parts}"
        yield f"can be asked now: {_questions(samples, grades)}"
    if len(read.counts):
        total = int(read.counts["n"].sum())
        yield f"found: {_extent(read.counts)}: {len(read.counts):,} counts of {total:,} samples"
        yield "can be asked now of counts: pass@k, difficulty, frontier, crossover, fits (no answers, scores or tokens)"


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


def _questions(samples: pl.DataFrame, grades: pl.DataFrame) -> str:
    graded, answered = grades["correct"].count() > 0, grades["answer"].count() > 0
    asked = {
        "pass@k and difficulty": graded,
        "majority vote": graded and answered,
        "best of n": graded and samples["step_scores"].count() > 0,
        "weighted best of n": graded and answered and samples["step_scores"].count() > 0,
        "cost in tokens": samples["completion_tokens"].count() > 0,
    }
    yes, no = ([question for question, can in asked.items() if can == wanted] for wanted in (True, False))
    return f"{', '.join(yes) or 'nothing'}" + (f" (not: {', '.join(no)})" if no else "")
