"""One control a value of a `ViewState`, moved by hand or by the state, whichever changes first.

Every control has a label, is reached by Tab and moved by the arrow keys or Space. While the kernel is
busy the browser keeps only a control's latest value, so a quick sweep ends where the hand does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ttclib.errors import needing
from ttclib.show.theme import style_of
from ttclib.show.widgets.state import ViewState
from ttclib.study.captions import AGGREGATION_LABELS

_WIDE = {"description_width": "initial"}
_NOTHING = "nothing"


def ipywidgets() -> Any:
    """The ipywidgets package.

    Raises
    ------
    RequestError
        It is not installed.
    """
    with needing("the explorer", "notebooks"):
        import ipywidgets as package
    return package


def bind(control: Any, state: ViewState, name: str) -> Any:
    """Let a control and a value of the state follow each other; gives the control back."""

    def from_state(changed: set[str]) -> None:
        if name in changed and control.value != (wanted := _shown(getattr(state, name))):
            control.value = wanted

    from_state({name})
    state.observe(from_state)
    control.observe(
        lambda change: state.set(**{name: None if change["new"] == _NOTHING else change["new"]}), names="value"
    )
    return control


def _shown(value: Any) -> Any:
    """A value as a control holds it: to a list, None means that nothing is chosen, and it shows nothing."""
    return _NOTHING if value is None else value


def choose(state: ViewState, name: str, label: str, options: Mapping[str, Any] | Sequence[Any]) -> Any:
    """A list to choose one value from.

    Parameters
    ----------
    name : str
        Of the value in the state.
    """
    w = ipywidgets()
    pairs = list(options.items()) if isinstance(options, Mapping) else [(str(value), value) for value in options]
    # A list shows the state's value even where it is not offered, so that its lack can be said.
    if all(value != getattr(state, name) for _, value in pairs):
        pairs.append((str(getattr(state, name)), getattr(state, name)))
    pairs = [(text, _shown(value)) for text, value in pairs]
    control = w.Dropdown(options=pairs, description=label, style=_WIDE, layout=w.Layout(width="max-content"))
    return bind(control, state, name)


def policy(state: ViewState, names: Sequence[str]) -> Any:
    """Which policy's samples."""
    return choose(state, "policy", "Policy", names)


def aggregation(state: ViewState) -> Any:
    """How step scores become one."""
    return choose(state, "aggregation", "PRM score", {label: name for name, label in AGGREGATION_LABELS.items()})


def bins(state: ViewState, numbers: Iterable[int | None]) -> Any:
    """Into how many bins of difficulty problems are cut."""
    return choose(
        state, "bins", "Difficulty", {"off" if number is None else f"{number} bins": number for number in numbers}
    )


def difficulty(state: ViewState, kinds: Sequence[str]) -> Any:
    """What difficulty is read from."""
    return choose(state, "difficulty", "by", kinds)


def cost_preset(state: ViewState, presets: Mapping[str, str] | Sequence[str]) -> Any:
    """What is charged."""
    return choose(state, "preset", "Cost", presets)


def intervals(state: ViewState) -> Any:
    """Whether the bands are shown."""
    w = ipywidgets()
    control = w.Checkbox(description="intervals", indent=False, layout=w.Layout(width="auto"))
    return bind(control, state, "intervals")


def strategies(state: ViewState, names: Sequence[str]) -> Any:
    """A box to tick for each strategy."""
    w = ipywidgets()
    boxes = {
        name: w.Checkbox(
            value=name in state.strategies,
            description=style_of(name).label,
            indent=False,
            layout=w.Layout(width="auto"),
        )
        for name in names
    }

    moving = [False]

    def from_state(changed: set[str]) -> None:
        if "strategies" in changed:
            moving[0] = True
            for name, box in boxes.items():
                box.value = name in state.strategies
            moving[0] = False

    def from_box(_change: object) -> None:
        # While the state sets several boxes, those not yet reached still say what was.
        if not moving[0]:
            state.set(strategies=[name for name, box in boxes.items() if box.value])

    state.observe(from_state)
    for box in boxes.values():
        box.observe(from_box, names="value")
    return w.HBox(
        [w.HTML("<b>Strategies</b>"), *boxes.values()], layout=w.Layout(flex_flow="row wrap", grid_gap="4px 18px")
    )


def budget(state: ViewState, steps: Sequence[int], *, largest: int | None = None) -> Any:
    """A slider over the budgets; with `largest`, a box beside it that frees it to any whole number up to there."""
    w = ipywidgets()
    every = range(1, (largest or max(steps)) + 1)
    layout = w.Layout(width="420px")
    slider = w.SelectionSlider(options=_options(steps), description="Budget N", style=_WIDE, layout=layout)
    free = w.Checkbox(description="any N", indent=False, layout=w.Layout(width="auto"))
    moving = [False]

    def show(budget: int, values: Iterable[int]) -> None:
        moving[0] = True  # a slider whose options are set first goes to the first of them
        slider.options = _options(values)
        slider.value = budget
        moving[0] = False

    def from_state(changed: set[str]) -> None:
        if "budget" in changed and slider.value != state.budget:
            if not free.value and state.budget not in steps:
                free.value = True  # which shows it, too
            else:
                slider.value = state.budget

    def from_free(change: Mapping[str, Any]) -> None:
        if change["new"]:
            show(state.budget, every)
        else:
            nearest = max((step for step in steps if step <= state.budget), default=min(steps))
            show(nearest, steps)
            state.set(budget=nearest)

    def from_slider(change: Mapping[str, Any]) -> None:
        if not moving[0]:
            state.set(budget=change["new"])

    slider.observe(from_slider, names="value")
    free.observe(from_free, names="value")
    state.observe(from_state)
    from_state({"budget"})
    return w.HBox([slider, *([free] if largest else [])], layout=w.Layout(grid_gap="4px 18px"))


def exchange_rate(state: ViewState, *, low: float = 0.01, high: float = 1000.0) -> Any:
    """R on a logarithmic slider: tokens of inference over tokens of pretraining."""
    w = ipywidgets()
    control = w.FloatLogSlider(
        value=state.exchange_rate,
        min=math.log10(low),
        max=math.log10(high),
        step=0.02,
        readout_format=".3g",
        description="R = inference ÷ pretraining tokens",
        style=_WIDE,
        layout=w.Layout(width="560px"),
    )
    return bind(control, state, "exchange_rate")


def _options(values: Iterable[int]) -> list[tuple[str, int]]:
    return [(str(value), value) for value in values]
