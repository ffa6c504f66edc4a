"""Accuracy against budget as pictures: drawn from a table of curves, nothing else.

The charts take the table of `ttclib.analysis.accuracy_curves` (one row a strategy, budget and bin,
so some hundred rows however large the store) and carry that and no more.

The budget is a parameter inside the picture. A rule stands at it and the labels at the line ends
give the accuracy there. With ``slider=True`` the picture brings its own slider, which needs no
kernel; without, `signals` says what to set from outside. A click on a line or its label singles
that strategy out, which needs no kernel either.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from ttclib.errors import RequestError, nearest
from ttclib.show.choices import VERIFIER_LABELS
from ttclib.show.theme import INK, QUIET_INK, STYLES, finished, in_order, style_of
from ttclib.store.pool import LOGPROB, SamplePool

# Altair refuses more rows; a chart that needs them is not aggregated.
MAX_ROWS = 5000
LABEL_PX = 13
# Most strategies whose labels still find room beside a chart; more get a legend.
MAX_DIRECT_LABELS = 9
STEP = "budget_step"
EXTENSIONS = (".png", ".svg", ".html")
AGGREGATION_LABELS = {
    "last": "last step's score",
    "min": "lowest step score",
    "prod": "product of step scores",
    "mean": "mean step score",
}


def accuracy_chart(
    curves: pl.DataFrame,
    *,
    caption: Sequence[str] = (),
    budget: int | None = None,
    slider: bool = False,
    y_domain: tuple[float, float] | None = None,
    title: str | None = None,
    width: int = 560,
    height: int = 360,
) -> Any:
    """Accuracy against budget over all problems, one line a strategy.

    Parameters
    ----------
    curves : polars.DataFrame
        As `accuracy_curves` gives it; rows of single bins are left aside.
    caption : sequence of str
        Lines under the title, from `caption`.
    budget : int, optional
        Where the rule stands; None: no rule, unless there is a slider.
    slider : bool
        Give the picture a budget slider of its own, which works without a kernel.
    y_domain : pair of float, optional
        Ends of the accuracy axis, 0 to 1; None: what the bands need, in tenths.
    title : str, optional
    width, height : int
        Of the plot, in px.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        Nothing to draw, an unknown strategy, or a budget that the table does not have.
    """
    overall = _checked(curves.filter(pl.col("bin").is_null()), budget)
    budgets = sorted(overall["budget"].unique().to_list())
    low, high = y_domain or accuracy_domain(overall)
    strategies = in_order(overall["strategy"].to_list())
    ends = {
        row["strategy"]: row["accuracy"] for row in overall.sort("budget").iter_rows(named=True)
    }  # the last one of each stays
    direct = len(strategies) <= MAX_DIRECT_LABELS and len(strategies) * (LABEL_PX + 5) <= height
    spread = spread_labels([ends[name] for name in strategies], gap=(LABEL_PX + 5) / height * (high - low), low=low, high=high)
    rows = _rows(overall, dict(zip(strategies, spread, strict=True)))
    picked = alt.selection_point(name="picked", fields=["strategy"], on="click", toggle="true")
    base = alt.Chart(alt.InlineData(values=rows))
    layers = _curve_layers(base, strategies, budgets, (low, high), picked, legend=not direct)
    if budget is not None or slider:
        layers = [_rule(base, strategies[0]), *layers, _rule_text(base, strategies[0])]
    if direct:
        layers += _label_layers(base, strategies, picked, width)
    chart = alt.layer(*layers).add_params(*_budget_params(budgets, budget, slider))
    return finished(
        chart.properties(
            width=width, height=height, title=_title(title or "Accuracy against sampling budget", caption)
        )
    )


def bins_chart(
    curves: pl.DataFrame,
    *,
    caption: Sequence[str] = (),
    budget: int | None = None,
    slider: bool = False,
    y_domain: tuple[float, float] | None = None,
    title: str | None = None,
    columns: int | None = None,
    width: int = 230,
    height: int = 180,
) -> Any:
    """Accuracy against budget, one panel a difficulty bin and one for all, on the same axes.

    Parameters
    ----------
    curves : polars.DataFrame
        As `accuracy_curves` gives it with ``bins``.
    caption, budget, slider, y_domain, title
        As in `accuracy_chart`.
    columns : int, optional
        Panels side by side; None: 3, or 2 where that leaves no gap.
    width, height : int
        Of one panel, in px.

    Returns
    -------
    altair.FacetChart

    Raises
    ------
    RequestError
        No rows with a bin, an unknown strategy, or a budget that the table does not have.
    """
    if not curves["bin"].is_not_null().any():
        raise RequestError("nothing to draw by difficulty: the table has no bins. Make it with bins = 3 or 5")
    known = _checked(curves, budget)
    budgets = sorted(known["budget"].unique().to_list())
    strategies = in_order(known["strategy"].to_list())
    numbers = sorted(curves["bin"].drop_nulls().unique().to_list())
    titles = {number: bin_title(number, len(numbers)) for number in numbers}
    if known["bin"].is_null().any():
        titles[None] = "all problems"
    rows = [{**row, "panel": titles[row["bin"]]} for row in _rows(known, {})]
    picked = alt.selection_point(name="picked", fields=["strategy"], on="click", toggle="true")
    base = alt.Chart()
    layers = _curve_layers(
        base, strategies, budgets, y_domain or accuracy_domain(known), picked, legend=True, small=True
    )
    if budget is not None or slider:
        layers = [_rule(base, strategies[0]), *layers, _rule_text(base, strategies[0])]
    chart = alt.layer(*layers, data=alt.InlineData(values=rows)).properties(width=width, height=height)
    beside = columns or (2 if len(titles) in (2, 4) else 3)
    # Room for the "N = 16" of the rule between a panel and its heading.
    header = alt.Header(labelPadding=6 if budget is not None or slider else 4)
    panels = (
        chart.facet(
            facet=alt.Facet("panel:N", sort=list(titles.values()), title=None, header=header), columns=beside, spacing=24
        )
        .resolve_axis(x="independent")
        .add_params(*_budget_params(budgets, budget, slider))
    )
    return finished(panels.properties(title=_title(title or "Accuracy by difficulty", caption)))


def caption(
    pool: SamplePool,
    *,
    verifier: str = "prm",
    aggregation: str = "last",
    bins: int | None = None,
    difficulty: str = "oracle",
    level: float = 0.95,
) -> list[str]:
    """What a reader must know about a chart, said from the data, one string a line.

    Parameters
    ----------
    pool : SamplePool
    verifier, aggregation, bins, difficulty, level
        As given to `accuracy_curves`.

    Returns
    -------
    list of str
        Where the samples come from; how one is selected; what the bands are.
    """
    sizes = pool.pool_sizes
    each = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()}–{sizes.max()}"
    source = [Path(pool.store).name, f"policy {pool.policy}"]
    if pool.benchmark:
        source.append(pool.benchmark)
    source.append(f"{len(pool.problem_ids)} problems × {each} samples")
    temperature = pool.decoding.get("temperature")
    source.append("temperature not recorded" if temperature is None else f"temperature {temperature:g}")
    if verifier == LOGPROB:
        selected = f"best-of-N selects by the {VERIFIER_LABELS[LOGPROB]} (mean per token)"
    elif pool.verifier is None:
        selected = "no PRM scores"
    else:
        selected = f"best-of-N selects by PRM {pool.verifier}, {AGGREGATION_LABELS.get(aggregation, aggregation)}"
    lines = [" · ".join(source), selected]
    if bins is not None:
        kind = "oracle: each problem's own pass rate" if difficulty == "oracle" else "predicted: the PRM's mean score"
        lines.append(f"{bins} bins of equal size by difficulty ({kind})")
    lines.append(f"bands: {level * 100:g} % bootstrap intervals over problems")
    return lines


def bin_title(number: int, n_bins: int) -> str:
    """How a panel is headed: ``bin 1 (easiest)`` … ``bin 5 (hardest)``."""
    ends = {1: " (easiest)", n_bins: " (hardest)"} if n_bins > 1 else {}
    return f"bin {number}{ends.get(number, '')}"


def accuracy_domain(curves: pl.DataFrame) -> tuple[float, float]:
    """Ends of an accuracy axis that holds every band, in whole tenths, 0 to 1."""
    lows = [value for value in curves["ci_low"].to_list() + curves["accuracy"].to_list() if value is not None]
    highs = [value for value in curves["ci_high"].to_list() + curves["accuracy"].to_list() if value is not None]
    low, high = math.floor(min(lows) * 10 + 1e-9) / 10, math.ceil(max(highs) * 10 - 1e-9) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, low + 0.1))


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


def signals(budgets: Iterable[int], budget: int) -> dict[str, int]:
    """What to set in a drawn chart so that its rule stands at a budget.

    Raises
    ------
    RequestError
        The chart does not have that budget.
    """
    steps = sorted(set(budgets))
    if budget not in steps:
        raise RequestError(f"budget {budget} is not in the chart; it has {', '.join(map(str, steps))}")
    return {STEP: steps.index(budget)}


def save_chart(chart: Any, path: str | Path) -> Path:
    """Write a chart as a picture or a page, as the file's extension says; no network is needed.

    Parameters
    ----------
    chart : altair chart
    path : str or pathlib.Path
        Ends in ``.png`` (twice the screen's resolution), ``.svg`` or ``.html`` (scripts inside).

    Returns
    -------
    pathlib.Path

    Raises
    ------
    RequestError
        Another extension, or a folder that is not there.
    """
    import vl_convert

    target = Path(path)
    extension = target.suffix.lower()
    if extension not in EXTENSIONS:
        raise RequestError(
            f"cannot write '{path}': extension '{target.suffix}' is unknown{nearest(extension, EXTENSIONS)} "
            f"Allowed: {', '.join(EXTENSIONS)}"
        )
    if not target.parent.is_dir():
        raise RequestError(f"cannot write '{path}': folder '{target.parent}' does not exist; make it first")
    spec = chart.to_dict()
    if extension == ".png":
        target.write_bytes(vl_convert.vegalite_to_png(spec, scale=2))
    elif extension == ".svg":
        target.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
    else:
        target.write_text(vl_convert.vegalite_to_html(spec, bundle=True), encoding="utf-8")
    return target


def _checked(curves: pl.DataFrame, budget: int | None) -> pl.DataFrame:
    """The rows that have an accuracy; an error where none has, or where there are too many."""
    known = curves.drop_nulls("accuracy")
    if not len(known):
        raise RequestError("nothing to draw: the table has no accuracies. Are the samples graded, is a strategy chosen?")
    if len(known) > MAX_ROWS:
        raise RequestError(f"{len(known)} rows are too many for a chart (at most {MAX_ROWS}): choose fewer budgets")
    if budget is not None:
        signals(known["budget"].to_list(), budget)
    return known


def _rows(curves: pl.DataFrame, label_heights: dict[str, float]) -> list[dict[str, Any]]:
    """Rows as the spec carries them: rounded, named, and without what no mark shows."""
    last = {row["strategy"]: row["budget"] for row in curves.sort("budget").iter_rows(named=True)}
    rows = []
    for row in curves.sort("strategy", "bin", "budget").iter_rows(named=True):
        kept = {key: _rounded(row[key]) for key in row if key not in ("flops",)}
        kept["flops"] = None if row["flops"] is None else float(f"{row['flops']:.4g}")
        kept["name"] = style_of(row["strategy"]).label
        if row["strategy"] in label_heights:
            kept["label_height"] = _rounded(label_heights[row["strategy"]])
            kept["end_height"] = _rounded(
                curves.filter((pl.col("strategy") == row["strategy"]) & (pl.col("budget") == last[row["strategy"]]))[
                    "accuracy"
                ][0]
            )
        rows.append(kept)
    return rows


def _rounded(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


def _curve_layers(
    base: Any,
    strategies: list[str],
    budgets: list[int],
    y_domain: tuple[float, float],
    picked: Any,
    *,
    legend: bool,
    small: bool = False,
) -> list[Any]:
    """Bands, lines and points."""
    styles = [style_of(strategy) for strategy in strategies]
    names = [style.label for style in styles]
    key = alt.Legend(title=None, orient="bottom", columns=min(4, len(names)), symbolType="stroke", symbolOpacity=1) if legend else None
    x = alt.X(
        "budget:Q",
        title="N, samples per problem" if small else "budget N: samples per problem (log scale)",
        scale=alt.Scale(type="log", base=2, domain=_x_domain(budgets), nice=False),
        axis=alt.Axis(values=budgets if len(budgets) <= 16 else _powers(budgets), format="d", grid=False, labelFlush=False),
    )
    axis = alt.Axis(format=".0%", tickCount=5 if small else 8)
    y_title = "accuracy" if small else "accuracy: problems solved"
    y_scale = alt.Scale(domain=list(y_domain), nice=False, zero=False)
    y = alt.Y("accuracy:Q", title=y_title, scale=y_scale, axis=axis)
    color = alt.Color("name:N", scale=alt.Scale(domain=names, range=[style.color for style in styles]), legend=key)
    dash = alt.StrokeDash(
        "name:N", scale=alt.Scale(domain=names, range=[list(style.dash) or [1, 0] for style in styles]), legend=None
    )
    shape = alt.Shape("name:N", scale=alt.Scale(domain=names, range=[style.shape for style in styles]), legend=None)
    tooltip = [
        alt.Tooltip("name:N", title="strategy"),
        alt.Tooltip("budget:Q", title="budget N", format="d"),
        alt.Tooltip("accuracy:Q", format=".1%"),
        alt.Tooltip("ci_low:Q", title="interval from", format=".1%"),
        alt.Tooltip("ci_high:Q", title="interval to", format=".1%"),
        alt.Tooltip("n_problems:Q", title="problems", format="d"),
        alt.Tooltip("tokens:Q", title="tokens per problem", format=",.0f"),
        alt.Tooltip("flops:Q", title="FLOPs per problem", format=".2e"),
    ]
    at_budget = f"datum.budget == {_budget_now(budgets)}"
    band = base.mark_area(clip=True).encode(
        x=x,
        y=alt.Y("ci_low:Q", title=y_title, scale=y_scale, axis=axis),
        y2="ci_high:Q",
        color=color,
        opacity=alt.condition(picked, alt.value(0.11), alt.value(0.02)),
    )
    line = base.mark_line(strokeWidth=2 if small else 2.5).encode(
        x=x, y=y, color=color, strokeDash=dash, opacity=alt.condition(picked, alt.value(1), alt.value(0.15))
    )
    point = (
        base.mark_point(filled=True, opacity=1)
        .encode(
            x=x,
            y=y,
            color=color,
            shape=shape,
            size=alt.condition(at_budget, alt.value(110 if small else 170), alt.value(26 if small else 50)),
            opacity=alt.condition(picked, alt.value(1), alt.value(0.15)),
            tooltip=tooltip,
        )
        .add_params(picked)
    )
    return [band, line, point]


def _label_layers(base: Any, strategies: list[str], picked: Any, width: int) -> list[Any]:
    """Name and accuracy at the budget, beside the end of each line, in the line's own colour."""
    styles = [style_of(strategy) for strategy in strategies]
    names = [style.label for style in styles]
    here = base.transform_filter("datum.budget == budget_now")
    fade = alt.condition(picked, alt.value(1), alt.value(0.3))
    color = alt.Color("name:N", scale=alt.Scale(domain=names, range=[style.color for style in styles]), legend=None)
    leader = here.mark_rule(strokeWidth=1).encode(
        x=alt.value(width + 5), x2=alt.value(width + 19), y="end_height:Q", y2="label_height:Q", color=color, opacity=fade
    )
    text = here.transform_calculate(label="format(datum.accuracy, '.1%') + '  ' + datum.name")
    layers = [leader]
    for style in styles:
        # One layer a strategy, because the darkened text colours would need a colour scale of their own.
        layers.append(
            text.transform_filter(f"datum.name == '{style.label}'")
            .mark_text(align="left", baseline="middle", fontSize=LABEL_PX, fontWeight=600, color=style.text_color)
            .encode(x=alt.value(width + 23), y="label_height:Q", text="label:N", opacity=fade)
        )
    return layers


def _rule(base: Any, first: str) -> Any:
    """The line at the budget; of one strategy's rows only, or it would be drawn once for each."""
    return (
        base.transform_filter(f"datum.budget == budget_now && datum.strategy == '{first}'")
        .mark_rule(color=QUIET_INK, strokeWidth=1.2, strokeDash=[4, 3])
        .encode(x="budget:Q")
    )


def _rule_text(base: Any, first: str) -> Any:
    return (
        base.transform_filter(f"datum.budget == budget_now && datum.strategy == '{first}'")
        .transform_calculate(label="'N = ' + datum.budget")
        .mark_text(baseline="bottom", dy=-7, fontSize=12, fontWeight=600, color=INK)
        .encode(x="budget:Q", y=alt.value(0), text="label:N")
    )


def _budget_params(budgets: list[int], budget: int | None, slider: bool) -> list[Any]:
    """The step on the list of budgets, which a slider moves, and the budget that stands there."""
    start = len(budgets) - 1 if budget is None else budgets.index(budget)
    powers = budgets == [1 << exponent for exponent in range(len(budgets))]
    name = "Budget N = 2 to the power of " if powers else "Budget N, place in the list of budgets "
    bind = alt.binding_range(min=0, max=len(budgets) - 1, step=1, name=name) if slider else alt.Undefined
    return [
        alt.param(name=STEP, value=start, bind=bind),
        alt.param(name="budget_now", expr=_budget_now(budgets)),
    ]


def _budget_now(budgets: list[int]) -> str:
    return f"{budgets}[{STEP}]"


def _powers(budgets: list[int]) -> list[int]:
    """Of many budgets the powers of two and the last, so that the axis stays readable."""
    return [budget for budget in budgets if budget & (budget - 1) == 0] + ([budgets[-1]] if budgets[-1] & (budgets[-1] - 1) else [])


def _x_domain(budgets: list[int]) -> list[float]:
    """One budget alone would make an axis of no length."""
    return [budgets[0], budgets[-1]] if len(budgets) > 1 else [budgets[0] / 2, budgets[0] * 2]


def _title(text: str, lines: Sequence[str]) -> Any:
    return alt.Title(text, subtitle=list(lines)) if lines else alt.Title(text)


__all__ = ["STYLES", "accuracy_chart", "bin_title", "bins_chart", "caption", "save_chart", "signals", "spread_labels"]
