"""What is wrong with a store, one finding a fault: where it is, and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ttclib.errors import visible

# Kinds, each with what it means.
KINDS = {
    "storage": "bytes of the file cannot be read as they were written",
    "log": "the write-ahead log cannot be read",
    "part": "a part beside the store is not as it was written",
    "packed": "the packed file is not as it was written",
    "foreign": "the file holds what ttclib did not put there",
    "checksum": "rows are not those that were written",
    "key": "a row is there twice, or without its key",
    "reference": "a row belongs to something that is not there",
    "problem": "a sample does not fit its problem",
    "steps": "scores are not one a step",
    "tokens": "numbers of tokens do not agree",
    "path": "a node has no parent, or its path is none",
    "chain": "an answer has no predecessor in its chain",
    "count": "a number cannot be",
    "setting": "a setting's name is not that of its keys, or a credit's not that of its text",
    "grade": "a grade, or its answer, comes out otherwise",
    "class": "answers of one class are not equivalent, or those of two are",
}


@dataclass(frozen=True)
class Finding:
    """A fault."""

    kind: str  # one of `KINDS`
    table: str | None  # None: it is of no table
    where: str  # a key, a range of rows, a file
    what: str
    key: Mapping[str, Any] = field(default_factory=dict)  # columns of the row that it is of; empty: of more than a row

    @property
    def line(self) -> str:
        """All of it in a line; names from a store are not trusted."""
        return visible(
            " ".join(part for part in (self.table, f"{self.where}:" if self.where else "", self.what) if part)
        )

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {"kind": self.kind, "table": self.table, "where": self.where, "what": self.what, "key": dict(self.key)}


def at(key: Mapping[str, Any]) -> str:
    """A key in words.

    Examples
    --------
    >>> at({"policy": "m", "problem_id": "p", "sample_index": 3})
    'policy=m problem_id=p sample_index=3'
    """
    return " ".join(f"{name}={'NULL' if value is None else value}" for name, value in key.items())
