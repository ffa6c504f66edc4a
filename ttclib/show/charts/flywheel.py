"""Where the problems of each bin go round by round, and what the rounds gained for what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.analysis.flow import AGAIN
from ttclib.errors import RequestError
from ttclib.show.charts.axes import Measure, log_axis, points
from ttclib.show.charts.grammar import Lines, facets, finished, level
from ttclib.show.charts.rows import rows_of, tips
from ttclib.show.charts.series import Series, picked_param
from ttclib.show.theme import PAPER, on_papers, pair, ramp
from ttclib.study.flywheel import Turned

BY_CHANCE = "by chance"
_FLOW_TOLD = ("bin_after", "share")
_MOVED_TOLD = (
    column("first", label="before", ends=None),
    column("second", label="after", ends=None),
    "difference",
    "spent_flops",
    "n_problems",
)
_WAYS = {  # colour, dash, point
    "verified": ("right samples", "#0072B2", (1, 0), "circle"),
    "verifier": ("what the verifier chose", "#D55E00", (6, 3), "square"),
    "longer": ("its own exercises again", "#767676", (2, 2), "diamond"),
}
_MEASURES = {"accuracy": "one answer is right", "coverage": "a right one is among {}"}


def flow_chart(found: Turned, *, caption: Sequence[str] = ()) -> Any:
    """Of the problems of each bin, the shares that are in each bin afterwards: a panel a bin, a bar a policy.

    Parameters
    ----------
    found : Turned
    caption : sequence of str

    Returns
    -------
    altair.FacetChart
    """
    n_bins = int(found.flow["bin"].max())  # type: ignore[arg-type]
    base = found.rounds["policy"][0]
    made = [name for name in found.rounds["policy"].to_list() if name != base]
    names = {AGAIN: BY_CHANCE, **{name: name.removeprefix(f"{base}-") for name in made}}
    rows = [
        {**row, "name": names[row["policy"]], "panel": _panel(row["bin"], n_bins), "after": f"bin {row['bin_after']}"}
        for row in rows_of(found.flow, _FLOW_TOLD)
    ]
    panels = [_panel(number, n_bins) for number in range(1, n_bins + 1)]
    domain = [f"bin {number}" for number in range(1, n_bins + 1)]
    colors = alt.Scale(domain=domain, range=[on_papers(*both) for both in ramp(n_bins)])
    bar = (
        alt.Chart()
        .mark_bar(stroke=PAPER, strokeWidth=0.5)
        .encode(
            x=alt.X(
                "share:Q",
                title="share of the bin's problems",
                stack="zero",
                scale=alt.Scale(domain=[0, 1], nice=False),
                axis=alt.Axis(format=".0%", tickCount=5),
            ),
            y=alt.Y("name:N", sort=list(names.values()), title=None, axis=alt.Axis(domain=False, ticks=False)),
            color=alt.Color(
                "after:N", scale=colors, legend=alt.Legend(title="bin after", orient="bottom", symbolType="square")
            ),
            order=alt.Order("bin_after:Q"),
            tooltip=[alt.Tooltip("name:N", title=" "), alt.Tooltip("panel:N", title="before"), *tips(*_FLOW_TOLD)],
        )
    )
    return finished(
        facets([bar], panels, columns=1, width=430, height=18 * len(names)),
        rows,
        title="Where the problems of each bin go",
        caption=[*caption, f"{BY_CHANCE}: {base} itself, on its other samples"],
    )


def moved_chart(found: Turned, *, caption: Sequence[str] = ()) -> Any:
    """What each way gained over the first policy, for all FLOPs that it took: a panel for one answer and for several.

    Parameters
    ----------
    found : Turned
    caption : sequence of str

    Returns
    -------
    altair.FacetChart

    Raises
    ------
    RequestError
        No round took any FLOPs.
    """
    known = found.moved.filter(pl.col("measure").is_in(list(_MEASURES)) & (pl.col("spent_flops") > 0))
    if not len(known):
        raise RequestError("nothing to draw: no round of the store took any FLOPs")
    words = {name: text.format(found.k) for name, text in _MEASURES.items()}
    rows = [
        {**row, "panel": words[row["measure"]], "name": _WAYS[row["way"]][0]} for row in rows_of(known, _MOVED_TOLD)
    ]
    ways = [way for way in _WAYS if way in known["way"]]
    looks = [_WAYS[way] for way in ways]
    series = Series(
        [name for name, *_ in looks],
        [pair(color) for _, color, *_ in looks],
        [dash for *_, dash, _ in looks],
        [shape for *_, shape in looks],
    )
    spent = known["spent_flops"]
    low, high = float(spent.min()), float(spent.max())  # type: ignore[arg-type]
    x = log_axis(
        "spent_flops",
        "FLOPs of all rounds (log scale)",
        [low, (low * high) ** 0.5, high],
        ends=(low / 1.2, high * 1.2),
        base=10,
    )
    measure: Measure = points("over the first policy, points")
    told = [alt.Tooltip("policy:N", title=" "), *tips(*_MOVED_TOLD)]
    lines = Lines(x, measure, series, picked_param(series), value="difference", told=told)
    base = alt.Chart()
    whisker = base.mark_rule(strokeWidth=2, opacity=0.45).encode(
        x=x, y=measure.y("ci_low"), y2=alt.Y2("ci_high:Q"), color=series.color
    )
    layers = [level(base, 0, measure, dash=(3, 3)), whisker, lines.line(base), lines.point(base)]
    return finished(
        facets(layers, list(words.values()), columns=2, width=290, height=240),
        rows,
        title="What the rounds gained, for what they cost",
        caption=caption,
    )


def _panel(number: int, n_bins: int) -> str:
    which = {1: ", the easiest", n_bins: ", the hardest"}.get(number, "")
    return f"bin {number}{which}, before"
