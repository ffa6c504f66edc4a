"""Two pools side by side, and their difference problem by problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.errors import RequestError
from ttclib.show.charts.accuracy import accuracy_domain
from ttclib.show.charts.marks import SIGNED_POINTS, budget_axis, intervals_param, titled
from ttclib.show.theme import QUIET_INK, finished, in_order, style_of

SIDE_DASHES = ([1, 0], [6, 4])


def sides_chart(
    first: pl.DataFrame, second: pl.DataFrame, names: tuple[str, str], *, caption: Sequence[str] = ()
) -> Any:
    """Curves of two pools on the same axes, one panel a strategy; the second is dashed.

    Parameters
    ----------
    first, second : polars.DataFrame
        As `accuracy_curves` gives them; rows of single bins are left aside.
    names : pair of str
        What the sides are called.
    caption : sequence of str

    Returns
    -------
    altair.FacetChart

    Raises
    ------
    RequestError
        Nothing to draw.
    """
    sides = [frame.filter(pl.col("bin").is_null()).drop_nulls("accuracy") for frame in (first, second)]
    both = pl.concat([side.with_columns(side=pl.lit(name)) for side, name in zip(sides, names, strict=True)])
    if not len(both):
        raise RequestError("nothing to draw: neither side has an accuracy")
    strategies = in_order(both["strategy"].to_list())
    labels = [style_of(name).label for name in strategies]
    rows = [{**_rounded(row), "name": style_of(row["strategy"]).label} for row in both.to_dicts()]
    budgets = sorted(both["budget"].unique().to_list())
    y_scale = alt.Scale(domain=list(accuracy_domain(both)), zero=False, nice=False)
    axis = alt.Axis(format=".0%", tickCount=5)
    dash = alt.StrokeDash(
        "side:N",
        scale=alt.Scale(domain=list(names), range=[list(dash) for dash in SIDE_DASHES]),
        legend=alt.Legend(title=None, orient="bottom", symbolType="stroke", symbolSize=400, labelLimit=420),
    )
    color = alt.Color(
        "name:N",
        scale=alt.Scale(domain=labels, range=[style_of(name).color for name in strategies]),
        legend=None,
    )
    x = budget_axis(budgets, small=True)
    base = alt.Chart()
    band = (
        base.transform_filter("intervals")
        .mark_area(opacity=0.12)
        .encode(
            x=x,
            y=alt.Y("ci_low:Q", scale=y_scale, axis=axis, title="accuracy"),
            y2="ci_high:Q",
            color=color,
            detail="side:N",
        )
    )
    line = base.mark_line(strokeWidth=2.2).encode(
        x=x, y=alt.Y("accuracy:Q", scale=y_scale, axis=axis, title="accuracy"), color=color, strokeDash=dash
    )
    point = base.mark_point(filled=True, size=34, opacity=1).encode(
        x=x,
        y=alt.Y("accuracy:Q", scale=y_scale, axis=axis, title="accuracy"),
        color=color,
        tooltip=[
            alt.Tooltip("name:N", title="strategy"),
            alt.Tooltip("side:N", title="side"),
            alt.Tooltip("budget:Q", title="budget N"),
            alt.Tooltip("accuracy:Q", format=".1%"),
            alt.Tooltip("ci_low:Q", title="interval from", format=".1%"),
            alt.Tooltip("ci_high:Q", title="interval to", format=".1%"),
            alt.Tooltip("n_problems:Q", title="problems"),
        ],
    )
    panels = (
        alt.layer(band, line, point, data=alt.InlineData(values=rows))
        .properties(width=300, height=210)
        .facet(facet=alt.Facet("name:N", sort=labels, title=None), columns=2, spacing=24)
        .resolve_axis(x="independent")
        .add_params(intervals_param(True, True))
    )
    return finished(panels.properties(title=titled("Two pools, the same strategies", caption)))


def differences_chart(differences: pl.DataFrame, names: tuple[str, str], *, caption: Sequence[str] = ()) -> Any:
    """Second side less first, in percentage points, on the problems that both hold.

    Parameters
    ----------
    differences : polars.DataFrame
        As `paired_differences` gives it.
    names : pair of str
    caption : sequence of str

    Returns
    -------
    altair.FacetChart
    """
    strategies = in_order(differences["strategy"].to_list())
    labels = [style_of(name).label for name in strategies]
    rows = [{**_rounded(row), "name": style_of(row["strategy"]).label} for row in differences.to_dicts()]
    budgets = sorted(differences["budget"].unique().to_list())
    color = alt.Color(
        "name:N", scale=alt.Scale(domain=labels, range=[style_of(name).color for name in strategies]), legend=None
    )
    base = alt.Chart()
    x = budget_axis(budgets, small=True)
    axis = alt.Axis(labelExpr=SIGNED_POINTS, tickCount=5)
    zero = base.mark_rule(color=QUIET_INK, strokeDash=[3, 3]).encode(y=alt.datum(0))
    band = base.mark_area(opacity=0.2).encode(
        x=x, y=alt.Y("ci_low:Q", axis=axis, title="difference, points"), y2="ci_high:Q", color=color
    )
    line = base.mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(filled=True, size=34)).encode(
        x=x,
        y=alt.Y("difference:Q", axis=axis, title="difference, points"),
        color=color,
        tooltip=[
            alt.Tooltip("name:N", title="strategy"),
            alt.Tooltip("budget:Q", title="budget N"),
            alt.Tooltip("first:Q", title=names[0], format=".1%"),
            alt.Tooltip("second:Q", title=names[1], format=".1%"),
            alt.Tooltip("difference:Q", format="+.1%"),
            alt.Tooltip("ci_low:Q", title="interval from", format="+.1%"),
            alt.Tooltip("ci_high:Q", title="interval to", format="+.1%"),
            alt.Tooltip("n_problems:Q", title="problems in common"),
        ],
    )
    panels = (
        alt.layer(zero, band, line, data=alt.InlineData(values=rows))
        .properties(width=300, height=180)
        .facet(facet=alt.Facet("name:N", sort=labels, title=None), columns=2, spacing=24)
        .resolve_axis(x="independent")
    )
    title = f"{names[1]} less {names[0]}, on the same problems"
    return finished(panels.properties(title=titled(title, caption)))


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}
