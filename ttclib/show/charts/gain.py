"""What a gain is made of, and accuracy by length among the samples of one problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.axes import SIGNED_POINTS, points
from ttclib.show.charts.grammar import ROWS, Lines, finished, level
from ttclib.show.charts.rows import rows_of, tips
from ttclib.show.charts.series import of_steps, picked_param
from ttclib.show.gain_tables import in_words
from ttclib.show.theme import INK, on_papers, pair
from ttclib.study.gain import Gains

_LOOKS = {"second": ("#0072B2", "square"), "first": ("#D55E00", "diamond"), "too close": ("#767676", "circle")}
_TOLD = (column("first", label="earlier", ends=None), column("second", label="later", ends=None), "difference",
         "n_problems")  # fmt: skip
_LENGTHS_TOLD = ("relative_length", column("accuracy", ends=None), "deviation", "n_problems")
ROW_PX, WIDTH = 26, 420


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
        .facet(facet=alt.Facet("pair:N", sort=pairs, title=None), columns=1, spacing=18)
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
