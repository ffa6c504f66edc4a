"""How hard the problems are, and how well that can be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from ttclib.errors import RequestError
from ttclib.show.captions import bin_title
from ttclib.show.charts.marks import spread_labels, titled
from ttclib.show.theme import BIN_COLORS, INK, QUIET_INK, finished

KIND_COLORS = {"oracle": "#0072B2", "predicted": "#D55E00"}
KIND_LABELS = {"oracle": "oracle: k grades", "predicted": "predicted: k PRM scores"}


def difficulty_histogram(profiles: pl.DataFrame, *, caption: Sequence[str] = (), kind: str = "oracle") -> Any:
    """Problems by pass@1, coloured by difficulty bin; a click on the legend singles a bin out.

    Parameters
    ----------
    profiles : polars.DataFrame
        As `problem_profiles` gives it.
    caption : sequence of str
    kind : {"oracle", "predicted"}
        Which bins to colour by.

    Returns
    -------
    altair.Chart

    Raises
    ------
    RequestError
        No problem has a pass@1 and a bin of this kind.
    """
    column = f"{kind}_bin"
    known = _known(profiles, "oracle", column)
    rows, titles = _with_bin_titles(known, column)
    picked = alt.selection_point(name="picked", fields=["panel"], bind="legend", toggle="true")
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X(
                "oracle:Q",
                bin=alt.Bin(step=0.05, extent=[0, 1]),
                title="pass@1: share of a problem's samples that are right",
                axis=alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1], grid=False),
            ),
            y=alt.Y("count():Q", title="problems", axis=alt.Axis(tickMinStep=1)),
            color=_bin_color(titles),
            order=alt.Order(f"{column}:Q"),
            opacity=alt.condition(picked, alt.value(1), alt.value(0.2)),
            tooltip=[
                alt.Tooltip("panel:N", title="difficulty"),
                alt.Tooltip("count():Q", title="problems"),
                alt.Tooltip("oracle:Q", bin=alt.Bin(step=0.05, extent=[0, 1]), title="pass@1", format=".0%"),
            ],
        )
        .add_params(picked)
        .properties(width=560, height=260)
    )
    return finished(chart.properties(title=titled("How hard the problems are", caption)))


def agreement_chart(profiles: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Oracle against predicted difficulty, one point a problem.

    Parameters
    ----------
    profiles : polars.DataFrame
        As `problem_profiles` gives it.
    caption : sequence of str

    Returns
    -------
    altair.Chart

    Raises
    ------
    RequestError
        No problem has both difficulties.
    """
    known = _known(profiles, "oracle", "predicted")
    rows, titles = _with_bin_titles(known, "oracle_bin")
    picked = alt.selection_point(name="picked", fields=["panel"], bind="legend", toggle="true")
    low, high = float(known["predicted"].min()), float(known["predicted"].max())  # type: ignore[arg-type]
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_point(filled=True, size=70, stroke="white", strokeWidth=0.6)
        .encode(
            x=alt.X(
                "predicted:Q",
                title="predicted: mean final PRM score",
                scale=alt.Scale(domain=[min(low, 0.0) if low < 0.3 else low, max(high, 1.0) if high > 0.7 else high]),
            ),
            y=alt.Y("oracle:Q", title="oracle: pass@1", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%")),
            color=_bin_color(titles),
            opacity=alt.condition(picked, alt.value(0.9), alt.value(0.1)),
            tooltip=[
                alt.Tooltip("problem_id:N", title="problem"),
                alt.Tooltip("oracle:Q", title="pass@1", format=".1%"),
                alt.Tooltip("predicted:Q", title="mean PRM score", format=".3f"),
                alt.Tooltip("panel:N", title="bin by oracle"),
                alt.Tooltip("predicted_bin:Q", title="bin by prediction"),
            ],
        )
        .add_params(picked)
        .properties(width=420, height=360)
    )
    return finished(chart.properties(title=titled("Does the PRM know what is hard?", caption)))


def confusion_chart(confusion: np.ndarray, *, caption: Sequence[str] = ()) -> Any:
    """Problems by bin of oracle (rows) and predicted difficulty (columns).

    Parameters
    ----------
    confusion : int array, shape (bins, bins)
        As in `ttclib.analysis.difficulty.Agreement`.
    caption : sequence of str

    Returns
    -------
    altair.LayerChart
    """
    size = len(confusion)
    rows = [
        {"oracle": row + 1, "predicted": column + 1, "problems": int(confusion[row, column])}
        for row in range(size)
        for column in range(size)
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("predicted:O", title="bin by prediction (1 easiest)", axis=alt.Axis(labelAngle=0, orient="bottom")),
        y=alt.Y("oracle:O", title="bin by oracle (1 easiest)"),
    )
    largest = max(1, int(confusion.max(initial=1)))
    square = base.mark_rect(stroke="white").encode(
        color=alt.Color("problems:Q", scale=alt.Scale(domain=[0, largest], range=["#f4f7fa", "#0072B2"]), legend=None),
        tooltip=["oracle:O", "predicted:O", "problems:Q"],
    )
    number = base.mark_text(fontSize=13).encode(
        text="problems:Q",
        color=alt.condition(f"datum.problems > {largest * 0.55}", alt.value("white"), alt.value(INK)),
    )
    side = 46 * size
    return finished(
        alt.layer(square, number).properties(
            width=side, height=side, title=titled("Problems by bin, oracle against predicted", caption)
        )
    )


def cheap_chart(agreement: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """How well k samples tell the difficulty that the whole pool tells.

    Parameters
    ----------
    agreement : polars.DataFrame
        As `cheap_agreement` gives it.
    caption : sequence of str

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        Nothing is known, as where every problem is equally hard.
    """
    known = agreement.drop_nulls("spearman")
    if not len(known):
        raise RequestError("nothing to draw: with every problem equally hard, no samples can rank them")
    kinds = [kind for kind in KIND_COLORS if kind in known["kind"].to_list()]
    rows = [{**row, "name": KIND_LABELS[row["kind"]]} for row in known.to_dicts()]
    ks = sorted(known["k"].unique().to_list())
    ends = known.sort("k").group_by("kind", maintain_order=True).last()
    heights = spread_labels(ends["spearman"].to_list(), gap=0.06, high=1.0)
    labels = [{**row, "height": height} for row, height in zip(ends.to_dicts(), heights, strict=True)]
    color = alt.Color(
        "name:N",
        scale=alt.Scale(domain=[KIND_LABELS[kind] for kind in kinds], range=[KIND_COLORS[kind] for kind in kinds]),
        legend=alt.Legend(title=None, orient="bottom"),
    )
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "k:Q",
            title="k, samples spent on telling the difficulty (log scale)",
            scale=alt.Scale(type="log", base=2, domain=[ks[0], max(ks[-1], ks[0] * 2)], nice=False),
            axis=alt.Axis(values=ks, format="d", grid=False, labelFlush=False),
        ),
        y=alt.Y(
            "spearman:Q",
            title="rank correlation with the whole pool's pass@1",
            scale=alt.Scale(domain=[min(0.0, float(known["spearman"].min())), 1]),  # type: ignore[arg-type]
        ),
        color=color,
        tooltip=[
            alt.Tooltip("name:N", title="from"),
            alt.Tooltip("k:Q"),
            alt.Tooltip("spearman:Q", title="rank correlation", format=".3f"),
            alt.Tooltip("same_bin:Q", title="in the same bin", format=".0%"),
            alt.Tooltip("within_one:Q", title="at most one bin off", format=".0%"),
        ],
    )
    text = (
        alt.Chart(alt.InlineData(values=labels))
        .mark_text(align="left", dx=9, fontSize=12, color=QUIET_INK)
        .encode(x="k:Q", y="height:Q", text=alt.Text("spearman:Q", format=".2f"))
    )
    chart = alt.layer(base.mark_line(strokeWidth=2.5), base.mark_point(filled=True, size=60, opacity=1), text)
    return finished(
        chart.properties(width=480, height=280, title=titled("What few samples tell of the difficulty", caption))
    )


def _known(profiles: pl.DataFrame, *columns: str) -> pl.DataFrame:
    known = profiles.drop_nulls(columns)
    if not len(known):
        lacks = "PRM scores" if any("predicted" in column for column in columns) else "graded samples"
        raise RequestError(f"nothing to draw: the store has no {lacks}")
    return known


def _with_bin_titles(frame: pl.DataFrame, column: str) -> tuple[list[dict[str, Any]], list[str]]:
    count = int(frame[column].max())  # type: ignore[arg-type]
    titles = [bin_title(number, count) for number in range(1, count + 1)]
    rows = [
        {
            **{key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()},
            "panel": titles[row[column] - 1],
        }
        for row in frame.to_dicts()
    ]
    return rows, titles


def _bin_color(titles: list[str]) -> Any:
    return alt.Color(
        "panel:N",
        scale=alt.Scale(domain=titles, range=[BIN_COLORS[place % len(BIN_COLORS)] for place in range(len(titles))]),
        legend=alt.Legend(title=None, orient="bottom", columns=5, symbolType="square"),
    )
