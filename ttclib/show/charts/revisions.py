"""Revision chains: the answers along a chain, and how a budget is best split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.axes import log_axis, share
from ttclib.show.charts.grammar import ROWS, Lines, facets, finished
from ttclib.show.charts.labels import reference_layers
from ttclib.show.charts.rows import IN_BIN, LINKED, bin_param, intervals_param, panel_titles, rows_of, tips
from ttclib.show.charts.series import of_steps, of_strategies, picked_param
from ttclib.show.theme import INK, drawn, style_of

CHAIN_TOLD = ("position", column("accuracy", label="right"), "n_problems", "n_answers")
TIED = 5e-4  # what is shown as the same
SWEEP_TOLD = ("accuracy", "n_problems", "tokens")


def chain_chart(
    positions: pl.DataFrame, *, references: Mapping[str, float] | None = None, caption: Sequence[str] = ()
) -> Any:
    """Chance that a chain's answer is right, by its position, counted from 1.

    Parameters
    ----------
    positions : polars.DataFrame
        As `chain_pass_at_1` gives it.
    references : mapping of str to float, optional
        Accuracies to draw as level lines.

    Raises
    ------
    RequestError
        No answer is graded.
    """
    if not len(positions):
        raise RequestError("nothing to draw: no answer of a chain is graded")
    counted = positions.with_columns(pl.col("position") + 1)
    series = of_strategies(counted.with_columns(strategy=pl.lit("revisions")), legend=False)
    last = int(counted["position"].max())  # type: ignore[arg-type]
    x = alt.X(
        "position:Q",
        title="answer in the chain (the first saw no other)",
        scale=alt.Scale(domain=[1, max(2, last)], nice=False),
        axis=alt.Axis(format="d", tickMinStep=1, grid=False),
    )
    measure = share("pass@1: share of answers that are right")
    lines = Lines(x, measure, series, picked_param(series), told=tips(*CHAIN_TOLD))
    base = alt.Chart(ROWS)
    layers = [lines.band(base, strength=0.18, where="true"), lines.line(base), lines.point(base)]
    rule, *names = reference_layers(references or {}, measure)
    return finished(
        alt.layer(*([rule] if references else []), *layers, *(names if references else [])),
        [{**row, "name": series.names[0]} for row in rows_of(counted, CHAIN_TOLD)],
        title="Right answers along a chain",
        caption=caption,
        width=480,
        height=280,
    )


def sweep_chart(sweep: pl.DataFrame, *, caption: Sequence[str] = (), n_bins: int | None = None) -> Any:
    """Accuracy by how a budget is split, one line a budget; a list chooses the difficulty bin.

    Parameters
    ----------
    sweep : polars.DataFrame
        As `ratio_sweep` gives it.

    Raises
    ------
    RequestError
        Nothing to draw.
    """
    known = sweep.drop_nulls("accuracy").with_columns(ratio=pl.col("sequential") / pl.col("parallel"))
    if not len(known):
        raise RequestError("nothing to draw: no split of a budget has a graded answer on every problem")
    series = of_steps([f"N = {budget}" for budget in sorted(known["budget"].unique().to_list())])
    ratios = known["ratio"].unique().sort().to_list()
    title = "← one answer a chain · sequential : parallel · one long chain →"
    x = log_axis("ratio", title, ratios, label="datum.value >= 1 ? datum.value + ':1' : '1:' + round(1 / datum.value)")
    told = [alt.Tooltip("name:N", title="answers in all"), alt.Tooltip("split:N", title="sequential × parallel")]
    lines = Lines(x, share("accuracy"), series, picked_param(series), told=[*told, *tips(*SWEEP_TOLD)])
    rows = [{**row, "split": _split(row), "name": f"N = {row['budget']}"} for row in rows_of(known, SWEEP_TOLD)]
    chart = alt.layer(*lines.layers(alt.Chart(ROWS).transform_filter(IN_BIN)))
    return finished(
        chart.add_params(bin_param(panel_titles(known, n_bins), True), intervals_param(False, True)),
        rows,
        title="One long chain, or many short ones?",
        caption=caption,
        width=520,
        height=320,
    )


def best_split_chart(
    sweep: pl.DataFrame, *, budget: int | None = None, caption: Sequence[str] = (), n_bins: int | None = None
) -> Any:
    """The split of one budget in every difficulty bin, side by side.

    Parameters
    ----------
    sweep : polars.DataFrame
        As `ratio_sweep` gives it with bins.
    budget : int, optional
        None: the one with the most splits, of equals the largest.

    Raises
    ------
    RequestError
        No bins, or no such budget.
    """
    known = sweep.drop_nulls(["accuracy", "bin"])
    if not len(known):
        raise RequestError("nothing to draw by difficulty: the table has no bins")
    splits = {
        size: part["sequential"].n_unique()
        for (size,), part in known.sort("budget").group_by("budget", maintain_order=True)
    }
    wanted = max(splits, key=lambda size: (splits[size], size)) if budget is None else budget
    if wanted not in splits:
        raise RequestError(f"budget {wanted} is not in the table; it has {', '.join(map(str, splits))}")
    here = known.filter(pl.col("budget") == wanted).sort("sequential")
    titles = panel_titles(sweep, n_bins)
    best = dict(here.group_by("bin").agg(pl.col("accuracy").max()).iter_rows())
    rows = [
        {
            **row,
            "panel": titles[row["bin"]],
            "split": _split(row),
            "best": best[row["bin"]] - row["accuracy"] < TIED,
        }
        for row in rows_of(here, SWEEP_TOLD)
    ]
    order = list(dict.fromkeys(row["split"] for row in rows))
    base = alt.Chart()
    x = alt.X("split:N", sort=order, title="sequential × parallel", axis=alt.Axis(labelAngle=-45, labelOverlap=False))
    measure = share("accuracy", domain=[0, max(row["ci_high"] or row["accuracy"] for row in rows)], ticks=4)
    bar = base.mark_bar(color=drawn(style_of("revisions").color)).encode(
        x=x,
        y=measure.y("accuracy"),
        opacity=alt.OpacityValue(
            0.4, condition=[{"test": f"!({LINKED})", "value": 0.12}, {"test": "datum.best", "value": 1}]
        ),
        tooltip=[alt.Tooltip("split:N", title="sequential × parallel"), *tips(*SWEEP_TOLD)],
    )
    whisker = (
        base.transform_filter("isValid(datum.ci_low) && isValid(datum.ci_high)")
        .mark_rule(color=INK)
        .encode(x=x, y=measure.y("ci_low"), y2="ci_high:Q")
    )
    shown = [titles[number] for number in sorted(best)]
    return finished(
        facets([bar, whisker], shown, width=max(180, 30 * len(order)), height=170),
        rows,
        title=f"Where {wanted} answers are best spent",
        caption=[*caption, "full: the best split of the bin; several where they come to the same"],
    )


def _split(row: Mapping[str, Any]) -> str:
    return f"{row['sequential']} × {row['parallel']}"
