"""Rows of a result as texts in columns, and as a plain-text table for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence

import polars as pl

from ttclib.analysis.columns import DASH, Column, column, columns, ends_of, shown, shown_interval
from ttclib.errors import RequestError, visible

INTERVAL = "interval"
Cells = list[list[str]]
_GAP = 2


def text_table(
    frame: pl.DataFrame, columns: Sequence[Column | str] | None = None, width: int = 80, *, limit: int | None = None
) -> str:
    """Rows of a result as plain text that fits a terminal.

    Numbers stand at the right, texts at the left; where the table is wider than the terminal, headings and then texts
    are broken into lines, and the last columns are left out, which is said.

    Parameters
    ----------
    columns : sequence of Column or str, optional
        As in `table`.
    width : int
        Characters a line.
    limit : int, optional
        Rows that take at most so many lines, but one at least; a last line says how many were left out.

    Raises
    ------
    RequestError
        An unknown column, or one that the frame does not have.

    Examples
    --------
    >>> frame = pl.DataFrame({"strategy": ["best_of_n"], "accuracy": [0.7965]})
    >>> print(text_table(frame))
    strategy   accuracy
    ---------  --------
    best-of-N     79.7%
    """
    heads, cells, names = cells_of(frame if limit is None else frame.head(limit), columns)
    return aligned(heads, cells, names, width, limit=limit, n_rows=len(frame))


def aligned(
    heads: Sequence[str],
    cells: Cells,
    names: Collection[int],
    width: int = 80,
    *,
    limit: int | None = None,
    n_rows: int | None = None,
) -> str:
    """A table of texts that are of no result, laid out as `text_table` does it.

    Parameters
    ----------
    names : collection of int
        Columns that hold names and stand at the left; the others hold numbers.
    n_rows : int, optional
        How many rows there are in all, of which `cells` are the first; None: no more.

    Examples
    --------
    >>> print(aligned(["model", "samples"], [["small", "64,000"], ["large", "250"]], {0}))
    model  samples
    -----  -------
    small   64,000
    large      250
    """
    if not heads:  # a frame without rows, of which no column says anything
        return ""
    heads, cells = [visible(head) for head in heads], [[visible(text) for text in row] for row in cells]
    widths = _fitting_widths(heads, cells, names, width)
    left_out, heads = heads[len(widths) :], heads[: len(widths)]
    cells = [row[: len(widths)] for row in cells]
    lines = [*_broken(heads, widths), ["-" * size for size in widths]]
    n_shown, room = 0, limit
    for row in cells:
        broken = _broken(row, widths, " ")  # no part of a name looks like a line of its own
        if room is not None:
            room -= len(broken)
            if room < 0 and n_shown:
                break
        n_shown, lines = n_shown + 1, lines + broken
    said = [_joined(line, widths, names) for line in lines]
    if left := (n_rows or len(cells)) - n_shown:
        said.append(f"… and {left:,} rows more")
    if left_out:
        said.append(f"… not shown: {', '.join(left_out)}")
    return "\n".join(said)


def cells_of(frame: pl.DataFrame, wanted: Sequence[Column | str] | None) -> tuple[list[str], Cells, set[int]]:
    """Headings, texts and the places of the columns that hold names."""
    heads: list[str] = []
    texts: Cells = []
    names: set[int] = set()
    estimate: Column | None = None
    for one in _default_columns(frame) if wanted is None else wanted:
        if one == INTERVAL:
            if estimate is None:
                raise RequestError("an interval stands to the right of its estimate: name that column before")
            ends = ends_of(estimate, frame.columns)
            heads.append(INTERVAL)
            of = estimate
            texts.append(
                [shown_interval(low, high, of) for low, high in frame.select(ends).rows()]
                if ends
                else [DASH] * len(frame)
            )
            continue
        found = column(one) if isinstance(one, str) else one
        if found.name not in frame.columns:
            raise RequestError(f"the table has no column '{found.name}'; it has {', '.join(frame.columns)}")
        if not found.numeric:
            names.add(len(heads))
        heads.append(f"{found.heading}, points" if found.kind == "points" else found.heading)
        texts.append([shown(value, found) for value in frame[found.name]])
        estimate = found
    return heads, [list(row) for row in zip(*texts, strict=True)], names


def _default_columns(frame: pl.DataFrame) -> list[Column | str]:
    """The registered columns of a frame that say something, in the registry's order; interval ends as intervals."""
    of = {name: ends for name in frame.columns if name in columns() and (ends := ends_of(name, frame.columns))}
    bounded = {end: next(name for name in of if of[name] == ends) for ends in of.values() for end in ends}
    telling = {name for name in frame.columns if not frame[name].is_null().all()}
    telling |= {bounded[end] for end in telling & bounded.keys()}
    if "variant" in telling:
        telling.discard("strategy")
    found: list[Column | str] = []
    for name in columns():
        if name in telling and name not in bounded:
            found.append(name)
            if name in bounded.values() and telling & set(of[name]):
                found.append(INTERVAL)
    return found


def _least_widths(heads: Sequence[str], cells: Cells, names: Collection[int]) -> list[tuple[int, int]]:
    """Two widths that a column can be narrowed to: what it holds, and then, of texts, to ten characters.

    A heading is never broken inside a word, a number never at all.
    """
    least = []
    for at, head in enumerate(heads):
        holds = max([len(row[at]) for row in cells], default=0)
        word = max(len(part) for part in head.split())
        least.append((max(holds, word), max(word, min(holds, 10) if at in names else holds)))
    return least


def _fitting_widths(heads: Sequence[str], cells: Cells, names: Collection[int], width: int) -> list[int]:
    """Widths of the columns: as wide as what they hold; too wide a table narrows headings, then texts.

    The columns at the right that do not fit even so have no width.
    """
    least = _least_widths(heads, cells, names)
    shown = len(heads)
    while shown > 1 and sum(low for _, low in least[:shown]) + _GAP * (shown - 1) > width:
        shown -= 1
    widths = [max(holds, len(head)) for (holds, _), head in zip(least[:shown], heads[:shown], strict=True)]
    room = width - _GAP * (shown - 1)
    for step in (0, 1):
        floor = [pair[step] for pair in least]
        while sum(widths) > room and (wide := [at for at in range(shown) if widths[at] > floor[at]]):
            widths[max(wide, key=lambda at: widths[at])] -= 1
    return widths


def _broken(cells: Sequence[str], widths: Sequence[int], indent: str = "") -> list[list[str]]:
    """A row as the lines that its widths need."""
    parts = [
        textwrap.wrap(text, size, subsequent_indent=indent) or [""] if len(text) > size else [text]
        for text, size in zip(cells, widths, strict=True)
    ]
    height = max(len(part) for part in parts)
    return [[part[line] if line < len(part) else "" for part in parts] for line in range(height)]


def _joined(cells: Sequence[str], widths: Sequence[int], names: Collection[int]) -> str:
    padded = (
        text.ljust(size) if at in names else text.rjust(size)
        for at, (text, size) in enumerate(zip(cells, widths, strict=True))
    )
    return (" " * _GAP).join(padded).rstrip()
