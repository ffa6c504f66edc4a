"""What an HTTP response comes to: JSON, a server's words, and when it wants to be asked again."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ttclib.collect.checkpoints import first_line


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
