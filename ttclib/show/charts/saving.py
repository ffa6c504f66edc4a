"""What choosing saves against a baseline, and what every way to spend comes to at equal total cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.axes import Measure, log_axis, points
from ttclib.show.charts.grammar import ROWS, Lines, finished, level
from ttclib.show.charts.rows import IN_BIN, bin_param, choice, intervals_param, panel_titles, rows_of, tips
from ttclib.show.charts.series import Series, picked_param
from ttclib.show.theme import QUIET_INK, TEXT, drawn, pair, style_of

# By whether knowing the difficulty is charged: what it is called, and the columns of the factor and its interval.
BILLS = {
    "difficulty known for nothing": ("factor", "factor_low", "factor_high"),
    "difficulty billed": ("billed_factor", "billed_low", "billed_high"),
}
COLORS, DASHES, SHAPES = ("#5B2A86", "#D55E00"), ((), (7, 3)), ("circle", "triangle-up")
TOLD = (
    "budget",
    column("accuracy", ends=None),
    column("baseline_cost", label="the baseline's cost"),
    column("cost", label="the choice needs", null="it does not get there"),
    column("billed_cost", label="with the bill", null="not billed"),
    column("factor", null="none"),
    column("break_even_queries", label="pays after queries"),
)
NOTE = "▲ ▼ open interval: in some resamples the choice {}"


def saving_chart(
    savings: pl.DataFrame, *, baseline: str = "best_of_n", caption: Sequence[str] = (), n_bins: int | None = None
) -> Any:
    """How many times less the compute-optimal strategy costs; a list shares the bill by queries.

    An interval that has no end on one side is drawn open, out of the picture with an arrow: some resamples of the
    problems have no factor there.

    Parameters
    ----------
    savings : polars.DataFrame
        Rows of `efficiency` over all problems and by bin; several numbers of queries that share the bill are told
        apart by a column ``queries``.

    Raises
    ------
    RequestError
        The choice and the baseline nowhere reach the same accuracy.
    """
    called = style_of(baseline).label
    if not savings["factor"].is_not_null().any():
        raise RequestError(
            f"nothing to draw: the compute-optimal strategy and {called} reach the same accuracy at no budget that "
            "the store holds, so the saving has no number"
        )
    shared = savings if "queries" in savings.columns else savings.with_columns(queries=pl.lit(1))
    shown = pl.concat(
        shared.with_columns(
            factor=pl.col(factor), factor_low=pl.col(low), factor_high=pl.col(high), name=pl.lit(name)
        ).filter(pl.any_horizontal(pl.col("factor", "factor_low", "factor_high").is_not_null()))
        for name, (factor, low, high) in BILLS.items()
    ).with_columns(
        open_low=pl.col("factor_low").is_null() & pl.col("factor_high").is_not_null(),
        open_high=pl.col("factor_high").is_null() & pl.col("factor_low").is_not_null(),
    )
    finite = [
        value for name in ("factor", "factor_low", "factor_high") for value in shown[name].drop_nulls() if value > 0
    ]
    bottom, top = min([*finite, 1.0]) / 1.5, max([*finite, 1.0]) * 1.5
    ends = {"low": pl.col("factor_low").fill_null(bottom), "high": pl.col("factor_high").fill_null(top)}
    rows = rows_of(shown.with_columns(**ends), TOLD)
    queries = shared["queries"].unique().sort().to_list()
    budgets = savings["budget"].unique().sort().to_list()
    scale = alt.Scale(type="log", base=2, domain=[bottom, top], nice=False)
    label = "datum.value >= 1 ? format(datum.value, ',~g') + '×' : '1/' + format(1 / datum.value, ',~g') + '×'"
    measure = Measure(f"{called} costs this many times as much", alt.Axis(labelExpr=label, tickCount=7), scale)
    series = Series(list(BILLS), [pair(color) for color in COLORS], list(DASHES), list(SHAPES))
    lines = Lines(
        log_axis("budget", f"budget N of {called}: generations per problem (log scale)", budgets),
        measure,
        series,
        picked_param(series),
        value="factor",
        ends=("low", "high"),
        told=[alt.Tooltip("name:N", title="with"), *tips(*TOLD)],
    )
    base = alt.Chart(ROWS).transform_filter(f"{IN_BIN} && datum.queries == queries_now")
    known = base.transform_filter("isValid(datum.factor) && datum.factor > 0")
    opened = [
        one
        for place, name in enumerate(BILLS)
        for one in _open_intervals(base, lines, name, COLORS[place], 6 * place - 3)
    ]
    said = (
        base.transform_aggregate(queries="min(queries)")
        .transform_calculate(
            label="'bill shared by ' + format(datum.queries, ',d')"
            " + (datum.queries > 1 ? ' queries' : ' query') + ' of a problem'"
        )
        .mark_text(align="right", baseline="bottom", fontSize=12, color=QUIET_INK)
        .encode(x=alt.XValue(alt.ExprRef("width")), y=alt.YValue(-4), text="label:N")
    )
    closed = base.transform_filter("!datum.open_low && !datum.open_high")
    layers = [
        level(base, 1, measure, dash=(3, 3)),
        lines.band(closed),
        lines.line(known),
        lines.point(known),
        *opened,
        said,
    ]
    why = {"open_high": "starts above the baseline's accuracy", "open_low": "never reaches it"}
    note = [NOTE.format(" or ".join(text for name, text in why.items() if shown[name].any()))]
    note = note if shown["open_low"].any() or shown["open_high"].any() else []
    return finished(
        alt.layer(*layers).add_params(
            choice("queries_now", queries[0], {one: f"{one:,}" for one in queries}, "Queries that share the bill "),
            bin_param(panel_titles(savings, n_bins), True),
            intervals_param(True, True),
        ),
        rows,
        title="What choosing by difficulty saves",
        caption=[*caption, *note],
        width=520,
        height=300,
    )


def _open_intervals(base: Any, lines: Lines, name: str, color: str, offset: int) -> list[Any]:
    """Intervals without an end on one side: a line from the other end out of the picture, with an arrow."""
    told = [alt.Tooltip("name:N", title="with"), *tips(*TOLD)]
    drawing = []
    for flag, arrow, edge in (("open_high", "▲", "2"), ("open_low", "▼", "height - 2")):
        here = base.transform_filter(f"intervals && datum.{flag} && datum.name == '{name}'")
        stem = here.mark_rule(color=drawn(color), strokeWidth=1.5, xOffset=offset)
        head = here.mark_text(text=arrow, fontSize=11, baseline="middle", color=drawn(color, TEXT), dx=offset)
        drawing += [
            stem.encode(x=lines.x, y=lines.measure.y("low"), y2="high:Q", tooltip=told),
            head.encode(x=lines.x, y=alt.YValue(alt.ExprRef(edge)), tooltip=told),
        ]
    return drawing


ACCOUNT_TOLD = (
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
        told=[alt.Tooltip("name:N", title="way"), *tips(*ACCOUNT_TOLD)],
    )
    base = alt.Chart(ROWS)
    ringed = (
        base.transform_filter("datum.verdict == 'saves'")
        .mark_point(filled=False, size=190, strokeWidth=1.3, shape="circle")
        .encode(x=lines.x, y=lines.measure.y("difference"), color=series.color)
    )
    return finished(
        alt.layer(level(base, 0, lines.measure), *lines.layers(base), ringed).add_params(intervals_param(False, True)),
        rows_of(known, ACCOUNT_TOLD),
        title="What adaptivity is worth, paid in full",
        caption=[*caption, "ringed: ahead of uniform, corrected for the number of comparisons"],
        width=560,
        height=360,
    )
