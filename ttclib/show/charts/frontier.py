"""Accuracy against cost under several ledgers, what choosing saves, and the bill for knowing the difficulty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.errors import RequestError
from ttclib.show.charts.marks import bin_param, intervals_param, titled
from ttclib.show.theme import INK, QUIET_INK, finished, in_order, style_of

PRESET_LABELS = {
    "snell": "generations (Snell et al.)",
    "kinetics": "compute + memory (Kinetics)",
    "all-in": "everything (all-in)",
}


def frontier_chart(
    frames: Mapping[str, tuple[pl.DataFrame, str]],
    *,
    preset: str | None = None,
    slider: bool = True,
    caption: Sequence[str] = (),
) -> Any:
    """Accuracy against cost; lists in the picture choose what is charged and the difficulty bin.

    Parameters
    ----------
    frames : mapping of preset to (frame, unit)
        As `frontier` gives them, one a ledger.
    preset : str, optional
        The one shown first; None: the first.
    slider : bool
        Give the picture controls of its own, which work without a kernel.
    caption : sequence of str

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        Nothing to draw.
    """
    rows = []
    for charged, (frame, unit) in frames.items():
        for row in frame.drop_nulls(["accuracy", "cost"]).to_dicts():
            style = style_of(row["strategy"])
            kept = {key: _short(value) if isinstance(value, float) else value for key, value in row.items()}
            rows.append({**kept, "preset": charged, "unit": unit, "name": style.label})
    if not rows:
        raise RequestError("nothing to draw: no strategy has a cost and an accuracy")
    strategies = in_order({str(row["strategy"]) for row in rows})
    styles = [style_of(name) for name in strategies]
    labels = [style.label for style in styles]
    picked = alt.selection_point(name="picked", fields=["name"], bind="legend", toggle="true")
    legend = alt.Legend(title=None, orient="right", symbolType="stroke", symbolOpacity=1)
    color = alt.Color("name:N", scale=alt.Scale(domain=labels, range=[s.color for s in styles]), legend=legend)
    dash = alt.StrokeDash(
        "strategy:N", scale=alt.Scale(domain=strategies, range=[list(s.dash) or [1, 0] for s in styles]), legend=None
    )
    base = alt.Chart(alt.InlineData(values=rows)).transform_filter(
        "(datum.bin || 0) == bin_now && datum.preset == cost_now"
    )
    x = alt.X(
        "cost:Q",
        title=None,
        scale=alt.Scale(type="log", base=2, nice=False, padding=12),
        axis=alt.Axis(
            grid=False,
            labelOverlap=True,
            labelSeparation=8,
            labelExpr="datum.value >= 100000 ? format(datum.value, '.1e') : format(datum.value, ',d')",
        ),
    )
    y_title, y_axis = "accuracy: problems solved", alt.Axis(format=".0%")
    y_scale = alt.Scale(zero=False, nice=True)
    fade = alt.condition(picked, alt.value(1), alt.value(0.12))
    band = (
        base.transform_filter("intervals")
        .mark_area()
        .encode(
            x=x,
            y=alt.Y("ci_low:Q", title=y_title, axis=y_axis, scale=y_scale),
            y2="ci_high:Q",
            color=color,
            detail="variant:N",
            opacity=alt.condition(picked, alt.value(0.12), alt.value(0.01)),
        )
    )
    y = alt.Y("accuracy:Q", title=y_title, axis=y_axis, scale=y_scale)
    tooltip = [
        alt.Tooltip("variant:N", title="strategy"),
        alt.Tooltip("budget:Q", title="generations"),
        alt.Tooltip("cost:Q", format=",.4~g"),
        alt.Tooltip("unit:N", title="cost in"),
        alt.Tooltip("accuracy:Q", format=".1%"),
        alt.Tooltip("ci_low:Q", title="interval from", format=".1%"),
        alt.Tooltip("ci_high:Q", title="interval to", format=".1%"),
        alt.Tooltip("chosen:N", title="chosen here"),
        alt.Tooltip("n_problems:Q", title="problems"),
    ]
    thick = alt.condition("datum.strategy == 'compute_optimal'", alt.value(4), alt.value(2))
    line = base.mark_line().encode(
        x=x, y=y, color=color, strokeDash=dash, detail="variant:N", opacity=fade, strokeWidth=thick
    )
    point = (
        base.mark_point(filled=True, size=55, opacity=1)
        .encode(x=x, y=y, color=color, opacity=fade, tooltip=tooltip)
        .add_params(picked)
    )
    ring = (
        base.transform_filter("datum.pareto")
        .mark_point(filled=False, size=150, stroke=INK, strokeWidth=1.3, shape="circle")
        .encode(x=x, y=y, opacity=fade, tooltip=tooltip)
    )
    width, height = 540, 380
    # The axis changes its meaning with the list, so its title is a mark that reads it from the rows.
    unit = (
        base.transform_aggregate(unit="min(unit)", groupby=["preset"])
        .mark_text(fontSize=13, color=INK, baseline="top", clip=False)
        .encode(x=alt.value(width / 2), y=alt.value(height + 32), text="unit:N")
    )
    numbers = sorted({int(row["bin"]) for row in rows if row["bin"]})
    presets = list(frames)
    bind: Any = alt.Undefined
    if slider:
        named = [PRESET_LABELS.get(name, name) for name in presets]
        bind = alt.binding_select(options=presets, labels=named, name="Cost")
    chart = alt.layer(band, line, ring, point, unit).add_params(
        alt.param(name="cost_now", value=preset or presets[0], bind=bind),
        bin_param(numbers, slider),
        intervals_param(False, slider),
    )
    ringed = "ringed: no strategy that could be run is as accurate for less"
    return finished(
        chart.properties(width=width, height=height, title=titled("Accuracy against cost", [*caption, ringed]))
    )


def saving_chart(savings: pl.DataFrame, *, baseline: str = "best_of_n", caption: Sequence[str] = ()) -> Any:
    """How many times less the compute-optimal strategy costs; a slider shares the bill by queries.

    Parameters
    ----------
    savings : polars.DataFrame
        Rows of `efficiency` over all problems and by bin, one block a number of queries, with a column
        ``queries``.
    baseline : str
    caption : sequence of str

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        The baseline reaches the accuracy nowhere.
    """
    known = savings.drop_nulls("factor")
    if not len(known):
        raise RequestError(
            f"{style_of(baseline).label} reaches the accuracy of the compute-optimal strategy at no budget that the "
            "store holds, so the saving has no number"
        )
    rows = [
        {key: _short(value) if isinstance(value, float) else value for key, value in row.items()}
        for row in known.to_dicts()
    ]
    queries = sorted(known["queries"].unique().to_list())
    budgets = sorted(known["budget"].unique().to_list())
    base = alt.Chart(alt.InlineData(values=rows)).transform_filter(
        f"(datum.bin || 0) == bin_now && datum.queries == {queries}[queries_step]"
    )
    x = alt.X(
        "budget:Q",
        title="budget N of the compute-optimal strategy: generations per problem (log scale)",
        scale=alt.Scale(type="log", base=2, domain=[budgets[0], max(budgets[-1], budgets[0] * 2)], nice=False),
        axis=alt.Axis(values=budgets, format="d", grid=False, labelFlush=False),
    )
    scale = alt.Scale(type="log", base=2, nice=True)
    axis = alt.Axis(labelExpr="datum.value >= 1 ? datum.value + '×' : '1/' + round(1 / datum.value) + '×'", tickCount=7)
    title = f"{style_of(baseline).label} costs this many times as much"
    one = base.mark_rule(color=INK, strokeDash=[3, 3]).encode(y=alt.datum(1, scale=scale))
    layers = [one]
    for column, name, color, low, high in (
        ("factor", "difficulty known for nothing", style_of("compute_optimal").color, "ci_low", "ci_high"),
        ("billed_factor", "difficulty billed", style_of("best_of_n").color, "billed_low", "billed_high"),
    ):
        known_ends = f"isValid(datum.{low}) && isValid(datum.{high}) && datum.{low} > 0"
        layers.append(
            base.transform_filter(f"intervals && {known_ends}")
            .mark_area(opacity=0.15, color=color)
            .encode(x=x, y=alt.Y(f"{low}:Q", scale=scale, axis=axis, title=title), y2=f"{high}:Q")
        )
        layers.append(
            base.transform_filter(f"isValid(datum.{column}) && datum.{column} > 0")
            .transform_calculate(name=f"'{name}'")
            .mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(filled=True, size=55))
            .encode(
                x=x,
                y=alt.Y(f"{column}:Q", scale=scale, axis=axis, title=title),
                color=alt.Color(
                    "name:N",
                    scale=alt.Scale(
                        domain=["difficulty known for nothing", "difficulty billed"],
                        range=[style_of("compute_optimal").color, style_of("best_of_n").color],
                    ),
                    legend=alt.Legend(title=None, orient="bottom", symbolType="stroke"),
                ),
                tooltip=[
                    alt.Tooltip("name:N", title="with"),
                    alt.Tooltip("budget:Q", title="budget N"),
                    alt.Tooltip("accuracy:Q", format=".1%"),
                    alt.Tooltip("cost:Q", title="its cost", format=",.4~g"),
                    alt.Tooltip("baseline_cost:Q", title="the baseline's cost", format=",.4~g"),
                    alt.Tooltip("billed_cost:Q", title="its cost with the bill", format=",.4~g"),
                    alt.Tooltip(f"{column}:Q", title="factor", format=".3~g"),
                    alt.Tooltip(f"{low}:Q", title="interval from", format=".3~g"),
                    alt.Tooltip(f"{high}:Q", title="interval to", format=".3~g"),
                    alt.Tooltip("break_even_queries:Q", title="break-even queries", format=",.4~g"),
                ],
            )
        )
    said = (
        base.transform_aggregate(queries="min(queries)")
        .transform_calculate(
            label="'bill shared by ' + format(datum.queries, ',d')"
            " + (datum.queries > 1 ? ' queries' : ' query') + ' of a problem'"
        )
        .mark_text(align="right", baseline="bottom", fontSize=12, color=QUIET_INK)
        .encode(x=alt.value(520), y=alt.value(-4), text="label:N")
    )
    numbers = known["bin"].drop_nulls().unique().sort().to_list()
    chart = alt.layer(*layers, said).add_params(
        alt.param(
            name="queries_step",
            value=0,
            bind=alt.binding_range(min=0, max=len(queries) - 1, step=1, name="Queries = 4 to the power of"),
        ),
        bin_param(numbers, True),
        intervals_param(True, True),
    )
    return finished(chart.properties(width=520, height=300, title=titled("What choosing by difficulty saves", caption)))


def _short(value: float) -> float:
    """Six significant digits, which no picture can show more of."""
    return float(f"{value:.6g}")
