"""Rows as a picture carries them, and what its tooltips, panels and captions say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import Column, bin_title, column, ends_of, shown, shown_interval

ALL = "all problems"


def rows_of(frame: pl.DataFrame, told: Iterable[Column | str] = (), digits: int = 6) -> list[dict[str, Any]]:
    """Rows as a picture carries them: rounded, and what its tooltips say as ready text, ``NAME_text``.

    Parameters
    ----------
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
    """A line for the caption that says which lines lie on one another; none where none do.

    Parameters
    ----------
    frame : polars.DataFrame
        With ``name``, ``bin`` and ``budget``.
    value : str
        Of the lines.
    """
    lines = {
        str(name): {(row["bin"], row["budget"]): round(row[value], 6) for row in part.iter_rows(named=True)}
        for (name,), part in frame.drop_nulls(value).group_by("name", maintain_order=True)
    }
    pairs = [
        f"{first} and {second}"
        for first, second in combinations(lines, 2)
        if len(common := lines[first].keys() & lines[second].keys()) > 1
        and all(lines[first][at] == lines[second][at] for at in common)
    ]
    return [f"one line on the other: {'; '.join(pairs)}"] if pairs else []


# A row is of the difficulty bin that is shown.
IN_BIN = "(datum.bin || 0) == bin_now"
# What is singled out in any chart of a page (0, "": nothing), and whether a row is of it; a row of no bin always is.
LINKS: dict[str, Any] = {"bin_linked": 0, "problem_linked": ""}
LINKED = (
    "(!bin_linked || !datum.bin || datum.bin == bin_linked)"
    " && (!problem_linked || !datum.problem_id || datum.problem_id == problem_linked)"
)


def choice(name: str, value: Any, options: Mapping[Any, str], label: str, *, control: bool = True) -> Any:
    """A parameter of the picture, which a list inside the picture can change; the list says what it is set to."""
    bind: Any = alt.Undefined
    if control and len(options) > 1:
        bind = alt.binding_select(options=list(options), labels=list(options.values()), name=label)
    return alt.param(name=name, value=value, bind=bind)


def budget_param(budgets: Sequence[int], budget: int | None, control: bool) -> Any:
    """The budget that is looked at; the largest, unless told."""
    at = budgets[-1] if budget is None else budget
    return choice("budget_now", at, {one: f"{one:,}" for one in budgets}, "Budget N ", control=control)


def intervals_param(shown_first: bool, control: bool) -> Any:
    """Whether the bands are drawn, which a box inside the picture can switch."""
    bind = alt.binding_checkbox(name="Intervals ") if control else alt.Undefined
    return alt.param(name="intervals", value=shown_first, bind=bind)


def bin_param(titles: Mapping[int | None, str], control: bool) -> Any:
    """The difficulty bin shown, 0 for all problems."""
    options = {0: ALL} | {number: title for number, title in titles.items() if number}
    return choice("bin_now", 0, options, "Difficulty ", control=control)
