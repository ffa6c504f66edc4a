"""Revision chains: the answers along a chain, what revising changes, and how a budget is best split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.errors import RequestError
from ttclib.show.captions import bin_title
from ttclib.show.charts.marks import bin_param, intervals_param, titled
from ttclib.show.theme import QUIET_INK, finished, ramp, style_of

RAMP_FROM = 0.25  # of the ramp of budgets, so that the smallest is still seen on white


def chain_chart(
    positions: pl.DataFrame, *, references: Mapping[str, float] | None = None, caption: Sequence[str] = ()
) -> Any:
    """Chance that a chain's answer is right, by its position, counted from 1.

    Parameters
    ----------
    positions : polars.DataFrame
        As `chain_pass_at_1` gives it.
    references : mapping of str to float, optional
        Accuracies to draw as level lines.
    caption : sequence of str

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        No answer is graded.
    """
    if not len(positions):
        raise RequestError("nothing to draw: no answer of a chain is graded")
    color = style_of("revisions").color
    rows = [
        {**{key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}}
        for row in positions.with_columns(pl.col("position") + 1).to_dicts()
    ]
    base = alt.Chart(alt.InlineData(values=rows))
    last = len(rows)
    x = alt.X(
        "position:Q",
        title="answer in the chain (the first saw no other)",
        scale=alt.Scale(domain=[1, max(2, last)], nice=False),
        axis=alt.Axis(format="d", tickMinStep=1, grid=False),
    )
    y_scale, axis = alt.Scale(zero=False, nice=True), alt.Axis(format=".0%")
    title = "pass@1: share of answers that are right"
    band = base.mark_area(opacity=0.18, color=color).encode(
        x=x, y=alt.Y("ci_low:Q", scale=y_scale, axis=axis, title=title), y2="ci_high:Q"
    )
    line = base.mark_line(
        strokeWidth=2.5, color=color, point=alt.OverlayMarkDef(filled=True, size=60, color=color)
    ).encode(
        x=x,
        y=alt.Y("accuracy:Q", scale=y_scale, axis=axis, title=title),
        tooltip=[
            alt.Tooltip("position:Q", title="answer"),
            alt.Tooltip("accuracy:Q", title="right", format=".1%"),
            alt.Tooltip("ci_low:Q", title="interval from", format=".1%"),
            alt.Tooltip("ci_high:Q", title="interval to", format=".1%"),
            alt.Tooltip("n_problems:Q", title="problems"),
            alt.Tooltip("n_answers:Q", title="answers"),
        ],
    )
    layers = [band, line]
    if references:
        marks = alt.Chart(
            alt.InlineData(values=[{"name": name, "level": round(level, 5)} for name, level in references.items()])
        )
        layers.append(marks.mark_rule(color=QUIET_INK, strokeDash=[5, 4]).encode(y=alt.Y("level:Q", scale=y_scale)))
        layers.append(
            marks.transform_calculate(label="datum.name + ' ' + format(datum.level, '.1%')")
            .mark_text(align="left", baseline="bottom", dx=6, dy=-3, fontSize=12, color=QUIET_INK)
            .encode(x=alt.value(0), y=alt.Y("level:Q", scale=y_scale), text="label:N")
        )
    return finished(
        alt.layer(*layers).properties(width=480, height=280, title=titled("Right answers along a chain", caption))
    )


def sweep_chart(sweep: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Accuracy by how a budget is split, one line a budget; a list chooses the difficulty bin.

    Parameters
    ----------
    sweep : polars.DataFrame
        As `ratio_sweep` gives it.
    caption : sequence of str

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        Nothing to draw.
    """
    known = sweep.drop_nulls("accuracy")
    if not len(known):
        raise RequestError("nothing to draw: no split of a budget has a graded answer on every problem")
    budgets = sorted(known["budget"].unique().to_list())
    rows = [
        {
            **{key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()},
            "ratio": row["sequential"] / row["parallel"],
            "split": f"{row['sequential']} × {row['parallel']}",
            "name": f"N = {row['budget']}",
        }
        for row in known.to_dicts()
    ]
    ratios = sorted({row["ratio"] for row in rows})
    names = [f"N = {budget}" for budget in budgets]
    picked = alt.selection_point(name="picked", fields=["name"], bind="legend", toggle="true")
    color = alt.Color(
        "name:N",
        sort=names,
        scale=alt.Scale(domain=names, range=ramp(len(names), start=RAMP_FROM)),
        legend=alt.Legend(title="answers in all", orient="right", symbolType="stroke", symbolOpacity=1),
    )
    base = alt.Chart(alt.InlineData(values=rows)).transform_filter("(datum.bin || 0) == bin_now")
    x = alt.X(
        "ratio:Q",
        title="← one answer a chain · sequential : parallel · one long chain →",
        scale=alt.Scale(type="log", base=2, domain=[min(ratios), max(max(ratios), min(ratios) * 2)], nice=False),
        axis=alt.Axis(
            values=ratios,
            grid=False,
            labelFlush=False,
            labelExpr="datum.value >= 1 ? datum.value + ':1' : '1:' + round(1 / datum.value)",
        ),
    )
    y_scale, axis = alt.Scale(zero=False, nice=True), alt.Axis(format=".0%")
    band = (
        base.transform_filter("intervals")
        .mark_area()
        .encode(
            x=x,
            y=alt.Y("ci_low:Q", scale=y_scale, axis=axis, title="accuracy"),
            y2="ci_high:Q",
            color=color,
            opacity=alt.condition(picked, alt.value(0.13), alt.value(0.02)),
        )
    )
    line = (
        base.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(filled=True, size=55))
        .encode(
            x=x,
            y=alt.Y("accuracy:Q", scale=y_scale, axis=axis, title="accuracy"),
            color=color,
            opacity=alt.condition(picked, alt.value(1), alt.value(0.15)),
            tooltip=[
                alt.Tooltip("name:N", title="budget"),
                alt.Tooltip("split:N", title="sequential × parallel"),
                alt.Tooltip("accuracy:Q", format=".1%"),
                alt.Tooltip("ci_low:Q", title="interval from", format=".1%"),
                alt.Tooltip("ci_high:Q", title="interval to", format=".1%"),
                alt.Tooltip("n_problems:Q", title="problems"),
                alt.Tooltip("tokens:Q", title="tokens per problem", format=",.0f"),
            ],
        )
        .add_params(picked)
    )
    numbers = known["bin"].drop_nulls().unique().sort().to_list()
    chart = alt.layer(band, line).add_params(bin_param(numbers, True), intervals_param(False, True))
    return finished(
        chart.properties(width=520, height=320, title=titled("One long chain, or many short ones?", caption))
    )


def best_split_chart(sweep: pl.DataFrame, *, budget: int | None = None, caption: Sequence[str] = ()) -> Any:
    """The split of one budget in every difficulty bin, side by side.

    Parameters
    ----------
    sweep : polars.DataFrame
        As `ratio_sweep` gives it with bins.
    budget : int, optional
        None: the one with the most splits, of equals the largest.
    caption : sequence of str

    Returns
    -------
    altair.Chart

    Raises
    ------
    RequestError
        No bins, or no such budget.
    """
    known = sweep.drop_nulls(["accuracy", "bin"])
    if not len(known):
        raise RequestError("nothing to draw by difficulty: the table has no bins")
    held = sorted(known["budget"].unique().to_list())
    splits = {size: known.filter(pl.col("budget") == size)["sequential"].n_unique() for size in held}
    wanted = max(held, key=lambda size: (splits[size], size)) if budget is None else budget
    if wanted not in held:
        raise RequestError(f"budget {wanted} is not in the table; it has {', '.join(map(str, held))}")
    numbers = sorted(known["bin"].unique().to_list())
    here = known.filter(pl.col("budget") == wanted)
    best = {row["bin"]: row for row in here.sort("accuracy").to_dicts()}
    rows = [
        {
            "panel": bin_title(row["bin"], len(numbers)),
            "split": f"{row['sequential']} × {row['parallel']}",
            "accuracy": round(row["accuracy"], 5),
            "ci_low": round(row["ci_low"], 5),
            "ci_high": round(row["ci_high"], 5),
            "best": best[row["bin"]]["sequential"] == row["sequential"],
        }
        for row in here.to_dicts()
    ]
    order = [
        f"{row['sequential']} × {row['parallel']}" for row in here.unique("sequential").sort("sequential").to_dicts()
    ]
    color = style_of("revisions").color
    base = alt.Chart()
    x = alt.X("split:N", sort=order, title="sequential × parallel", axis=alt.Axis(labelAngle=-45))
    bar = base.mark_bar(color=color).encode(
        x=x,
        y=alt.Y("accuracy:Q", title="accuracy", axis=alt.Axis(format=".0%", tickCount=4)),
        opacity=alt.condition("datum.best", alt.value(1), alt.value(0.4)),
        tooltip=[
            alt.Tooltip("split:N", title="sequential × parallel"),
            alt.Tooltip("accuracy:Q", format=".1%"),
            alt.Tooltip("ci_low:Q", title="interval from", format=".1%"),
            alt.Tooltip("ci_high:Q", title="interval to", format=".1%"),
        ],
    )
    whisker = base.mark_rule(color=QUIET_INK).encode(x=x, y="ci_low:Q", y2="ci_high:Q")
    panels = (
        alt.layer(bar, whisker, data=alt.InlineData(values=rows))
        .properties(width=max(110, 26 * len(order)), height=170)
        .facet(facet=alt.Facet("panel:N", sort=[bin_title(n, len(numbers)) for n in numbers], title=None), columns=3)
        .resolve_axis(x="independent")
    )
    title = f"Where {wanted} answers are best spent (dark: the best split of the bin)"
    return finished(panels.properties(title=titled(title, caption)))
