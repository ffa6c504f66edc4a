"""What adaptivity is worth at equal total cost: every way to spend, less uniform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.axes import log_axis, points
from ttclib.show.charts.grammar import ROWS, Lines, finished, level
from ttclib.show.charts.rows import intervals_param, rows_of, tips
from ttclib.show.charts.series import Series, picked_param
from ttclib.show.theme import pair

TOLD = (
    column("at_most", label="within"),
    "cost",
    column("accuracy", ends=("ci_low", "ci_high")),
    "difference",
    column("factor", null="none"),
    column("bill", label="of it the bill"),
    column("break_even_queries", label="pays after queries"),
    "verdict",
)
# By the beginning of a way's name: what its difficulty costs gives the colour, what it does the dash and the point.
LOOKS = {
    "given": ("#888888", (2, 2), "circle"),
    "probes": ("#D55E00", (7, 3), "triangle-up"),
    "reused": ("#E69F00", (4, 2), "triangle-down"),
    "question:greedy": ("#56B4E9", (4, 2), "square"),
    "question": ("#0072B2", (), "square"),
    "stopping": ("#009E73", (), "diamond"),
    "allocation": ("#CC79A7", (4, 2), "cross"),
    "together": ("#5B2A86", (), "circle"),
}
SHADES = ((), (7, 3), (4, 2), (2, 2), (9, 2, 2, 2))
NAMES = {
    "given": "given",
    "question": "the question",
    "question:greedy": "a greedy answer",
    "stopping": "stopping",
    "allocation": "shared",
    "together": "all together",
}


def _short(way: str) -> str:
    """A way as the legend says it."""
    kind, _, k = way.partition("_")
    return NAMES.get(way) or f"{int(k):,} {'billed' if kind == 'probes' else 'used again'}"


def account_chart(frame: pl.DataFrame, unit: str, *, caption: Sequence[str] = ()) -> Any:
    """Points of accuracy more than uniform against total cost, a line a way; a click on the legend singles one out.

    Parameters
    ----------
    frame : polars.DataFrame
        As `ttclib.study.account.Account` has it.
    unit : str
        The cost axis in words.

    Raises
    ------
    RequestError
        No way but uniform is affordable within any limit.
    """
    known = frame.drop_nulls("difference").with_columns(name=pl.col("way").map_elements(_short, return_dtype=pl.String))
    if not len(known):
        raise RequestError("nothing to draw: no way to spend but uniform is affordable within any of the limits")
    ways = known.select("way", "name").unique(maintain_order=True).rows()
    looks = [next(look for start, look in LOOKS.items() if way.startswith(start)) for way, _ in ways]
    dashes = []
    for place, look in enumerate(looks):  # ways that differ in the number of probes alone
        alike = looks[:place].count(look)
        dashes.append(look[1] if not alike else SHADES[(SHADES.index(look[1]) + alike) % len(SHADES)])
    series = Series([name for _, name in ways], [pair(look[0]) for look in looks], dashes, [look[2] for look in looks])
    limits = known["at_most"].unique().sort().to_list()
    lines = Lines(
        log_axis("at_most", f"total cost at most, in {unit} (log scale)", limits),
        points("points more than uniform"),
        series,
        picked_param(series),
        value="difference",
        ends=("difference_low", "difference_high"),
        told=[alt.Tooltip("name:N", title="way"), *tips(*TOLD)],
    )
    base = alt.Chart(ROWS)
    ringed = (
        base.transform_filter("datum.verdict == 'saves'")
        .mark_point(filled=False, size=190, strokeWidth=1.3, shape="circle")
        .encode(x=lines.x, y=lines.measure.y("difference"), color=series.color)
    )
    return finished(
        alt.layer(level(base, 0, lines.measure), *lines.layers(base), ringed).add_params(intervals_param(False, True)),
        rows_of(known, TOLD),
        title="What adaptivity is worth, paid in full",
        caption=[*caption, "ringed: ahead of uniform, corrected for the number of comparisons"],
        width=560,
        height=360,
    )
