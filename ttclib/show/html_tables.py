"""Tables for reading, of any result, as HTML for a notebook or a page; `ttclib.show.text_tables` is for a terminal.

Which columns a table has is said by their names; how a column is called and its values are written is the column's
(`ttclib.analysis.columns`). ``"interval"`` stands for the interval of the estimate to its left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import polars as pl

from ttclib.analysis.columns import Column
from ttclib.show.text_tables import cells_of
from ttclib.show.theme import pair, styles

# Colours come from what is around the table, so that it reads on light and on dark.
_STYLE = (
    "<style>.ttclib-table{overflow-x:auto;max-width:100%;margin:6px 0}"
    "table.ttclib{border-collapse:collapse;font-size:13px;color:inherit;background:none}"
    "table.ttclib caption{text-align:left;opacity:.8;padding:2px 0 6px}"
    "table.ttclib th,table.ttclib td{padding:3px 12px;text-align:right;vertical-align:top;"
    "border-bottom:1px solid rgba(128,128,128,.35)}"
    "table.ttclib tbody tr{background:none}"
    "table.ttclib td{white-space:nowrap;font-variant-numeric:tabular-nums}"
    "table.ttclib th.name,table.ttclib td.name{text-align:left;white-space:normal;min-width:9em}"
    "table.ttclib .mark{display:inline-block;width:10px;height:10px;margin-right:7px;border-radius:2px;"
    "background:var(--on-light)}"
    "body[data-jp-theme-light=false] table.ttclib .mark{background:var(--on-dark)}"
    "@media screen and (prefers-color-scheme:dark){body:not([data-jp-theme-light]) table.ttclib .mark"
    "{background:var(--on-dark)}}</style>"
)


def table(
    frame: pl.DataFrame,
    columns: Sequence[Column | str] | None = None,
    *,
    caption: str = "",
    limit: int | None = None,
) -> str:
    """Rows of a result as an HTML table, which scrolls inside its place where that is narrow.

    Parameters
    ----------
    columns : sequence of Column or str, optional
        A registered column by its name, one like it with another label (`ttclib.analysis.columns.column`), or
        ``"interval"``; None: all that the frame has, without columns that are missing in every row.
    caption : str
        One line above the table.
    limit : int, optional
        At most so many rows; how many there are is said.

    Returns
    -------
    str
        HTML with a ``<table class="ttclib">``; every text is escaped.

    Raises
    ------
    RequestError
        An unknown column, or one that the frame does not have.

    Examples
    --------
    >>> frame = pl.DataFrame({"bin": [None, 1], "accuracy": [0.7961, 1.0]})
    >>> "<td>all</td><td>79.6%</td>" in table(frame)
    True
    """
    heads, cells, names = cells_of(frame if limit is None else frame.head(limit), columns)
    if limit is not None and len(frame) > limit:
        caption = f"{caption} · {limit} of {len(frame):,} rows" if caption else f"{limit} of {len(frame):,} rows"
    marks = _marks(frame) if "strategy" in frame.columns else []
    first = next((place for place in sorted(names) if marks and heads[place] == "strategy"), None)
    of = frame.select(pl.col("^(bin|problem_id)$")).to_dicts() if {"bin", "problem_id"} & set(frame.columns) else []
    return _html(heads, cells, names, caption, lambda row, place: marks[row] if place == first else "", of)


def plain_table_html(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    names: Collection[int] = (0,),
    caption: str = "",
    of: Sequence[Mapping[str, Any]] = (),
) -> str:
    """A table of texts that are of no result; every cell is escaped.

    Parameters
    ----------
    names : collection of int
        Columns that hold names and stand at the left; the others hold numbers.
    of : sequence of mappings
        The ``bin`` and ``problem_id`` of each row that has one, by which a row follows what is selected elsewhere.

    Returns
    -------
    str
        HTML with a ``<table class="ttclib">``.
    """
    return _html(list(heads), [list(row) for row in rows], names, caption, of=of)


def _marks(frame: pl.DataFrame) -> list[str]:
    """A square in the strategy's colour as charts draw it on this paper, a row; none for what is no strategy."""
    both = {name: pair(one.color) for name, one in styles().items()}
    return [
        f'<span class="mark" style="--on-light:{both[name][0]};--on-dark:{both[name][1]}"></span>'
        if name in both
        else ""
        for name in frame["strategy"]
    ]


def _html(
    heads: Sequence[str],
    cells: Iterable[Sequence[str]],
    names: Collection[int],
    caption: str,
    before: Callable[[int, int], str] = lambda row, place: "",
    of: Sequence[Mapping[str, Any]] = (),
) -> str:
    kinds = [' class="name"' if place in names else "" for place in range(len(heads))]
    head = "".join(f'<th scope="col"{kind}>{escape(text)}</th>' for kind, text in zip(kinds, heads, strict=True))
    body = "".join(
        f"<tr{_follows(of[number]) if of else ''}>"
        f"{''.join(f'<td{kinds[at]}>{before(number, at)}{escape(text)}</td>' for at, text in enumerate(row))}</tr>"
        for number, row in enumerate(cells)
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'{_STYLE}<div class="ttclib-table"><table class="ttclib">{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _follows(of: Mapping[str, Any]) -> str:
    """What a row says of itself to what links it with charts."""
    bin_, problem = of.get("bin"), of.get("problem_id")
    told = f' data-bin="{int(bin_)}"' if bin_ else ""
    return told if problem is None else f'{told} data-problem="{escape(str(problem))}"'
