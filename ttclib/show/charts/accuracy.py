"""Accuracy against budget as pictures: drawn from a table of curves, nothing else.

The charts take the table of `ttclib.analysis.accuracy_curves` (one row a strategy, budget and bin,
so some hundred rows however large the store) and carry that and no more.

The budget is a parameter inside the picture. A rule stands at it and the labels at the line ends
give the accuracy there. With ``slider=True`` the picture brings its own slider, which needs no
kernel; without, the parameter ``budget_now`` is set from outside. A click on a line or its label, or on the
legend where there is one, singles that strategy out, which needs no kernel either. So do the
difficulty bin (``by_bin=True``) and whether the interval bands are shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.errors import RequestError
from ttclib.show.captions import bin_title
from ttclib.show.charts.marks import (
    LABEL_PX,
    bin_param,
    budget_params,
    curve_layers,
    intervals_param,
    label_layers,
    picked_param,
    reference_layers,
    rule,
    rule_text,
    spread_labels,
    titled,
)
from ttclib.show.theme import ROWS, finished, in_order, style_of

# Altair refuses more rows; a chart that needs them is not aggregated.
MAX_ROWS = 5000
# Most strategies whose labels still find room beside a chart; more get a legend.
MAX_DIRECT_LABELS = 9


def accuracy_chart(
    curves: pl.DataFrame,
    *,
    caption: Sequence[str] = (),
    budget: int | None = None,
    slider: bool = False,
    by_bin: bool = False,
    intervals: bool = True,
    references: Mapping[str, float] | None = None,
    unit: str = "samples",
    y_domain: tuple[float, float] | None = None,
    title: str | None = None,
    width: int = 560,
    height: int = 360,
) -> Any:
    """Accuracy against budget, one line a strategy.

    Parameters
    ----------
    curves : polars.DataFrame
        As `accuracy_curves` gives it; unless `by_bin`, rows of single bins are left aside.
    caption : sequence of str
        Lines under the title, from `caption`.
    budget : int, optional
        Where the rule stands; None: no rule, unless there is a slider.
    slider : bool
        Give the picture controls of its own, which work without a kernel.
    by_bin : bool
        Carry the rows of every bin and show one at a time, all problems first; with `slider` a
        list to choose it from.
    intervals : bool
        Whether the bands are shown at first.
    references : mapping of str to float, optional
        Accuracies to draw as level lines over all problems, by their name, such as a larger model's.
    unit : str
        What the budget counts: samples, or generations where not all are whole samples.
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
    kept = curves if by_bin else curves.filter(pl.col("bin").is_null())
    known = _checked(kept, budget)
    budgets = sorted(known["budget"].unique().to_list())
    low, high = y_domain or accuracy_domain(known, (references or {}).values())
    strategies = in_order(known["strategy"].to_list())
    direct = len(strategies) <= MAX_DIRECT_LABELS and len(strategies) * (LABEL_PX + 5) <= height
    rows = accuracy_rows(known, (low, high), by_bin=True, height=height)
    picked = picked_param(legend=not direct)
    base = alt.Chart(ROWS)
    params = [*budget_params(budgets, budget, slider), intervals_param(intervals, slider)]
    if by_bin:
        base = base.transform_filter("(datum.bin || 0) == bin_now")
        params.append(bin_param(known["bin"].drop_nulls().unique().sort().to_list(), slider))
    layers = curve_layers(base, strategies, budgets, (low, high), picked, legend=not direct, unit=unit)
    if budget is not None or slider:
        layers = [rule(base, strategies[0]), *layers, rule_text(base, strategies[0])]
    if direct:
        layers += label_layers(base, strategies, picked, width)
    if references:
        layers += reference_layers(references, by_bin=by_bin)
    chart = alt.layer(*layers).add_params(*params)
    return finished(
        chart.properties(
            width=width, height=height, title=titled(title or "Accuracy against sampling budget", caption)
        ),
        rows,
    )


def bins_chart(
    curves: pl.DataFrame,
    *,
    caption: Sequence[str] = (),
    budget: int | None = None,
    slider: bool = False,
    intervals: bool = True,
    unit: str = "samples",
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
    caption, budget, slider, intervals, unit, y_domain, title
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
    titles = _panels(curves)
    picked = picked_param(legend=True)
    base = alt.Chart()
    layers = curve_layers(
        base, strategies, budgets, y_domain or accuracy_domain(known), picked, legend=True, small=True, unit=unit
    )
    if budget is not None or slider:
        layers = [rule(base, strategies[0]), *layers, rule_text(base, strategies[0])]
    chart = alt.layer(*layers, data=ROWS).properties(width=width, height=height)
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
        .add_params(*budget_params(budgets, budget, slider), intervals_param(intervals, slider))
    )
    return finished(panels.properties(title=titled(title or "Accuracy by difficulty", caption)), bins_rows(curves))


def accuracy_domain(curves: pl.DataFrame, others: Iterable[float] = ()) -> tuple[float, float]:
    """Ends of an accuracy axis that holds every band and some other values, in whole tenths, 0 to 1."""
    others = list(others)
    centre = others + curves["accuracy"].drop_nulls().to_list()
    lows, highs = ([*curves[end].drop_nulls().to_list(), *centre] for end in ("ci_low", "ci_high"))
    low, high = math.floor(min(lows) * 10 + 1e-9) / 10, math.ceil(max(highs) * 10 - 1e-9) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, low + 0.1))


def accuracy_rows(
    curves: pl.DataFrame, y_domain: tuple[float, float], *, by_bin: bool = False, height: int = 360
) -> list[dict[str, Any]]:
    """The data that `accuracy_chart` carries, to put other budgets into a drawing that stands."""
    kept = (curves if by_bin else curves.filter(pl.col("bin").is_null())).drop_nulls("accuracy")
    gap = (LABEL_PX + 5) / height * (y_domain[1] - y_domain[0])
    parts = kept.partition_by("bin", maintain_order=True)
    return [row for part in parts for row in _rows(part, _label_heights(part, gap, *y_domain))]


def bins_rows(curves: pl.DataFrame) -> list[dict[str, Any]]:
    """The data that `bins_chart` carries."""
    known = curves.drop_nulls("accuracy")
    titles = _panels(curves)
    return [{**row, "panel": titles[row["bin"]]} for row in _rows(known, {})]


def _panels(curves: pl.DataFrame) -> dict[int | None, str]:
    """Headings of the panels, by bin: those that have something to show, all problems last."""
    numbers = sorted(curves["bin"].drop_nulls().unique().to_list())
    titles: dict[int | None, str] = {number: bin_title(number, len(numbers)) for number in numbers}
    if curves.drop_nulls("accuracy")["bin"].is_null().any():
        titles[None] = "all problems"
    return titles


def _checked(curves: pl.DataFrame, budget: int | None) -> pl.DataFrame:
    """The rows that have an accuracy; an error where none has, or where there are too many."""
    known = curves.drop_nulls("accuracy")
    if not len(known):
        raise RequestError(
            "nothing to draw: the table has no accuracies. Are the samples graded, is a strategy chosen?"
        )
    if len(known) > MAX_ROWS:
        raise RequestError(f"{len(known)} rows are too many for a chart (at most {MAX_ROWS}): choose fewer budgets")
    held = sorted(known["budget"].unique().to_list())
    if budget is not None and budget not in held:
        raise RequestError(f"budget {budget} is not in the chart; it has {', '.join(map(str, held))}")
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


def _label_heights(curves: pl.DataFrame, gap: float, low: float, high: float) -> dict[str, float]:
    """Where each strategy's label stands, so that none covers another."""
    ends = _line_ends(curves)
    return dict(zip(ends, spread_labels(list(ends.values()), gap=gap, low=low, high=high), strict=True))


def _line_ends(curves: pl.DataFrame) -> dict[str, float]:
    """Accuracy at the last budget of each strategy."""
    return {row["strategy"]: row["accuracy"] for row in curves.sort("budget").iter_rows(named=True)}
