"""What a server says, piece by piece: an HTTP response as JSON or as its complaint, and what an answer holds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import numpy as np

from ttclib.collect.checkpoints import first_line
from ttclib.collect.engines.types import top_mass


class MalformedError(Exception):
    """An answer that is none, in form: the server is asked again."""


def json_of(headers: httpx.Headers, body: bytes) -> Any:
    """The JSON of a response.

    Raises
    ------
    MalformedError
        It is none, or does not call itself so.
    """
    kind = headers.get("Content-Type")
    if kind is not None and "json" not in kind.lower():
        raise MalformedError(f"it sends {kind.partition(';')[0].strip()[:60]!r}, not JSON")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"no JSON: {first_line(error)[:100]}") from None


def words_of(body: bytes) -> str:
    """Why a server refuses, in one line of its own words."""
    text = body[:20_000].decode("utf-8", errors="replace")
    message: Any = text
    with suppress(ValueError, RecursionError, AttributeError):
        content = json.loads(body)
        error = content.get("error", content)
        message = (error.get("message") if isinstance(error, dict) else error) or content.get("detail") or text
    return printable(message) or "no reason given"


def printable(said: Any, most: int = 300) -> str:
    r"""The first line of what a server said, without characters that a terminal would act on.

    Examples
    --------
    >>> printable("not\x1b[2J so\nmore"), printable("\ud800")
    ('not [2J so', ' ')
    """
    first = (str(said).strip().splitlines() or [""])[0][:most]
    return "".join(mark if mark.isprintable() else " " for mark in first)


def told_wait(headers: httpx.Headers) -> float | None:
    """Seconds after which a server wants to be asked again; None: it does not say."""
    said = headers.get("Retry-After", "").strip()
    milliseconds = headers.get("Retry-After-Ms", "").strip()
    with suppress(ValueError, TypeError, OverflowError):
        if milliseconds:
            return _sensible(float(milliseconds) / 1000)
        if re.fullmatch(r"\d+(\.\d+)?", said):
            return _sensible(float(said))
        if said:
            return _sensible((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    return None


def _sensible(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds == seconds else None


_ABOVE_ONE = 1e-3  # of a log-probability, by rounding
_LARGEST = 2**31 - 1  # that a store's INTEGER holds


def choices_of(answer: Any) -> list[dict[str, Any]]:
    """The choices of an answer, in the order of their `index`.

    Raises
    ------
    MalformedError
        There are none.
    """
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
        error = answer.get("error") if isinstance(answer, dict) else None
        words = error.get("message") if isinstance(error, dict) else error
        raise MalformedError(
            f"an error with status 200: {printable(words, 200)}" if words else "an answer without choices"
        )
    places = [whole_number(choice.get("index")) for choice in choices]
    if sorted(place for place in places if place is not None) == list(range(len(choices))):
        return [choice for _, choice in sorted(zip(places, choices, strict=True), key=lambda one: one[0] or 0)]
    return choices


def is_text(value: Any) -> bool:
    r"""Whether a value is text that a store can hold.

    Examples
    --------
    >>> is_text("x"), is_text(None), is_text("\ud800")
    (True, False, False)
    """
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def whole_number(value: Any) -> int | None:
    """A count or index that a store can hold; None: it is none.

    Examples
    --------
    >>> whole_number(3), whole_number(-1), whole_number(True), whole_number("3"), whole_number(2**40)
    (3, None, None, None, None)
    """
    return value if type(value) is int and 0 <= value <= _LARGEST else None


def finite_logprobs(values: Sequence[Any]) -> np.ndarray | None:
    """Log-probabilities as numbers; None: one of them is none.

    Examples
    --------
    >>> finite_logprobs([-1.5, 0]), finite_logprobs([-1.0, None]), finite_logprobs([float("nan")])
    (array([-1.5,  0. ]), None, None)
    """
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not -1e6 < value <= _ABOVE_ONE or math.isnan(value):
            return None
    return np.array(values, dtype=float)


def top_masses(tables: Any, n_tokens: int) -> np.ndarray | None:
    """What the likeliest tokens weigh at each token; None: it is not told for each.

    Parameters
    ----------
    tables : list of dict or list
        Log-probabilities by token, or as the entries ``{"logprob": …}`` of a chat.
    """
    if not isinstance(tables, list) or len(tables) != n_tokens:
        return None
    found = []
    for table in tables:
        if isinstance(table, list):
            values = [one.get("logprob") if isinstance(one, dict) else None for one in table]
        else:
            values = list(table.values()) if isinstance(table, dict) else []
        told = finite_logprobs(values)
        if told is None or not len(told):
            return None
        found.append(top_mass(told))
    return np.array(found)
