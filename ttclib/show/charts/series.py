"""What tells the lines of a chart apart, and how one is singled out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import polars as pl

from ttclib.analysis.columns import strategy_label
from ttclib.show.charts.rows import LINKED
from ttclib.show.theme import CROSSED, PAPERS, STAR, TEXT, in_order, legible, on_papers, pair, ramp, style_of

SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
    CROSSED,
    STAR,
)
# How a verdict looks where two sides are held against each other: colour and point.
FIRST_AHEAD, SECOND_AHEAD, TOO_CLOSE = ("#0072B2", "square"), ("#D55E00", "diamond"), ("#767676", "circle")
DASHES: tuple[tuple[int, ...], ...] = ((), (7, 3), (2, 3), (12, 3, 2, 3), (4, 2), (9, 2, 1, 2, 1, 2), (14, 4), (1, 2))


@dataclass(frozen=True)
class Series:
    """What tells lines apart: each name's colour, dash and point, so that no pair differs by colour alone."""

    names: list[str]  # as the legend says them, in order
    colors: list[tuple[str, str]]  # on light and on dark paper
    dashes: list[tuple[int, ...]] = field(default_factory=lambda: list(DASHES))
    shapes: list[str] = field(default_factory=lambda: list(SHAPES))
    by: str = "name"  # the field that holds the names
    legend: bool = True

    def _key(self) -> Any:
        if not self.legend:
            return None
        columns = min(5 if len(self.names) == 5 else 4, len(self.names))
        return alt.Legend(title=None, orient="bottom", columns=columns, symbolOpacity=1, symbolStrokeWidth=0)

    def _scale(self, values: Sequence[Any]) -> Any:
        turns = (values[place % len(values)] for place in range(len(self.names)))
        return alt.Scale(domain=self.names, range=list(turns))

    @property
    def color(self) -> Any:
        """Colour, and with it the legend."""
        return alt.Color(
            f"{self.by}:N", scale=self._scale([on_papers(*both) for both in self.colors]), legend=self._key()
        )

    @property
    def outline(self) -> Any:
        """The same colour round a hollow point, of no legend of its own."""
        shades = [on_papers(*both) for both in self.colors]
        return alt.Stroke(f"{self.by}:N", scale=self._scale(shades), legend=None)

    @property
    def text(self) -> Any:
        """The colour of text that names a line: the line's own, with the contrast that small text needs."""
        shades = [
            on_papers(*(legible(color, paper, TEXT) for color, paper in zip(both, PAPERS, strict=True)))
            for both in self.colors
        ]
        return alt.Fill(f"{self.by}:N", scale=self._scale(shades), legend=None)

    @property
    def shape(self) -> Any:
        """Shape of a point, of one legend with the colour."""
        return alt.Shape(f"{self.by}:N", scale=self._scale(self._own_shapes()), legend=self._key())

    def _own_shapes(self) -> list[str]:
        """A shape a name, as legends show shapes alone; where there are too few, no pair with the dash comes again."""
        found: list[str] = []
        taken: set[tuple[tuple[int, ...], str]] = set()
        for place in range(len(self.names)):
            dash, wanted = self.dashes[place % len(self.dashes)], self.shapes[place % len(self.shapes)]
            free = [shape for shape in SHAPES if shape not in found]
            apart = [shape for shape in (wanted, *SHAPES) if (dash, shape) not in taken]
            if wanted in found:
                others = [shape for shape in free if shape not in self.shapes[: len(self.names)]]
                wanted = next(iter([*others, *free, *apart, wanted]))
            found.append(wanted)
            taken.add((dash, wanted))
        return found

    @property
    def dash(self) -> Any:
        """Dash of a line."""
        return alt.StrokeDash(f"{self.by}:N", scale=self._scale([list(d) or [1, 0] for d in self.dashes]), legend=None)


def names_of(frame: pl.DataFrame) -> dict[tuple[str, str], str]:
    """What the line of each (strategy, variant) is called: by its strategy, or where that has several, by its variant.

    Strategies are in the order of the registry. A frame without variants has one of each strategy.
    """
    if "variant" not in frame.columns:
        return {(name, name): style_of(name).label for name in in_order(frame["strategy"])}
    pairs = frame.select("strategy", "variant").unique(maintain_order=True).rows()
    order = in_order(name for name, _ in pairs)
    several = {name for name in order if sum(name == other for other, _ in pairs) > 1}
    named = sorted(pairs, key=lambda pair: order.index(pair[0]))
    return {pair: strategy_label(pair[1]) if pair[0] in several else style_of(pair[0]).label for pair in named}


def of_strategies(frame: pl.DataFrame, **more: Any) -> Series:
    """Strategies in their own looks; several variants of one share its colour and differ in dash and point."""
    colors, dashes, shapes, turn = [], [], [], dict.fromkeys(frame["strategy"], 0)
    for name, _ in names_of(frame):
        style, place = style_of(name), turn[name]
        colors.append(pair(style.color))
        dashes.append(
            style.dash if place == 0 else DASHES[(DASHES.index(style.dash) if style.dash in DASHES else 0) - place]
        )
        shapes.append(style.shape if place == 0 else SHAPES[(place - 1) % len(SHAPES)])
        turn[name] += 1
    return Series(list(names_of(frame).values()), colors, dashes, shapes, **more)


def named(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with a column ``name``: what the line of each row is called."""
    names = names_of(frame)
    keys = zip(frame["strategy"], frame["variant" if "variant" in frame.columns else "strategy"], strict=True)
    return frame.with_columns(name=pl.Series([names[key] for key in keys], dtype=pl.String))


def of_steps(names: Sequence[str], **more: Any) -> Series:
    """Ordered things, from light to dark."""
    return Series(list(names), ramp(len(names)), **more)


def picked_param(series: Series) -> Any:
    """The lines singled out: clicked in the legend, or else as a line, a point or a label."""
    how: dict[str, Any] = {"bind": "legend"} if series.legend else {"on": "click"}
    return alt.selection_point(name="picked", fields=[series.by], toggle="true", **how)


def faded(picked: Any, strong: float, weak: float) -> Any:
    """Opacity of what is singled out, in its chart and on its page, and of the rest."""
    return alt.OpacityValue(weak, condition={"test": {"and": [{"param": picked.name}, LINKED]}, "value": strong})


def linked(strong: float = 1, weak: float = 0.2) -> Any:
    """Opacity of what is of the bin or the problem that is singled out on the page, and of the rest."""
    return alt.OpacityValue(weak, condition={"test": LINKED, "value": strong})
