"""The two ways a command ends badly, each told in one line.

The line names the value, what is allowed and what to do. No traceback for a user's mistake.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from unicodedata import category


def visible(text: str) -> str:
    r"""Text in one line that a terminal shows and does not obey: what cannot be printed is written as Python does.

    Escape sequences, line breaks and marks that turn the direction of writing come from names in a stranger's
    store or file.

    Examples
    --------
    >>> visible("π ≈ 3.14"), visible("\x1b[2Jgone"), visible("a\nb")
    ('π ≈ 3.14', '\\x1b[2Jgone', 'a\\nb')
    """
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() or category(mark) == "Zs" else repr(mark)[1:-1] for mark in text)


class TTCError(Exception):
    """The work failed (exit status 1).

    Parameters
    ----------
    *lines : str
        What went wrong, in one line or, of several faults, a line each. What a terminal would obey is escaped, since
        names in it may come from anybody (`visible`).
    """

    exit_status = 1

    def __init__(self, *lines: object) -> None:
        super().__init__("\n".join(visible(str(line)) for line in lines))


class RequestError(TTCError, ValueError):
    """The request was wrong (exit status 2); nothing was written."""

    exit_status = 2


class needing:
    """A block that imports what an extra of ttclib brings; where that is missing, one line says how to get it.

    Parameters
    ----------
    what : str
        What cannot be done without it, for the message.
    extra : str
        The extra: ``"notebooks"``.

    Examples
    --------
    >>> with needing("a report", "notebooks"):
    ...     import no_such_package
    Traceback (most recent call last):
    ...
    ttclib.errors.RequestError: a report needs the package 'no_such_package': pip install 'ttclib[notebooks]'
    """

    def __init__(self, what: str, extra: str) -> None:
        self._what, self._extra = what, extra

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ImportError):
            lacks = f"the package '{error.name}'" if error.name else f"what is not here ({error!s:.200})"
            raise RequestError(f"{self._what} needs {lacks}: pip install 'ttclib[{self._extra}]'") from error


class NotInStore(TTCError):
    """A replay asked for what was never collected; the line names the command that collects it."""


def one_of(value: str, allowed: Iterable[str], what: str) -> str:
    """`value` if it is allowed, else an error that lists the choices and names the nearest.

    Parameters
    ----------
    what : str
        What is being chosen, for the message: ``"strategy"``.

    Raises
    ------
    RequestError

    Examples
    --------
    >>> one_of("min", ("last", "min"), "aggregation")
    'min'
    >>> one_of("bestofn", ("best_of_n", "pass_at_k"), "strategy")
    Traceback (most recent call last):
    ...
    ttclib.errors.RequestError: unknown strategy 'bestofn': did you mean 'best_of_n'? Allowed: best_of_n, pass_at_k
    """
    choices = list(allowed)
    if value in choices:
        return value
    raise RequestError(f"unknown {what} '{value}'{nearest(value, choices)} Allowed: {listed(choices) or 'none'}")


def listed(names: Iterable[str], longest: int = 240) -> str:
    """Names with commas, as many as a line of an error holds, and how many more there are.

    Examples
    --------
    >>> listed(["last", "min"]), listed(["last", "min", "prod"], longest=9)
    ('last, min', 'last, min and 1 more')
    """
    every, kept = list(names), 0
    while kept < len(every) and (kept == 0 or len(", ".join(every[: kept + 1])) <= longest):
        kept += 1
    rest = f" and {len(every) - kept:,} more" if kept < len(every) else ""
    return ", ".join(every[:kept]) + rest


def nearest(value: str, allowed: Iterable[str]) -> str:
    """``": did you mean 'x'?"`` for the closest allowed name, ``"."`` when none is close."""
    close = difflib.get_close_matches(value, list(allowed), n=1)
    return f": did you mean '{close[0]}'?" if close else "."
