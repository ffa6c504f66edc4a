"""Coverage and what models of it predict beyond the pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.errors import RequestError
from ttclib.show.charts.marks import intervals_param, titled
from ttclib.show.theme import INK, QUIET_INK, finished, style_of

MODELS = {
    "power_law": ("power law exp(a·k^b)", "#D55E00", [7, 3]),
    "beta_binomial": ("beta-binomial", "#0072B2", [1, 0]),
    "scaled_beta_binomial": ("scaled beta-binomial", "#009E73", [12, 3, 2, 3]),
}


def extrapolation_chart(predicted: pl.DataFrame, measured: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Measured coverage as points, and what each model predicts, beyond the pool as well.

    Parameters
    ----------
    predicted : polars.DataFrame
        Rows of `extrapolate_pass_at_k`, one block a model.
    measured : polars.DataFrame
        As `accuracy_curves` gives it for pass@k.
    caption : sequence of str

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    RequestError
        No model could be fitted.
    """
    known = predicted.drop_nulls("predicted")
    if not len(known):
        raise RequestError("nothing to draw: no model of coverage could be fitted to these samples")
    rows = [
        {
            "name": MODELS[row["model"]][0],
            "model": row["model"],
            "k": row["k"],
            **{key: None if row[key] is None else round(row[key], 5) for key in ("predicted", "ci_low", "ci_high")},
            "where": "within the pool" if row["within_pool"] else "beyond the pool",
        }
        for row in known.to_dicts()
    ]
    models = [model for model in MODELS if model in known["model"].to_list()]
    names = [MODELS[model][0] for model in models]
    points = [
        {"k": row["budget"], **{key: round(row[key], 5) for key in ("accuracy", "ci_low", "ci_high")}}
        for row in measured.filter(pl.col("bin").is_null()).drop_nulls(["accuracy", "ci_low", "ci_high"]).to_dicts()
    ]
    ks = sorted(known["k"].unique().to_list())
    pool = max((point["k"] for point in points), default=1)
    x = alt.X(
        "k:Q",
        title="k: samples per problem (log scale)",
        scale=alt.Scale(type="log", base=2, domain=[ks[0], ks[-1]], nice=False),
        axis=alt.Axis(values=ks if len(ks) <= 10 else ks[::2], format="d", grid=False, labelFlush=False),
    )
    y_scale, axis, title = alt.Scale(zero=False, nice=True), alt.Axis(format=".0%"), "pass@k: problems covered"
    picked = alt.selection_point(name="picked", fields=["name"], bind="legend", toggle="true")
    base = alt.Chart(alt.InlineData(values=rows))
    color = alt.Color(
        "name:N",
        scale=alt.Scale(domain=names, range=[MODELS[model][1] for model in models]),
        legend=alt.Legend(title=None, orient="bottom", symbolType="stroke", symbolOpacity=1),
    )
    dash = alt.StrokeDash(
        "model:N", scale=alt.Scale(domain=models, range=[MODELS[model][2] for model in models]), legend=None
    )
    fade = alt.condition(picked, alt.value(1), alt.value(0.12))
    band = (
        base.transform_filter("intervals && isValid(datum.ci_low) && isValid(datum.ci_high)")
        .mark_area()
        .encode(
            x=x,
            y=alt.Y("ci_low:Q", scale=y_scale, axis=axis, title=title),
            y2="ci_high:Q",
            color=color,
            opacity=alt.condition(picked, alt.value(0.13), alt.value(0.01)),
        )
    )
    line = (
        base.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=26, filled=True))
        .encode(
            x=x,
            y=alt.Y("predicted:Q", scale=y_scale, axis=axis, title=title),
            color=color,
            strokeDash=dash,
            opacity=fade,
            tooltip=[
                alt.Tooltip("name:N", title="model"),
                alt.Tooltip("k:Q", format=",d"),
                alt.Tooltip("predicted:Q", format=".2%"),
                alt.Tooltip("ci_low:Q", title="interval from", format=".2%"),
                alt.Tooltip("ci_high:Q", title="interval to", format=".2%"),
                alt.Tooltip("where:N", title="k lies"),
            ],
        )
        .add_params(picked)
    )
    seen = alt.Chart(alt.InlineData(values=points))
    style = style_of("pass_at_k")
    mark = seen.mark_point(filled=True, size=75, color=style.color, opacity=1).encode(
        x="k:Q",
        y=alt.Y("accuracy:Q", scale=y_scale),
        tooltip=[
            alt.Tooltip("k:Q", format=",d"),
            alt.Tooltip("accuracy:Q", title="measured", format=".2%"),
            alt.Tooltip("ci_low:Q", title="interval from", format=".2%"),
            alt.Tooltip("ci_high:Q", title="interval to", format=".2%"),
        ],
    )
    edge = alt.Chart(alt.InlineData(values=[{"k": pool, "label": "the pool ends here"}]))
    end = edge.mark_rule(color=QUIET_INK, strokeDash=[4, 3]).encode(x="k:Q")
    said = edge.mark_text(align="left", baseline="bottom", dx=6, dy=-6, fontSize=12, color=INK).encode(
        x="k:Q", y=alt.value(340), text="label:N"
    )
    chart = alt.layer(band, line, mark, end, said).add_params(intervals_param(True, True))
    note = "points: measured · lines: fitted to the whole pool"
    return finished(
        chart.properties(width=560, height=340, title=titled("What more samples would cover", [*caption, note]))
    )


def miss_chart(misses: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """How far predictions from half of the samples miss what the others show.

    Parameters
    ----------
    misses : polars.DataFrame
        As `extrapolation_miss` gives it.
    caption : sequence of str

    Returns
    -------
    altair.LayerChart
    """
    rows = [
        {
            "name": MODELS[row["model"]][0],
            "k": row["k"],
            "miss": round(row["miss"], 6),
            "low": round(row["miss"] - row["miss_sd"], 6),
            "high": round(row["miss"] + row["miss_sd"], 6),
            "predicted": round(row["predicted"], 5),
            "measured": round(row["measured"], 5),
            "on": row["measured_on"],
        }
        for row in misses.to_dicts()
    ]
    models = [model for model in MODELS if model in misses["model"].to_list()]
    names = [MODELS[model][0] for model in models]
    ks = sorted(misses["k"].unique().to_list())
    base = alt.Chart(alt.InlineData(values=rows))
    x = alt.X(
        "k:Q",
        title="k: samples per problem (log scale)",
        scale=alt.Scale(type="log", base=2, domain=[ks[0], max(ks[-1], ks[0] * 2)], nice=False),
        axis=alt.Axis(values=ks, format="d", grid=False, labelFlush=False),
    )
    axis = alt.Axis(labelExpr="format(datum.value * 100, '+.1f')")
    color = alt.Color(
        "name:N",
        scale=alt.Scale(domain=names, range=[MODELS[model][1] for model in models]),
        legend=alt.Legend(title=None, orient="bottom", symbolType="stroke", symbolOpacity=1),
    )
    title = "predicted − measured, points"
    zero = base.mark_rule(color=INK).encode(y=alt.datum(0))
    band = base.mark_area(opacity=0.12).encode(x=x, y=alt.Y("low:Q", axis=axis, title=title), y2="high:Q", color=color)
    line = base.mark_line(strokeWidth=2.3, point=alt.OverlayMarkDef(size=45, filled=True)).encode(
        x=x,
        y=alt.Y("miss:Q", axis=axis, title=title),
        color=color,
        tooltip=[
            alt.Tooltip("name:N", title="model"),
            alt.Tooltip("k:Q"),
            alt.Tooltip("predicted:Q", format=".2%"),
            alt.Tooltip("measured:Q", format=".2%"),
            alt.Tooltip("on:N", title="measured on"),
            alt.Tooltip("miss:Q", format="+.2%"),
        ],
    )
    note = "fitted to one half of the samples; bands: one standard deviation over halvings"
    return finished(
        alt.layer(zero, band, line).properties(
            width=480, height=240, title=titled("How far such predictions miss", [*caption, note])
        )
    )
