"""Train or sample: which size is cheapest over the number of queries, and checkpoints predicted from the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from ttclib.analysis.columns import column, shown
from ttclib.errors import RequestError
from ttclib.show.charts.axes import Measure, log_axis
from ttclib.show.charts.grammar import ROWS, Lines, facets, finished
from ttclib.show.charts.labels import LABEL_PX, end_labels, spread_labels
from ttclib.show.charts.rows import rows_of, tips
from ttclib.show.charts.series import SHAPES, Series, picked_param
from ttclib.show.theme import INK, PAPER, PAPERS, QUIET_INK, contrast, drawn, mixed, on_papers, ramp

QUERIES_TITLE = "queries that share the training (log scale)"
SIZE_TOLD = ("queries", "training_tokens", "k", "cost", "factor")
TAKEN_TOLD = ("from_queries", "training_tokens", "exchange_rate")
MAP_TOLD = ("target", "queries", "training_tokens", "k", "cost", "training_share", "exchange_rate", "supported_share")
HELD_TOLD = (
    "k",
    column("measured", ends=None),
    column("predicted", kind="share", ends=("ci_low", "ci_high")),
    "training_tokens",
)
DEAREST = 30.0  # times the cheapest, where the plot ends
LETTERS = {"M": " million", "G": " billion", "T": " trillion"}
WORDS = "datum.value < 1e6 ? format(datum.value, ',') : " + "replace(" * len(LETTERS) + "format(datum.value, '~s')"
WORDS += "".join(f", '{letter}', '{word}')" for letter, word in LETTERS.items())
PALE = 0.5  # how much of the paper a colour takes where resamples do not agree


def training_chart(sizes: pl.DataFrame, takeovers: pl.DataFrame, target: float, *, caption: Sequence[str] = ()) -> Any:
    """What each size costs a query over the cheapest, for one target; points with whiskers are where a size takes over.

    Parameters
    ----------
    sizes, takeovers : polars.DataFrame
        Of `ttclib.analysis.training.Training`.
    target : float
    caption : sequence of str

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        No checkpoint reaches the target.
    """
    known = sizes.filter(np.isclose(sizes["target"], target)) if len(sizes) else sizes
    if not len(known):
        raise RequestError(f"nothing to draw: no checkpoint covers {target * 100:g} % of the problems")
    rows = [
        {**row, "name": shown(row["n_parameters"], "n_parameters"), "at_end": False}
        for row in rows_of(known, SIZE_TOLD)
    ]
    series = _series(known["n_parameters"])
    queries = sorted({row["queries"] for row in rows})
    x = _over_queries("queries", queries)
    top = min(DEAREST, max(2.0, *(row["factor"] for row in rows)))
    scale = alt.Scale(type="log", domain=[0.93, top], nice=False)
    axis = alt.Axis(values=[1, 2, 3, 5, 10, 20, 30], labelExpr="datum.value + ' ×'")
    measure = Measure("cost of a query, the cheapest = 1 (log scale)", axis, scale)
    last = [max((row for row in rows if row["name"] == name), key=lambda row: row["queries"]) for name in series.names]
    last = [row for row in last if row["factor"] <= top]
    gap = (LABEL_PX + 3) / 320 * math.log(top / 0.93)
    for row, height in zip(last, spread_labels([math.log(row["factor"]) for row in last], gap=gap,
                                               low=math.log(0.95), high=math.log(top)), strict=True):  # fmt: skip
        row |= {"at_end": True, "label_height": math.exp(height), "end_label": row["name"]}
    told = [alt.Tooltip("name:N", title="parameters"), *tips(*SIZE_TOLD)]
    picked = picked_param(series)
    lines = Lines(x, measure, series, picked, value="factor", told=told)
    base = alt.Chart(ROWS).transform_filter(f"datum.factor <= {top}")
    layers = [
        base.mark_rule(color=QUIET_INK, strokeWidth=1).encode(y=alt.datum(1, scale=scale)),
        lines.line(base).encode(strokeDash=alt.value([1, 0])),
        lines.point(base).encode(size=alt.value(18)),
    ]
    layers += _takeovers(takeovers, target, queries, series, scale)
    layers += end_labels(base, series, picked, x="queries", y="factor")
    notes = (
        "each size at the training that is best for it there",
        "diamonds: where a larger size takes over, with its 95 % interval",
    )
    return finished(
        alt.layer(*layers),
        rows,
        title=f"The cheapest way to cover {target * 100:g} % of the problems",
        caption=[*caption, *notes],
        width=560,
        height=320,
    )


def choices_chart(choices: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """The cheapest size for every target and number of queries.

    Parameters
    ----------
    choices : polars.DataFrame
        Of `ttclib.analysis.training.Training`.
    caption : sequence of str

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        No target is reached.
    """
    known = choices.drop_nulls("policy")
    if not len(known):
        raise RequestError("nothing to draw: no checkpoint reaches any of the targets")
    series = _series(known["n_parameters"])
    targets = sorted(choices["target"].unique().to_list(), reverse=True)
    queries = choices["queries"].unique().sort().to_list()
    half = (queries[1] / queries[0]) ** 0.5
    rows = [
        {
            **row,
            "name": shown(row["n_parameters"], "n_parameters"),
            "share": f"{row['target'] * 100:g}%",
            "from": row["queries"] / half,
            "to": row["queries"] * half * 1.02,  # a hair over its neighbour, so that no gap shows
        }
        for row in rows_of(known, MAP_TOLD)
    ]
    for row in rows:
        row["shade"] = f"{row['name']}|{'sure' if row['supported_share'] >= 0.95 else 'unsure'}"
    ends = (queries[0] / half, queries[-1] * half)
    x = log_axis("from", QUERIES_TITLE, _decades(queries), ends=ends, base=10, label=WORDS)
    shares = [f"{target * 100:g}%" for target in targets]
    y = alt.Y("share:N", sort=shares, title="share covered", scale=alt.Scale(domain=shares, paddingInner=0.06))
    shades = {
        f"{name}|{how}": tuple(mixed(color, paper, part) for color, paper in zip(both, PAPERS, strict=True))
        for name, both in zip(series.names, series.colors, strict=True)
        for how, part in (("sure", 0.0), ("unsure", PALE))
    }
    key = alt.Legend(
        title="parameters", orient="bottom", symbolType="square", columns=5,
        values=[f"{name}|sure" for name in series.names], labelExpr="split(datum.label, '|')[0]",
    )  # fmt: skip
    fill = alt.Scale(domain=list(shades), range=[on_papers(*both) for both in shades.values()])
    told = [alt.Tooltip("name:N", title="parameters"), *tips(*MAP_TOLD)]
    cell = (
        alt.Chart(ROWS)
        .mark_bar(clip=True)
        .encode(x=x, x2="to:Q", y=y, color=alt.Color("shade:N", scale=fill, legend=key), tooltip=told)
    )
    inks = alt.Scale(domain=list(shades), range=[on_papers(*map(_ink, both)) for both in shades.values()])
    text = (
        alt.Chart(alt.InlineData(values=_runs(rows)))
        .mark_text(fontSize=12, fontWeight=600)
        .encode(x=alt.X("middle:Q"), y=y, text="name:N", fill=alt.Fill("shade:N", scale=inks, legend=None))
    )
    notes = ("pale: cheapest in less than 95 % of the resamples · empty: no checkpoint's samples cover as many",)
    return finished(
        alt.layer(cell, text),
        rows,
        title="Which size, for how many queries",
        caption=[*caption, *notes],
        width=560,
        height=max(170, 30 * len(shares)),
    )


def held_out_chart(frame: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Coverage of each held-out checkpoint, as measured and as the others predict it, a panel a k.

    Parameters
    ----------
    frame : polars.DataFrame
        As `ttclib.analysis.held_out.predict_held_out` gives it.
    caption : sequence of str

    Returns
    -------
    altair.FacetChart
    """
    known = frame.sort("k")
    panels = [f"pass@{k:,}" for k in known["k"].unique(maintain_order=True)]
    values = known["measured"].to_list() + known["predicted"].to_list()
    low = 10.0 ** math.floor(math.log10(min(values)))
    rows = [
        {
            **row,
            "panel": f"pass@{row['k']:,}",
            "name": shown(row["n_parameters"], "n_parameters"),
            "inside": "in the interval" if row["holds"] else "outside",
            "ci_low": max(row["ci_low"], low),
        }
        for row in rows_of(known, HELD_TOLD)
    ]
    decades = [10.0**power for power in range(round(math.log10(low)), 1)]
    label = "datum.value >= .01 ? format(datum.value, '.0%') : format(datum.value * 100, '~g') + '%'"
    scale = alt.Scale(type="log", domain=[low, 1.0], nice=False)
    axis = alt.Axis(values=decades, labelExpr=label, grid=True)
    x = alt.X("measured:Q", title="measured (log scale)", scale=scale, axis=axis)
    y = [alt.Y(f"{name}:Q", title="predicted (log scale)", scale=scale, axis=axis) for name in ("predicted", "ci_low")]
    names = ["in the interval", "outside"]
    colors = alt.Scale(domain=names, range=[drawn("#0072B2"), drawn("#D55E00")])
    shapes = alt.Scale(domain=names, range=["circle", "diamond"])
    key = alt.Legend(title=None, orient="bottom", symbolOpacity=1)
    told = [alt.Tooltip("name:N", title="parameters"), *tips(*HELD_TOLD)]
    base = alt.Chart()
    whisker = base.mark_rule(strokeWidth=1, opacity=0.35).encode(
        x=x, y=y[1], y2="ci_high:Q", color=alt.Color("inside:N", scale=colors, legend=key)
    )
    point = base.mark_point(filled=True, size=48, opacity=1, stroke=PAPER, strokeWidth=0.6).encode(
        x=x,
        y=y[0],
        color=alt.Color("inside:N", scale=colors, legend=key),
        shape=alt.Shape("inside:N", scale=shapes, legend=key),
        tooltip=told,
    )
    same = base.transform_calculate(end="1").mark_rule(color=INK, strokeWidth=1, strokeDash=[4, 3]).encode(
        x=alt.datum(low, scale=scale), x2=alt.datum(1.0), y=alt.datum(low, scale=scale), y2=alt.datum(1.0)
    )  # fmt: skip
    return finished(
        facets([same, whisker, point], panels, columns=2, width=270, height=210),
        rows,
        title="Checkpoints as the others predict them",
        caption=[
            *caption,
            "a point a checkpoint; dashed: predicted as measured; whiskers: 95 % intervals (jackknife+)",
        ],
    )


def _series(n_parameters: pl.Series) -> Series:
    """Sizes, the smallest first, from light to dark."""
    names = [shown(size, "n_parameters") for size in n_parameters.unique().sort()]
    return Series(names, ramp(len(names)), [()] * len(names), list(SHAPES), legend=False)


def _over_queries(name: str, queries: Sequence[float]) -> Any:
    return log_axis(name, QUERIES_TITLE, _decades(queries), ends=(queries[0], queries[-1]), base=10, label=WORDS)


def _decades(queries: Sequence[float]) -> list[float]:
    """Every second power of ten within the range, from the largest down."""
    low, high = math.ceil(math.log10(queries[0]) - 1e-9), math.floor(math.log10(queries[-1]) + 1e-9)
    return [10.0**power for power in range(high, low - 1, -2)][::-1]


def _takeovers(
    takeovers: pl.DataFrame, target: float, queries: Sequence[float], series: Series, scale: Any
) -> list[Any]:
    """Where a larger size takes over, on the line of the cheapest; an open end reaches to the edge."""
    own = takeovers.filter(np.isclose(takeovers["target"], target)) if len(takeovers) else takeovers
    if not len(own):
        return []
    rows = [
        {
            **row,
            "name": shown(row["n_parameters"], "n_parameters"),
            "ci_low": row["ci_low"] or queries[0],
            "ci_high": row["ci_high"] or queries[-1],
        }
        for row in rows_of(own, TAKEN_TOLD)
    ]
    base = alt.Chart(alt.InlineData(values=rows))
    told = [alt.Tooltip("name:N", title="from this size on"), *tips(*TAKEN_TOLD)]
    x, y = _over_queries("from_queries", queries), alt.YDatum(1, scale=scale)
    whisker = base.mark_rule(strokeWidth=3, color=INK).encode(
        x=_over_queries("ci_low", queries), x2="ci_high:Q", y=y, tooltip=told
    )
    point = base.mark_point(filled=True, size=150, shape="diamond", opacity=1, stroke=INK, strokeWidth=1.5).encode(
        x=x, y=y, color=series.color, tooltip=told
    )
    return [whisker, point]


def _runs(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring cells of one shade in one row, with the middle of those that leave room for a name."""
    found = []
    for _, cells in groupby(rows, key=lambda row: (row["share"], row["shade"])):
        run = list(cells)
        if len(run) >= 7:
            middle = (run[0]["queries"] * run[-1]["queries"]) ** 0.5
            found.append({name: run[0][name] for name in ("share", "name", "shade")} | {"middle": middle})
    return found


def _ink(shade: str) -> str:
    """Dark or white, whichever reads better on a colour."""
    return max((PAPERS[1], "#ffffff"), key=lambda ink: contrast(ink, shade))
