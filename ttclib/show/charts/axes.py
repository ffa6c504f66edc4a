"""Axes: a share in per cent, a difference in points, a budget on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

# A difference in percentage points on an axis: always with its sign, and zero without.
SIGNED_POINTS = "datum.value == 0 ? '0' : replace(format(datum.value * 100, '+~g'), '-', '−')"
# Room for the quantity of an axis: 1,024 as it is, 3.7e13 as 37T.
QUANTITY = "datum.value >= 100000 ? format(datum.value, '.2~s') : format(datum.value, ',~g')"


@dataclass(frozen=True)
class Measure:
    """What stands on the vertical axis: one title, axis and scale for every field that is drawn on it."""

    title: str
    axis: Any
    scale: Any

    def y(self, name: str) -> Any:
        """The channel of one field."""
        return alt.Y(f"{name}:Q", title=self.title, axis=self.axis, scale=self.scale)


def share(title: str, *, domain: Sequence[float] | None = None, ticks: int = 8) -> Measure:
    """A share in per cent; its axis holds what is drawn, or the ends given."""
    scale = (
        alt.Scale(zero=False, nice=True) if domain is None else alt.Scale(domain=list(domain), nice=False, zero=False)
    )
    return Measure(title, alt.Axis(format=".0%", tickCount=ticks), scale)


def points(title: str, *, domain: Sequence[float] | None = None) -> Measure:
    """A difference in percentage points."""
    scale = alt.Scale(domain=list(domain), nice=True) if domain else alt.Undefined
    return Measure(title, alt.Axis(labelExpr=SIGNED_POINTS, tickCount=5), scale)


def log_axis(
    name: str,
    title: str,
    values: Sequence[float],
    *,
    ends: Sequence[float] = (),
    base: int = 2,
    label: str = QUANTITY,
) -> Any:
    """A field on a logarithmic axis that names some values, and ends at the first and last or where told."""
    first, last = ends or (values[0], values[-1])
    if first == last:  # one value alone would make an axis of no length
        first, last = first / base, last * base
    return alt.X(
        f"{name}:Q",
        title=title,
        scale=alt.Scale(type="log", base=base, domain=[first, last], nice=False),
        axis=alt.Axis(values=list(values), labelExpr=label, grid=False, labelFlush=False),
    )


def budget_axis(budgets: Sequence[int], *, small: bool = False, unit: str = "samples") -> Any:
    """The budget on a logarithmic axis; of many the powers of two and the last are named."""
    title = f"N, {unit} per problem" if small else f"budget N: {unit} per problem (log scale)"
    values = list(budgets)
    if len(values) > 16:
        values = [*(budget for budget in budgets[:-1] if budget & (budget - 1) == 0), budgets[-1]]
    return log_axis("budget", title, values, ends=(budgets[0], budgets[-1]))
