"""Rows as a picture carries them, and what its tooltips, panels and captions say of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import Column, bin_title, column, ends_of, shown, shown_interval
from ttclib.show.theme import in_order, style_of

ALL = "all problems"


def rows_of(frame: pl.DataFrame, told: Iterable[Column | str] = (), digits: int = 6) -> list[dict[str, Any]]:
    """Rows as a picture carries them: rounded, and what its tooltips say as ready text, ``NAME_text``.

    Parameters
    ----------
    frame : polars.DataFrame
    told : iterable of Column or str
        What tooltips say. An estimate is told with its interval; nothing is ever told as null.
    digits : int
        Significant digits.
    """
    columns = [column(one) if isinstance(one, str) else one for one in told]
    ends = {one.name: ends_of(one, frame.columns) for one in columns}
    rows = []
    for row in frame.iter_rows(named=True):
        made = {
            name: float(f"{value:.{digits}g}") if isinstance(value, float) else value for name, value in row.items()
        }
        for one in columns:
            text = shown(row[one.name], one, unit=True)
            low, high = (row[end] for end in ends[one.name] or ()) if ends[one.name] else (None, None)
            if low is not None or high is not None:
                text = f"{text} {shown_interval(low, high, one)}"
            made[f"{one.name}_text"] = text
        rows.append(made)
    return rows


def tips(*told: Column | str) -> list[Any]:
    """Tooltips of what `rows_of` wrote, in this order. A mark with a tooltip also takes clicks."""
    columns = (column(one) if isinstance(one, str) else one for one in told)
    return [alt.Tooltip(f"{one.name}_text:N", title=one.heading) for one in columns]


def panel_titles(frame: pl.DataFrame, n_bins: int | None = None) -> dict[int | None, str]:
    """What each bin is called, easiest first, and all problems last.

    Parameters
    ----------
    frame : polars.DataFrame
        With a column ``bin``.
    n_bins : int, optional
        Bins that were cut, of which some may have no row; None: up to the largest number in the frame.
    """
    numbers = frame["bin"].drop_nulls().unique().to_list()
    count = max([n_bins or 0, *numbers])
    titles: dict[int | None, str] = {number: bin_title(number, count) for number in sorted(numbers) if number}
    return titles | {None: ALL}


def coinciding(frame: pl.DataFrame, value: str = "accuracy") -> list[str]:
    """A line for the caption that says which strategies' lines lie on one another; none where none do."""
    lines = {}
    for name in in_order(frame["strategy"].to_list()):
        own = frame.filter(pl.col("strategy") == name).drop_nulls(value)
        lines[style_of(name).label] = {
            (row["bin"], row["budget"]): round(row[value], 6) for row in own.iter_rows(named=True)
        }
    names = list(lines)
    pairs = [
        f"{first} and {second}"
        for place, first in enumerate(names)
        for second in names[place + 1 :]
        if len(common := lines[first].keys() & lines[second].keys()) > 1
        and all(lines[first][at] == lines[second][at] for at in common)
    ]
    return [f"one line on the other: {'; '.join(pairs)}"] if pairs else []
