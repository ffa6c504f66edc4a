"""Accuracy against budget as pictures: drawn from a table of curves, nothing else.

The charts take the table of `ttclib.analysis.accuracy_curves` (one row a strategy, budget and bin,
so some hundred rows however large the store) and carry that and no more.

The budget is a parameter inside the picture. A rule stands at it and the labels at the line ends
give the accuracy there. With ``slider=True`` the picture brings its own slider, which needs no
kernel; without, `signals` says what to set from outside. A click on a line or its label, or on the
legend where there is one, singles that strategy out, which needs no kernel either.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from ttclib.errors import RequestError, nearest
from ttclib.show.captions import AGGREGATION_LABELS, bin_title, caption
from ttclib.show.marks import (
    LABEL_PX,
    STEP,
    budget_params,
    curve_layers,
    label_layers,
    picked_param,
    rule,
    rule_text,
    spread_labels,
)
from ttclib.show.theme import finished, in_order, style_of

# Altair refuses more rows; a chart that needs them is not aggregated.
MAX_ROWS = 5000
# Most strategies whose labels still find room beside a chart; more get a legend.
MAX_DIRECT_LABELS = 9
EXTENSIONS = (".png", ".svg", ".html")


def accuracy_chart(
    curves: pl.DataFrame,
    *,
    caption: Sequence[str] = (),
    budget: int | None = None,
    slider: bool = False,
    y_domain: tuple[float, float] | None = None,
    title: str | None = None,
    width: int = 560,
    height: int = 360,
) -> Any:
    """Accuracy against budget over all problems, one line a strategy.

    Parameters
    ----------
    curves : polars.DataFrame
        As `accuracy_curves` gives it; rows of single bins are left aside.
    caption : sequence of str
        Lines under the title, from `caption`.
    budget : int, optional
        Where the rule stands; None: no rule, unless there is a slider.
    slider : bool
        Give the picture a budget slider of its own, which works without a kernel.
    y_domain : pair of float, optional
        Ends of the accuracy axis, 0 to 1; None: what the bands need, in tenths.
    title : str, optional
    width, height : int
        Of the plot, in px.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        Nothing to draw, an unknown strategy, or a budget that the table does not have.
    """
    overall = _checked(curves.filter(pl.col("bin").is_null()), budget)
    budgets = sorted(overall["budget"].unique().to_list())
    low, high = y_domain or accuracy_domain(overall)
    strategies = in_order(overall["strategy"].to_list())
    ends = _line_ends(overall)
    direct = len(strategies) <= MAX_DIRECT_LABELS and len(strategies) * (LABEL_PX + 5) <= height
    spread = spread_labels(
        [ends[name] for name in strategies], gap=(LABEL_PX + 5) / height * (high - low), low=low, high=high
    )
    rows = _rows(overall, dict(zip(strategies, spread, strict=True)))
    picked = picked_param(legend=not direct)
    base = alt.Chart(alt.InlineData(values=rows))
    layers = curve_layers(base, strategies, budgets, (low, high), picked, legend=not direct)
    if budget is not None or slider:
        layers = [rule(base, strategies[0]), *layers, rule_text(base, strategies[0])]
    if direct:
        layers += label_layers(base, strategies, picked, width)
    chart = alt.layer(*layers).add_params(*budget_params(budgets, budget, slider))
    return finished(
        chart.properties(width=width, height=height, title=_title(title or "Accuracy against sampling budget", caption))
    )


def bins_chart(
    curves: pl.DataFrame,
    *,
    caption: Sequence[str] = (),
    budget: int | None = None,
    slider: bool = False,
    y_domain: tuple[float, float] | None = None,
    title: str | None = None,
    columns: int | None = None,
    width: int = 230,
    height: int = 180,
) -> Any:
    """Accuracy against budget, one panel a difficulty bin and one for all, on the same axes.

    Parameters
    ----------
    curves : polars.DataFrame
        As `accuracy_curves` gives it with ``bins``.
    caption, budget, slider, y_domain, title
        As in `accuracy_chart`.
    columns : int, optional
        Panels side by side; None: 3, or 2 where that leaves no gap.
    width, height : int
        Of one panel, in px.

    Returns
    -------
    altair.FacetChart

    Raises
    ------
    RequestError
        No rows with a bin, an unknown strategy, or a budget that the table does not have.
    """
    if not curves["bin"].is_not_null().any():
        raise RequestError("nothing to draw by difficulty: the table has no bins. Make it with bins = 3 or 5")
    known = _checked(curves, budget)
    budgets = sorted(known["budget"].unique().to_list())
    strategies = in_order(known["strategy"].to_list())
    numbers = sorted(curves["bin"].drop_nulls().unique().to_list())
    titles = {number: bin_title(number, len(numbers)) for number in numbers}
    if known["bin"].is_null().any():
        titles[None] = "all problems"
    rows = [{**row, "panel": titles[row["bin"]]} for row in _rows(known, {})]
    picked = picked_param(legend=True)
    base = alt.Chart()
    layers = curve_layers(
        base, strategies, budgets, y_domain or accuracy_domain(known), picked, legend=True, small=True
    )
    if budget is not None or slider:
        layers = [rule(base, strategies[0]), *layers, rule_text(base, strategies[0])]
    chart = alt.layer(*layers, data=alt.InlineData(values=rows)).properties(width=width, height=height)
    beside = columns or (2 if len(titles) in (2, 4) else 3)
    # Room for the "N = 16" of the rule between a panel and its heading.
    header = alt.Header(labelPadding=6 if budget is not None or slider else 4)
    panels = (
        chart.facet(
            facet=alt.Facet("panel:N", sort=list(titles.values()), title=None, header=header),
            columns=beside,
            spacing=24,
        )
        .resolve_axis(x="independent")
        .add_params(*budget_params(budgets, budget, slider))
    )
    return finished(panels.properties(title=_title(title or "Accuracy by difficulty", caption)))


def accuracy_domain(curves: pl.DataFrame) -> tuple[float, float]:
    """Ends of an accuracy axis that holds every band, in whole tenths, 0 to 1."""
    lows = [value for value in curves["ci_low"].to_list() + curves["accuracy"].to_list() if value is not None]
    highs = [value for value in curves["ci_high"].to_list() + curves["accuracy"].to_list() if value is not None]
    low, high = math.floor(min(lows) * 10 + 1e-9) / 10, math.ceil(max(highs) * 10 - 1e-9) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, low + 0.1))


def signals(budgets: Iterable[int], budget: int) -> dict[str, int]:
    """What to set in a drawn chart so that its rule stands at a budget.

    Raises
    ------
    RequestError
        The chart does not have that budget.
    """
    steps = sorted(set(budgets))
    if budget not in steps:
        raise RequestError(f"budget {budget} is not in the chart; it has {', '.join(map(str, steps))}")
    return {STEP: steps.index(budget)}


def save_chart(chart: Any, path: str | Path) -> Path:
    """Write a chart as a picture or a page, as the file's extension says; no network is needed.

    Parameters
    ----------
    chart : altair chart
    path : str or pathlib.Path
        Ends in ``.png`` (twice the screen's resolution), ``.svg`` or ``.html`` (scripts inside).

    Returns
    -------
    pathlib.Path

    Raises
    ------
    RequestError
        Another extension, or a folder that is not there.
    """
    import vl_convert

    target = Path(path)
    extension = target.suffix.lower()
    if extension not in EXTENSIONS:
        raise RequestError(
            f"cannot write '{path}': extension '{target.suffix}' is unknown{nearest(extension, EXTENSIONS)} "
            f"Allowed: {', '.join(EXTENSIONS)}"
        )
    if not target.parent.is_dir():
        raise RequestError(f"cannot write '{path}': folder '{target.parent}' does not exist; make it first")
    spec = chart.to_dict()
    if extension == ".png":
        target.write_bytes(vl_convert.vegalite_to_png(spec, scale=2))
    elif extension == ".svg":
        target.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
    else:
        target.write_text(vl_convert.vegalite_to_html(spec, bundle=True), encoding="utf-8")
    return target


def _checked(curves: pl.DataFrame, budget: int | None) -> pl.DataFrame:
    """The rows that have an accuracy; an error where none has, or where there are too many."""
    known = curves.drop_nulls("accuracy")
    if not len(known):
        raise RequestError(
            "nothing to draw: the table has no accuracies. Are the samples graded, is a strategy chosen?"
        )
    if len(known) > MAX_ROWS:
        raise RequestError(f"{len(known)} rows are too many for a chart (at most {MAX_ROWS}): choose fewer budgets")
    if budget is not None:
        signals(known["budget"].to_list(), budget)
    return known


def _rows(curves: pl.DataFrame, label_heights: dict[str, float]) -> list[dict[str, Any]]:
    """Rows as the spec carries them: rounded, named, and with the place of their line's label."""
    ends = _line_ends(curves) if label_heights else {}
    rows = []
    for row in curves.sort("strategy", "bin", "budget").iter_rows(named=True):
        kept = {key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}
        if row["strategy"] in label_heights:
            kept["label_height"] = round(label_heights[row["strategy"]], 5)
            kept["text_color"] = style_of(row["strategy"]).text_color
            kept["end_height"] = round(ends[row["strategy"]], 5)
        rows.append({**kept, "name": style_of(row["strategy"]).label})
    return rows


def _line_ends(curves: pl.DataFrame) -> dict[str, float]:
    """Accuracy at the last budget of each strategy."""
    return {row["strategy"]: row["accuracy"] for row in curves.sort("budget").iter_rows(named=True)}


def _title(text: str, lines: Sequence[str]) -> Any:
    return alt.Title(text, subtitle=list(lines)) if lines else alt.Title(text)


__all__ = [
    "AGGREGATION_LABELS",
    "accuracy_chart",
    "accuracy_domain",
    "bin_title",
    "bins_chart",
    "caption",
    "save_chart",
    "signals",
    "spread_labels",
]
