"""What a server says, looked at piece by piece: each is what it should be, or None."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ttclib.collect.engines.responses import MalformedError, printable
from ttclib.collect.engines.types import top_mass

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
