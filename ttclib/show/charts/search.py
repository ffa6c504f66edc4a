"""What tree searches gain over picking among whole samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.axes import budget_axis, points
from ttclib.show.charts.controls import intervals_param
from ttclib.show.charts.grammar import Lines, facets, finished, level
from ttclib.show.charts.rows import coinciding, panel_titles, rows_of, tips
from ttclib.show.charts.series import named, of_strategies, picked_param
from ttclib.show.theme import style_of

GAINS_TOLD = ("variant", column("budget", label="generations"), "difference", "n_problems")


def gains_chart(gains: pl.DataFrame, baseline: str, *, caption: Sequence[str] = (), n_bins: int | None = None) -> Any:
    """Strategies less a baseline, one panel a difficulty bin; below zero the baseline is better.

    Parameters
    ----------
    gains : polars.DataFrame
        As `gains_over` gives it.
    baseline : str
        Strategy that was subtracted.
    n_bins : int, optional
        Bins that were cut, of which some may have no row; None: up to the largest in the table.

    Raises
    ------
    RequestError
        The table is empty.
    """
    if not len(gains):
        raise RequestError("nothing to draw: no strategy has a budget in common with the baseline")
    series = of_strategies(gains)
    titles = panel_titles(gains, n_bins)
    lines = Lines(
        budget_axis(sorted(gains["budget"].unique().to_list()), small=True, unit="generations"),
        points(f"points over {style_of(baseline).label}"),
        series,
        picked_param(series),
        value="difference",
        told=tips(*GAINS_TOLD),
        small=True,
    )
    base = alt.Chart()
    shown = set(gains["bin"].to_list())
    rows = [{**row, "panel": titles[row["bin"]]} for row in rows_of(named(gains), GAINS_TOLD)]
    panels = facets(
        [level(base, 0, lines.measure), *lines.layers(base)],
        [title for number, title in titles.items() if number in shown],
        height=170,
    )
    return finished(
        panels.add_params(intervals_param(False, True)),
        rows,
        title=f"Tree search less {style_of(baseline).label}, at equal generations",
        caption=[*caption, *coinciding(named(gains), "difference")],
    )
