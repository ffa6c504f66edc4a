"""Whose samples a store holds, and under which licence: what an import stated, said wherever the store is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import duckdb

from ttclib.errors import RequestError
from ttclib.store.connection import connect

_LONGEST = 500


@dataclass(frozen=True)
class Credit:
    """Who is to be named, and on what terms the samples are given; None: not stated.

    Examples
    --------
    >>> Credit("Ada, 2026", "CC BY 4.0").line
    'Ada, 2026 (licence CC BY 4.0)'
    """

    credit: str | None
    license: str | None

    @property
    def line(self) -> str:
        """Both in one line; text from a store is not trusted, so that what a terminal cannot show is left out."""
        credit, license = (_plain(text) for text in (self.credit, self.license))
        return f"{credit} (licence {license})" if credit and license else credit or f"licence {license}"


def credit_run(credit: str | None, license: str | None) -> dict[str, Any] | None:
    """The row of table ``runs`` that states a credit; None: nothing is stated.

    Raises
    ------
    RequestError
        A text that is empty, too long, or of several lines.
    """
    for name, text in (("credit", credit), ("license", license)):
        if text is not None and (not text.strip() or len(text) > _LONGEST or not text.isprintable()):
            raise RequestError(f"{name} {text[:60]!r}: give one line of 1 to {_LONGEST} characters")
    if credit is None and license is None:
        return None
    config = json.dumps({"credit": credit, "license": license}, ensure_ascii=False)
    return {
        "run_id": "credit-" + blake2b(config.encode(), digest_size=6).hexdigest(),
        "command": "import",
        "config": config,
    }


def credits_in(con: duckdb.DuckDBPyConnection) -> list[Credit]:
    """Every credit that an open store states."""
    rows = con.execute("SELECT config FROM runs WHERE starts_with(run_id, 'credit-') ORDER BY run_id").fetchall()
    found = []
    for (text,) in rows:
        try:
            stated = json.loads(text or "null")
        except (ValueError, RecursionError):
            continue
        if isinstance(stated, dict):
            known = [value if isinstance(value := stated.get(name), str) else None for name in ("credit", "license")]
            if any(known):
                found.append(Credit(*known))
    return found


def store_credits(path: str | Path) -> list[Credit]:
    """Every credit that a store states.

    Raises
    ------
    RequestError
        No such store, or it is none.
    """
    with connect(path) as con:
        return credits_in(con)


def _plain(text: str | None) -> str:
    """One line of what can be shown, no longer than an import takes it."""
    return "".join(mark for mark in " ".join((text or "").split()) if mark.isprintable())[:_LONGEST]
