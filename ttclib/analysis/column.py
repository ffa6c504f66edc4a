"""What a result column is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DASH = "–"


@dataclass(frozen=True)
class Column:
    """What is known of a result column.

    Attributes
    ----------
    name : str
    dtype : polars data type
    meaning : str
        One line, for docs and headings that explain themselves.
    kind : str
        How a value is written, one of `ttclib.analysis.columns.KINDS`.
    label : str
        What a reader sees in its place; empty: the name with blanks.
    unit : str
        What a number counts, empty where the kind says it.
    null : str
        What a missing value is called.
    ends : pair of str or None
        The columns that hold its interval's ends.
    """

    name: str
    dtype: Any
    meaning: str
    kind: str = "text"
    label: str = ""
    unit: str = ""
    null: str = DASH
    ends: tuple[str, str] | None = None

    @property
    def heading(self) -> str:
        """What a table or an axis calls it."""
        return self.label or self.name.replace("_", " ")

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers, which stand at the right."""
        return self.kind not in ("name", "text", "flag", "grade")
