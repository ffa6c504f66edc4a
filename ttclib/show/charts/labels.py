"""Names and values on the lines themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from ttclib.show.charts.axes import Measure
from ttclib.show.charts.series import Series, faded
from ttclib.show.theme import FRAME, PAPER, QUIET_INK

LABEL_PX = 13
_REFERENCE_PX = 15  # from one name of a level to that above it


def end_labels(
    base: Any, series: Series, picked: Any, *, x: str = "budget", y: str = "accuracy", width: str = "width"
) -> list[Any]:
    """What is said of each line at its end, beside the plot, with a thin line to the point that it tells of.

    Parameters
    ----------
    base : altair chart
        Of rows with ``at_end``, and of those that are, ``end_label`` and ``label_height``.
    x, y : str
        Fields of the lines.
    width : str
        What the plot's width is called: in panels ``child_width``.
    """
    here = base.transform_filter("datum.at_end")
    fade = faded(picked, 1, 0.3)
    leader = here.mark_rule(strokeWidth=1, color=FRAME).encode(
        x=alt.X(f"{x}:Q"),
        x2=alt.X2Value(alt.ExprRef(f"{width} + 19")),
        y=alt.Y(f"{y}:Q"),
        y2=alt.Y2("label_height:Q"),
        opacity=fade,
    )
    text = here.mark_text(align="left", baseline="middle", fontSize=LABEL_PX, fontWeight=600, cursor="pointer").encode(
        x=alt.XValue(alt.ExprRef(f"{width} + 23")),
        y=alt.Y("label_height:Q"),
        text="end_label:N",
        fill=series.text,
        opacity=fade,
        tooltip=alt.Tooltip("end_label:N", title=" "),
    )
    return [leader, text]


def halo_text(base: Any, *, text: str, channels: Mapping[str, Any], fill: Any = None, **mark: Any) -> list[Any]:
    """Text that stays legible on lines: once broad in the paper's colour, once itself."""
    behind = base.mark_text(**mark, stroke=PAPER, strokeWidth=3.5, strokeJoin="round", fill=PAPER)
    front = base.mark_text(**mark) if fill is not None else base.mark_text(**mark, color=QUIET_INK)
    colored = {"fill": fill} if fill is not None else {}
    return [behind.encode(text=text, **channels), front.encode(text=text, **channels, **colored)]


def reference_layers(
    references: Mapping[str, float], measure: Measure, *, where: str = "", start: float = math.inf, gap: float = 0.04
) -> list[Any]:
    """Level lines with their names and values, at the end where the lines are not.

    Parameters
    ----------
    where : str
        An expression: drawn only there.
    start : float
        Where the highest line begins: a level above it is named at the left.
    gap : float
        Levels closer than this have their names one above the other.
    """
    rows: list[dict[str, Any]] = []
    for name, value in sorted(references.items(), key=lambda one: one[1]):
        near = bool(rows) and value - rows[-1]["level"] < gap and rows[-1]["left"] == (value > start)
        rows.append(
            {
                "name": name,
                "level": round(value, 5),
                "label": f"{name} {value:.1%}",
                "left": value > start,
                "stack": rows[-1]["stack"] + 1 if near else 0,
            }
        )
    base = alt.Chart(alt.InlineData(values=rows))
    if where:
        base = base.transform_filter(where)
    line = base.mark_rule(color=QUIET_INK, strokeWidth=1.2, strokeDash=[5, 4]).encode(
        y=measure.y("level"), tooltip=alt.Tooltip("label:N", title=" ")
    )
    names = []
    for left, stack in sorted({(row["left"], row["stack"]) for row in rows}):
        names += halo_text(
            base.transform_filter(f"datum.left == {str(left).lower()} && datum.stack == {stack}"),
            text="label:N",
            channels={"x": alt.XValue(0 if left else alt.ExprRef("width")), "y": measure.y("level")},
            align="left" if left else "right",
            baseline="bottom",
            dx=4 if left else -4,
            dy=-3 - _REFERENCE_PX * stack,
            fontSize=12,
        )
    return [line, *names]


def spread_labels(
    heights: Sequence[float], *, gap: float, low: float = -math.inf, high: float = math.inf
) -> list[float]:
    """Heights moved apart as little as needed, so that no two are closer than `gap`.

    Labels that crowd form a block, which is centred on where its labels want to be; blocks that
    touch are joined. This is isotonic regression, so the sum of squared moves is the smallest.

    Parameters
    ----------
    heights : sequence of float
        Where labels want to be, in any order.
    gap : float
        Least distance, in the same unit.
    low, high : float
        Ends between which the labels stay, where there is room for all.

    Returns
    -------
    list of float
        In the order of `heights`.

    Examples
    --------
    >>> spread_labels([0.5, 0.9, 0.5], gap=0.1)
    [0.45, 0.9, 0.55]
    """
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    blocks: list[list[float]] = []  # each: first height, number of labels
    for index in order:
        blocks.append([heights[index], 1])
        while len(blocks) > 1 and blocks[-2][0] + blocks[-2][1] * gap > blocks[-1][0] + 1e-12:
            (start, count), (above, more) = blocks[-2:]
            joined = (start * count + (above - count * gap) * more) / (count + more)
            blocks[-2:] = [[joined, count + more]]
    placed = [start + step * gap for start, count in blocks for step in range(int(count))]
    for at in reversed(range(len(placed))):
        placed[at] = min(placed[at], high - (len(placed) - 1 - at) * gap)
    for at in range(len(placed)):
        placed[at] = max(placed[at], low + at * gap)
    result = [0.0] * len(heights)
    for index, height in zip(order, placed, strict=True):
        result[index] = height
    return result
