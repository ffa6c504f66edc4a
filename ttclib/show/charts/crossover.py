"""Think longer or train bigger: the lead of test-time compute over the range of exchange rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.errors import RequestError
from ttclib.show.captions import bin_title
from ttclib.show.charts.marks import SIGNED_POINTS, intervals_param, titled
from ttclib.show.theme import INK, QUIET_INK, finished, ramp

ALL = "all problems"
WINNER_COLORS = {"small model thinking": "#0072B2", "larger model": "#D55E00", "not settled": "#9a9a9a"}


def crossover_chart(
    frame: pl.DataFrame, *, exchange_rate: float | None = None, slider: bool = True, caption: Sequence[str] = ()
) -> Any:
    """Small model with test-time compute less the larger one, over R; a slider moves R in the page.

    Parameters
    ----------
    frame : polars.DataFrame
        `Crossover.frame`, at a grid of exchange rates.
    exchange_rate : float, optional
        Where the rule stands at first, at the nearest of the grid; None: in the middle of where
        the store can answer.
    slider : bool
        Give the picture an R slider of its own, which works without a kernel.
    caption : sequence of str

    Returns
    -------
    altair.VConcatChart

    Raises
    ------
    RequestError
        The pool is too small for every R.
    """
    check_reach(frame)
    rates = sorted(frame["exchange_rate"].unique().to_list())
    known = frame.drop_nulls("difference")["exchange_rate"]
    start = nearest_step(rates, exchange_rate or rates[(rates.index(known.min()) + rates.index(known.max())) // 2])
    numbers = sorted(frame["bin"].drop_nulls().unique().to_list())
    titles: dict[int | None, str] = {number: bin_title(number, len(numbers)) for number in numbers}
    titles[None] = ALL
    names = [titles[number] for number in numbers] + [ALL]
    colors = [*ramp(len(numbers)), INK]
    rows = []
    for row in frame.to_dicts():
        kept = {key: float(f"{value:.5g}") if isinstance(value, float) else value for key, value in row.items()}
        rows.append(
            {
                **kept,
                "step": rates.index(row["exchange_rate"]),
                "panel": titles[row["bin"]],
                "ahead": {"small": "small model thinking", "large": "larger model"}.get(row["winner"], "not settled"),
            }
        )
    data = alt.InlineData(values=rows)
    top, bars = _lines(data, rates, names, colors), _bars(data, names)
    bind: Any = alt.Undefined
    if slider:
        bind = alt.binding_range(min=0, max=len(rates) - 1, step=1, name="Move R")
    chart = (
        alt.vconcat(top, bars, spacing=26)
        .resolve_scale(color="independent")
        .add_params(alt.param(name="rate_step", value=start, bind=bind), intervals_param(True, slider))
    )
    note = "R = tokens of inference over tokens of pretraining; above zero the small model that thinks longer is better"
    return finished(chart.properties(title=titled("Think longer, or train bigger?", [*caption, note])))


def check_reach(frame: pl.DataFrame) -> None:
    """Refuse a comparison that the pool allows at no exchange rate.

    Raises
    ------
    RequestError
        No row has a difference.
    """
    if frame["difference"].drop_nulls().is_empty():
        raise RequestError("nothing to draw: the small model's pool is too small for every exchange rate looked at")


def nearest_step(rates: Sequence[float], wanted: float) -> int:
    """Place of the rate nearest to a wanted one, by ratio.

    Examples
    --------
    >>> nearest_step([0.1, 1.0, 10.0], 3.0)
    1
    """
    return min(range(len(rates)), key=lambda place: max(rates[place] / wanted, wanted / rates[place]))


def _lines(data: Any, rates: list[float], names: list[str], colors: list[str]) -> Any:
    picked = alt.selection_point(name="picked", fields=["panel"], bind="legend", toggle="true")
    color = alt.Color(
        "panel:N",
        sort=names,
        scale=alt.Scale(domain=names, range=colors),
        legend=alt.Legend(title=None, orient="right", symbolType="stroke", symbolOpacity=1),
    )
    base = alt.Chart(data)
    x = alt.X(
        "exchange_rate:Q",
        title="R, inference tokens ÷ pretraining tokens (log scale)",
        scale=alt.Scale(type="log", domain=[rates[0], rates[-1]], nice=False),
        axis=alt.Axis(grid=False, format="~g", values=_decades(rates)),
    )
    axis = alt.Axis(labelExpr=SIGNED_POINTS)
    title = "small − large, points"
    zero = base.mark_rule(color=INK).encode(y=alt.datum(0))
    band = (
        base.transform_filter("intervals")
        .mark_area()
        .encode(
            x=x,
            y=alt.Y("ci_low:Q", axis=axis, title=title),
            y2="ci_high:Q",
            color=color,
            opacity=alt.condition(picked, alt.value(0.09), alt.value(0.01)),
        )
    )
    line = (
        base.mark_line(clip=True)
        .encode(
            x=x,
            y=alt.Y("difference:Q", axis=axis, title=title),
            color=color,
            opacity=alt.condition(picked, alt.value(1), alt.value(0.12)),
            strokeWidth=alt.condition(f"datum.panel == '{ALL}'", alt.value(3.5), alt.value(2)),
            tooltip=alt.Tooltip("panel:N", title="difficulty"),
        )
        .add_params(picked)
    )
    here = base.transform_filter(f"datum.step == rate_step && datum.panel == '{ALL}'")
    rule = here.mark_rule(color=QUIET_INK, strokeDash=[4, 3], strokeWidth=1.3).encode(x=x)
    said = (
        here.transform_calculate(
            label="'R = ' + format(datum.exchange_rate, '.3~g') + ': the small model may spend c = '"
            " + format(datum.multiplier, ',.4~g') + ' times one answer'"
            " + (isValid(datum.difference) ? '' : ', more than the store holds')"
        )
        .mark_text(align="left", baseline="bottom", fontSize=12.5, fontWeight=600, color=INK)
        .encode(x=alt.value(0), y=alt.value(-6), text="label:N")
    )
    return alt.layer(zero, band, line, rule, said).properties(width=520, height=280)


def _bars(data: Any, names: list[str]) -> Any:
    winners = list(WINNER_COLORS)
    base = alt.Chart(data).transform_filter("datum.step == rate_step")
    x = alt.X("panel:N", sort=names, title="at this R, by difficulty", axis=alt.Axis(labelAngle=0, labelLimit=120))
    axis = alt.Axis(labelExpr=SIGNED_POINTS, tickCount=5)
    bar = base.mark_bar(size=44).encode(
        x=x,
        y=alt.Y("difference:Q", axis=axis, title="small − large, points"),
        color=alt.Color(
            "ahead:N",
            scale=alt.Scale(domain=winners, range=list(WINNER_COLORS.values())),
            legend=alt.Legend(title="ahead", orient="right", symbolType="square"),
        ),
        tooltip=[
            alt.Tooltip("panel:N", title="difficulty"),
            alt.Tooltip("exchange_rate:Q", title="R", format=".3~g"),
            alt.Tooltip("multiplier:Q", title="c", format=",.4~g"),
            alt.Tooltip("accuracy_small:Q", title="small, thinking", format=".1%"),
            alt.Tooltip("accuracy_large:Q", title="larger", format=".1%"),
            alt.Tooltip("difference:Q", format="+.1%"),
            alt.Tooltip("ci_low:Q", title="interval from", format="+.1%"),
            alt.Tooltip("ci_high:Q", title="interval to", format="+.1%"),
            alt.Tooltip("relative_gain:Q", title="relative gain", format="+.1%"),
            alt.Tooltip("n_problems:Q", title="problems"),
        ],
    )
    whisker = base.mark_rule(color=INK).encode(x=x, y=alt.Y("ci_low:Q", axis=axis), y2="ci_high:Q")
    zero = alt.Chart(alt.InlineData(values=[{}])).mark_rule(color=INK).encode(y=alt.datum(0))
    unknown = (
        base.transform_filter("!isValid(datum.difference)")
        .mark_text(fontSize=11, color=QUIET_INK, dy=-9)
        .encode(x=x, y=alt.datum(0), text=alt.value("beyond pool"))
    )
    return alt.layer(zero, bar, whisker, unknown).properties(width=520, height=170)


def _decades(rates: list[float]) -> list[float]:
    return [10.0**power for power in range(-6, 7) if rates[0] * 0.999 <= 10.0**power <= rates[-1] * 1.001]
