"""Coverage and what models of it predict beyond the pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.errors import RequestError
from ttclib.show.charts.axes import log_axis, points, share
from ttclib.show.charts.grammar import ROWS, Lines, finished, level
from ttclib.show.charts.labels import halo_text
from ttclib.show.charts.rows import intervals_param, rows_of, tips
from ttclib.show.charts.series import Series, picked_param
from ttclib.show.theme import QUIET_INK, drawn, pair, style_of

MODELS = {
    "power_law": ("power law exp(a·k^b)", "#D55E00", (7, 3), "triangle-up"),
    "beta_binomial": ("beta-binomial", "#0072B2", (), "square"),
    "scaled_beta_binomial": ("scaled beta-binomial", "#009E73", (12, 3, 2, 3), "diamond"),
}
PREDICTED = column("predicted", kind="share", ends=("ci_low", "ci_high"))
FIT_TOLD = ("k", PREDICTED, "within_pool")
MISS_TOLD = ("k", column("predicted", kind="share"), column("measured", ends=None), "measured_on", "miss")
K_TITLE = "k: samples per problem (log scale)"


def extrapolation_chart(predicted: pl.DataFrame, measured: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Measured coverage as points, and what each model predicts, beyond the pool as well.

    Parameters
    ----------
    predicted : polars.DataFrame
        Rows of `extrapolate_pass_at_k`, one block a model.
    measured : polars.DataFrame
        As `Study.replay` gives it for pass@k.

    Raises
    ------
    RequestError
        No model could be fitted.
    """
    known = predicted.drop_nulls("predicted")
    if not len(known):
        raise RequestError("nothing to draw: no model of coverage could be fitted to these samples")
    series, measure = _series(known), share("pass@k: problems covered")
    ks = known["k"].unique().sort().to_list()
    x = log_axis("k", K_TITLE, ks if len(ks) <= 10 else ks[::2], ends=(ks[0], ks[-1]))
    told = [alt.Tooltip("name:N", title="model"), *tips(*FIT_TOLD)]
    lines = Lines(x, measure, series, picked_param(series), value="predicted", told=told)
    of_pool = measured.filter(pl.col("bin").is_null()).drop_nulls("accuracy")
    as_measured = column("accuracy", label="measured")
    seen = rows_of(of_pool.select("accuracy", "ci_low", "ci_high", k="budget"), ("k", as_measured))
    mark = (
        alt.Chart(alt.InlineData(values=seen))
        .mark_point(filled=True, size=75, color=drawn(style_of("pass_at_k").color), opacity=1)
        .encode(x="k:Q", y=measure.y("accuracy"), tooltip=tips("k", as_measured))
    )
    pool = max((row["k"] for row in seen), default=1)
    edge = alt.Chart(alt.InlineData(values=[{"k": pool, "label": "the pool ends here"}]))
    end = edge.mark_rule(color=QUIET_INK, strokeDash=[4, 3]).encode(x="k:Q")
    place = {"x": alt.X("k:Q"), "y": alt.YValue(alt.ExprRef("height"))}
    # On the side of the edge where there is room.
    side = {"align": "right", "dx": -6} if pool * pool > ks[0] * ks[-1] else {"align": "left", "dx": 6}
    said = halo_text(edge, text="label:N", channels=place, baseline="bottom", dy=-6, fontSize=12, **side)
    chart = alt.layer(*lines.layers(alt.Chart(ROWS)), mark, end, *said).add_params(intervals_param(True, True))
    return finished(
        chart,
        _named(known, FIT_TOLD),
        title="What more samples would cover",
        caption=[*caption, "points without a line: measured · lines: fitted to the whole pool"],
        width=560,
        height=340,
    )


def miss_chart(misses: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """How far predictions from half of the samples miss what the others show.

    Parameters
    ----------
    misses : polars.DataFrame
        As `extrapolation_miss` gives it.
    """
    spread = misses.with_columns(low=pl.col("miss") - pl.col("miss_sd"), high=pl.col("miss") + pl.col("miss_sd"))
    series, base = _series(misses), alt.Chart(ROWS)
    lines = Lines(
        log_axis("k", K_TITLE, misses["k"].unique().sort().to_list()),
        points("predicted − measured, points"),
        series,
        picked_param(series),
        value="miss",
        ends=("low", "high"),
        told=[alt.Tooltip("name:N", title="model"), *tips(*MISS_TOLD)],
    )
    zero, band = level(base, 0, lines.measure), lines.band(base, where="true")
    return finished(
        alt.layer(zero, band, lines.line(base), lines.point(base)),
        _named(spread, MISS_TOLD),
        title="How far such predictions miss",
        caption=[*caption, "fitted to one half of the samples; bands: one standard deviation over halvings"],
        width=480,
        height=240,
    )


def _series(frame: pl.DataFrame) -> Series:
    models = [MODELS[name] for name in MODELS if name in frame["model"].to_list()]
    names, colors, dashes, shapes = (list(part) for part in zip(*models, strict=True))
    return Series(names, [pair(color) for color in colors], dashes, shapes)


def _named(frame: pl.DataFrame, told: Any) -> list[dict[str, Any]]:
    return [{**row, "name": MODELS[row["model"]][0]} for row in rows_of(frame, told)]
