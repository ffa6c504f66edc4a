"""Accuracy at most at a cost, and the plan that gets there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.axes import QUANTITY, share
from ttclib.show.charts.grammar import ROWS, Lines, finished
from ttclib.show.charts.rows import IN_BIN, bin_param, choice, intervals_param, panel_titles, rows_of, tips
from ttclib.show.charts.series import faded, linked, named, of_strategies, picked_param
from ttclib.show.theme import INK, PAPER

PRESET_LABELS = {
    "snell": "generations (Snell et al.)",
    "kinetics": "compute + memory (Kinetics)",
    "all-in": "everything (all-in)",
    "dollars": "list prices",
    "waiting": "waiting: tokens one after the other",
}
TOLD = (
    "variant",
    column("budget", label="generations"),
    "cost",
    "accuracy",
    column("chosen", null="nothing: a single strategy"),
    "n_problems",
)
WIDTH, HEIGHT = 540, 380


def frontier_chart(
    frames: Mapping[str, tuple[pl.DataFrame, str]],
    *,
    preset: str | None = None,
    slider: bool = True,
    caption: Sequence[str] = (),
    n_bins: int | None = None,
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
    n_bins : int, optional
        Bins that were cut, of which some may have no row; None: up to the largest in the tables.

    Raises
    ------
    RequestError
        Nothing to draw.
    """
    shown = [
        frame.drop_nulls(["accuracy", "cost"]).with_columns(preset=pl.lit(charged), unit=pl.lit(unit))
        for charged, (frame, unit) in frames.items()
    ]
    known = named(pl.concat(shown, how="diagonal_relaxed"))
    if not len(known):
        raise RequestError("nothing to draw: no strategy has a cost and an accuracy")
    rows = [{**row, "cost_text": f"{row['cost_text']} {row['unit']}"} for row in rows_of(known, TOLD)]
    titles = panel_titles(pl.concat([frame.select("bin") for frame, _ in frames.values()]), n_bins)
    series = of_strategies(known)
    # The axis changes its meaning with the list: its title is a mark that reads it from the rows; the blank makes room.
    x = alt.X(
        "cost:Q",
        title=" ",
        scale=alt.Scale(type="log", base=2, nice=False, padding=12),
        axis=alt.Axis(grid=False, labelSeparation=8, labelExpr=QUANTITY),
    )
    lines = Lines(x, share("accuracy: problems solved"), series, picked_param(series), told=tips(*TOLD))
    base = alt.Chart(ROWS).transform_filter(f"{IN_BIN} && datum.preset == cost_now")
    ring = (
        base.transform_filter("datum.pareto")
        .mark_point(filled=False, size=170, stroke=INK, strokeWidth=1.3, shape="circle")
        .encode(x=x, y=lines.measure.y("accuracy"), opacity=faded(lines.picked, 1, 0.12), tooltip=tips(*TOLD))
    )
    unit_title = (
        base.transform_aggregate(unit="min(unit)", groupby=["preset"])
        .mark_text(fontSize=13, color=INK, baseline="top", clip=False)
        .encode(x=alt.XValue(alt.ExprRef("width / 2")), y=alt.YValue(alt.ExprRef("height + 30")), text="unit:N")
    )
    band, line, point = lines.layers(base, strong="datum.strategy == 'compute_optimal'")
    options = {name: PRESET_LABELS.get(name, name) for name in frames}
    chart = alt.layer(band, line, ring, point, unit_title).add_params(
        choice("cost_now", preset or next(iter(frames)), options, "Cost ", control=slider),
        bin_param(titles, slider),
        intervals_param(False, slider),
    )
    return finished(
        chart,
        rows,
        title="Accuracy against cost",
        caption=[*caption, "ringed: no strategy that could be run is as accurate for less"],
        width=WIDTH,
        height=HEIGHT,
    )


PLAN_TOLD = (
    "at_most",
    column("budget", label="N"),
    column("cost", label="cost on the problems it was chosen on"),
    column("accuracy", label="accuracy there", ends=None),
    "given_up",
    "tied",
)
CELL, SIGN_PX = 58, 9  # the sign stands above the number, as a cell may become narrow
TIED, MIXED = "=", "*"
NOTES = {TIED: "others are exactly as accurate there", MIXED: "two are mixed; shown is the larger share"}


def plan_chart(plan: pl.DataFrame, unit: str, *, caption: Sequence[str] = (), n_bins: int | None = None) -> Any:
    """A cell a difficulty bin and limit: its strategy as colour and point, N, and a mark where others tie with it.

    Parameters
    ----------
    plan : polars.DataFrame
        `ttclib.analysis.plan.Plan.frame`: of several steps in a cell that with the largest share is shown.
    unit : str
        Of the limits.

    Raises
    ------
    RequestError
        Nothing is affordable within any limit.
    """
    if not len(plan):
        raise RequestError("nothing to draw: no candidate is affordable within any limit")
    first = plan.sort("share", descending=True, maintain_order=True).unique(["bin", "at_most"], keep="first")
    known = named(first.sort("bin", "at_most"))
    titles = panel_titles(known, n_bins)
    several = known["policy"].n_unique() > 1
    rows = []
    for row in rows_of(known, PLAN_TOLD):
        marks = [mark for mark, holds in ((TIED, row["tied"] > 1), (MIXED, row["share"] < 1)) if holds]
        whose = f"{row['name']}, {row['policy']}" if several else row["name"]
        label = " ".join([f"{row['budget']:,}", *marks])
        rows.append({**row, "difficulty": titles[row["bin"]], "label": label, "whose": whose})
    used = [f"{mark}: {said}" for mark, said in NOTES.items() if any(mark in row["label"] for row in rows)]
    order = [title for number, title in titles.items() if number]
    limits = known["at_most"].unique().sort().to_list()
    axis = alt.Axis(labelAngle=0, labelExpr=QUANTITY, orient="top")
    x = alt.X("at_most:O", sort=limits, title=f"at most: {unit}", axis=axis)
    y = alt.Y("difficulty:N", sort=order, title=None)
    told = [alt.Tooltip("difficulty:N"), alt.Tooltip("whose:N", title="run"), *tips(*PLAN_TOLD)]
    series = of_strategies(known)
    base = alt.Chart(ROWS).encode(x=x, y=y, tooltip=told)
    cell = base.mark_rect(stroke=PAPER, strokeWidth=2).encode(color=series.color, opacity=linked(0.3, 0.06))
    # The strategy once more as its point, which the legend shows, too: no two differ by colour alone.
    sign = base.mark_point(filled=True, size=90, yOffset=-SIGN_PX, stroke=PAPER, strokeWidth=0.8).encode(
        color=series.color, shape=series.shape, opacity=linked()
    )
    number = base.mark_text(fontSize=12, fontWeight=600, color=INK, dy=SIGN_PX).encode(
        text="label:N", opacity=linked(1, 0.35)
    )
    return finished(
        alt.layer(cell, sign, number),
        rows,
        title="What to run, by difficulty and cost",
        caption=[*caption, "; ".join(["in a cell: N", *used])],
        width=CELL * len(limits),
        height=42 * len(order),
    )
