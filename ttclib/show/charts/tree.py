"""One search drawn as a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column, shown
from ttclib.errors import RequestError
from ttclib.show.charts.axes import budget_axis, points
from ttclib.show.charts.grammar import ROWS, Lines, facets, finished, level
from ttclib.show.charts.rows import coinciding, intervals_param, panel_titles, rows_of, tips
from ttclib.show.charts.series import named, of_strategies, picked_param
from ttclib.show.samples import score_color
from ttclib.show.theme import INK, on_papers, style_of

GAINS_TOLD = ("variant", column("budget", label="generations"), "difference", "n_problems")


def gains_chart(gains: pl.DataFrame, baseline: str, *, caption: Sequence[str] = (), n_bins: int | None = None) -> Any:
    """Strategies less a baseline, one panel a difficulty bin; below zero the baseline is better.

    Parameters
    ----------
    gains : polars.DataFrame
        As `gains_over` gives it.
    baseline : str
        Strategy that was subtracted.

    Raises
    ------
    RequestError
        The table is empty.
    """
    if not len(gains):
        raise RequestError("nothing to draw: no strategy has a budget in common with the baseline")
    series = of_strategies(gains)
    titles = panel_titles(gains, n_bins)
    lines = Lines(
        budget_axis(sorted(gains["budget"].unique().to_list()), small=True, unit="generations"),
        points(f"points over {style_of(baseline).label}"),
        series,
        picked_param(series),
        value="difference",
        told=tips(*GAINS_TOLD),
        small=True,
    )
    base = alt.Chart()
    shown = set(gains["bin"].to_list())
    rows = [{**row, "panel": titles[row["bin"]]} for row in rows_of(named(gains), GAINS_TOLD)]
    panels = facets(
        [level(base, 0, lines.measure), *lines.layers(base)],
        [title for number, title in titles.items() if number in shown],
        height=170,
    )
    return finished(
        panels.add_params(intervals_param(False, True)),
        rows,
        title=f"Tree search less {style_of(baseline).label}, at equal generations",
        caption=[*caption, *coinciding(named(gains), "difference")],
    )


MAX_STEPS = 1500
STATUS_LABELS = {
    "returned": "on the way to a returned answer",
    "continued": "continued, then given up",
    "pruned": "pruned",
}
SHAPES = ("circle", "square", "cross")
TOLD = (column("score", label="PRM score"), column("round", label="drawn in round"), column("correct", label="answer"))
NOTE = "hover a step for its text; orange: low score, blue: high; ✓ ✗: the answer's grade"


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

    Raises
    ------
    RequestError
        No step, or more than can be told apart.
    """
    if not len(trace):
        raise RequestError("nothing to draw: the search has no step")
    if len(trace) > MAX_STEPS:
        raise RequestError(f"a tree of {len(trace)} steps is too large to draw (at most {MAX_STEPS}): a smaller budget")
    places = _places(trace)
    rows = [
        {
            **row,
            "from": row["depth"] - 1,
            "place": places[row["path"]],
            "from_place": places[row["parent"]],
            "fill": "#ffffff" if row["score"] is None else score_color(row["score"]),
            "what": STATUS_LABELS[row["status"]],
            "grade": "" if row["correct"] is None else shown(row["correct"], "correct"),
            "text": _one_line((texts or {}).get(row["path"], "")) or "not recorded",
        }
        for row in rows_of(trace, TOLD, digits=4)
    ]
    depths = int(trace["depth"].max())  # type: ignore[arg-type]
    x = alt.X(
        "depth:Q",
        title="step",
        scale=alt.Scale(domain=[0, depths + 0.3], nice=False),
        axis=alt.Axis(values=list(range(1, depths + 1)), format="d", grid=False),
    )
    ends = [min(places.values()) - 0.7, max(places.values()) + 0.7]
    scale = alt.Scale(domain=ends, reverse=True, nice=False, zero=False)
    y = alt.Y("place:Q", axis=None, scale=scale)
    base = alt.Chart(ROWS)
    returned = "datum.status == 'returned'"
    edge = base.mark_rule().encode(
        x=alt.X("from:Q", title="step"),
        x2="depth:Q",
        y=alt.Y("from_place:Q", axis=None, scale=scale),
        y2="place:Q",
        size=alt.condition(returned, alt.value(2.6), alt.value(0.8)),
        color=alt.condition(returned, alt.value(INK), alt.value(on_papers("#8f8f8f", "#7d7d7d"))),
    )
    told = [alt.Tooltip("text:N"), alt.Tooltip("what:N", title="this step"), *tips(*TOLD)]
    shape = alt.Shape(
        "what:N",
        scale=alt.Scale(domain=list(STATUS_LABELS.values()), range=list(SHAPES)),
        legend=alt.Legend(title=None, orient="bottom", symbolFillColor="#ffffff", symbolStrokeColor=INK),
    )
    point = base.mark_point(filled=True, opacity=1, stroke=INK, strokeWidth=0.9).encode(
        x=x,
        y=y,
        shape=shape,
        size=alt.condition("datum.status == 'pruned'", alt.value(70), alt.value(150)),
        fill=alt.Fill("fill:N", scale=None),
        tooltip=told,
    )
    grade = base.mark_text(align="left", dx=9, fontSize=12, fontWeight=700, color=INK).encode(
        x=x, y=y, text="grade:N", tooltip=told
    )
    height = min(900, max(220, 15 * len(set(places.values()))))
    drawn = alt.layer(edge, point, grade).properties(width=620, height=height)
    return finished(
        alt.vconcat(drawn, _score_key(), spacing=18), rows, title=title, caption=[*caption, NOTE]
    ).configure_concat()


def _score_key() -> Any:
    """What the colours of scores mean."""
    steps = [{"score": part / 20, "to": (part + 1) / 20, "fill": score_color(part / 20)} for part in range(20)]
    return (
        alt.Chart(alt.InlineData(values=steps))
        .mark_rect(stroke=None)
        .encode(
            x=alt.X("score:Q", title="PRM score of the step", axis=alt.Axis(values=[0, 0.5, 1], format=".1f")),
            x2="to:Q",
            color=alt.Color("fill:N", scale=None),
        )
        .properties(width=220, height=10)
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


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:119]}…"
