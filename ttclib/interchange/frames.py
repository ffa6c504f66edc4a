"""Samples that lie in a notebook already, as a pool or a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from ttclib.errors import RequestError
from ttclib.interchange.columns import Batch, Notes, Notify, batch_of_frame
from ttclib.interchange.importing import import_batches
from ttclib.interchange.readers.counts import checked
from ttclib.interchange.readers.naming import add_reasoning, name_columns, note_unknown
from ttclib.samples import Pool
from ttclib.store import load_pool

_WHERE = "the frame's row"
_NAME = "frame"


def from_frame(
    frame: Any,
    *,
    store: str | Path | None = None,
    fields: Mapping[str, str] | None = None,
    policy: str | None = None,
    benchmark: str | None = None,
    setting: Mapping[str, Any] | None = None,
    grader: str = "math",
    verifier: str = "prm",
    notify: Notify = lambda text: None,
) -> Pool | Path:
    """A pool, or a store, from a frame with one sample, or one count, a row.

    Parameters
    ----------
    frame : polars.DataFrame, pandas.DataFrame, pyarrow.Table, or mapping of columns
        Columns as in the interchange format: `problem_id`, and what is known of `answer`, `correct`,
        `reference_answer`, `completion`, `step_scores`, `completion_tokens` …; or `problem_id, n, c`.
    store : str or pathlib.Path, optional
        Where to put the samples; by default they become a pool in memory.
    fields : mapping of str to str, optional
        What the frame calls our columns.
    policy, benchmark : str, optional
        Of rows that do not say theirs; the policy is then ``policy`` by default. Of a frame with several
        policies, `policy` says which the pool is of.
    setting : mapping, optional
        How the samples were drawn, where the frame does not say.
    grader : {"math", "exact"}
        Tells equivalent answers apart from different ones, and grades where `correct` is null.
    verifier : str
        Name of the step scores.
    notify : callable
        Told of columns left out and of signs that something is wrong.

    Returns
    -------
    Pool or pathlib.Path
        The store's path, where one was asked for.

    Raises
    ------
    RequestError
        A row that lacks a key, has a bad value or repeats another, named by its number from 1.

    Examples
    --------
    >>> import polars as pl
    >>> pool = from_frame(pl.DataFrame({"problem_id": [1, 1], "answer": [7, 8], "reference_answer": [7, 7]}))
    >>> pool.correct.tolist()
    [[1.0, 0.0]]
    """
    table = _as_polars(frame)
    notes = Notes()
    run_id = blake2b(repr(table.schema).encode() + table.hash_rows().to_numpy().tobytes(), digest_size=6).hexdigest()
    batch = replace(_batch(table, fields or {}, notes), run_id=run_id)
    named = "policy" in batch.frame.columns
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frame.duckdb" if store is None else Path(store)
        import_batches(
            iter([batch]),
            path,
            notes=notes,
            files={run_id: benchmark or _NAME},
            name=benchmark or _NAME,
            policy=None if named else policy or "policy",
            benchmark=benchmark,
            setting=None if setting is None else dict(setting),
            grader=grader,
            verifier=verifier,
            notify=notify,
        )
        return load_pool(path, policy=policy if named else None) if store is None else path


def from_arrays(
    correct: Any = None,
    *,
    answers: Any = None,
    scores: Any = None,
    completion_tokens: Any = None,
    completions: Any = None,
    references: Sequence[Any] | None = None,
    problem_ids: Sequence[Any] | None = None,
    store: str | Path | None = None,
    **options: Any,
) -> Pool | Path:
    """A pool, or a store, from arrays of shape (problems, samples).

    Parameters
    ----------
    correct : array, shape (problems, samples), optional
        1 or true, 0 or false; NaN: not graded.
    answers, completions : array of str or numbers, shape (problems, samples), optional
        None or NaN: unknown.
    scores : float array, shape (problems, samples) or (problems, samples, steps), optional
        A verifier's; NaN: not scored, or no more steps.
    completion_tokens : array, shape (problems, samples), optional
        NaN: unknown.
    references : sequence, length problems, optional
        Right answers.
    problem_ids : sequence, length problems, optional
        By default numbered from 0, as ``p0000``.
    store, **options
        As in `from_frame`.

    Returns
    -------
    Pool or pathlib.Path

    Raises
    ------
    RequestError
        No array, or arrays of different shapes. Samples of which nothing is known are left out.

    Examples
    --------
    >>> from_arrays([[1, 0], [1, float("nan")]]).pool_sizes.tolist()
    [2, 1]
    """
    given = {
        "correct": correct, "answer": answers, "step_scores": scores, "completion_tokens": completion_tokens,
        "completion": completions,
    }  # fmt: skip
    tables = {name: np.asarray(table) for name, table in given.items() if table is not None}
    if not tables:
        raise RequestError("no array was given: give correct, answers, scores, completion_tokens or completions")
    shapes = {name: table.shape[:2] for name, table in tables.items()}
    shape = next(iter(shapes.values()))
    for name, table in tables.items():
        if shapes[name] != shape or table.ndim != 2 + (name == "step_scores" and table.ndim == 3):
            told = ", ".join(f"{known} {tables[known].shape}" for known in tables)
            raise RequestError(f"the arrays differ in shape ({told}): give (problems, samples) each")
    n_problems, n_samples = shape
    for name, values in (("references", references), ("problem_ids", problem_ids)):
        if values is not None and len(values) != n_problems:
            raise RequestError(f"{name} has {len(values)} entries for {n_problems} problems: give one each")
    ids = list(problem_ids) if problem_ids is not None else [f"p{number:04d}" for number in range(n_problems)]
    columns: dict[str, Any] = {
        "problem_id": [str(one) for one in ids for _ in range(n_samples)],
        "sample_index": list(range(n_samples)) * n_problems,
    }
    if references is not None:
        columns["reference_answer"] = [
            None if _is_missing(one) else str(one) for one in references for _ in range(n_samples)
        ]
    for name, table in tables.items():
        flat = table.reshape(n_problems * n_samples, *table.shape[2:]).tolist()
        columns[name] = [_known(value) for value in flat]
    known = [any(columns[name][row] is not None for name in tables) for row in range(n_problems * n_samples)]
    # Of mixed numbers and texts the texts stand: a column has one type.
    for name in ("answer", "completion"):
        if name in columns:
            columns[name] = [None if value is None else _as_text(value) for value in columns[name]]
    return from_frame(pl.DataFrame(columns, strict=False).filter(pl.Series(known)), store=store, **options)


def _as_polars(frame: Any) -> pl.DataFrame:
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    try:
        if isinstance(frame, pa.Table):
            converted = pl.from_arrow(frame)
        elif type(frame).__module__.partition(".")[0] == "pandas":
            converted = pl.from_pandas(frame, nan_to_null=True)
        elif isinstance(frame, Mapping):
            converted = pl.DataFrame(dict(frame))
        else:
            raise RequestError(
                f"{type(frame).__name__} is no frame: give one of polars, pandas or pyarrow, or a mapping of columns"
            )
    except (pa.ArrowException, pl.exceptions.PolarsError, TypeError) as error:
        raise RequestError(f"the frame cannot be read: {' '.join(str(error).split())[:200]}") from error
    assert isinstance(converted, pl.DataFrame)
    return converted


def _batch(table: pl.DataFrame, fields: Mapping[str, str], notes: Notes) -> Batch:
    names = {*table.columns, *fields}
    counts = {"n", "c"} <= names and not {"sample_index", "correct", "answer"} & names
    rows = table.head(100).to_dicts()
    named = name_columns(table.columns, fields, "the frame", notes, rows=rows, counts=counts)
    note_unknown(table.columns, named, notes)
    batch = batch_of_frame(table.select(pl.col(theirs).alias(ours) for theirs, ours in named.items()), _WHERE)
    return checked(batch) if counts else add_reasoning(batch, notes)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _known(value: Any) -> Any:
    if isinstance(value, list):
        return [score for score in value if not _is_missing(score)] or None
    return None if _is_missing(value) else value


def _as_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
