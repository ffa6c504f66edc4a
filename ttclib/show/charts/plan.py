"""A plan as a grid: what to run for a problem of which difficulty within which cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.axes import QUANTITY
from ttclib.show.charts.grammar import ROWS, finished
from ttclib.show.charts.rows import panel_titles, rows_of, tips
from ttclib.show.charts.series import linked, named, of_strategies
from ttclib.show.theme import INK, PAPER

TOLD = (
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
    for row in rows_of(known, TOLD):
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
    told = [alt.Tooltip("difficulty:N"), alt.Tooltip("whose:N", title="run"), *tips(*TOLD)]
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
