"""The columns that every reader gives, and the one way a value becomes one of them.

A reader names its columns as here and leaves their types as the file has them; `cast_values` and
`cast_series` say what each may be. The second is the first for whole columns: where a column's type
is clean it is cast at once, else value by value, so that both agree and a bad value is named.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from ttclib.errors import RequestError

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
}
TOKEN_COLUMNS = ("token_logprobs", "token_entropies", "token_top20")
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
LARGEST_COUNT = 10_000_000
_LARGEST = {"n": LARGEST_COUNT, "c": LARGEST_COUNT}
_LARGEST_INT32 = 2**31 - 1
_REQUIRED = ("problem_id", "policy")
_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")
_LISTS = ("step_scores", "step_logprobs", *TOKEN_COLUMNS)
_INTEGER_LISTS = ("completion_ids", "step_tokens")
_INTEGERS = ("sample_index", "prompt_tokens", "completion_tokens", "reasoning_tokens", "n", "c")
_REALS = ("logprob", "elapsed_s")
_MOST_SHOWN = 60


class Unfit(ValueError):
    """A value that a column cannot take; the text says what it takes.

    Attributes
    ----------
    part : tuple of (int, object), or None
        Of a list, the entry that is wrong, and which it is.
    """

    def __init__(self, text: str, part: tuple[int, Any] | None = None) -> None:
        super().__init__(text)
        self.part = part


def type_of(name: str) -> pl.DataType:
    """The type of a column."""
    return SAMPLE_COLUMNS[name] if name in SAMPLE_COLUMNS else COUNT_COLUMNS[name]


def cast_value(name: str, value: Any, *, nan_is_null: bool = False) -> Any:
    r"""A value as the column `name` holds it.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    value : object
        As JSON or a frame gives it.
    nan_is_null : bool
        NaN means "missing", as in a frame of pandas, and not a number gone wrong.

    Raises
    ------
    Unfit

    Examples
    --------
    >>> cast_value("problem_id", 7), cast_value("correct", 1.0), cast_value("answer", 27.0)
    ('7', True, '27')
    >>> cast_value("step_scores", 0.5), cast_value("setting", {"temperature": 1, "effort": "low"})
    ([0.5], '{"effort": "low", "temperature": 1}')
    >>> cast_value("correct", 0.5)
    Traceback (most recent call last):
    ...
    ttclib.interchange.columns.Unfit: give true, false, 1 or 0
    """
    if value is None or (nan_is_null and isinstance(value, float) and math.isnan(value)):
        return None
    return _CASTS.get(name, _text)(name, value)


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
        if kind == pl.String and not (name in _REQUIRED and (series.str.strip_chars() == "").any()):
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
    elif name in _INTEGERS and kind.is_integer():
        low, high = series.min(), series.max()
        if low is None or (low >= 0 and high <= _LARGEST.get(name, _LARGEST_INT32)):  # type: ignore[operator]
            return series.cast(wanted)
    elif name in _REALS and kind.is_float():
        filled = series.cast(wanted).fill_nan(None)
        if filled.is_finite().all() and not (name == "elapsed_s" and (filled < 0).any()):
            return filled
    elif name in _LISTS and kind in (_SCORES, pl.List(pl.Float32)):
        inner = series.explode(empty_as_null=False, keep_nulls=False)
        if (inner.null_count() == 0 or name in TOKEN_COLUMNS) and inner.is_finite().all():
            return series.cast(_SCORES)
    elif name in _INTEGER_LISTS and kind in (pl.List(pl.Int64), pl.List(pl.Int32)):
        inner = series.explode(empty_as_null=False, keep_nulls=False)
        if inner.null_count() == 0 and inner.is_between(0, _LARGEST_INT32).all():
            return series.cast(wanted)
    elif name == "step_scores" and kind.is_float() and series.fill_nan(None).is_finite().all():
        filled = series.cast(pl.Float64).fill_nan(None)
        return pl.DataFrame({name: filled}).select(
            pl.when(pl.col(name).is_not_null()).then(pl.concat_list(name)).otherwise(None)
        )[name]
    return None


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


def _text(name: str, value: Any) -> str | None:
    if isinstance(value, bool):
        raise Unfit("give a text")
    if isinstance(value, (int, float)):
        if isinstance(value, float) and not math.isfinite(value):
            raise Unfit("give a text or a finite number")
        if isinstance(value, int) and value.bit_length() > 256:
            raise Unfit("give a text: a number of so many digits is none")
        if isinstance(value, float) and not value.is_integer() and name in _REQUIRED:
            raise Unfit("give a text or a whole number")
        return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else str(value)
    if name in ("prompt", "completion", "reasoning") and isinstance(value, list):
        value = _of_messages(value)
    if not isinstance(value, str):
        raise Unfit("give a text")
    if not _encodes(value):
        raise Unfit("half a surrogate pair is no text: write it anew as UTF-8")
    if name in _REQUIRED and not value.strip():
        raise Unfit("give a text that is not empty")
    return value


def _of_messages(messages: list[Any]) -> str:
    """The text of a chat: its parts one below the other."""
    parts = []
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            content = "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
        if not isinstance(content, str):
            raise Unfit("give a text or a list of messages, each an object with the key content")
        parts.append(content)
    return "\n\n".join(parts)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _boolean(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and (word := value.strip().lower()) in _TRUE + _FALSE:
        return word in _TRUE
    raise Unfit("give true, false, 1 or 0")


def _integer(name: str, value: Any) -> int:
    largest = _LARGEST.get(name, _LARGEST_INT32)
    if isinstance(value, str):
        value = _number_of(value)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not 0 <= value <= largest:
        raise Unfit(f"give a whole number from 0 to {largest}")
    return int(value)


def _real(name: str, value: Any) -> float:
    if isinstance(value, str):
        value = _number_of(value)
    least = 0.0 if name == "elapsed_s" else -math.inf
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _finite(value) or value < least:
        raise Unfit("give a finite number" + (" of seconds" if name == "elapsed_s" else ""))
    return float(value)


def _scores(name: str, value: Any) -> list[float | None]:
    if isinstance(value, str):
        value = _json_of(value)
    scores = value if isinstance(value, list) else [value]
    of_step = name == "step_scores"
    if not of_step and not isinstance(value, list):
        raise Unfit("give a list of numbers, one for each " + ("token" if name in TOKEN_COLUMNS else "step"))
    for index, score in enumerate(scores):
        if score is None and name in TOKEN_COLUMNS:
            continue
        if isinstance(score, bool) or not isinstance(score, (int, float)) or not _finite(score):
            raise Unfit(
                "give a finite number" + (", or a list of one for each step" if of_step else ""),
                (index, score) if isinstance(value, list) else None,
            )
    return [None if score is None else float(score) for score in scores]


def _integers(name: str, value: Any) -> list[int]:
    if isinstance(value, str):
        value = _json_of(value)
    if not isinstance(value, list):
        raise Unfit("give a list of whole numbers")
    found = []
    for index, one in enumerate(value):
        try:
            found.append(_integer(name, one))
        except Unfit as error:
            raise Unfit(str(error), (index, one)) from None
    return found


def _readings(name: str, value: Any) -> list[dict[str, Any]]:
    """Readings of a sample: each an object with the verifier's name; numbered by verifier where they are not."""
    if isinstance(value, str):
        value = _json_of(value)
    if not isinstance(value, list):
        raise Unfit('give a list of objects, such as [{"verifier": "judge", "step_scores": [0.5]}]')
    found: list[dict[str, Any]] = []
    for index, one in enumerate(value):
        if not isinstance(one, dict) or one.get("verifier") is None:
            raise Unfit("give an object with the key verifier", (index, one))
        try:
            verifier = _text("policy", one["verifier"])  # a name, which is not empty
            known = {other["reading"] for other in found if other["verifier"] == verifier}
            reading, steps = one.get("reading"), one.get("step_scores")
            found.append(
                {
                    "verifier": verifier,
                    "reading": len(known) if reading is None else _integer("reading", reading),
                    "step_scores": None if steps is None else _scores("step_scores", steps),
                    "said": None if one.get("said") is None else _text("said", one["said"]),
                    **{
                        tokens: None if one.get(tokens) is None else _integer(tokens, one[tokens])
                        for tokens in ("prm_tokens", "generated_tokens")
                    },
                }
            )
        except Unfit as error:
            raise Unfit(str(error), (index, one)) from None
        if found[-1]["reading"] in known:
            raise Unfit("this reading of this verifier stands there twice", (index, one))
    return found


def _setting(name: str, value: Any) -> str | None:
    if isinstance(value, str):
        if not value.strip():
            return None
        value = _json_of(value)
    if not isinstance(value, dict):
        raise Unfit('give an object, such as {"reasoning_effort": "low"}')
    value = {key: item for key, item in value.items() if item is not None}
    try:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise Unfit("a number in it is not finite") from None
    if not _encodes(text):
        raise Unfit("half a surrogate pair is no text: write it anew as UTF-8")
    return text if value else None


def _number_of(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return None


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


_CASTS: dict[str, Callable[[str, Any], Any]] = {
    "correct": _boolean,
    "readings": _readings,
    **dict.fromkeys(_LISTS, _scores),
    **dict.fromkeys(_INTEGER_LISTS, _integers),
    "setting": _setting,
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(_REALS, _real),
}
