"""Parameters of a picture, which a list or box inside it, or a widget outside, can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from ttclib.show.charts.rows import ALL

# A row is of the difficulty bin that is shown.
IN_BIN = "(datum.bin || 0) == bin_now"
# What is singled out in any chart of a page (0, "": nothing), and whether a row is of it; a row of no bin always is.
LINKS: dict[str, Any] = {"bin_linked": 0, "problem_linked": ""}
LINKED = (
    "(!bin_linked || !datum.bin || datum.bin == bin_linked)"
    " && (!problem_linked || !datum.problem_id || datum.problem_id == problem_linked)"
)


def choice(name: str, value: Any, options: Mapping[Any, str], label: str, *, control: bool = True) -> Any:
    """A parameter of the picture, which a list inside the picture can change; the list says what it is set to."""
    bind: Any = alt.Undefined
    if control and len(options) > 1:
        bind = alt.binding_select(options=list(options), labels=list(options.values()), name=label)
    return alt.param(name=name, value=value, bind=bind)


def budget_param(budgets: Sequence[int], budget: int | None, control: bool) -> Any:
    """The budget that is looked at; the largest, unless told."""
    at = budgets[-1] if budget is None else budget
    return choice("budget_now", at, {one: f"{one:,}" for one in budgets}, "Budget N ", control=control)


def intervals_param(shown_first: bool, control: bool) -> Any:
    """Whether the bands are drawn, which a box inside the picture can switch."""
    bind = alt.binding_checkbox(name="Intervals ") if control else alt.Undefined
    return alt.param(name="intervals", value=shown_first, bind=bind)


def bin_param(titles: Mapping[int | None, str], control: bool) -> Any:
    """The difficulty bin shown, 0 for all problems."""
    options = {0: ALL} | {number: title for number, title in titles.items() if number}
    return choice("bin_now", 0, options, "Difficulty ", control=control)
