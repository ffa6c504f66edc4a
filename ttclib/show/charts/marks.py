"""The layers that charts of accuracy against budget are made of.

Two parameters stand in every chart: ``budget_now``, the budget that is looked at, which a widget outside
sets, or a slider inside by way of `STEP`, its place in the list of budgets; and ``intervals``, whether
the bands are shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from ttclib.show.captions import bin_title
from ttclib.show.theme import INK, QUIET_INK, style_of

LABEL_PX = 13
STEP = "budget_step"
# A difference in percentage points on an axis: always with its sign, and zero without.
SIGNED_POINTS = "datum.value == 0 ? '0' : format(datum.value * 100, '+d')"


def spread_labels(
    heights: Sequence[float], *, gap: float, low: float = -math.inf, high: float = math.inf
) -> list[float]:
    """Heights moved apart as little as needed, so that no two are closer than `gap`.

    Labels that crowd form a block, which is centred on where its labels want to be; blocks that
    touch are joined. This is isotonic regression, so the sum of squared moves is the smallest.

    Parameters
    ----------
    heights : sequence of float
        Where labels want to be, in any order.
    gap : float
        Least distance, in the same unit.
    low, high : float
        Ends between which the labels stay, where there is room for all.

    Returns
    -------
    list of float
        In the order of `heights`.

    Examples
    --------
    >>> spread_labels([0.5, 0.9, 0.5], gap=0.1)
    [0.45, 0.9, 0.55]
    """
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    blocks: list[list[float]] = []  # each: first height, number of labels
    for index in order:
        blocks.append([heights[index], 1])
        while len(blocks) > 1 and blocks[-2][0] + blocks[-2][1] * gap > blocks[-1][0] + 1e-12:
            (start, count), (above, more) = blocks[-2:]
            joined = (start * count + (above - count * gap) * more) / (count + more)
            blocks[-2:] = [[joined, count + more]]
    placed = [start + step * gap for start, count in blocks for step in range(int(count))]
    for at in reversed(range(len(placed))):
        placed[at] = min(placed[at], high - (len(placed) - 1 - at) * gap)
    for at in range(len(placed)):
        placed[at] = max(placed[at], low + at * gap)
    result = [0.0] * len(heights)
    for index, height in zip(order, placed, strict=True):
        result[index] = height
    return result


def curve_layers(
    base: Any,
    strategies: list[str],
    budgets: list[int],
    y_domain: tuple[float, float],
    picked: Any,
    *,
    legend: bool,
    small: bool = False,
    unit: str = "samples",
) -> list[Any]:
    """Bands, lines and points."""
    styles = [style_of(strategy) for strategy in strategies]
    names = [style.label for style in styles]
    key = (
        alt.Legend(title=None, orient="bottom", columns=min(4, len(names)), symbolType="stroke", symbolOpacity=1)
        if legend
        else None
    )
    x = budget_axis(budgets, small=small, unit=unit)
    axis = alt.Axis(format=".0%", tickCount=5 if small else 8)
    y_title = "accuracy" if small else "accuracy: problems solved"
    y_scale = alt.Scale(domain=list(y_domain), nice=False, zero=False)
    y = alt.Y("accuracy:Q", title=y_title, scale=y_scale, axis=axis)
    color = alt.Color("name:N", scale=alt.Scale(domain=names, range=[style.color for style in styles]), legend=key)
    # By another field than the colours, or the legend would draw its points with dashed outlines.
    dash_range = [list(style.dash) or [1, 0] for style in styles]
    dash = alt.StrokeDash("strategy:N", scale=alt.Scale(domain=strategies, range=dash_range), legend=None)
    shape = alt.Shape("name:N", scale=alt.Scale(domain=names, range=[style.shape for style in styles]), legend=key)
    at_budget = "datum.budget == budget_now"
    band = (
        base.transform_filter("intervals")
        .mark_area(clip=True)
        .encode(
            x=x,
            y=alt.Y("ci_low:Q", title=y_title, scale=y_scale, axis=axis),
            y2=alt.Y2("ci_high:Q"),
            color=color,
            opacity=faded(picked, 0.11, 0.02),
        )
    )
    line = base.mark_line(strokeWidth=2 if small else 2.5).encode(
        x=x,
        y=y,
        color=color,
        strokeDash=dash,
        opacity=faded(picked, 1, 0.15),
        tooltip=alt.Tooltip("name:N", title="strategy"),
    )
    point = (
        base.mark_point(filled=True, opacity=1)
        .encode(
            x=x,
            y=y,
            color=color,
            shape=shape,
            size=alt.SizeValue(
                **alt.condition(at_budget, alt.value(110 if small else 170), alt.value(26 if small else 50))
            ),
            opacity=faded(picked, 1, 0.15),
            tooltip=_tooltip(),
        )
        .add_params(picked)
    )
    return [band, line, point]


def _tooltip() -> list[Any]:
    """All figures of a row. A mark with a tooltip also takes clicks; Vega-Lite makes the others deaf."""
    return [
        alt.Tooltip("name:N", title="strategy"),
        alt.Tooltip("budget:Q", title="budget N", format="d"),
        alt.Tooltip("accuracy:Q", format=".1%"),
        alt.Tooltip("ci_low:Q", title="interval from", format=".1%"),
        alt.Tooltip("ci_high:Q", title="interval to", format=".1%"),
        alt.Tooltip("n_problems:Q", title="problems", format="d"),
        alt.Tooltip("tokens:Q", title="tokens per problem", format=",.0f"),
        alt.Tooltip("flops:Q", title="FLOPs per problem", format=".2e"),
    ]


def label_layers(base: Any, strategies: list[str], picked: Any, width: int) -> list[Any]:
    """Name and accuracy at the budget, beside the end of each line, in the line's own colour."""
    styles = [style_of(strategy) for strategy in strategies]
    names = [style.label for style in styles]
    # A strategy that ends below the budget is named at its own last one.
    here = (
        base.transform_filter("datum.budget <= budget_now")
        .transform_joinaggregate(last="max(budget)", groupby=["strategy"])
        .transform_filter("datum.budget == datum.last")
    )
    fade = faded(picked, 1, 0.3)
    color = alt.Color("name:N", scale=alt.Scale(domain=names, range=[style.color for style in styles]), legend=None)
    leader = here.mark_rule(strokeWidth=1).encode(
        x=alt.XValue(width + 5),
        x2=alt.X2Value(width + 19),
        y=alt.Y("end_height:Q"),
        y2=alt.Y2("label_height:Q"),
        color=color,
        opacity=fade,
    )
    text = (
        here.transform_calculate(
            label=(
                "format(datum.accuracy, '.1%') + '  ' + datum.name"
                " + (datum.budget < budget_now ? ' (N = ' + datum.budget + ')' : '')"
            )
        )
        .mark_text(align="left", baseline="middle", fontSize=LABEL_PX, fontWeight=600, cursor="pointer")
        .encode(
            x=alt.XValue(width + 23),
            y=alt.Y("label_height:Q"),
            text=alt.Text("label:N"),
            color=alt.Color("text_color:N", scale=None),
            opacity=fade,
            tooltip=_tooltip(),
        )
    )
    return [leader, text]


def reference_layers(references: Mapping[str, float], *, by_bin: bool) -> list[Any]:
    """Level lines with their names; they hold over all problems and go where a single bin is shown."""
    rows = [{"name": name, "level": round(value, 5)} for name, value in references.items()]
    base = alt.Chart(alt.InlineData(values=rows))
    if by_bin:
        base = base.transform_filter("bin_now == 0")
    line = base.mark_rule(color=QUIET_INK, strokeWidth=1.2).encode(
        y=alt.Y("level:Q"), tooltip=[alt.Tooltip("name:N"), alt.Tooltip("level:Q", title="accuracy", format=".1%")]
    )
    text = (
        base.transform_calculate(label="datum.name + ' ' + format(datum.level, '.1%')")
        .mark_text(align="left", baseline="bottom", dx=6, dy=-3, fontSize=12, color=QUIET_INK)
        .encode(x=alt.XValue(0), y=alt.Y("level:Q"), text=alt.Text("label:N"))
    )
    return [line, text]


def faded(picked: Any, strong: float, weak: float) -> Any:
    """Opacity of what is singled out, and of the rest."""
    return alt.OpacityValue(**alt.condition(picked, alt.value(strong), alt.value(weak)))


def picked_param(*, legend: bool) -> Any:
    """The strategies singled out: clicked in the legend, or else as a line, a point or a label."""
    if legend:
        return alt.selection_point(name="picked", fields=["name"], bind="legend", toggle="true")
    return alt.selection_point(name="picked", fields=["name"], on="click", toggle="true")


def rule(base: Any, first: str) -> Any:
    """The line at the budget; of one strategy's rows only, or it would be drawn once for each."""
    return (
        base.transform_filter(f"datum.budget == budget_now && datum.strategy == '{first}'")
        .mark_rule(color=QUIET_INK, strokeWidth=1.2, strokeDash=[4, 3])
        .encode(x=alt.X("budget:Q"))
    )


def rule_text(base: Any, first: str) -> Any:
    """The budget above its rule."""
    return (
        base.transform_filter(f"datum.budget == budget_now && datum.strategy == '{first}'")
        .transform_calculate(label="'N = ' + datum.budget")
        .mark_text(baseline="bottom", dy=-7, fontSize=12, fontWeight=600, color=INK)
        .encode(x=alt.X("budget:Q"), y=alt.YValue(0), text=alt.Text("label:N"))
    )


def budget_params(budgets: list[int], budget: int | None, slider: bool) -> list[Any]:
    """The budget that is looked at, and with a slider its place in the list of budgets, which the slider moves."""
    start = len(budgets) - 1 if budget is None else budgets.index(budget)
    if not slider:
        return [alt.param(name="budget_now", value=budgets[start])]
    powers = budgets == [1 << exponent for exponent in range(len(budgets))]
    name = "Budget N = 2 to the power of " if powers else "Budget N, place in the list of budgets "
    bind = alt.binding_range(min=0, max=len(budgets) - 1, step=1, name=name)
    return [
        alt.param(name=STEP, value=start, bind=bind),
        alt.param(name="budget_now", expr=f"{budgets}[{STEP}]"),
    ]


def budget_axis(budgets: list[int], *, small: bool = False, unit: str = "samples") -> Any:
    """The budget on a logarithmic axis, powers of two written as numbers."""
    return alt.X(
        "budget:Q",
        title=f"N, {unit} per problem" if small else f"budget N: {unit} per problem (log scale)",
        scale=alt.Scale(type="log", base=2, domain=_x_domain(budgets), nice=False),
        axis=alt.Axis(
            values=budgets if len(budgets) <= 16 else _powers(budgets), format="d", grid=False, labelFlush=False
        ),
    )


def titled(text: str, lines: Sequence[str]) -> Any:
    """A title with the caption's lines below it."""
    return alt.Title(text, subtitle=list(lines)) if lines else alt.Title(text)


def intervals_param(shown: bool, control: bool) -> Any:
    """Whether the bands are drawn, which a box inside the picture can switch."""
    bind = alt.binding_checkbox(name="Intervals") if control else alt.Undefined
    return alt.param(name="intervals", value=shown, bind=bind)


def bin_param(numbers: list[int], control: bool) -> Any:
    """The difficulty bin shown, 0 for all problems, which a list inside the picture can change."""
    labels = ["all problems", *(bin_title(number, len(numbers)) for number in numbers)]
    bind = alt.binding_select(options=[0, *numbers], labels=labels, name="Difficulty") if control else alt.Undefined
    return alt.param(name="bin_now", value=0, bind=bind)


def _powers(budgets: list[int]) -> list[int]:
    """Of many budgets the powers of two and the last, so that the axis stays readable."""
    return [budget for budget in budgets if budget & (budget - 1) == 0] + (
        [budgets[-1]] if budgets[-1] & (budgets[-1] - 1) else []
    )


def _x_domain(budgets: list[int]) -> list[float]:
    """One budget alone would make an axis of no length."""
    return [budgets[0], budgets[-1]] if len(budgets) > 1 else [budgets[0] / 2, budgets[0] * 2]
