"""Accuracy against cost under several ledgers, what choosing saves, and the bill for knowing the difficulty."""

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
from ttclib.show.charts.series import faded, named, of_strategies, picked_param
from ttclib.show.theme import INK

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
