"""The rows behind a chart as a plain HTML table."""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl

from ttclib.show.theme import STYLES, in_order, style_of

_STYLE = (
    "<style>table.ttclib{border-collapse:collapse;font-size:13px;margin:6px 0}"
    "table.ttclib caption{text-align:left;color:#5a5a5a;padding:2px 0 6px}"
    "table.ttclib th,table.ttclib td{padding:3px 12px;text-align:right;border-bottom:1px solid #e6e6e6}"
    "table.ttclib th.name,table.ttclib td.name{text-align:left}"
    "table.ttclib .mark{display:inline-block;width:10px;height:10px;margin-right:7px;border-radius:2px}</style>"
)


def table_html(curves: pl.DataFrame, *, caption: str = "") -> str:
    """A table of curves for reading: strategies by name, accuracies in percent.

    Parameters
    ----------
    curves : polars.DataFrame
        As `accuracy_curves` gives it. Missing values are shown as a dash.
    caption : str
        One line above the table.

    Returns
    -------
    str
        HTML with a ``<table class="ttclib">``.
    """
    binned = bool(curves["bin"].is_not_null().any())
    order = {name: place for place, name in enumerate(STYLES)}
    rows = sorted(
        curves.iter_rows(named=True), key=lambda row: (order[row["strategy"]], row["bin"] or 0, row["budget"])
    )
    heads = ["strategy", *(["difficulty bin"] if binned else []), "budget N", "accuracy", "interval"]
    heads += ["problems", "tokens / problem", "FLOPs / problem"]
    head = "".join(f'<th scope="col"{_name_class(name)}>{name}</th>' for name in heads)
    body = "".join(f"<tr>{_cells(row, binned)}</tr>" for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'{_STYLE}<table class="ttclib">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def wide_table_html(curves: pl.DataFrame, *, gap: tuple[str, str] | None = None, gap_title: str = "gap") -> str:
    """Accuracy over all problems, a row a budget and a column a strategy.

    Parameters
    ----------
    curves : polars.DataFrame
        As `accuracy_curves` gives it; rows of single bins are left aside.
    gap : pair of str, optional
        Two strategies whose difference, first less second, is shown in percentage points as the
        last column; left out where the table lacks one of them.
    gap_title : str
        Heading of that column.

    Returns
    -------
    str
        HTML with a ``<table class="ttclib">``.
    """
    rows = curves.filter(pl.col("bin").is_null())
    values = {(row["strategy"], row["budget"]): row["accuracy"] for row in rows.iter_rows(named=True)}
    strategies = in_order(rows["strategy"].to_list())
    with_gap = gap is not None and set(gap) <= set(strategies)
    heads = [escape(style_of(name).label) for name in strategies] + ([escape(gap_title)] if with_gap else [])
    body = ""
    for budget in sorted(rows["budget"].unique().to_list()):
        cells = [_percent(values.get((name, budget))) for name in strategies]
        if gap is not None and with_gap:
            first, second = (values.get((name, budget)) for name in gap)
            cells.append("–" if first is None or second is None else f"{(first - second) * 100:.1f} points")
        body += f'<tr><th scope="row">{budget}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
    head = "".join(f'<th scope="col">{text}</th>' for text in ("budget N", *heads))
    return f'{_STYLE}<table class="ttclib"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _name_class(head: str) -> str:
    return ' class="name"' if head == "strategy" else ""


def _cells(row: dict[str, Any], binned: bool) -> str:
    style = style_of(row["strategy"])
    mark = f'<span class="mark" style="background:{style.color}"></span>'
    cells = [
        f"{row['budget']}",
        _percent(row["accuracy"]),
        "–" if row["ci_low"] is None else f"{_percent(row['ci_low'])} … {_percent(row['ci_high'])}",
        f"{row['n_problems']}",
        "–" if row["tokens"] is None else f"{row['tokens']:,.0f}",
        "–" if row["flops"] is None else f"{row['flops']:.2e}",
    ]
    if binned:
        cells.insert(0, "all" if row["bin"] is None else f"{row['bin']}")
    numbers = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<td class="name">{mark}{escape(style.label)}</td>{numbers}'


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
