"""What charts are composed of: bands, lines and points, level lines, panels, and the whole with its theme.

A chart of a question is made of rows (`rows`), a `Measure` on the vertical axis (`axes`), a `Series` that gives each
line a colour, a dash and a point (`series`), the layers of `Lines`, names on lines (`labels`) and parameters
(`controls`). `finished` puts title, theme and data in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from ttclib.show.charts.axes import Measure
from ttclib.show.charts.rows import LINKS
from ttclib.show.charts.series import Series, faded
from ttclib.show.theme import INK, config
from ttclib.study.captions import BANDS

ROWS = alt.NamedData("rows")


@dataclass(frozen=True)
class Lines:
    """Bands, lines and points of one table."""

    x: Any
    measure: Measure
    series: Series
    picked: Any
    value: str = "accuracy"  # field of the line; its interval ends in `ends`
    ends: tuple[str, str] = ("ci_low", "ci_high")
    told: Sequence[Any] = ()  # of the points
    small: bool = False  # in a panel: thinner, smaller
    detail: str | None = None  # a field that makes more lines than `series` has names

    def _more(self) -> dict[str, Any]:
        return {"detail": f"{self.detail}:N"} if self.detail else {}

    def band(self, base: Any, *, strength: float = 0.12, where: str = "intervals") -> Any:
        """The interval; it is drawn where an expression says."""
        low, high = self.ends
        known = f"isValid(datum.{low}) && isValid(datum.{high})"
        return (
            base.transform_filter(f"{where} && {known}")
            .mark_area(clip=True)
            .encode(
                x=self.x,
                y=self.measure.y(low),
                y2=alt.Y2(f"{high}:Q"),
                color=self.series.color,
                opacity=faded(self.picked, strength, 0.02),
                **self._more(),
            )
        )

    def line(self, base: Any, *, strong: str | None = None) -> Any:
        """The lines; `strong` says of which row's line is thicker."""
        plain = alt.value(2 if self.small else 2.5)
        return base.mark_line(clip=True).encode(
            x=self.x,
            y=self.measure.y(self.value),
            color=self.series.color,
            strokeDash=self.series.dash,
            opacity=faded(self.picked, 1, 0.15),
            tooltip=alt.Tooltip(f"{self.series.by}:N", title=" "),
            strokeWidth=alt.condition(strong, alt.value(4), plain) if strong else plain,
            **self._more(),
        )

    def point(self, base: Any, *, large: str | None = None) -> Any:
        """The points, which carry the tooltip and the selection; `large` says which are larger."""
        plain, big = (30, 110) if self.small else (55, 170)
        size = alt.condition(large, alt.value(big), alt.value(plain)) if large else alt.value(plain)
        return (
            base.mark_point(filled=True, opacity=1)
            .encode(
                x=self.x,
                y=self.measure.y(self.value),
                color=self.series.color,
                shape=self.series.shape,
                size=size,
                opacity=faded(self.picked, 1, 0.15),
                tooltip=list(self.told),
            )
            .add_params(self.picked)
        )

    def layers(self, base: Any, *, strong: str | None = None, large: str | None = None) -> list[Any]:
        """Band, line and point."""
        return [self.band(base), self.line(base, strong=strong), self.point(base, large=large)]


def level(base: Any, at: float | str, measure: Measure, *, dash: Sequence[int] = (1, 0)) -> Any:
    """A level line, such as no difference."""
    y = alt.datum(at, scale=measure.scale) if measure.scale is not alt.Undefined else alt.datum(at)
    return base.mark_rule(color=INK, strokeWidth=1, strokeDash=list(dash)).encode(y=y)


def facets(
    layers: Sequence[Any],
    titles: Sequence[str],
    *,
    by: str = "panel",
    columns: int = 3,
    width: int = 230,
    height: int = 180,
    room: int = 4,
) -> Any:
    """Panels on the same vertical axis, in order; `room` is left below each heading."""
    return (
        alt.layer(*layers, data=ROWS)
        .properties(width=width, height=height)
        .facet(
            facet=alt.Facet(f"{by}:N", sort=list(titles), title=None, header=alt.Header(labelPadding=room)),
            columns=2 if len(titles) in (2, 4) and columns == 3 else min(columns, len(titles)),
            spacing=24,
        )
        .resolve_axis(x="independent")
    )


def finished(
    chart: Any, rows: list[dict[str, Any]] | None = None, *, title: str, caption: Sequence[str] = (), **size: int
) -> Any:
    """The chart with title, theme and data inside, so that it looks the same wherever it is drawn.

    Parameters
    ----------
    rows : list of dict, optional
        What `ROWS` stands for in it. Altair copies inline data with every layer, these not.
    size : int
        ``width`` and ``height`` of a chart without panels, in px.
    """
    said = _true_of(chart, caption)
    heading = alt.Title(title, subtitle=said) if said else alt.Title(title)
    params = {"dark": False, **LINKS}
    themed = chart.properties(title=heading, **size).add_params(
        *(alt.param(name=name, value=value) for name, value in params.items())
    )
    themed.config = config()
    if rows is not None:
        themed.datasets = {ROWS.name: rows}
    return themed


def _true_of(chart: Any, caption: Sequence[str]) -> list[str]:
    """Lines that are true of this picture: intervals are bands in one, whiskers in another, and in some not drawn."""
    shapes = set(_intervals(chart))
    word = BANDS if "area" in shapes else "whiskers:"
    told = [
        f"{word}{line[len(BANDS) :]}" if line.startswith(BANDS) else line
        for line in caption
        if shapes or not line.startswith(BANDS)
    ]
    return list(dict.fromkeys(told))


def _intervals(chart: Any) -> Iterator[str]:
    """Kinds of the marks that reach from one value to another."""
    for part in ("layer", "vconcat", "hconcat"):
        for one in getattr(chart, part, None) or ():
            yield from _intervals(one)
    if (inner := getattr(chart, "spec", alt.Undefined)) is not alt.Undefined:
        yield from _intervals(inner)
    mark, encoding = getattr(chart, "mark", alt.Undefined), getattr(chart, "encoding", alt.Undefined)
    if mark is not alt.Undefined and encoding is not alt.Undefined:
        kind = mark if isinstance(mark, str) else getattr(mark, "type", "")
        ends = [getattr(encoding, name, alt.Undefined) for name in ("x2", "y2")]
        if kind in ("area", "rule") and any(one is not alt.Undefined and "high" in str(one) for one in ends):
            yield kind
