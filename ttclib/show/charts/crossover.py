"""Think longer or train bigger: the lead of test-time compute over the range of exchange rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column, shown
from ttclib.errors import RequestError
from ttclib.show.charts.axes import log_axis, points
from ttclib.show.charts.grammar import ROWS, Lines, finished, level
from ttclib.show.charts.labels import LABEL_PX, end_labels, halo_text, spread_labels
from ttclib.show.charts.rows import ALL, bin_param, choice, intervals_param, panel_titles, rows_of, tips
from ttclib.show.charts.series import DASHES, SHAPES, Series, linked, picked_param
from ttclib.show.theme import INK, QUIET_INK, drawn, ramp

WINNERS = {"small": "small model thinking", "large": "larger model", "too close": "too close to call"}
UNANSWERED = "not answerable"
WINNER_COLORS = ("#0072B2", "#D55E00", "#8a8a8a")
# Exchange rates of Snell et al. 2024, figure 9.
PAPER_RATES = (0.16, 0.79, 22.0)
TOLD = (
    "exchange_rate",
    column("multiplier", label="c"),
    column("accuracy_small", ends=None),
    column("accuracy_large", ends=None),
    column("difference", null="beyond the pool"),
    "relative_gain",
    "n_problems",
)
WIDTH, HEIGHT, BARS_HEIGHT = 520, 300, 170


def crossover_chart(
    frame: pl.DataFrame,
    *,
    exchange_rate: float | None = None,
    slider: bool = True,
    caption: Sequence[str] = (),
    n_bins: int | None = None,
) -> Any:
    """Small model with test-time compute less the larger one, over R; a list moves R in the page.

    Above, a line a difficulty bin, named at its end, with the band of one of them; below, all of them at one R.

    Parameters
    ----------
    frame : polars.DataFrame
        `Crossover.frame`, at a grid of exchange rates.
    exchange_rate : float, optional
        Where the rule stands at first, at the nearest of the grid; None: in the middle of where
        the store can answer.
    slider : bool
        Give the picture controls of its own, which work without a kernel.

    Raises
    ------
    RequestError
        The pool is too small for every R.
    """
    check_reach(frame)
    rates = sorted(frame["exchange_rate"].unique().to_list())
    answered = frame.drop_nulls("difference")["exchange_rate"].unique().sort().to_list()
    start = nearest_step(rates, exchange_rate or answered[len(answered) // 2])
    titles = panel_titles(frame, n_bins)
    shown_bins = set(frame["bin"].to_list())
    names = [title for number, title in titles.items() if number in shown_bins]
    bins = len(names) - (None in shown_bins)
    series = Series(
        names,
        [*ramp(bins), ("#222222", "#e8e8e8")],
        [*DASHES[1 : bins + 1], ()],
        list(SHAPES),
        by="panel",
        legend=False,
    )
    domain = _domain(frame)
    rows = _rows(frame, rates, titles, domain)
    top = _lines(series, rates, answered, domain)
    chart = (
        alt.vconcat(top, _bars(names, domain), spacing=26, data=ROWS)
        .resolve_scale(color="independent", fill="independent", shape="independent", strokeDash="independent")
        .add_params(
            choice(
                "rate_step",
                start,
                {step: shown(rate, "exchange_rate") for step, rate in enumerate(rates)},
                "R ",
                control=slider,
            ),
            bin_param(titles, slider),
            intervals_param(True, slider),
        )
    )
    notes = [
        "R = tokens of inference over tokens of pretraining; above zero the small model that thinks longer is better",
        "c: answers that the small model may spend for one of the larger",
    ]
    bound = "thin: R allows more than the store holds, so the small side is at least this good"
    notes += [bound] if any(row["bounded"] for row in rows) else []
    return finished(chart, rows, title="Think longer, or train bigger?", caption=[*caption, *notes])


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


def _domain(frame: pl.DataFrame) -> tuple[float, float]:
    """Ends of the axis of differences, in steps of five points, zero included."""
    values = [0.0, *(value for name in ("difference", "ci_low", "ci_high") for value in frame[name].drop_nulls())]
    return math.floor(min(values) * 20 + 1e-9) / 20, math.ceil(max(values) * 20 - 1e-9) / 20 or 0.05


def _rows(
    frame: pl.DataFrame, rates: list[float], titles: dict[int | None, str], domain: tuple[float, float]
) -> list[dict[str, Any]]:
    rows = []
    for row in rows_of(frame, TOLD):
        reached = row["difference"] is not None
        ahead = WINNERS.get(row["winner"], WINNERS["too close"]) if reached else UNANSWERED
        rate = min(range(len(rates)), key=lambda step: abs(rates[step] - row["exchange_rate"]))
        value = shown(row["difference"], "difference")
        # Where the store ends before what R allows, the small side is a lower bound.
        bounded = row.get("pool_ends_at") is not None
        rows.append(
            {
                **row,
                "value": value,
                "bounded": bounded,
                "step": rate,
                "panel": titles[row["bin"]],
                "ahead": ahead,
                "at_end": False,
            }
        )
    last: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["difference"] is not None and row["step"] >= last.get(row["panel"], row)["step"]:
            last[row["panel"]] = row
    gap = (LABEL_PX + 5) / HEIGHT * (domain[1] - domain[0])
    heights = spread_labels([row["difference"] for row in last.values()], gap=gap, low=domain[0], high=domain[1])
    for row, height in zip(last.values(), heights, strict=True):
        row |= {
            "at_end": True,
            "label_height": height,
            "end_label": f"{row['value']}  {row['panel']}",
        }
    return rows


def _lines(series: Series, rates: list[float], answered: list[float], domain: tuple[float, float]) -> Any:
    ends = (answered[0], answered[-1])
    x = log_axis(
        "exchange_rate",
        "R, inference tokens ÷ pretraining tokens (log scale)",
        _ticks(*ends),
        ends=ends,
        base=10,
        label="format(datum.value, ',~g')",
    )
    told = [alt.Tooltip("panel:N", title="difficulty"), *tips(*TOLD)]
    lines = Lines(
        x, points("small − large, points", domain=domain), series, picked_param(series), value="difference", told=told
    )
    base = alt.Chart()
    answers = base.transform_filter("isValid(datum.difference)")
    band = lines.band(answers, where="intervals && (datum.bin || 0) == bin_now", strength=0.2)
    here = base.transform_filter(f"datum.step == rate_step && datum.panel == '{series.names[-1]}'")
    rule = here.mark_rule(color=QUIET_INK, strokeDash=[4, 3], strokeWidth=1.3, clip=True).encode(x=x)
    said = (
        here.transform_calculate(
            label="'R = ' + datum.exchange_rate_text + ': c = ' + datum.multiplier_text"
            " + (isValid(datum.difference) && !datum.bounded ? '' : ', beyond the store')"
        )
        .mark_text(align="left", baseline="bottom", fontSize=12.5, fontWeight=600, color=INK)
        .encode(x=alt.XValue(0), y=alt.YValue(-6), text="label:N")
    )
    at_rule = lines.point(answers.transform_filter("datum.step == rate_step"))
    named = end_labels(answers, series, lines.picked, x="exchange_rate", y="difference")
    bound = lines.line(answers).encode(strokeWidth=alt.value(1))
    line = lines.line(answers.transform_filter("!datum.bounded"), strong=f"datum.panel == '{ALL}'")
    return alt.layer(level(base, 0, lines.measure), band, bound, line, rule, said, at_rule, *named).properties(
        width=WIDTH, height=HEIGHT
    )


def _bars(names: list[str], domain: tuple[float, float]) -> Any:
    base = alt.Chart().transform_filter("datum.step == rate_step")
    known = base.transform_filter("isValid(datum.difference)")
    x = alt.X("panel:N", sort=names, title="at this R, by difficulty", axis=alt.Axis(labelAngle=0, labelLimit=120))
    measure = points("small − large, points", domain=domain)
    fill = alt.Color(
        "ahead:N",
        scale=alt.Scale(domain=list(WINNERS.values()), range=[drawn(color) for color in WINNER_COLORS]),
        legend=alt.Legend(title="ahead", orient="bottom", symbolType="square"),
    )
    told = [alt.Tooltip("panel:N", title="difficulty"), alt.Tooltip("ahead:N"), *tips(*TOLD)]
    bar = known.mark_bar(size=40).encode(x=x, y=measure.y("difference"), color=fill, opacity=linked(), tooltip=told)
    whisker = (
        known.transform_filter("isValid(datum.ci_low) && isValid(datum.ci_high)")
        .mark_rule(color=INK, strokeWidth=1.3)
        .encode(x=x, y=measure.y("ci_low"), y2="ci_high:Q", tooltip=told)
    )
    value = halo_text(
        known,
        text="value:N",
        channels={"x": x, "y": alt.YValue(-4)},  # above bars and whiskers alike
        fill=alt.FillValue(INK),
        fontSize=12,
        baseline="bottom",
    )
    unknown = base.transform_filter("!isValid(datum.difference)").mark_text(fontSize=11, color=QUIET_INK, dy=-9)
    unanswered = unknown.encode(x=x, y=alt.datum(0), text=alt.value("beyond pool"), tooltip=told)
    return alt.layer(level(base, 0, measure), bar, whisker, *value, unanswered).properties(
        width=WIDTH, height=BARS_HEIGHT
    )


def _ticks(low: float, high: float) -> list[float]:
    """The rates of the paper, and powers of ten that leave them room, between two ends."""
    named = [rate for rate in PAPER_RATES if low <= rate <= high]
    tens = [10.0**power for power in range(-6, 7)]
    room = [
        ten
        for ten in tens
        if low * 0.999 <= ten <= high * 1.001 and all(abs(math.log10(ten / rate)) > 0.3 for rate in named)
    ]
    return sorted([*named, *room])
