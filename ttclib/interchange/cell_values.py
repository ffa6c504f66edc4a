"""One value of a file as its column holds it, or what the column takes instead."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

TOKEN_COLUMNS = ("token_logprobs", "token_entropies", "token_top20")
LARGEST_COUNT = 10_000_000
LARGEST = {"n": LARGEST_COUNT, "c": LARGEST_COUNT}
LARGEST_INT32 = 2**31 - 1
REQUIRED = ("problem_id", "policy")
_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")
HALVES = (*TOKEN_COLUMNS, "prompt_hidden")  # kept as half floats, where null is no number
LISTS = ("step_scores", "step_logprobs", "prompt_hidden", *TOKEN_COLUMNS)
INTEGER_LISTS = ("completion_ids", "step_tokens")
INTEGERS = (
    *("sample_index", "prompt_tokens", "completion_tokens", "reasoning_tokens", "prompt_layer", "greedy_tokens"),
    *("n", "c"),
)
REALS = ("logprob", "elapsed_s", "greedy_logprob")


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


def cast_value(name: str, value: Any, *, nan_is_null: bool = False) -> Any:
    r"""A value as the column `name` holds it.

    Parameters
    ----------
    name : str
        One of `columns.NAMES`.
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
    ttclib.interchange.cell_values.Unfit: give true, false, 1 or 0
    """
    if value is None or (nan_is_null and isinstance(value, float) and math.isnan(value)):
        return None
    return _CASTS.get(name, _text)(name, value)


def _text(name: str, value: Any) -> str | None:
    if isinstance(value, bool):
        raise Unfit("give a text")
    if isinstance(value, (int, float)):
        if isinstance(value, float) and not math.isfinite(value):
            raise Unfit("give a text or a finite number")
        if isinstance(value, int) and value.bit_length() > 256:
            raise Unfit("give a text: a number of so many digits is none")
        if isinstance(value, float) and not value.is_integer() and name in REQUIRED:
            raise Unfit("give a text or a whole number")
        return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else str(value)
    if name in ("prompt", "completion", "reasoning") and isinstance(value, list):
        value = _of_messages(value)
    if not isinstance(value, str):
        raise Unfit("give a text")
    if not _encodes(value):
        raise Unfit("half a surrogate pair is no text: write it anew as UTF-8")
    if name in REQUIRED and not value.strip():
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
    largest = LARGEST.get(name, LARGEST_INT32)
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
        each = {"step_logprobs": ", one for each step", "prompt_hidden": ""}.get(name, ", one for each token")
        raise Unfit(f"give a list of numbers{each}")
    for index, score in enumerate(scores):
        if score is None and name in HALVES:
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
    **dict.fromkeys(LISTS, _scores),
    **dict.fromkeys(INTEGER_LISTS, _integers),
    "setting": _setting,
    **dict.fromkeys(INTEGERS, _integer),
    **dict.fromkeys(REALS, _real),
}
