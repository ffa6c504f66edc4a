"""What was forecast of a plan, and what came to pass, set by set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.show.charts.axes import QUANTITY, Measure, share
from ttclib.show.charts.grammar import ROWS, finished
from ttclib.show.charts.rows import rows_of, tips
from ttclib.show.theme import INK, on_papers, pair
from ttclib.study.rehearsal import Rehearsal

_INSIDE, _OUTSIDE = "inside the interval", "outside"
_LOOKS = {_INSIDE: ("#0072B2", "circle"), _OUTSIDE: ("#D55E00", "diamond")}
_TOLD = ("fact", "forecast", "set", "n_problems")


def forecast_chart(found: Rehearsal, *, caption: Sequence[str] = ()) -> Any:
    """What came to pass of each set, on the prediction interval that was told: accuracy and cost.

    Parameters
    ----------
    found : Rehearsal
    caption : sequence of str

    Returns
    -------
    altair.VConcatChart
    """
    frame = found.frame.drop_nulls("fact").with_columns(
        where=pl.when("inside").then(pl.lit(_INSIDE)).otherwise(pl.lit(_OUTSIDE)),
    )
    colors = [on_papers(*pair(color)) for color, _ in _LOOKS.values()]
    key = alt.Legend(title=None, orient="bottom", symbolOpacity=1, symbolStrokeWidth=0)
    domain = list(_LOOKS)
    color = alt.Color("where:N", scale=alt.Scale(domain=domain, range=colors), legend=key)
    shape = alt.Shape("where:N", scale=alt.Scale(domain=domain, range=[one for _, one in _LOOKS.values()]), legend=key)
    x = alt.X("set:O", title="set of problems", axis=alt.Axis(grid=False, labelAngle=0, labelOverlap=True, ticks=False))
    measures = {
        "accuracy": share("accuracy", ticks=5),
        "cost": Measure(
            f"cost, {found.unit}",
            alt.Axis(labelExpr=QUANTITY, tickCount=5),
            alt.Scale(zero=False, nice=True, padding=8),
        ),
    }

    def panel(name: str, measure: Measure) -> Any:
        base = alt.Chart().transform_filter(f"datum.measure == '{name}'")
        return alt.layer(
            base.mark_rule(strokeWidth=2, opacity=0.45, color=INK).encode(x=x, y=measure.y("low"), y2="high:Q"),
            base.mark_tick(color=INK, size=9, thickness=2).encode(x=x, y=measure.y("forecast")),
            base.mark_point(filled=True, size=75, opacity=1).encode(
                x=x, y=measure.y("fact"), color=color, shape=shape, tooltip=tips(*_TOLD)
            ),
        ).properties(width=560, height=210)

    held = set(frame["measure"])
    panels = alt.vconcat(*(panel(*one) for one in measures.items() if one[0] in held), data=ROWS, spacing=22)
    return finished(panels, rows_of(frame, _TOLD), title="Forecast and fact, set by set", caption=caption)
