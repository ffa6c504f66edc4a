"""Accuracy against budget as pictures: drawn from a table of curves, nothing else.

The charts take the frame of `ttclib.study.study.Curves` (one row a strategy, budget and bin,
so some hundred rows however large the store) and carry that and no more.

The budget is a parameter inside the picture. A rule stands at it with the accuracy of each line there; the label at
a line's end gives the accuracy at the end. With ``slider=True`` the picture brings its own list of budgets, which
needs no kernel; without, the parameter ``budget_now`` is set from outside. A click on a line or its label, or on the
legend where there is one, singles that strategy out. So do the difficulty bin (``by_bin=True``) and whether the
interval bands are shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.errors import RequestError
from ttclib.show.charts.axes import budget_axis, share
from ttclib.show.charts.grammar import ROWS, Lines, facets, finished
from ttclib.show.charts.labels import LABEL_PX, end_labels, halo_text, reference_layers, spread_labels
from ttclib.show.charts.rows import (
    IN_BIN,
    bin_param,
    budget_param,
    coinciding,
    intervals_param,
    panel_titles,
    rows_of,
    tips,
)
from ttclib.show.charts.series import Series, named, names_of, of_strategies, picked_param
from ttclib.show.theme import INK, QUIET_INK

# Altair refuses more rows; a chart that needs them is not aggregated.
MAX_ROWS = 5000
# Most strategies whose labels still find room beside a chart; more get a legend.
MAX_DIRECT_LABELS = 9
GAP_PX, VALUE_GAP_PX = LABEL_PX + 5, LABEL_PX + 2  # between names at the ends, between values at the rule
TOLD = ("budget", "accuracy", "n_problems", "tokens", "flops")


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
    n_bins: int | None = None,
    width: int = 560,
    height: int = 360,
) -> Any:
    """Accuracy against budget, one line a strategy.

    Parameters
    ----------
    curves : polars.DataFrame
        As `Study.replay` gives it; unless `by_bin`, rows of single bins are left aside.
    budget : int, optional
        Where the rule stands; None: no rule, unless there is a list to move it by.
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
    width, height : int
        Of the plot, in px.

    Raises
    ------
    RequestError
        Nothing to draw, an unknown strategy, or a budget that the table does not have.
    """
    wanted = curves if by_bin else curves.filter(pl.col("bin").is_null())
    known = _checked(wanted, budget)
    budgets = sorted(known["budget"].unique().to_list())
    domain = y_domain or accuracy_domain(known, (references or {}).values())
    n_lines = len(names_of(known))
    direct = n_lines <= MAX_DIRECT_LABELS and n_lines * GAP_PX <= height
    lines = _lines(known, budgets, domain, legend=not direct, unit=unit)
    base = alt.Chart(ROWS)
    params = [budget_param(budgets, budget, slider), intervals_param(intervals, slider)]
    if by_bin:
        base = base.transform_filter(IN_BIN)
        params.append(bin_param(panel_titles(curves, n_bins), slider))
    layers = lines.layers(base, large="datum.budget == budget_now")
    if references:
        first = known.filter(pl.col("bin").is_null() & (pl.col("budget") == budgets[0]))["accuracy"].to_list()
        where = "bin_now == 0" if by_bin else ""
        gap = 1.3 * LABEL_PX * (domain[1] - domain[0]) / height
        level, *names = reference_layers(
            references, lines.measure, where=where, start=max(first, default=math.inf), gap=gap
        )
        layers = [level, *layers, *names]
    if budget is not None or slider:
        rule, said = _rule(base)
        layers = [rule, *layers, said, *(_values_at_rule(base, lines.series) if direct else [])]
    if direct:
        layers += end_labels(base, lines.series, lines.picked)
    return finished(
        alt.layer(*layers).add_params(*params),
        accuracy_rows(known, domain, by_bin=True, height=height),
        title=title or "Accuracy against sampling budget",
        caption=[*caption, *coinciding(named(known.filter(pl.col("bin").is_null())))],
        width=width,
        height=height,
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
    n_bins: int | None = None,
    width: int = 230,
    height: int = 180,
) -> Any:
    """Accuracy against budget, one panel a difficulty bin and one for all, on the same axes.

    Parameters
    ----------
    curves : polars.DataFrame
        As `Study.replay` gives it with ``bins``.
    caption, budget, slider, intervals, unit, y_domain, title, n_bins
        As in `accuracy_chart`.
    columns : int, optional
        Panels side by side; None: 3, or 2 where that leaves no gap.
    width, height : int
        Of one panel, in px.

    Raises
    ------
    RequestError
        No rows with a bin, an unknown strategy, or a budget that the table does not have.
    """
    if not curves["bin"].is_not_null().any():
        raise RequestError("nothing to draw by difficulty: the table has no bins. Make it with bins = 3 or 5")
    known = _checked(curves, budget)
    budgets = sorted(known["budget"].unique().to_list())
    lines = _lines(known, budgets, y_domain or accuracy_domain(known), legend=True, unit=unit, small=True)
    base = alt.Chart()
    layers = lines.layers(base, large="datum.budget == budget_now")
    ruled = budget is not None or slider
    if ruled:
        rule, said = _rule(base)
        layers = [rule, *layers, said]
    shown = set(known["bin"].to_list())
    titles = [heading for number, heading in panel_titles(curves, n_bins).items() if number in shown]
    # Room for the "N = 16" of the rule between a panel and its heading.
    panels = facets(layers, titles, columns=columns or 3, width=width, height=height, room=6 if ruled else 4)
    return finished(
        panels.add_params(budget_param(budgets, budget, slider), intervals_param(intervals, slider)),
        bins_rows(curves, n_bins),
        title=title or "Accuracy by difficulty",
        caption=[*caption, *coinciding(named(known))],
    )


def accuracy_domain(curves: pl.DataFrame, others: Iterable[float] = ()) -> tuple[float, float]:
    """Ends of an accuracy axis that holds every band and some other values, in whole tenths, 0 to 1."""
    centre = [*others, *curves["accuracy"].drop_nulls().to_list()]
    lows, highs = ([*curves[end].drop_nulls().to_list(), *centre] for end in ("ci_low", "ci_high"))
    low, high = math.floor(min(lows) * 10 + 1e-9) / 10, math.ceil(max(highs) * 10 - 1e-9) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, low + 0.1))


def accuracy_rows(
    curves: pl.DataFrame, y_domain: tuple[float, float], *, by_bin: bool = False, height: int = 360
) -> list[dict[str, Any]]:
    """The data that `accuracy_chart` carries, to put other budgets into a drawing that stands.

    ``label_height`` is where the text of a row stands, so that none at the same budget covers another; ``at_end`` says
    that the row is its line's last, whose text names the line.
    """
    known = (curves if by_bin else curves.filter(pl.col("bin").is_null())).drop_nulls("accuracy")
    low, high = y_domain
    pixel = (high - low) / height
    marked = named(known).with_columns(at_end=pl.col("budget") == pl.col("budget").max().over("name", "bin"))
    placed = []
    # The names at the ends stand under one another, so they are spread together whatever their budgets.
    together = marked.with_columns(column=pl.when("at_end").then(0).otherwise("budget"))
    for part in together.partition_by("bin", "column", maintain_order=True):
        gap = (GAP_PX if part["at_end"][0] else VALUE_GAP_PX) * pixel
        heights = spread_labels(part["accuracy"].to_list(), gap=gap, low=low, high=high)
        placed.append(part.with_columns(label_height=pl.Series(heights, dtype=pl.Float64)))
    rows = _rows(pl.concat(placed).drop("column") if placed else marked)
    largest = max((row["budget"] for row in rows), default=0)
    for row in rows:
        if row["at_end"]:
            where = f" (N = {row['budget']:,})" if row["budget"] < largest else ""
            row["end_label"] = f"{row['accuracy']:.1%}  {row['name']}{where}"
    return rows


def bins_rows(curves: pl.DataFrame, n_bins: int | None = None) -> list[dict[str, Any]]:
    """The data that `bins_chart` carries."""
    titles = panel_titles(curves, n_bins)
    return [{**row, "panel": titles[row["bin"]]} for row in _rows(named(curves.drop_nulls("accuracy")))]


def _checked(curves: pl.DataFrame, budget: int | None) -> pl.DataFrame:
    """The rows that have an accuracy; an error where none has, or where there are too many."""
    known = curves.drop_nulls("accuracy")
    if not len(known):
        raise RequestError(
            "nothing to draw: the table has no accuracies. Are the samples graded, is a strategy chosen?"
        )
    if len(known) > MAX_ROWS:
        raise RequestError(f"{len(known)} rows are too many for a chart (at most {MAX_ROWS}): choose fewer budgets")
    budgets = sorted(known["budget"].unique().to_list())
    if budget is not None and budget not in budgets:
        raise RequestError(f"budget {budget} is not in the chart; it has {', '.join(map(str, budgets))}")
    return known


def _rows(curves: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows by name; the first of each budget carries the rule, or it would be drawn once for each line."""
    ordered = curves.sort("name", "bin", "budget")
    return rows_of(ordered.with_columns(ruled=pl.col("name") == pl.col("name").min().over("bin", "budget")), TOLD)


def _lines(
    known: pl.DataFrame,
    budgets: Sequence[int],
    domain: tuple[float, float],
    *,
    legend: bool,
    unit: str,
    small: bool = False,
) -> Lines:
    series = of_strategies(known, legend=legend)
    return Lines(
        budget_axis(budgets, small=small, unit=unit),
        share("accuracy" if small else "accuracy: problems solved", domain=domain, ticks=5 if small else 8),
        series,
        picked_param(series),
        told=[alt.Tooltip("name:N", title="strategy"), *tips(*TOLD)],
        small=small,
    )


def _rule(base: Any) -> tuple[Any, Any]:
    """The line at the budget and its name."""
    here = base.transform_filter("datum.budget == budget_now && datum.ruled")
    rule = here.mark_rule(color=QUIET_INK, strokeWidth=1.2, strokeDash=[4, 3]).encode(x="budget:Q")
    said = (
        here.transform_calculate(label="'N = ' + format(datum.budget, ',')")
        .mark_text(baseline="bottom", dy=-7, fontSize=12, fontWeight=600, color=INK)
        .encode(x="budget:Q", y=alt.YValue(0), text="label:N")
    )
    return rule, said


def _values_at_rule(base: Any, series: Series) -> list[Any]:
    """The accuracy of each line at the budget, beside its point there; a line's end has its own label."""
    here = base.transform_filter("datum.budget == budget_now && !datum.at_end").transform_calculate(
        label="format(datum.accuracy, '.1%')"
    )
    place = {"x": alt.X("budget:Q"), "y": alt.Y("label_height:Q")}
    look = {"align": "left", "baseline": "middle", "dx": 11, "fontSize": 12, "fontWeight": 600}
    return halo_text(here, text="label:N", channels=place, fill=series.text, **look)
