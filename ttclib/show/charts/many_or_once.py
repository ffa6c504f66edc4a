"""Several answers of a cheaper side or one of a dearer: the differences at equal cost, and accuracy against cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column, strategy_label
from ttclib.analysis.frontier import COMPUTE_OPTIMAL
from ttclib.errors import RequestError
from ttclib.replay.strategy import needs_truth
from ttclib.show.charts.accuracy import accuracy_domain
from ttclib.show.charts.axes import QUANTITY, SIGNED_POINTS, share
from ttclib.show.charts.grammar import ROWS, Lines, finished
from ttclib.show.charts.labels import LABEL_PX, end_labels, halo_text, spread_labels
from ttclib.show.charts.rows import intervals_param, rows_of, tips
from ttclib.show.charts.series import FIRST_AHEAD, SECOND_AHEAD, TOO_CLOSE, Series, faded, picked_param
from ttclib.show.theme import INK, QUIET_INK, drawn, pair, style_of
from ttclib.study.captions import bands_line
from ttclib.study.many_or_once import ManyOrOnce

# Sides from the cheapest to the dearest; each has a dash and a point of its own as well.
COLORS = ("#009E73", "#0072B2", "#D55E00", "#CC79A7", "#56B4E9", "#A6761D", "#4D4D9F", "#B2182B")
DASHES = ((), (7, 3), (12, 3, 2, 3), (4, 2), (9, 2, 1, 2, 1, 2), (14, 4))  # none dotted, as coverage is
AHEAD = {"many": ("several ahead", *FIRST_AHEAD), "once": ("one ahead", *SECOND_AHEAD)}
CLOSE = ("too close to call", *TOO_CLOSE)
ROW_PX, HEIGHT = 42, 330
TOLD = ("budget", "cost", column("accuracy", label="accuracy"), "n_problems")
PAIR_TOLD = (
    column("many", label="several of"),
    "budget",
    "cost",
    "accuracy_many",
    column("once", label="one of"),
    "cost_once",
    "accuracy_once",
    "difference",
    "n_problems",
)


def equal_cost_chart(found: Sequence[ManyOrOnce], *, caption: Sequence[str] = ()) -> Any:
    """Several answers less one, at equal cost: a line with its interval for each pair, under what they have in common.

    Raises
    ------
    RequestError
        No cheaper side has two answers for the cost of one.
    """
    rows: list[dict[str, Any]] = []
    for one in found:
        pairs = rows_of(one.frame.filter((pl.col("budget") > 1) & pl.col("at_most").is_not_null()), PAIR_TOLD)
        if pairs:
            rows.append({"text": one.title, "heading": True, "place": len(rows)})
        for row in pairs:
            said = AHEAD[row["winner"]][0] if row["winner"] in AHEAD else CLOSE[0]
            how = f" ({strategy_label(row['strategy'])})" if one.frame["strategy"].n_unique() > 1 else ""
            text = f"{row['many']} × {row['budget']}{how} against {row['once']} once"
            rows.append({**row, "text": text, "heading": False, "verdict": said, "place": len(rows)})
    if not rows:
        raise RequestError("nothing to draw: at the cost of one answer no cheaper side has two")
    looks = [*AHEAD.values(), CLOSE]
    names = [name for name, _, _ in looks]
    low = min(row.get("ci_low", -0.02) for row in rows)  # a heading has none
    high = max(row.get("ci_high", 0.02) for row in rows)
    room = high - low
    ends = [low - 0.03 * room, high + 0.17 * room]  # to the right the numbers stand
    across: dict[str, Any] = {
        "scale": alt.Scale(domain=ends, nice=False),
        "axis": alt.Axis(labelExpr=SIGNED_POINTS, tickCount=6, grid=True),
        "title": "several less one, percentage points",
    }
    y = alt.Y("place:Q", scale=alt.Scale(domain=[-0.45, len(rows) - 0.4], reverse=True, nice=False), axis=None)
    base = alt.Chart(ROWS)
    pairs_base = base.transform_filter("!datum.heading")
    key = alt.Legend(title=None, orient="bottom", symbolOpacity=1, columns=3)
    color = alt.Color(
        "verdict:N", scale=alt.Scale(domain=names, range=[drawn(shade) for _, shade, _ in looks]), legend=key
    )
    shape = alt.Shape("verdict:N", scale=alt.Scale(domain=names, range=[shape for _, _, shape in looks]), legend=key)
    zero = (
        base.transform_filter("datum.place == 0")
        .mark_rule(color=INK, strokeWidth=1)
        .encode(x=alt.datum(0, scale=across["scale"]))
    )
    whisker = pairs_base.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("ci_low:Q", **across), x2="ci_high:Q", y=y, color=color, tooltip=tips(*PAIR_TOLD)
    )
    point = pairs_base.mark_point(filled=True, opacity=1, size=90).encode(
        x=alt.X("difference:Q", **across), y=y, color=color, shape=shape, tooltip=tips(*PAIR_TOLD)
    )
    number = (
        pairs_base.transform_calculate(said="replace(format(datum.difference * 100, '+.1f'), '-', '−')")
        .mark_text(align="right", baseline="middle", dx=-4, fontSize=12, fontWeight=600, color=INK)
        .encode(x=alt.XValue(alt.ExprRef("width")), y=y, text="said:N")
    )
    at = {"x": alt.XValue(2), "y": y}
    look: dict[str, Any] = {"align": "left", "baseline": "middle"}
    headings = base.transform_filter("datum.heading")
    texts = [
        *halo_text(pairs_base, text="text:N", channels=at, fontSize=12, dy=-16, **look),
        *halo_text(headings, text="text:N", channels=at, fontSize=13, fontWeight=600, dy=8, **look),
    ]
    return finished(
        alt.layer(zero, whisker, point, number, *texts),
        rows,
        title="Several answers less one, at equal cost",
        caption=[*caption, bands_line()],
        width=560,
        height=ROW_PX * len(rows),
    )


def cost_chart(found: ManyOrOnce, *, caption: Sequence[str] = ()) -> Any:
    """Accuracy against cost, a line a side; dotted its coverage; and the best choice among all within each cost.

    Raises
    ------
    RequestError
        Nothing to draw.
    """
    frame = found.frontier.frame.filter(pl.col("bin").is_null()).drop_nulls(["accuracy", "cost"])
    own = frame.filter(pl.col("side").is_in(found.sides))
    first = found.frame["strategy"][0]  # of several ways to choose the first is drawn
    able = own.filter(pl.col("strategy") == first)
    bound = pl.col("strategy").map_elements(needs_truth, return_dtype=pl.Boolean)
    covers = own.filter(bound & (pl.col("strategy") != first))
    best = frame.filter(pl.col("strategy") == COMPUTE_OPTIMAL).sort("at_most")
    if not able.height:
        raise RequestError("nothing to draw: no side has a cost and an accuracy")
    domain = accuracy_domain(able.select("accuracy", "ci_low", "ci_high"), covers["accuracy"].to_list())
    known = _labelled(able, domain).with_columns(once=pl.col("side").is_in(found.frame["once"].to_list()))
    rows = [{**row, "kind": "side"} for row in rows_of(known, TOLD)]
    rows += [{**row, "name": row["side"], "kind": "coverage"} for row in rows_of(covers, TOLD)]
    rows += [{**row, "kind": "best"} for row in rows_of(best, ("at_most", "accuracy", "chosen"))]
    colors = [pair(COLORS[at % len(COLORS)]) for at in range(len(found.sides))]
    series = Series([*found.sides], colors, [*DASHES], legend=False)
    unit = found.ledger.label.replace(" a problem", " a question")
    across: dict[str, Any] = {
        "title": f"{unit} (log scale)",
        "scale": alt.Scale(type="log", base=2, nice=False, padding=10),
        "axis": alt.Axis(grid=False, values=_round_numbers(own["cost"]), labelSeparation=8, labelExpr=QUANTITY),
    }
    x = alt.X("cost:Q", **across)
    lines = Lines(
        x,
        share("accuracy: problems solved", domain=domain),
        series,
        picked_param(series),
        told=[alt.Tooltip("name:N", title="of"), *tips(*TOLD)],
    )
    base = alt.Chart(ROWS)
    sides = base.transform_filter("datum.kind == 'side'")
    once = sides.transform_filter("datum.once && datum.budget == 1").mark_rule(
        strokeWidth=1, strokeDash=[2, 3], opacity=0.8
    )
    optimal = style_of(COMPUTE_OPTIMAL)
    choice = (
        base.transform_filter("datum.kind == 'best'")
        .mark_line(interpolate="step-after", strokeWidth=7, opacity=0.3, color=drawn(optimal.color), clip=True)
        .encode(
            x=alt.X("at_most:Q", **across),
            y=lines.measure.y("accuracy"),
            order="at_most:Q",
            tooltip=tips("at_most", "accuracy", "chosen"),
        )
    )
    coverage = (
        base.transform_filter("datum.kind == 'coverage'")
        .mark_line(strokeWidth=1.5, strokeDash=[1, 3], clip=True)
        .encode(x=x, y=lines.measure.y("accuracy"), color=series.color, opacity=faded(lines.picked, 0.9, 0.1))
    )
    numbers = (
        sides.transform_filter("!datum.at_end && (datum.budget == 1 || datum.budget == 4)")
        .mark_text(dy=-11, fontSize=11, color=QUIET_INK)
        .encode(x=x, y=lines.measure.y("accuracy"), text=alt.Text("budget:Q", format="d"))
    )
    key = ["dotted: coverage"] * bool(covers.height) + ["broad: the best choice", "upright: what one answer costs"]
    return finished(
        alt.layer(
            choice,
            once.encode(x=x, color=series.color),
            *lines.layers(sides),
            coverage,
            numbers,
            *end_labels(sides, series, lines.picked, x="cost"),
        ).add_params(intervals_param(True, True)),
        rows,
        title=found.title or "Accuracy against cost",
        caption=[*caption, " · ".join(key)],
        width=560,
        height=HEIGHT,
    )


def _round_numbers(costs: pl.Series) -> list[float]:
    """1, 2, 5, 10 … as far as costs go."""
    low, high = float(costs.min()), float(costs.max())  # type: ignore[arg-type]
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) if low > 0 else range(0)
    return [step * 10.0**power for power in powers for step in (1, 2, 5) if low <= step * 10.0**power <= high]


def _labelled(known: pl.DataFrame, domain: tuple[float, float]) -> pl.DataFrame:
    """With ``name``, and what stands at each line's end, where no text covers another."""
    known = known.with_columns(name="side", at_end=pl.col("budget") == pl.col("budget").max().over("side"))
    ends = known.filter(pl.col("at_end")).sort("side")
    gap = (LABEL_PX + 5) * (domain[1] - domain[0]) / HEIGHT
    heights = spread_labels(ends["accuracy"].to_list(), gap=gap, low=domain[0], high=domain[1])
    texts = [f"{row['accuracy']:.1%}  {row['side']} × {row['budget']}" for row in ends.iter_rows(named=True)]
    placed = ends.select("side", "budget", label_height=pl.Series(heights), end_label=pl.Series(texts))
    return known.join(placed, on=["side", "budget"], how="left", maintain_order="left")
