"""Figures of Snell et al. 2024 that no other chart draws: leads by exchange rate, the choice over cost, stars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column, shown, shown_interval
from ttclib.errors import RequestError
from ttclib.show.charts.axes import QUANTITY, budget_axis, log_axis, points, share
from ttclib.show.charts.crossover import PAPER_RATES, TOLD, WINNER_COLORS, WINNERS, check_reach
from ttclib.show.charts.grammar import ROWS, Lines, facets, finished, level
from ttclib.show.charts.labels import halo_text
from ttclib.show.charts.rows import panel_titles, rows_of, tips
from ttclib.show.charts.series import DASHES, SHAPES, Series, faded, linked, of_steps, picked_param
from ttclib.show.theme import COMPUTE_OPTIMAL, INK, QUIET_INK, drawn, pair, ramp, style_of

LINE_TOLD = ("cost", "accuracy", "n_problems")
NTH_TOLD = (column("budget", label="N"), "accuracy", "n_problems")
_STAR = COMPUTE_OPTIMAL.shape


def leads_chart(frame: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Small model thinking less the larger one by difficulty, a panel an exchange rate (figure 1, right).

    Parameters
    ----------
    frame : polars.DataFrame
        `ttclib.analysis.crossover.Crossover.frame` at a few exchange rates, with bins.
    """
    check_reach(frame)
    titles = panel_titles(frame)
    known = frame.drop_nulls("difference")
    panels = [f"R = {shown(rate, 'exchange_rate')}" for rate in sorted(known["exchange_rate"].unique().to_list())]
    rows = [
        {**row, "panel": f"R = {row['exchange_rate_text']}", "difficulty": str(row["bin"] or "all"),
         "ahead": WINNERS[row["winner"] or "too close"], "value": shown(row["difference"], "difference")}
        for row in rows_of(known, TOLD)
    ]  # fmt: skip
    order = [str(number or "all") for number in titles]
    x = alt.X("difficulty:N", sort=order, title="difficulty bin, 1 the easiest", axis=alt.Axis(labelAngle=0))
    measure = points("small − large, points")
    scale = alt.Scale(domain=list(WINNERS.values()), range=[drawn(color) for color in WINNER_COLORS])
    color = alt.Color("ahead:N", scale=scale, legend=alt.Legend(title="ahead", orient="bottom", symbolType="square"))
    base = alt.Chart()
    bar = base.mark_bar().encode(x=x, y=measure.y("difference"), color=color, opacity=linked(), tooltip=tips(*TOLD))
    known_ends = base.transform_filter("isValid(datum.ci_low) && isValid(datum.ci_high)")
    whisker = known_ends.mark_rule(color=INK, strokeWidth=1.3).encode(x=x, y=measure.y("ci_low"), y2="ci_high:Q")
    return finished(
        facets([level(base, 0, measure), bar, whisker], panels, height=210),
        rows,
        title="Think longer or train bigger, by difficulty",
        caption=[*caption, "few, about as many, and many tokens of inference for each of pretraining"],
    )


def optimal_chart(
    frame: pl.DataFrame,
    unit: str,
    baseline: str,
    saving: dict[str, Any] | None,
    *,
    title: str,
    caption: Sequence[str] = (),
) -> Any:
    """The compute-optimal choice by each difficulty against a baseline, and its largest saving (figures 4 and 8).

    Parameters
    ----------
    frame : polars.DataFrame
        `ttclib.study.paper.Optimal.frame`.
    unit : str
        Of the cost.
    baseline : str
        The strategy whose look the baseline has.
    saving : mapping or None
        The row of the largest factor: drawn from what the choice needs to what the baseline needs.
    """
    known = frame.drop_nulls(["accuracy", "cost"])
    if not len(known):
        raise RequestError("nothing to draw: neither the choice nor the baseline has a cost and an accuracy")
    names = known["name"].unique(maintain_order=True).to_list()
    other = style_of(baseline)
    colors = [pair("#E69F00" if number else COMPUTE_OPTIMAL.color) for number in range(len(names) - 1)]
    series = Series(
        names, [*colors, pair(other.color)], list(DASHES), [*(_STAR, "diamond")[: len(names) - 1], other.shape]
    )
    costs = known["cost"].unique().sort().to_list()
    low, high = costs[0], costs[-1]
    powers = [2.0**power for power in range(0, 21, 2) if low * 0.99 <= 2**power <= high * 1.01]
    x = log_axis("cost", f"cost: {unit} (log scale)", powers, ends=(low, high), label=QUANTITY)
    lines = Lines(
        x,
        share("accuracy: problems solved"),
        series,
        picked_param(series),
        told=[alt.Tooltip("name:N", title=" "), *tips(*LINE_TOLD)],
    )
    base = alt.Chart(ROWS)
    layers = lines.layers(base.transform_filter("isValid(datum.name)"))
    rows = rows_of(known, LINE_TOLD)
    said = list(caption)
    if saving is not None:
        factor = f"{saving['factor']:.2g}×"
        rows.append({key: saving[key] for key in ("cost", "baseline_cost", "accuracy")} | {"label": factor})
        ends = shown_interval(saving["factor_low"], saving["factor_high"], "factor")
        sure = "a saving" if saving["verdict"] == "saves" else "it may be none"
        said.append(f"×: the most that the choice saves for the same accuracy, {factor} {ends}: {sure}")
        mark = base.transform_filter("isValid(datum.label)")
        across = mark.mark_rule(color=INK, strokeWidth=1.5, strokeDash=[2, 2]).encode(
            x=x, x2="baseline_cost:Q", y=lines.measure.y("accuracy")
        )
        place = {"x": x, "y": lines.measure.y("accuracy")}
        layers += [
            across,
            *halo_text(
                mark,
                text="label:N",
                channels=place,
                fill=alt.FillValue(INK),
                align="left",
                dx=6,
                dy=-9,
                fontSize=13,
                fontWeight=600,
            ),
        ]
    chart = alt.layer(*layers).add_params(alt.param(name="intervals", value=True))
    return finished(chart, rows, title=title, caption=said, width=520, height=340)


def sequential_chart(frame: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """N answers one after the other, N at once, and the Nth alone (figure 6).

    Parameters
    ----------
    frame : polars.DataFrame
        As `ttclib.study.paper.along_and_across` gives it.
    """
    known = frame.drop_nulls("accuracy")
    if not len(known):
        raise RequestError("nothing to draw: no answer of a chain is graded")
    series = of_steps(known["name"].unique(maintain_order=True).to_list())
    powers = [budget for budget in known["budget"].unique().sort().to_list() if budget & (budget - 1) == 0]
    x = budget_axis(powers, unit="answers")
    lines = Lines(
        x,
        share("accuracy: problems solved"),
        series,
        picked_param(series),
        told=[alt.Tooltip("name:N", title=" "), *tips(*NTH_TOLD)],
    )
    chart = alt.layer(*lines.layers(alt.Chart(ROWS))).add_params(alt.param(name="intervals", value=True))
    return finished(
        chart,
        rows_of(known, NTH_TOLD),
        title="Answers one after the other, or at once",
        caption=caption,
        width=520,
        height=320,
    )


def stars_chart(frame: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Accuracy of the small model over what it may spend, by difficulty, with the larger model as stars (figure 9).

    Parameters
    ----------
    frame : polars.DataFrame
        `ttclib.analysis.crossover.Crossover.frame` at a grid of exchange rates; the stars stand at the three of the
        paper where the grid has them.
    """
    check_reach(frame)
    titles = panel_titles(frame)
    known = frame.drop_nulls(["accuracy_small", "multiplier"])
    bins = len(titles) - 1
    series = Series(
        list(titles.values()),
        [*ramp(bins), ("#222222", "#e8e8e8")],
        [*DASHES[1 : bins + 1], ()],
        list(SHAPES),
        by="panel",
    )
    starred = [min(PAPER_RATES, key=lambda rate: abs(rate / one - 1)) for one in known["exchange_rate"]]
    at = [abs(rate / one - 1) < 1e-6 for rate, one in zip(starred, known["exchange_rate"], strict=True)]
    rows = [
        {**row, "panel": titles[row["bin"]], "starred": star, "rate": f"R = {row['exchange_rate_text']}"}
        for row, star in zip(rows_of(known, TOLD), at, strict=True)
    ]
    spent = known["multiplier"].unique().sort().to_list()
    powers = [4.0**power for power in range(0, 12) if spent[0] * 0.99 <= 4**power <= spent[-1] * 1.01]
    x = log_axis(
        "multiplier",
        "c: what the small model may spend for one answer of the larger (log scale)",
        powers,
        ends=(spent[0], spent[-1]),
    )
    measure = share("accuracy: problems solved", domain=(0, 1))
    told = [alt.Tooltip("panel:N", title="difficulty"), *tips(*TOLD)]
    lines = Lines(x, measure, series, picked_param(series), value="accuracy_small", told=told)
    base = alt.Chart(ROWS)
    star = base.transform_filter("datum.starred").mark_point(
        filled=True, size=190, shape=_STAR, opacity=1, stroke=INK, strokeWidth=0.8
    )
    stars = star.encode(
        x=x, y=measure.y("accuracy_large"), color=series.color, opacity=faded(lines.picked, 1, 0.15), tooltip=told
    )
    here = base.transform_filter(f"datum.starred && datum.panel == '{titles[None]}'")
    rule = here.mark_rule(color=QUIET_INK, strokeDash=[4, 3]).encode(x=x)
    name = here.mark_text(baseline="bottom", fontSize=12, color=INK).encode(x=x, y=alt.YValue(-4), text="rate:N")
    chart = alt.layer(
        rule,
        lines.line(base, strong=f"datum.panel == '{titles[None]}'"),
        lines.point(base.transform_filter("datum.starred")),
        stars,
        name,
    )
    return finished(
        chart,
        rows,
        title="Accuracy at matched FLOPs, by difficulty",
        caption=[*caption, "stars: the larger model, once; points: the small one with as much compute at that R"],
        width=560,
        height=360,
    )
