"""Two sides, and what the gain of one over another is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.accuracy import accuracy_domain
from ttclib.show.charts.axes import SIGNED_POINTS, budget_axis, points, share
from ttclib.show.charts.grammar import ROWS, Lines, facets, finished, level
from ttclib.show.charts.rows import coinciding, intervals_param, rows_of, tips
from ttclib.show.charts.series import (
    FIRST_AHEAD,
    SECOND_AHEAD,
    TOO_CLOSE,
    Series,
    named,
    names_of,
    of_steps,
    of_strategies,
    picked_param,
)
from ttclib.show.gain_tables import in_words
from ttclib.show.theme import INK, on_papers, pair
from ttclib.study.gain import Gains

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


_LOOKS = {"second": FIRST_AHEAD, "first": SECOND_AHEAD, "too close": TOO_CLOSE}
_TOLD = (column("first", label="earlier", ends=None), column("second", label="later", ends=None), "difference",
         "n_problems")  # fmt: skip
_LENGTHS_TOLD = ("relative_length", column("accuracy", ends=None), "deviation", "n_problems")
ROW_PX, WIDTH = 26, 420
# A pair's heading in two lines, as a narrow place has no room for one beside the names of the rows.
PAIR = "[split(datum.label, ' over ')[0], 'over ' + split(datum.label, ' over ')[1]]"


def gain_chart(found: Gains, *, caption: Sequence[str] = ()) -> Any:
    """Later less earlier side, measure by measure, with its interval: a panel a pair."""
    frame = in_words(found.frame).with_columns(
        pair=pl.format("{} over {}", "second_side", "first_side"),
        ahead=pl.col("winner").replace_strict(
            {"second": "more by the later", "first": "more by the earlier"}, default="too close to call"
        ),
    )
    order = frame["words"].unique(maintain_order=True).to_list()
    names = ["more by the later", "more by the earlier", "too close to call"]
    looks = [_LOOKS[name] for name in ("second", "first", "too close")]
    colors = [on_papers(*pair(color)) for color, _ in looks]
    key = alt.Legend(title=None, orient="bottom", symbolOpacity=1, symbolStrokeWidth=0)
    color = alt.Color("ahead:N", scale=alt.Scale(domain=names, range=colors), legend=key)
    shape = alt.Shape("ahead:N", scale=alt.Scale(domain=names, range=[shape for _, shape in looks]), legend=key)
    y = alt.Y("words:N", sort=order, title=None, axis=alt.Axis(labelLimit=260, domain=False, ticks=False))
    axis = alt.Axis(labelExpr=SIGNED_POINTS, tickCount=6)
    x = alt.X("difference:Q", title="later less earlier, points", axis=axis)
    base = alt.Chart()
    layers = [
        base.mark_rule(color=INK, strokeDash=[3, 3]).encode(x=alt.datum(0)),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("ci_low:Q", title="later less earlier, points", axis=axis), x2="ci_high:Q", y=y, color=color
        ),
        base.mark_point(filled=True, size=90, opacity=1).encode(
            x=x, y=y, color=color, shape=shape, tooltip=[alt.Tooltip("words:N", title=" "), *tips(*_TOLD)]
        ),
    ]
    pairs = frame["pair"].unique(maintain_order=True).to_list()
    panels = (
        alt.layer(*layers, data=ROWS)
        .properties(width=WIDTH, height=ROW_PX * len(order))
        .facet(
            facet=alt.Facet("pair:N", sort=pairs, title=None, header=alt.Header(labelExpr=PAIR)), columns=1, spacing=18
        )
    )
    return finished(panels, rows_of(frame, _TOLD), title="What the gain is made of", caption=caption)


def lengths_chart(lengths: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Accuracy of a problem's shortest to longest samples, less the mean of all of its samples: a line a side.

    Parameters
    ----------
    lengths : polars.DataFrame
        As `Gains.lengths`.

    Raises
    ------
    RequestError
        No rows: no length is known, or no problem has right and wrong samples enough.
    """
    if not len(lengths):
        raise RequestError("no lengths to draw: the store does not know them, or no problem is sometimes right")
    series = of_steps(lengths["side"].unique(maintain_order=True).to_list(), by="side")
    x = alt.X(
        "relative_length:Q",
        title="length of the sample, 1 is the mean of its problem's",
        scale=alt.Scale(zero=False, nice=True),
        axis=alt.Axis(grid=False, tickCount=7),
    )
    told = [alt.Tooltip("side:N", title=" "), *tips(*_LENGTHS_TOLD)]
    measure = points("accuracy less its problem's mean, points")
    lines = Lines(x, measure, series, picked_param(series), value="deviation", told=told)
    base = alt.Chart(ROWS)
    layers = [level(base, 0, measure, dash=(3, 3)), lines.band(base, where="true"), lines.line(base)]
    return finished(
        alt.layer(*layers, lines.point(base)),
        rows_of(lengths, _LENGTHS_TOLD),
        title="Accuracy by length, within problems",
        caption=caption,
        width=560,
        height=300,
    )
