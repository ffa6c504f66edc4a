"""What a result column is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DASH = "–"


@dataclass(frozen=True)
class Column:
    """What is known of a result column."""

    name: str
    dtype: Any
    meaning: str  # one line, for docs and headings that explain themselves
    kind: str = "text"  # how a value is written, one of `ttclib.analysis.columns.KINDS`
    label: str = ""  # what a reader sees in its place; empty: the name with blanks
    unit: str = ""  # what a number counts, empty where the kind says it
    null: str = DASH  # what a missing value is called
    ends: tuple[str, str] | None = None  # the columns that hold its interval's ends

    @property
    def heading(self) -> str:
        """What a table or an axis calls it."""
        return self.label or self.name.replace("_", " ")

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers, which stand at the right."""
        return self.kind not in ("name", "text", "told", "flag", "grade")
