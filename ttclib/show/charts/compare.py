"""Two pools side by side, and their difference problem by problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.accuracy import accuracy_domain
from ttclib.show.charts.axes import budget_axis, points, share
from ttclib.show.charts.grammar import Lines, facets, finished, level
from ttclib.show.charts.rows import coinciding, intervals_param, rows_of, tips
from ttclib.show.charts.series import Series, named, names_of, of_steps, of_strategies, picked_param

SIDES_TOLD = ("budget", "accuracy", "n_problems")
SIDE_DASHES, SIDE_SHAPES = ([1, 0], [6, 4]), ("circle", "square")


def sides_chart(
    first: pl.DataFrame, second: pl.DataFrame, names: tuple[str, str], *, caption: Sequence[str] = ()
) -> Any:
    """Curves of two pools on the same axes, one panel a strategy; the second is dashed, with square points.

    Parameters
    ----------
    first, second : polars.DataFrame
        As `Study.replay` gives them; rows of single bins are left aside.
    names : pair of str
        What the sides are called.

    Raises
    ------
    RequestError
        Nothing to draw.
    """
    sides = [frame.filter(pl.col("bin").is_null()).drop_nulls("accuracy") for frame in (first, second)]
    both = pl.concat([side.with_columns(side=pl.lit(name)) for side, name in zip(sides, names, strict=True)])
    if not len(both):
        raise RequestError("nothing to draw: neither side has an accuracy")
    series = of_strategies(both, legend=False)
    key = alt.Legend(title=None, orient="bottom", symbolType="stroke", symbolSize=400, labelLimit=420)
    dash = alt.StrokeDash("side:N", scale=alt.Scale(domain=list(names), range=[*SIDE_DASHES]), legend=key)
    shape = alt.Shape("side:N", scale=alt.Scale(domain=list(names), range=[*SIDE_SHAPES]), legend=None)
    lines = Lines(
        budget_axis(sorted(both["budget"].unique().to_list()), small=True),
        share("accuracy", domain=accuracy_domain(both), ticks=5),
        series,
        picked_param(series),
        told=[alt.Tooltip("name:N", title="strategy"), alt.Tooltip("side:N"), *tips(*SIDES_TOLD)],
        small=True,
        detail="side",
    )
    base = alt.Chart()
    layers = [lines.band(base), lines.line(base).encode(strokeDash=dash), lines.point(base).encode(shape=shape)]
    panels = facets(layers, series.names, by="name", columns=2, width=300, height=210)
    return finished(
        panels.add_params(intervals_param(True, True)),
        rows_of(named(both), SIDES_TOLD),
        title="Two pools, the same strategies",
        caption=caption,
    )


def differences_chart(differences: pl.DataFrame, names: tuple[str, str], *, caption: Sequence[str] = ()) -> Any:
    """Second side less first, in percentage points, on the problems that both hold.

    Parameters
    ----------
    differences : polars.DataFrame
        As `paired_differences` gives it.
    names : pair of str
    """
    told = (
        "budget",
        column("first", label=names[0], ends=None),
        column("second", label=names[1], ends=None),
        "difference",
        column("n_problems", label="problems in common"),
    )
    title = f"{names[1]} less {names[0]}, on the same problems"
    return _differences(differences, of_strategies(differences, legend=False), told, title, caption)


def graders_chart(curves: pl.DataFrame, first: str, *, caption: Sequence[str] = ()) -> Any:
    """How far each grader moves each strategy's curve against the first one's, in percentage points.

    Parameters
    ----------
    curves : polars.DataFrame
        As `ttclib.study.graders.Graders.frame`.
    first : str
        The grader that the others are held against.
    """
    others = curves.filter(pl.col("grader") != first)
    names = others["grader"].unique(maintain_order=True).to_list()
    told = ("grader", "budget", column("accuracy", ends=None), "difference", "n_problems")
    title = f"Accuracy by other graders, less that by {first}"
    same = coinciding(others.with_columns(name="grader", bin="variant"), "difference")
    return _differences(others, of_steps(names, by="grader", legend=len(names) > 1), told, title, [*caption, *same])


def _differences(frame: pl.DataFrame, series: Series, told: Sequence[Any], title: str, caption: Sequence[str]) -> Any:
    """Differences by budget around a level of none, a panel a strategy."""
    lines = Lines(
        budget_axis(sorted(frame["budget"].unique().to_list()), small=True),
        points("difference, points"),
        series,
        picked_param(series),
        value="difference",
        told=[alt.Tooltip("name:N", title="strategy"), *tips(*told)],
        small=True,
    )
    base = alt.Chart()
    layers = [
        level(base, 0, lines.measure, dash=(3, 3)),
        lines.band(base, strength=0.2, where="true"),
        lines.line(base),
        lines.point(base),
    ]
    panels = list(names_of(frame).values())
    rows = rows_of(named(frame), told)
    return finished(facets(layers, panels, by="name", columns=2, width=300), rows, title=title, caption=caption)
