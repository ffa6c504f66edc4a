"""The columns that every reader gives, and the one way a value becomes one of them.

A reader names its columns as here and leaves their types as the file has them; `cast_values` and
`cast_series` say what each may be. The second is the first for whole columns: where a column's type
is clean it is cast at once, else value by value, so that both agree and a bad value is named.

A batch is some rows of one file in these columns, with notes of what was met on the way.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ttclib.errors import RequestError
from ttclib.interchange.cell_values import (
    HALVES,
    INTEGER_LISTS,
    INTEGERS,
    LARGEST,
    LARGEST_INT32,
    LISTS,
    REALS,
    REQUIRED,
    Unfit,
    cast_value,
)

# The keys of an exported line, in their order.
KEYS = (
    "problem_id", "policy", "sample_index", "reference_answer", "prompt", "completion", "answer", "correct",
    "step_scores", "prompt_tokens", "completion_tokens",
)  # fmt: skip
_SCORES = pl.List(pl.Float64)
_READING = {
    "verifier": pl.String(),
    "reading": pl.Int64(),
    "step_scores": _SCORES,
    "prm_tokens": pl.Int64(),
    "generated_tokens": pl.Int64(),
    "said": pl.String(),
}
# What few files have: no batch has these columns where its file has not.
MORE_COLUMNS: dict[str, pl.DataType] = {
    "reasoning": pl.String(),  # apart from the completion
    "completion_ids": pl.List(pl.Int64),
    "step_tokens": pl.List(pl.Int64),
    "step_logprobs": _SCORES,
    "token_logprobs": _SCORES,  # of each completion token; null within: not known of this one
    "token_entropies": _SCORES,
    "token_top20": _SCORES,
    "readings": pl.List(pl.Struct(_READING)),  # by several verifiers, or several by one
    # What the policy tells of the question before it is sampled, on any sample of the problem.
    "prompt_hidden": _SCORES,
    "prompt_layer": pl.Int64(),
    "greedy": pl.String(),
    "greedy_tokens": pl.Int64(),
    "greedy_logprob": pl.Float64(),
}
SAMPLE_COLUMNS: dict[str, pl.DataType] = {
    "problem_id": pl.String(),
    "benchmark": pl.String(),
    "policy": pl.String(),
    "setting": pl.String(),  # a JSON object with sorted keys; null: nothing is known
    "run": pl.String(),  # of several runs of one policy the samples are numbered on
    "sample_index": pl.Int64(),
    "reference_answer": pl.String(),
    "prompt": pl.String(),
    "completion": pl.String(),
    "answer": pl.String(),
    "correct": pl.Boolean(),
    "step_scores": _SCORES,
    "prompt_tokens": pl.Int64(),
    "completion_tokens": pl.Int64(),  # those of reasoning included
    "reasoning_tokens": pl.Int64(),
    "logprob": pl.Float64(),
    "elapsed_s": pl.Float64(),
    "finish_reason": pl.String(),
    **MORE_COLUMNS,
}
COUNT_COLUMNS: dict[str, pl.DataType] = {
    "problem_id": pl.String(),
    "benchmark": pl.String(),
    "policy": pl.String(),
    "setting": pl.String(),
    "difficulty": pl.String(),
    "n": pl.Int64(),
    "c": pl.Int64(),
}
NAMES = dict.fromkeys((*SAMPLE_COLUMNS, *COUNT_COLUMNS))
_MOST_SHOWN = 60
_RECORDS = 20_000


def type_of(name: str) -> pl.DataType:
    """The type of a column."""
    return SAMPLE_COLUMNS[name] if name in SAMPLE_COLUMNS else COUNT_COLUMNS[name]


def cast_values(name: str, values: Sequence[Any], places: Sequence[int], where: str) -> pl.Series:
    """Values of a column, whose first bad one is named by its place.

    Raises
    ------
    RequestError
    """
    cast = []
    for value, place in zip(values, places, strict=True):
        try:
            cast.append(cast_value(name, value))
        except Unfit as error:
            raise _refusal(name, value, place, where, error) from None
    return pl.Series(name, cast, dtype=type_of(name), strict=True)


def cast_series(name: str, series: pl.Series, places: pl.Series, where: str) -> pl.Series:
    """A column of any type as the column `name` holds it.

    Raises
    ------
    RequestError
        A value that it cannot take, named by its place.
    """
    clean = _cast_clean(name, series)
    if clean is not None:
        return clean.rename(name)
    cast = []
    for value, place in zip(series.to_list(), places.to_list(), strict=True):
        try:
            cast.append(cast_value(name, value, nan_is_null=True))
        except Unfit as error:
            raise _refusal(name, value, place, where, error) from None
    return pl.Series(name, cast, dtype=type_of(name), strict=True)


def _cast_clean(name: str, series: pl.Series) -> pl.Series | None:
    """The column at once where nothing in it needs a second look; None: it does."""
    kind, wanted = series.dtype, type_of(name)
    if kind == pl.Null:
        return series.cast(wanted)
    if kind == pl.String and wanted.is_numeric():  # as CSV has it
        read = series.cast(wanted, strict=False)
        if read.null_count() > series.null_count():
            return None
        series, kind = read, wanted
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        series, kind = series.cast(pl.String), pl.String()
    if name == "setting":
        return _by_distinct(name, series)
    if wanted == pl.String:
        if kind.is_integer():
            return series.cast(pl.String)
        if kind == pl.String and not (name in REQUIRED and (series.str.strip_chars() == "").any()):
            return series
    elif name == "correct":
        if kind == pl.Boolean:
            return series
        if (
            kind.is_numeric()
            and (kind.is_integer() or not series.is_nan().any())
            and ((series == 0) | (series == 1)).all()
        ):
            return series.cast(pl.Boolean)
        if kind == pl.String:
            return _by_distinct(name, series)
    elif name in INTEGERS and kind.is_integer():
        low, high = series.min(), series.max()
        if low is None or (low >= 0 and high <= LARGEST.get(name, LARGEST_INT32)):  # type: ignore[operator]
            return series.cast(wanted)
    elif name in REALS and kind.is_float():
        filled = series.cast(wanted).fill_nan(None)
        if filled.is_finite().all() and not (name == "elapsed_s" and (filled < 0).any()):
            return filled
    elif name in LISTS and kind in (_SCORES, pl.List(pl.Float32)):
        inner = series.explode(empty_as_null=False, keep_nulls=False)
        if (inner.null_count() == 0 or name in HALVES) and inner.is_finite().all():
            return series.cast(_SCORES)
    elif name in INTEGER_LISTS and kind in (pl.List(pl.Int64), pl.List(pl.Int32)):
        inner = series.explode(empty_as_null=False, keep_nulls=False)
        if inner.null_count() == 0 and inner.is_between(0, LARGEST_INT32).all():
            return series.cast(wanted)
    elif name == "readings" and kind == wanted:
        if _are_sound(series):
            return series
    elif name == "step_scores" and kind.is_float() and series.fill_nan(None).is_finite().all():
        filled = series.cast(pl.Float64).fill_nan(None)
        return pl.DataFrame({name: filled}).select(
            pl.when(pl.col(name).is_not_null()).then(pl.concat_list(name)).otherwise(None)
        )[name]
    return None


def _are_sound(readings: pl.Series) -> bool:
    """Whether all of them are complete, and none stands twice in a sample."""
    listed = pl.DataFrame({"sample": range(len(readings)), "one": readings})
    told = listed.explode("one", empty_as_null=False, keep_nulls=False).unnest("one")
    scores = told["step_scores"].explode(empty_as_null=False, keep_nulls=False)
    numbers = told.select("reading", "prm_tokens", "generated_tokens")
    fits = numbers.select(pl.all().is_between(0, LARGEST_INT32).fill_null(True).all())
    return (
        not told["verifier"].null_count()
        and not told["reading"].null_count()
        and not (told["verifier"].str.strip_chars() == "").any()
        and not scores.null_count()
        and bool(scores.is_finite().all())
        and all(fits.row(0))
        and not told.select(pl.struct("sample", "verifier", "reading").is_duplicated().any()).item()
    )


def _by_distinct(name: str, series: pl.Series) -> pl.Series | None:
    """A column of few distinct values, each looked at once; None: one is bad, or they are no keys."""
    if series.dtype != pl.String:
        return None
    distinct = series.unique().drop_nulls().to_list()
    try:
        table = {value: cast_value(name, value) for value in distinct}
    except Unfit:
        return None
    return (
        series.replace_strict(table, default=None, return_dtype=type_of(name)) if table else series.cast(type_of(name))
    )


def _refusal(name: str, value: Any, place: int, where: str, error: Unfit) -> RequestError:
    if error.part is not None:
        name, value = f"{name}.{error.part[0]}", error.part[1]
    return RequestError(f"{where} {place}: {name} = {shown(value)}: {error}")


def shown(value: Any) -> str:
    """A value for a message, short and without what a terminal cannot show."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


Notify = Callable[[str], None]


@dataclass(frozen=True)
class Batch:
    """Rows of one file under the names of `columns`, cast to their types."""

    frame: pl.DataFrame  # some of the columns, and `place`: the row's number in its file, from 1
    where: str  # begins a message that names a row: `"'a.jsonl' line"`
    run_id: str = ""  # names the file by its content; whoever reads through `reading.read_batches` need not give it


@dataclass
class Notes:
    """What readers say, told once a kind however many files there are."""

    # columns without a place in a store, with how often they were seen
    unknown: Counter[str] = field(default_factory=Counter)
    # of our columns, the file's own names that stood for them
    read_as: dict[str, set[str]] = field(default_factory=dict)
    said: Counter[str] = field(default_factory=Counter)  # sentences, each with how many rows it is about


def batch_of_frame(frame: pl.DataFrame, where: str, *, first: int = 1, places: Sequence[int] | None = None) -> Batch:
    """A frame whose columns have our names and any type.

    Parameters
    ----------
    first : int
        Place of the first row.
    places : sequence of int, optional
        Instead of `first`, of each row.

    Raises
    ------
    RequestError
        A value that a column cannot take.
    """
    place = pl.Series("place", range(first, first + len(frame)) if places is None else places, dtype=pl.UInt32)
    columns = [cast_series(name, frame[name], place, where) for name in frame.columns if name in NAMES]
    return Batch(pl.DataFrame([*columns, place]), where)


def batch_of_records(records: Sequence[Mapping[str, Any]], places: Sequence[int], where: str) -> Batch:
    """Rows as mappings under our names.

    Raises
    ------
    RequestError
        A value that a column cannot take.
    """
    names = [name for name in NAMES if any(name in record for record in records)]
    columns = [cast_values(name, [record.get(name) for record in records], places, where) for name in names]
    if not columns:
        columns = [pl.Series("problem_id", [], dtype=type_of("problem_id"))]
    return Batch(pl.DataFrame([*columns, pl.Series("place", places, dtype=pl.UInt32)]), where)


def batches_of_rows(rows: Iterable[tuple[int, Sequence[Mapping[str, Any]]]], where: str) -> Iterator[Batch]:
    """Samples of a file's rows, each given with its place, as batches that memory holds; one without any for none.

    Raises
    ------
    RequestError
        A value that a column cannot take.
    """
    records: list[Mapping[str, Any]] = []
    places: list[int] = []
    n_batches = 0
    for place, samples in rows:
        records += samples
        places += [place] * len(samples)
        if len(records) >= _RECORDS:
            yield batch_of_records(records, places, where)
            records, places, n_batches = [], [], n_batches + 1
    if records or not n_batches:
        yield batch_of_records(records, places, where)
