"""How hard the problems are, and how well that can be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from ttclib.analysis.columns import bin_title, column
from ttclib.errors import RequestError
from ttclib.show.charts.axes import Measure, log_axis
from ttclib.show.charts.grammar import ROWS, Lines, finished
from ttclib.show.charts.labels import spread_labels
from ttclib.show.charts.rows import LINKED, rows_of, tips
from ttclib.show.charts.series import Series, faded, linked, of_steps, picked_param
from ttclib.show.theme import INK, PAPER, QUIET_INK, on_papers, pair

KIND_COLORS = {"oracle": "#0072B2", "predicted": "#D55E00"}
KIND_LABELS = {"oracle": "oracle: k grades", "predicted": "predicted: k PRM scores"}
AGREEMENT_TOLD = (
    "problem_id",
    "oracle",
    column("predicted", label="mean PRM score"),
    column("oracle_bin", null="none"),
    column("predicted_bin", null="none"),
)
CHEAP_TOLD = ("k", "spearman", "same_bin", "within_one")
STEP = 0.05


def difficulty_histogram(
    profiles: pl.DataFrame, *, caption: Sequence[str] = (), kind: str = "oracle", n_bins: int | None = None
) -> Any:
    """Problems by pass@1, coloured by difficulty bin; a click on the legend singles a bin out.

    Parameters
    ----------
    profiles : polars.DataFrame
        As `DifficultyAnswer.problems` of `ttclib.study.difficulty`.
    kind : {"oracle", "predicted"}
        Which bins to colour by.

    Raises
    ------
    RequestError
        No problem has a pass@1 and a bin of this kind.
    """
    by = f"{kind}_bin"
    rows, series = _by_bin(_known(profiles, "oracle", by), by, n_bins)
    picked = picked_param(series)
    width = alt.Bin(step=STEP, extent=[0, 1])
    chart = (
        alt.Chart(ROWS)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X(
                "oracle:Q",
                bin=width,
                title="pass@1: share of a problem's samples that are right",
                axis=alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1], grid=False),
            ),
            y=alt.Y("count():Q", title="problems", axis=alt.Axis(tickMinStep=1)),
            color=series.color,
            order=alt.Order(f"{by}:Q"),
            detail="bin:Q",
            opacity=faded(picked, 1, 0.2),
            tooltip=[
                alt.Tooltip("panel:N", title="difficulty"),
                alt.Tooltip("count():Q", title="problems"),
                alt.Tooltip("oracle:Q", bin=width, title="pass@1", format=".0%"),
            ],
        )
        .add_params(picked)
    )
    return finished(chart, rows, title="How hard the problems are", caption=caption, width=560, height=260)


def agreement_chart(profiles: pl.DataFrame, *, caption: Sequence[str] = (), n_bins: int | None = None) -> Any:
    """Oracle against predicted difficulty, one point a problem.

    Parameters
    ----------
    profiles : polars.DataFrame
        As `DifficultyAnswer.problems` of `ttclib.study.difficulty`.

    Raises
    ------
    RequestError
        No problem has both difficulties.
    """
    known = _known(profiles, "oracle", "predicted")
    rows, series = _by_bin(known, "oracle_bin", n_bins)
    picked = picked_param(series)
    low, high = float(known["predicted"].min()), float(known["predicted"].max())  # type: ignore[arg-type]
    ends = [min(low, 0.0) if low < 0.3 else low, max(high, 1.0) if high > 0.7 else high]
    chart = (
        alt.Chart(ROWS)
        .mark_point(filled=True, size=70, stroke=PAPER, strokeWidth=0.6)
        .encode(
            x=alt.X("predicted:Q", title="predicted: mean final PRM score", scale=alt.Scale(domain=ends)),
            y=alt.Y("oracle:Q", title="oracle: pass@1", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%")),
            color=series.color,
            shape=series.shape,
            opacity=faded(picked, 0.9, 0.1),
            tooltip=tips(*AGREEMENT_TOLD),
        )
        .add_params(picked)
    )
    return finished(chart, rows, title="Does the PRM know what is hard?", caption=caption, width=420, height=360)


def confusion_chart(confusion: np.ndarray, *, caption: Sequence[str] = ()) -> Any:
    """Problems by bin of oracle (rows) and predicted difficulty (columns).

    Parameters
    ----------
    confusion : int array, shape (bins, bins)
        As in `ttclib.analysis.difficulty.Agreement`.
    """
    size = len(confusion)
    rows = [
        {"bin": row + 1, "oracle": row + 1, "predicted": place + 1, "problems": int(confusion[row, place])}
        for row in range(size)
        for place in range(size)
    ]
    base = alt.Chart(ROWS).encode(
        x=alt.X("predicted:O", title="bin by prediction (1 easiest)", axis=alt.Axis(labelAngle=0, orient="bottom")),
        y=alt.Y("oracle:O", title="bin by oracle (1 easiest)"),
    )
    largest = max(1, int(confusion.max(initial=1)))
    ends: list[Any] = [on_papers("#f4f7fa", "#262a2e"), "#0072B2"]
    square = base.mark_rect(stroke=PAPER).encode(
        color=alt.Color("problems:Q", scale=alt.Scale(domain=[0, largest], range=ends), legend=None),
        opacity=linked(),
        tooltip=[
            alt.Tooltip("oracle:O", title="bin by oracle"),
            alt.Tooltip("predicted:O", title="bin by prediction"),
            alt.Tooltip("problems:Q"),
        ],
    )
    number = base.mark_text(fontSize=13).encode(
        text="problems:Q",
        color=alt.condition(f"datum.problems > {largest * 0.55} && {LINKED}", alt.value("#ffffff"), alt.value(INK)),
    )
    title = "Problems by bin, oracle against predicted"
    return finished(alt.layer(square, number), rows, title=title, caption=caption, width=46 * size, height=46 * size)


def cheap_chart(agreement: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """How well k samples tell the difficulty that the others tell.

    Parameters
    ----------
    agreement : polars.DataFrame
        As `DifficultyAnswer.agreement` of `ttclib.study.difficulty`.

    Raises
    ------
    RequestError
        Nothing is known, as where every problem is equally hard.
    """
    known = agreement.drop_nulls("spearman")
    if not len(known):
        raise RequestError("nothing to draw: with every problem equally hard, no samples can rank them")
    kinds = [kind for kind in KIND_COLORS if kind in known["kind"].to_list()]
    series = Series([KIND_LABELS[kind] for kind in kinds], [pair(KIND_COLORS[kind]) for kind in kinds])
    rows = [{**row, "name": KIND_LABELS[row["kind"]]} for row in rows_of(known, CHEAP_TOLD)]
    ends = [max((row for row in rows if row["kind"] == kind), key=lambda row: row["k"]) for kind in kinds]
    heights = spread_labels([row["spearman"] for row in ends], gap=0.06, high=1.0)
    labels = [{**row, "height": height} for row, height in zip(ends, heights, strict=True)]
    lowest = min(0.0, float(known["spearman"].min()))  # type: ignore[arg-type]
    measure = Measure("rank correlation with the others' pass@1", alt.Axis(), alt.Scale(domain=[lowest, 1]))
    title = "k, samples spent on telling the difficulty (log scale)"
    lines = Lines(
        log_axis("k", title, known["k"].unique().sort().to_list()),
        measure,
        series,
        picked_param(series),
        value="spearman",
        told=[alt.Tooltip("name:N", title="from"), *tips(*CHEAP_TOLD)],
    )
    base = alt.Chart(ROWS)
    text = (
        alt.Chart(alt.InlineData(values=labels))
        .mark_text(align="left", dx=9, fontSize=12, color=QUIET_INK)
        .encode(x="k:Q", y=measure.y("height"), text="spearman_text:N")
    )
    return finished(
        alt.layer(lines.line(base), lines.point(base), text),
        rows,
        title="What few samples tell of the difficulty",
        caption=caption,
        width=480,
        height=280,
    )


def _known(profiles: pl.DataFrame, *columns: str) -> pl.DataFrame:
    known = profiles.drop_nulls(columns)
    if not len(known):
        lacks = "PRM scores" if any("predicted" in name for name in columns) else "graded samples"
        raise RequestError(f"nothing to draw: the store has no {lacks}")
    return known


def _by_bin(known: pl.DataFrame, by: str, n_bins: int | None) -> tuple[list[dict[str, Any]], Series]:
    """Rows with the name of their bin, and a colour and shape a bin."""
    count = max(n_bins or 0, int(known[by].max()))  # type: ignore[arg-type]
    titles = [bin_title(number, count) for number in range(1, count + 1)]
    rows = [{**row, "panel": titles[row[by] - 1], "bin": row[by]} for row in rows_of(known, AGREEMENT_TOLD)]
    return rows, of_steps(titles, by="panel")
