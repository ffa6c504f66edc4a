"""What choosing by difficulty saves, and when knowing the difficulty has paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.axes import Measure, log_axis
from ttclib.show.charts.controls import IN_BIN, bin_param, choice, intervals_param
from ttclib.show.charts.grammar import ROWS, Lines, finished, level
from ttclib.show.charts.rows import panel_titles, rows_of, tips
from ttclib.show.charts.series import Series, picked_param
from ttclib.show.theme import QUIET_INK, drawn, pair, style_of

# By whether knowing the difficulty is charged: what it is called, and the columns of the factor and its interval.
BILLS = {
    "difficulty known for nothing": ("factor", "ci_low", "ci_high"),
    "difficulty billed": ("billed_factor", "billed_low", "billed_high"),
}
COLORS, DASHES, SHAPES = ("#5B2A86", "#D55E00"), ((), (7, 3)), ("circle", "triangle-up")
TOLD = (
    "budget",
    "accuracy",
    column("cost", label="its cost"),
    column("baseline_cost", label="the baseline's cost"),
    column("billed_cost", label="its cost with the bill", null="not billed"),
    column("factor", null="the baseline never gets there"),
    column("break_even_queries", label="pays after queries"),
)


def saving_chart(
    savings: pl.DataFrame, *, baseline: str = "best_of_n", caption: Sequence[str] = (), n_bins: int | None = None
) -> Any:
    """How many times less the compute-optimal strategy costs; a list shares the bill by queries.

    An interval without an upper end is drawn open, up to the picture's edge with an arrow: some resamples of the
    problems let the baseline get there at no budget.

    Parameters
    ----------
    savings : polars.DataFrame
        Rows of `efficiency` over all problems and by bin, one block a number of queries, with a column
        ``queries``.
    baseline : str
    caption : sequence of str
    n_bins : int, optional
        Bins that were cut, of which some may have no row; None: up to the largest in the table.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        The baseline reaches the accuracy nowhere.
    """
    called = style_of(baseline).label
    if not savings["factor"].is_not_null().any():
        raise RequestError(
            f"{called} reaches the accuracy of the compute-optimal strategy at no budget that the "
            "store holds, so the saving has no number"
        )
    blocks = [
        savings.with_columns(factor=pl.col(factor), low=pl.col(low), high=pl.col(high), name=pl.lit(name)).filter(
            (pl.col("low") > 0) | (pl.col("factor") > 0)
        )
        for name, (factor, low, high) in BILLS.items()
    ]
    shown = pl.concat(blocks).with_columns(
        ci_low=pl.col("low"), ci_high=pl.col("high"), open=pl.col("low").is_not_null() & pl.col("high").is_null()
    )
    finite = [value for name in ("factor", "low", "high") for value in shown[name].drop_nulls() if value > 0]
    bottom, top = min([*finite, 1.0]) / 1.2, max([*finite, 1.0]) * 1.5
    rows = rows_of(shown.with_columns(pl.col("high").fill_null(top)), TOLD)
    queries = savings["queries"].unique().sort().to_list()
    budgets = savings["budget"].unique().sort().to_list()
    scale = alt.Scale(type="log", base=2, domain=[bottom, top], nice=False)
    label = "datum.value >= 1 ? format(datum.value, ',~g') + '×' : '1/' + format(1 / datum.value, ',~g') + '×'"
    measure = Measure(f"{called} costs this many times as much", alt.Axis(labelExpr=label, tickCount=7), scale)
    series = Series(list(BILLS), [pair(color) for color in COLORS], list(DASHES), list(SHAPES))
    lines = Lines(
        log_axis("budget", "budget N of the compute-optimal strategy: generations per problem (log scale)", budgets),
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
    closed = base.transform_filter("!datum.open")
    layers = [
        level(base, 1, measure, dash=(3, 3)),
        lines.band(closed),
        lines.line(known),
        lines.point(known),
        *opened,
        said,
    ]
    note = ["▲ open interval: in some resamples the baseline gets there at no budget"] if shown["open"].any() else []
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
    """Intervals without an upper end: a line from the lower end out of the picture, with an arrow."""
    here = base.transform_filter(f"intervals && datum.open && datum.name == '{name}'")
    told = [alt.Tooltip("name:N", title="with"), *tips(*TOLD)]
    stem = here.mark_rule(color=drawn(color), strokeWidth=1.5, xOffset=offset).encode(
        x=lines.x, y=lines.measure.y("low"), y2="high:Q", tooltip=told
    )
    head = here.mark_text(text="▲", fontSize=11, baseline="middle", color=drawn(color), dx=offset).encode(
        x=lines.x, y=alt.YValue(2), tooltip=told
    )
    return [stem, head]
