"""What tells the lines of a chart apart, and how one is singled out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from ttclib.show.theme import PAPERS, TEXT, in_order, legible, on_papers, pair, ramp, style_of

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
DASHES: tuple[tuple[int, ...], ...] = ((), (7, 3), (2, 3), (12, 3, 2, 3), (4, 2), (9, 2, 1, 2, 1, 2), (14, 4), (1, 2))


@dataclass(frozen=True)
class Series:
    """What tells lines apart: each name's colour, dash and point, so that no pair differs by colour alone.

    Attributes
    ----------
    names : list of str
        As the legend says them, in order.
    colors : list of pair of hex colour
        On light and on dark paper.
    dashes : list of tuple of int
    shapes : list of str
    by : str
        The field that holds the names.
    legend : bool
    """

    names: list[str]
    colors: list[tuple[str, str]]
    dashes: list[tuple[int, ...]] = field(default_factory=lambda: list(DASHES))
    shapes: list[str] = field(default_factory=lambda: list(SHAPES))
    by: str = "name"
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
        return alt.Shape(f"{self.by}:N", scale=self._scale(self.shapes), legend=self._key())

    @property
    def dash(self) -> Any:
        """Dash of a line."""
        return alt.StrokeDash(f"{self.by}:N", scale=self._scale([list(d) or [1, 0] for d in self.dashes]), legend=None)


def of_strategies(strategies: Iterable[str], **more: Any) -> Series:
    """Strategies in their own looks."""
    styles = [style_of(name) for name in in_order(strategies)]
    return Series(
        [style.label for style in styles],
        [pair(style.color) for style in styles],
        [style.dash for style in styles],
        [style.shape for style in styles],
        **more,
    )


def of_steps(names: Sequence[str], **more: Any) -> Series:
    """Ordered things, from light to dark."""
    return Series(list(names), ramp(len(names)), **more)


def picked_param(series: Series) -> Any:
    """The lines singled out: clicked in the legend, or else as a line, a point or a label."""
    how: dict[str, Any] = {"bind": "legend"} if series.legend else {"on": "click"}
    return alt.selection_point(name="picked", fields=[series.by], toggle="true", **how)


def faded(picked: Any, strong: float, weak: float) -> Any:
    """Opacity of what is singled out, and of the rest."""
    return alt.OpacityValue(**alt.condition(picked, alt.value(strong), alt.value(weak)))
