"""Tree searches: what they gain over picking among whole samples, and one search drawn as a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.errors import RequestError
from ttclib.show.captions import bin_title
from ttclib.show.charts.marks import SIGNED_POINTS, budget_axis, intervals_param, titled
from ttclib.show.samples import score_color
from ttclib.show.theme import INK, finished, in_order, style_of

MAX_STEPS = 1500
STATUS_LABELS = {
    "returned": "on the way to a returned answer",
    "continued": "continued, then given up",
    "pruned": "pruned",
}


def gains_chart(gains: pl.DataFrame, baseline: str, *, caption: Sequence[str] = ()) -> Any:
    """Strategies less a baseline, one panel a difficulty bin; below zero the baseline is better.

    Parameters
    ----------
    gains : polars.DataFrame
        As `gains_over` gives it.
    baseline : str
        Strategy that was subtracted.
    caption : sequence of str

    Returns
    -------
    altair.FacetChart

    Raises
    ------
    RequestError
        The table is empty.
    """
    if not len(gains):
        raise RequestError("nothing to draw: no strategy has a budget in common with the baseline")
    strategies = in_order(gains["strategy"].to_list())
    labels = [style_of(name).label for name in strategies]
    numbers = sorted(gains["bin"].drop_nulls().unique().to_list())
    titles: dict[int | None, str] = {number: bin_title(number, len(numbers)) for number in numbers}
    titles[None] = "all problems"
    rows = [
        {
            **{key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()},
            "name": style_of(row["strategy"]).label,
            "panel": titles[row["bin"]],
        }
        for row in gains.to_dicts()
    ]
    picked = alt.selection_point(name="picked", fields=["name"], bind="legend", toggle="true")
    key = alt.Legend(title=None, orient="bottom", columns=4, symbolType="stroke", symbolOpacity=1)
    color = alt.Color(
        "name:N", scale=alt.Scale(domain=labels, range=[style_of(name).color for name in strategies]), legend=key
    )
    x = budget_axis(sorted(gains["budget"].unique().to_list()), small=True, unit="generations")
    y_axis = alt.Axis(labelExpr=SIGNED_POINTS, tickCount=5)
    y_title = f"points over {style_of(baseline).label}"
    base = alt.Chart()
    zero = base.mark_rule(color=INK, strokeWidth=1).encode(y=alt.datum(0))
    band = (
        base.transform_filter("intervals")
        .mark_area()
        .encode(
            x=x,
            y=alt.Y("ci_low:Q", axis=y_axis, title=y_title),
            y2="ci_high:Q",
            color=color,
            opacity=alt.condition(picked, alt.value(0.12), alt.value(0.02)),
        )
    )
    line = (
        base.mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(filled=True, size=34))
        .encode(
            x=x,
            y=alt.Y("difference:Q", axis=y_axis, title=y_title),
            color=color,
            opacity=alt.condition(picked, alt.value(1), alt.value(0.15)),
            tooltip=[
                alt.Tooltip("variant:N", title="strategy"),
                alt.Tooltip("budget:Q", title="generations"),
                alt.Tooltip("difference:Q", format="+.1%"),
                alt.Tooltip("ci_low:Q", title="interval from", format="+.1%"),
                alt.Tooltip("ci_high:Q", title="interval to", format="+.1%"),
                alt.Tooltip("n_problems:Q", title="problems"),
            ],
        )
        .add_params(picked)
    )
    panels = (
        alt.layer(zero, band, line, data=alt.InlineData(values=rows))
        .properties(width=230, height=170)
        .facet(facet=alt.Facet("panel:N", sort=[*(titles[n] for n in numbers), titles[None]], title=None), columns=3)
        .resolve_axis(x="independent")
        .add_params(intervals_param(False, True))
    )
    title = f"Tree search less {style_of(baseline).label}, at equal generations"
    return finished(panels.properties(title=titled(title, caption)))


def tree_chart(
    trace: pl.DataFrame, texts: Mapping[str, str] | None = None, *, caption: Sequence[str] = (), title: str = "A search"
) -> Any:
    """One search as a tree: a point a step, coloured by score; the way to what was returned is thick.

    Parameters
    ----------
    trace : polars.DataFrame
        As `trace_search` gives it.
    texts : mapping of path to text, optional
        Shown in the tooltip, which shows text as text.
    caption : sequence of str
    title : str

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        More steps than can be told apart.
    """
    if len(trace) > MAX_STEPS:
        raise RequestError(f"a tree of {len(trace)} steps is too large to draw (at most {MAX_STEPS}): a smaller budget")
    places = _places(trace)
    rows = []
    for row in trace.to_dicts():
        score, path = row["score"], row["path"]
        grade = {1.0: "✓", 0.0: "✗"}.get(row["correct"], "")
        rows.append(
            {
                "path": path,
                "depth": row["depth"],
                "from": row["depth"] - 1,
                "place": places[path],
                "from_place": places[row["parent"]],
                "score": None if score is None else round(score, 3),
                "fill": "#ffffff" if score is None else score_color(score),
                "what": STATUS_LABELS[row["status"]],
                "status": row["status"],
                "round": row["round"],
                "grade": grade,
                "text": _one_line((texts or {}).get(path, "")),
            }
        )
    height = min(900, max(220, 15 * len(set(places.values()))))
    base = alt.Chart(alt.InlineData(values=rows))
    depths = int(trace["depth"].max())  # type: ignore[arg-type]
    x = alt.X(
        "depth:Q",
        title="step",
        scale=alt.Scale(domain=[0, depths + 0.3], nice=False),
        axis=alt.Axis(values=list(range(1, depths + 1)), format="d", grid=False),
    )
    low, high = min(places.values()) - 0.7, max(places.values()) + 0.7
    y_scale = alt.Scale(domain=[low, high], reverse=True, nice=False, zero=False)
    y = alt.Y("place:Q", axis=None, scale=y_scale)
    is_returned = "datum.status == 'returned'"
    edge = base.mark_rule().encode(
        x=alt.X("from:Q", title="step"),
        x2="depth:Q",
        y=alt.Y("from_place:Q", axis=None, scale=y_scale),
        y2="place:Q",
        size=alt.condition(is_returned, alt.value(2.6), alt.value(0.8)),
        color=alt.condition(is_returned, alt.value(INK), alt.value("#b0b0b0")),
    )
    tooltip = [
        alt.Tooltip("text:N", title="text"),
        alt.Tooltip("score:Q", title="PRM score", format=".3f"),
        alt.Tooltip("what:N", title="this step"),
        alt.Tooltip("round:Q", title="drawn in round"),
        alt.Tooltip("grade:N", title="answer"),
        alt.Tooltip("path:N", title="path"),
    ]
    shape = alt.Shape(
        "what:N",
        scale=alt.Scale(domain=list(STATUS_LABELS.values()), range=["circle", "square", "cross"]),
        legend=alt.Legend(title=None, orient="bottom", symbolFillColor="#ffffff", symbolStrokeColor=INK),
    )
    point = base.mark_point(filled=True, opacity=1, stroke=INK, strokeWidth=0.9).encode(
        x=x,
        y=y,
        shape=shape,
        size=alt.condition("datum.status == 'pruned'", alt.value(70), alt.value(150)),
        fill=alt.Fill("fill:N", scale=None),
        tooltip=tooltip,
    )
    grade = base.mark_text(align="left", dx=9, fontSize=12, fontWeight=700, color=INK).encode(
        x=x, y=y, text="grade:N", tooltip=tooltip
    )
    ramp = [{"score": part / 20, "fill": score_color(part / 20)} for part in range(21)]
    key = (
        alt.Chart(alt.InlineData(values=ramp))
        .mark_rect(stroke=None)
        .encode(
            x=alt.X("score:Q", title="PRM score of the step", axis=alt.Axis(values=[0, 0.5, 1], format=".1f")),
            x2="to:Q",
            color=alt.Color("fill:N", scale=None),
        )
        .transform_calculate(to="datum.score + 0.05")
        .properties(width=220, height=10)
    )
    drawn = alt.layer(edge, point, grade).properties(width=620, height=height)
    note = "hover a step for its text; orange: low score, blue: high; ✓ ✗: the answer's grade"
    return finished(
        alt.vconcat(drawn, key, spacing=18).properties(title=titled(title, [*caption, note])).configure_concat()
    )


def _places(trace: pl.DataFrame) -> dict[str, float]:
    """Height of each step: leaves one under the other, a parent in the middle of its children."""
    children: dict[str, list[str]] = {}
    for path, parent in zip(trace["path"], trace["parent"], strict=True):
        children.setdefault(parent, []).append(path)
    places: dict[str, float] = {}
    next_leaf = 0.0
    waiting: list[tuple[str, bool]] = [("", False)]
    while waiting:
        path, below_done = waiting.pop()
        below = children.get(path, [])
        if not below:
            places[path], next_leaf = next_leaf, next_leaf + 1
        elif below_done:
            places[path] = (places[below[0]] + places[below[-1]]) / 2
        else:
            waiting.append((path, True))
            waiting.extend((child, False) for child in reversed(below))
    return places


def _one_line(text: str, length: int = 120) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
