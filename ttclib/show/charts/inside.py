"""Samples that catch up with steps or do not, accuracy over training, and what each way costs in all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from ttclib.analysis.columns import strategy_label
from ttclib.replay.strategy import needs_truth
from ttclib.show.charts.accuracy import accuracy_domain
from ttclib.show.charts.axes import Measure, budget_axis, log_axis, share
from ttclib.show.charts.grammar import ROWS, Lines, finished
from ttclib.show.charts.labels import halo_text
from ttclib.show.charts.rows import rows_of, tips
from ttclib.show.charts.series import SHAPES, Series, picked_param
from ttclib.show.theme import INK, pair, style_of
from ttclib.study.inside_results import Inside, InsideTraining

BLIND = "blind guesses, a perfect verifier"
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#A6761D")
DASHES = ((), (7, 3), (2, 3), (12, 3, 2, 3))
WIDTH, HEIGHT = 560, 320
_TOLD = ("budget", "accuracy")
_DATA_TOLD = ("training_tokens", "accuracy", "n_problems")
_ROUTE_TOLD = ("exchange_rate", "k", "training_tokens", "cost", "factor", "training_share")
DECADES = (0.001, 0.01, 0.1, 1, 10, 100, 1000)


def catching_chart(found: Inside, *, caption: Sequence[str] = ()) -> Any:
    """Accuracy of N answers of the side that answers at once, by each way to pick one; level: one answer of another.

    Parameters
    ----------
    found : Inside
    caption : sequence of str

    Returns
    -------
    altair.LayerChart
    """
    names = {
        name: BLIND if name == "blind" else "a perfect verifier" if needs_truth(name) else strategy_label(name)
        for name in found.curves["strategy"].unique(maintain_order=True)
    }
    frame = found.curves.with_columns(name=pl.col("strategy").replace_strict(names))
    looks = [None if name == "blind" else style_of(name) for name in names]
    series = Series(
        list(names.values()),
        [pair("#767676" if look is None else look.color) for look in looks],
        [(2, 3) if look is None else look.dash for look in looks],
        ["cross" if look is None else look.shape for look in looks],
    )
    once = found.once.with_columns(label=pl.format("{}, once: {}%", "side", (pl.col("accuracy") * 100).round(1)))
    domain = accuracy_domain(pl.concat([frame.select("accuracy", "ci_low", "ci_high"),
                                        once.select("accuracy", "ci_low", "ci_high")]))  # fmt: skip
    measure = share("accuracy: problems solved", domain=domain)
    x = budget_axis(frame["budget"].unique().sort().to_list())
    lines = Lines(x, measure, series, picked_param(series), told=[alt.Tooltip("name:N", title=" "), *tips(*_TOLD)])
    base = alt.Chart(ROWS)
    levels = alt.Chart(alt.InlineData(values=once.to_dicts()))
    right = {"x": alt.XValue(alt.ExprRef("width")), "y": measure.y("accuracy")}
    return finished(
        alt.layer(
            levels.mark_rect(opacity=0.1, color=INK).encode(y=measure.y("ci_low"), y2="ci_high:Q"),
            levels.mark_rule(color=INK, strokeWidth=1.5).encode(y=measure.y("accuracy")),
            lines.band(base, where="true"),
            lines.line(base),
            lines.point(base).encode(size=alt.value(26)),
            *halo_text(levels, text="label:N", channels=right, align="right", dx=-4, dy=-8, fontSize=12),
        ),
        rows_of(frame, _TOLD),
        title=f"{found.without}: several answers, against one with steps",
        caption=[*caption, "level: one answer of the other side, with its interval"],
        width=WIDTH,
        height=HEIGHT,
    )


def data_chart(found: InsideTraining, *, caption: Sequence[str] = ()) -> Any:
    """Accuracy of one answer against tokens of training, a line a policy.

    Parameters
    ----------
    found : InsideTraining
    caption : sequence of str

    Returns
    -------
    altair.LayerChart
    """
    sides = found.frame["side"].unique(maintain_order=True).to_list()
    series = _series(sides, by="side")
    domain = accuracy_domain(found.frame)
    tokens = found.frame["training_tokens"].unique().sort().to_list()
    x = log_axis("training_tokens", "tokens of training (log scale)", _apart(tokens), ends=(tokens[0], tokens[-1]),
                 label="format(datum.value, '.2s')")  # fmt: skip
    told = [alt.Tooltip("policy:N", title=" "), *tips(*_DATA_TOLD)]
    lines = Lines(x, share("one answer: problems solved", domain=domain), series, picked_param(series), told=told)
    base = alt.Chart(ROWS)
    return finished(
        alt.layer(lines.band(base, where="true"), lines.line(base), lines.point(base)),
        rows_of(found.frame, _DATA_TOLD),
        title="One answer, by tokens of training",
        caption=[*caption, "each point a training of its own, to the end of its schedule"],
        width=WIDTH,
        height=HEIGHT,
    )


def routes_chart(found: InsideTraining, *, caption: Sequence[str] = ()) -> Any:
    """FLOPs of a query, training shared, by each way over R.

    Parameters
    ----------
    found : InsideTraining
    caption : sequence of str

    Returns
    -------
    altair.LayerChart
    """
    known = found.routes.drop_nulls("cost")
    series = _series(known["route"].unique(maintain_order=True).to_list(), by="route")
    rates = known["exchange_rate"].unique().sort().to_list()
    title = "R: tokens of inference over tokens of training (log scale)"
    x = log_axis("exchange_rate", title, DECADES, ends=(rates[0], rates[-1]), base=10)
    low, high = (round(np.log10(float(end))) for end in (known["cost"].min(), known["cost"].max()))  # type: ignore[arg-type]
    axis = alt.Axis(labelExpr="format(datum.value, '~s')", values=[10.0**power for power in range(low - 1, high + 2)])
    measure = Measure("FLOPs of a query, its training included", axis, alt.Scale(type="log"))
    told = [alt.Tooltip("route:N", title=" "), *tips(*_ROUTE_TOLD)]
    lines = Lines(x, measure, series, picked_param(series), value="cost", told=told)
    base = alt.Chart(ROWS)
    lost = sorted(set(found.routes["route"]) - set(known["route"]))
    notes = [f"R is of one answer of {found.other} a query"]
    notes += [f"not there at any cost: {', '.join(lost)}"] if lost else []
    return finished(
        alt.layer(lines.line(base), lines.point(base).encode(size=alt.value(14))),
        rows_of(known, _ROUTE_TOLD),
        title=f"What {found.target:.1%} costs in all",
        caption=[*caption, *notes],
        width=WIDTH,
        height=HEIGHT,
    )


def _series(names: Sequence[str], *, by: str) -> Series:
    return Series(list(names), [pair(color) for color in COLORS[: len(names)]], list(DASHES), list(SHAPES), by=by)


def _apart(tokens: Sequence[int]) -> list[int]:
    """Those that leave room for their labels."""
    shown: list[int] = []
    for one in tokens:
        if not shown or one > 1.3 * shown[-1]:
            shown.append(one)
    return shown
