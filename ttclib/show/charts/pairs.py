"""Many pairs of a small and a larger model on many tasks: at equal FLOPs over R, in attempts needed, by difficulty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import column
from ttclib.analysis.cost import flops_matched_multiplier
from ttclib.errors import RequestError
from ttclib.show.charts.axes import log_axis, points
from ttclib.show.charts.grammar import ROWS, Lines, facets, finished, level
from ttclib.show.charts.labels import LABEL_PX, end_labels, spread_labels
from ttclib.show.charts.rows import rows_of, tips
from ttclib.show.charts.series import SHAPES, Series, linked, picked_param
from ttclib.show.theme import PAPER, QUIET_INK, pair

COLORS = ("#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7", "#3B8EA5", "#5B2A86", "#7F7C75")
GUIDES = (math.inf, 1.0, 0.1)  # R whose attempts are marked
TOLD = (
    "exchange_rate",
    column("multiplier", label="R pays for"),
    column("difference", label="measured"),
    "estimate",
    "n_problems",
)
NEEDED_TOLD = ("param_ratio", "attempts", "accuracy_small", "accuracy_large", "n_problems")
BIN_TOLD = ("bin", "attempts", "difference", "n_problems")
WIDTH, HEIGHT = 205, 180
BEYOND = 1e12  # an open end, which the plot cuts off


def pairs_chart(curves: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Small less large over R, a panel a task and a line a pair of neighbours.

    Solid: as many attempts as R pays for are in the pool. Thin: R pays for more, and all of the pool is a lower bound.
    Dashed: what the fit makes of the attempts that are not there. The point is where the pool ends.

    Parameters
    ----------
    curves : polars.DataFrame
        `ttclib.study.pairs.Pairs.curves`.

    Raises
    ------
    RequestError
        No pair of neighbours is comparable at any R.
    """
    known = curves.filter("neighbours").drop_nulls("difference")
    if not len(known):
        raise RequestError("nothing to draw: no pair of models is comparable at any exchange rate")
    series, domain = _series(known["pair"]), _domain(known)
    rows = _rows(known, domain)
    rates = sorted({row["exchange_rate"] for row in rows})
    ticks = [10.0**power for power in range(-6, 7) if rates[0] * 0.999 <= 10.0**power <= rates[-1] * 1.001]
    x = log_axis("exchange_rate", "R (log scale)", ticks, ends=(rates[0], rates[-1]), base=10)
    told = [alt.Tooltip("name:N", title="pair"), alt.Tooltip("panel:N", title="task"), *tips(*TOLD)]
    measure, picked = points("small − large, points", domain=domain), picked_param(series)
    measured = Lines(x, measure, series, picked, value="difference", told=told, small=True)
    guess = Lines(x, measure, series, picked, value="estimate", ends=("estimate_low", "estimate_high"), small=True)
    base = alt.Chart()
    held, beyond = (base.transform_filter(f"{sign}datum.bounded") for sign in ("!", ""))
    ends = base.transform_filter("datum.pool_end")
    whisker = ends.mark_rule(strokeWidth=1.6).encode(
        x=x, y=measure.y("ci_low"), y2="ci_high:Q", color=series.color, tooltip=told
    )
    dashed = guess.line(beyond).encode(strokeDash=alt.value([5, 4]))
    stairs = measured.line(held).encode(strokeWidth=alt.value(3), strokeDash=alt.value([1, 0]))
    stairs.mark.interpolate = "step-after"  # attempts are whole
    layers = [
        level(base, 0, measure),
        guess.band(beyond, strength=0.13, where="true"),
        measured.line(beyond).encode(strokeWidth=alt.value(0.9), strokeDash=alt.value([1, 0])),
        dashed,
        stairs,
        whisker,
        measured.point(ends).encode(size=alt.value(70)),
        *end_labels(base, series, picked, x="exchange_rate", y="difference", width="child_width"),
    ]
    panels = facets(layers, _in_order(known["task"]), columns=2, width=WIDTH, height=HEIGHT)
    notes = (
        "above zero the small model is ahead at the same FLOPs · R: tokens of inference over tokens of pretraining",
        "solid: measured; the point with its 95 % interval is where the pool ends · thin: all of it, a lower bound",
        "dashed: a beta-binomial's estimate of the attempts that are not there, with its 95 % interval",
    )
    return finished(panels, rows, title="A small model many times, or a larger one once?", caption=[*caption, *notes])


def needed_chart(needed: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Attempts of the small model that equal one answer of the larger one, a row a pair by M; ticks say which R pays.

    Parameters
    ----------
    needed : polars.DataFrame
        `ttclib.study.pairs.Pairs.pairs`.

    Raises
    ------
    RequestError
        No pair's attempts are known, nor estimated.
    """
    rows = [row for row in _needed_rows(needed) if row["attempts"] is not None]
    if not rows:
        raise RequestError("nothing to draw: no number of attempts is known to equal the larger model")
    # What is measured is shown with its whole interval; a fit's may reach as far as it likes.
    ends = [row["attempts_high"] for row in rows if not row["fitted"] and row["attempts_high"] < BEYOND]
    high = 10.0 ** math.ceil(math.log10(max(10.0, *(row["attempts"] for row in rows), *ends)) + 0.1)
    powers = [10.0**power for power in range(round(math.log10(high)) + 1)]
    x, low = (
        log_axis(name, "attempts that equal one answer of the larger (log scale)", powers, ends=(0.9, high), base=10)
        for name in ("attempts", "attempts_low")
    )
    names = _in_order(row["row"] for row in sorted(rows, key=lambda row: row["param_ratio"]))
    y = alt.Y("row:N", sort=names, title=None, axis=alt.Axis(labelExpr="split(datum.label, '|')", labelOffset=-7))
    tasks = _in_order(row["panel"] for row in rows)
    offset = alt.YOffset("panel:N", sort=tasks, scale=alt.Scale(domain=tasks, paddingOuter=0.4))
    series = Series(tasks, [pair(color) for color in COLORS], shapes=list(SHAPES), by="panel")
    paid = alt.Chart(alt.InlineData(values=_paid(rows, high)))
    tick = paid.mark_tick(thickness=2, size=26, color=QUIET_INK).encode(x=x, y=y, opacity=alt.value(0.55))
    base = alt.Chart(ROWS)
    told = [alt.Tooltip("name:N", title="pair"), alt.Tooltip("panel:N", title="task")]
    told += [alt.Tooltip("told:N", title="told by"), *tips(*NEEDED_TOLD)]
    whisker = base.mark_rule(strokeWidth=1.5, clip=True).encode(
        x=low,
        x2="attempts_high:Q",
        y=y,
        yOffset=offset,
        color=series.color,
        tooltip=told,
    )
    look = {"x": x, "y": y, "yOffset": offset, "shape": series.shape, "tooltip": told}
    point: dict[str, Any] = {"filled": True, "size": 75, "opacity": 1, "strokeWidth": 2}
    measured = base.transform_filter("!datum.fitted").mark_point(**point)
    guessed = base.transform_filter("datum.fitted").mark_point(**point, fill=PAPER)
    chart = alt.layer(
        tick,
        whisker,
        measured.encode(**look, color=series.color),
        guessed.encode(**look, stroke=series.outline),
    )
    notes = (
        "filled: measured · hollow: a beta-binomial's estimate, beyond the pool · whiskers: 95 % intervals",
        "grey: the attempts that equal FLOPs pay for at R = ∞, 1 and 0.1, from the left; left of all of them the small "
        "model is ahead at every R",
    )
    height = max(170, 38 * len(names))
    title = "How many attempts make up for a smaller model?"
    made = finished(chart, rows, title=title, caption=[*caption, *notes], width=560, height=height)
    made.title.frame = "bounds"  # names on the axis take much of a narrow place
    return made


def pair_bins_chart(bins: pl.DataFrame, *, caption: Sequence[str] = ()) -> Any:
    """Small less large by the small model's difficulty, a panel a task.

    Parameters
    ----------
    bins : polars.DataFrame
        `ttclib.study.pairs.Pairs.bins`.

    Raises
    ------
    RequestError
        There are no bins.
    """
    known = bins.drop_nulls("difference") if bins.width else bins
    if not len(known):
        raise RequestError("nothing to draw by difficulty: the comparison was asked in one bin")
    series = _series(known["pair"], legend=True)
    n_bins = int(known["bin"].max())  # type: ignore[arg-type]
    rows = [{**row, "panel": row["task"], "name": short(row["pair"])} for row in rows_of(known, BIN_TOLD)]
    x = alt.X("bin:O", title="difficulty bin (1 the easiest)", axis=alt.Axis(labelAngle=0))
    offset = alt.XOffset("name:N", sort=series.names, scale=alt.Scale(domain=series.names, paddingOuter=0.3))
    measure = points("small − large, points", domain=_ends_of(known, ("ci_low", "ci_high")))
    told = [alt.Tooltip("name:N", title="pair"), alt.Tooltip("panel:N", title="task"), *tips(*BIN_TOLD)]
    base = alt.Chart()
    whisker = base.mark_rule(strokeWidth=1.6).encode(
        x=x, xOffset=offset, y=measure.y("ci_low"), y2="ci_high:Q", color=series.color, tooltip=told
    )
    point = base.mark_point(filled=True, size=75, opacity=1).encode(
        x=x,
        xOffset=offset,
        y=measure.y("difference"),
        color=series.color,
        shape=series.shape,
        opacity=linked(),
        tooltip=told,
    )
    panels = facets(
        [level(base, 0, measure), whisker, point], _in_order(known["task"]), columns=2, width=95 * n_bins, height=180
    )
    attempts = sorted(set(known["attempts"].to_list()))
    notes = (
        f"{', '.join(map(str, attempts))} attempts of the small one; the others tell how hard a problem is for it",
        "whiskers: 95 % intervals over problems",
    )
    return finished(panels, rows, title="On which problems do attempts help?", caption=[*caption, *notes])


def short(name: str) -> str:
    """A pair's name beside a line."""
    return name.replace(" vs ", "/")


def _series(names: Iterable[str], legend: bool = False) -> Series:
    shown = [short(name) for name in _in_order(names)]
    colors = [pair(COLORS[at % len(COLORS)]) for at in range(len(shown))]
    return Series(shown, colors, [()] * len(shown), list(SHAPES), legend=legend)


def _in_order(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _domain(known: pl.DataFrame) -> tuple[float, float]:
    """Ends of the axis in steps of ten points: of all lines, and of what is measured with its interval."""
    return _ends_of(known, ("difference", "ci_low", "ci_high", "estimate"))


def _ends_of(known: pl.DataFrame, names: Sequence[str]) -> tuple[float, float]:
    values = [0.0, *(value for name in names for value in known[name].drop_nulls())]
    return math.floor(min(values) * 10 - 1e-9) / 10, math.ceil(max(values) * 10 + 1e-9) / 10


def _rows(known: pl.DataFrame, domain: tuple[float, float]) -> list[dict[str, Any]]:
    made = [
        {
            **row,
            "panel": row["task"],
            "name": short(row["pair"]),
            "bounded": not row["within_pool"],
            "pool_end": False,
            "at_end": False,
        }
        for row in rows_of(known, TOLD)
    ]
    for panel in _in_order(row["panel"] for row in made):
        ends = []
        for name in _in_order(row["name"] for row in made if row["panel"] == panel):
            own = sorted((row for row in made if (row["panel"], row["name"]) == (panel, name)),
                         key=lambda row: row["exchange_rate"])  # fmt: skip
            within = [row for row in own if not row["bounded"]]
            last = within[0] if within else own[-1]  # the smallest R that the pool pays for
            last["pool_end"] = True
            if within and len(within) < len(own):  # so that thin and dashed begin where the solid line ends
                made.append({**last, "bounded": True, "pool_end": False, "estimate": last["difference"],
                             "estimate_low": None, "estimate_high": None})  # fmt: skip
            ends.append(own[-1])
        gap = (LABEL_PX + 4) / HEIGHT * (domain[1] - domain[0])
        heights = spread_labels([row["difference"] for row in ends], gap=gap, low=domain[0], high=domain[1])
        for row, height in zip(ends, heights, strict=True):
            row |= {"at_end": True, "label_height": height, "end_label": row["name"]}
    return made


def _needed_rows(needed: pl.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for row in needed.to_dicts():
        fitted = row["attempts"] == math.inf
        told = "_fitted" if fitted else ""
        values = {name: row[f"{name}{told}"] for name in ("attempts", "attempts_low", "attempts_high")}
        kept = ("param_ratio", "training_tokens_ratio", "accuracy_small", "accuracy_large", "n_problems")
        rows.append(
            {
                **{name: row[name] for name in kept},
                **{name: None if math.isinf(value) or math.isnan(value) else value for name, value in values.items()},
                "panel": row["task"],
                "name": short(row["pair"]),
                "row": f"{short(row['pair'])}|M = {row['param_ratio']:.2g}",
                "fitted": fitted,
                "told": "a fit" if fitted else "the pool",
            }
        )
    made = rows_of(pl.DataFrame(rows, infer_schema_length=None), NEEDED_TOLD) if rows else []
    return [{**row, "attempts_high": row["attempts_high"] or BEYOND} for row in made]


def _paid(rows: Sequence[dict[str, Any]], high: float) -> list[dict[str, Any]]:
    """The attempts that equal FLOPs pay for, c = M + 3·(t·M − 1)/R, a tick a pair and R."""
    found = {}
    for row in rows:
        for rate in GUIDES:
            t = row["training_tokens_ratio"]
            attempts = flops_matched_multiplier(row["param_ratio"], rate, training_tokens_ratio=t)
            if attempts <= high:
                label = "R = ∞" if math.isinf(rate) else f"R = {rate:g}"
                found[row["row"], label] = {"row": row["row"], "rate": label, "attempts": attempts}
    return list(found.values())
