"""The explorer: controls over a pool, and the chart and table that follow them.

How it stays quick and honest
-----------------------------
- Curves at every budget are made once for each (verifier, aggregation, bins, difficulty) and kept.
  A budget step moves one signal in the drawing and picks rows of a table; it computes nothing.
- While the kernel is busy the browser keeps only a control's latest value, and the chart view only
  the latest drawing (`chart_view`), so a quick sweep ends where the hand does.
- An exception in a callback would vanish: it is caught and shown in the explorer, and the last good
  picture stays.
- The whole state is one dict of plain values, `ReplayExplorer.state`, which a notebook's
  parameters cell or another explorer can take.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import polars as pl

from ttclib.analysis.curves import SAMPLING, accuracy_curves, powers_of_two
from ttclib.errors import RequestError, one_of
from ttclib.show.chart_view import chart_view
from ttclib.show.charts import (
    AGGREGATION_LABELS,
    accuracy_chart,
    accuracy_domain,
    bins_chart,
    caption,
    signals,
)
from ttclib.show.choices import VERIFIER_LABELS, difficulties_of, replayable, verifiers_of
from ttclib.show.tables import table_html
from ttclib.show.theme import in_order, style_of
from ttclib.store.pool import SamplePool

BINS: dict[str, int | None] = {"off": None, "3 bins": 3, "5 bins": 5}
STATE_KEYS = ("strategies", "budget", "verifier", "aggregation", "bins", "difficulty")
_WIDE = {"description_width": "initial"}


class ReplayExplorer:
    """Choose strategies, budget, verifier and difficulty cut; chart and table follow.

    Displaying the object shows the controls. Every one is reached by Tab and moved by the arrow
    keys or Space.

    Parameters
    ----------
    pool : SamplePool
    strategies : sequence of str, optional
        Those switched on at first; None: all that the pool can answer.
    budgets : sequence of int, optional
        Steps of the budget slider; None: powers of two up to the smallest pool.
    budget, verifier, aggregation, bins, difficulty
        The other values at first, as in `state`.
    curves_of : callable
        Makes the table of curves; called as `accuracy_curves` is.

    Attributes
    ----------
    widget : ipywidgets.VBox
    table : polars.DataFrame
        The rows shown: chosen strategies at the chosen budget.

    Raises
    ------
    RequestError
        An unknown name or a value that the pool does not allow; ipywidgets or anywidget missing.
    """

    def __init__(
        self,
        pool: SamplePool,
        *,
        strategies: Sequence[str] | None = None,
        budgets: Sequence[int] | None = None,
        budget: int | None = None,
        verifier: str | None = None,
        aggregation: str = "last",
        bins: int | None = None,
        difficulty: str = "oracle",
        curves_of: Callable[..., pl.DataFrame] = accuracy_curves,
    ) -> None:
        self.pool = pool
        self.budgets = sorted(set(budgets or powers_of_two(pool)))
        self.table = pl.DataFrame()
        self._curves_of = curves_of
        self._cache: dict[tuple[str, str, int | None, str], pl.DataFrame] = {}
        self._drawn: object = None
        self._quiet = True
        held = verifiers_of(pool)
        start = {
            "strategies": list(strategies or SAMPLING),
            "budget": self.budgets[-1] if budget is None else budget,
            "verifier": verifier or (held[0] if held else "prm"),
            "aggregation": aggregation,
            "bins": bins,
            "difficulty": difficulty,
        }
        self._build(held)
        self._quiet = False
        self.state = start

    @property
    def state(self) -> dict[str, Any]:
        """What is chosen, as plain values: see `STATE_KEYS`. Assign a dict, also a partial one."""
        return {
            "strategies": [name for name, box in self._strategies.items() if box.value],
            "budget": self._budget.value,
            "verifier": self._verifier.value,
            "aggregation": self._aggregation.value,
            "bins": self._bins.value,
            "difficulty": self._difficulty.value,
        }

    @state.setter
    def state(self, wanted: dict[str, Any]) -> None:
        new = {**self.state, **wanted}
        for key in wanted:
            one_of(key, STATE_KEYS, "setting")
        chosen = set(in_order(new["strategies"]))
        signals(self.budgets, new["budget"])
        one_of(new["verifier"], VERIFIER_LABELS, "verifier")
        one_of(new["aggregation"], AGGREGATION_LABELS, "aggregation")
        one_of(new["difficulty"], difficulties_of(self.pool), "difficulty")
        if new["bins"] not in self._bin_choices():
            raise RequestError(f"{new['bins']} bins are not offered: allowed None, 3 or 5, and no more than problems")
        # All controls first, one refresh after: no picture of a state that nobody chose.
        self._quiet = True
        try:
            for name, box in self._strategies.items():
                box.value = name in chosen
            self._verifier.options = self._verifier_options(new["verifier"])
            for control, key in self._controls.items():
                control.value = new[key]
        finally:
            self._quiet = False
        self.refresh()

    def parameters(self) -> str:
        """The state as lines of Python, to paste into a notebook's parameters cell."""
        return "\n".join(f"{key} = {value!r}" for key, value in self.state.items())

    def refresh(self) -> None:
        """Show what the controls say; an exception is shown instead of being lost."""
        try:
            self._refresh()
        except Exception as error:  # shown to the user, whatever it is
            detail = "" if isinstance(error, RequestError) else escape(traceback.format_exc())
            self._message.value = (
                '<div role="alert" style="color:#a40000;border-left:4px solid;padding:2px 10px;line-height:1.5">'
                f"{escape(type(error).__name__)}: {escape(str(error))}"
                + (f"<details><summary>where</summary><pre>{detail}</pre></details>" if detail else "")
                + "</div>"
            )

    def _refresh(self) -> None:
        state = self.state
        self._aggregation.disabled = state["verifier"] != "prm"
        self._difficulty.disabled = state["bins"] is None
        if not state["strategies"]:
            raise RequestError("no strategy is chosen: switch one on")
        shown, note = replayable(self.pool, state["strategies"], state["verifier"])
        if not shown:
            raise RequestError(note)
        curves = self._curves(state)
        rows = curves.filter(pl.col("strategy").is_in(shown))
        self.table = rows.filter(pl.col("budget") == state["budget"])
        drawn = (tuple(shown), *(state[key] for key in STATE_KEYS if key not in ("strategies", "budget")))
        now = signals(self.budgets, state["budget"])
        if drawn != self._drawn:
            self._draw(rows, state, accuracy_domain(curves), now)
            self._drawn = drawn
        elif self._chart.children:
            self._chart.children[0].signals = now
        self._table.value = table_html(self.table, caption=f"The rows behind the chart at N = {state['budget']}")
        self._message.value = f'<div style="color:#5a5a5a">{escape(note)}</div>' if note else ""

    def _curves(self, state: dict[str, Any]) -> pl.DataFrame:
        """Curves of every strategy that can be replayed, at every budget; made once."""
        key = (state["verifier"], state["aggregation"], state["bins"], state["difficulty"])
        if key not in self._cache:
            self._cache[key] = self._curves_of(
                self.pool,
                replayable(self.pool, SAMPLING, state["verifier"])[0],
                self.budgets,
                verifier=state["verifier"],
                aggregation=state["aggregation"],
                bins=state["bins"],
                difficulty=state["difficulty"],
            )
        return self._cache[key]

    def _draw(
        self, rows: pl.DataFrame, state: dict[str, Any], domain: tuple[float, float], now: dict[str, int]
    ) -> None:
        lines = caption(self.pool, **{key: state[key] for key in ("verifier", "aggregation", "bins", "difficulty")})
        draw = accuracy_chart if state["bins"] is None else bins_chart
        spec = draw(rows, caption=lines, budget=state["budget"], y_domain=domain).to_dict()
        if self._chart.children:
            view = self._chart.children[0]
            with view.hold_sync():
                view.signals, view.spec = now, spec
        else:
            self._chart.children = (chart_view(spec, now),)

    def _build(self, held: list[str]) -> None:
        """Make the controls and lay them out."""
        try:
            import ipywidgets as w
        except ImportError as error:
            raise RequestError("the explorer needs the package 'ipywidgets': install ttclib[notebooks]") from error
        able = replayable(self.pool, SAMPLING, held[0] if held else "prm")[0]
        self._strategies = {
            name: w.Checkbox(value=True, description=style_of(name).label, indent=False, layout=w.Layout(width="auto"))
            for name in able
        }
        self._budget = w.SelectionSlider(
            options=[(str(budget), budget) for budget in self.budgets],
            description="Budget N",
            style=_WIDE,
            layout=w.Layout(width="420px"),
        )
        self._verifier = w.Dropdown(
            options=self._verifier_options(held[0] if held else "prm"), description="Verifier", style=_WIDE
        )
        self._aggregation = w.Dropdown(
            options=[(label, name) for name, label in AGGREGATION_LABELS.items()], description="PRM score", style=_WIDE
        )
        choices = self._bin_choices()
        self._bins = w.Dropdown(
            options=[(label, value) for label, value in BINS.items() if value in choices],
            description="Difficulty",
            style=_WIDE,
        )
        self._difficulty = w.Dropdown(options=difficulties_of(self.pool), description="by", style=_WIDE)
        for control in (self._verifier, self._aggregation, self._bins, self._difficulty):
            control.layout = w.Layout(width="max-content")
        self._controls = {
            self._budget: "budget",
            self._verifier: "verifier",
            self._aggregation: "aggregation",
            self._bins: "bins",
            self._difficulty: "difficulty",
        }
        self._message, self._table, self._chart = w.HTML(), w.HTML(), w.VBox()
        for control in (*self._strategies.values(), *self._controls):
            control.observe(self._on_change, names="value")
        gaps = w.Layout(flex_flow="row wrap", grid_gap="4px 18px")
        self.widget = w.VBox(
            [
                w.HBox([w.HTML("<b>Strategies</b>"), *self._strategies.values()], layout=gaps),
                self._budget,
                w.HBox([self._verifier, self._aggregation, self._bins, self._difficulty], layout=gaps),
                self._message,
                self._chart,
                self._table,
            ]
        )
        self.widget.add_class("ttclib-explorer")

    def _verifier_options(self, wanted: str) -> list[tuple[str, str]]:
        """The verifiers with scores; the wanted one too, so that its lack can be said."""
        held = verifiers_of(self.pool)
        return [(label, name) for name, label in VERIFIER_LABELS.items() if name in held or name == wanted]

    def _bin_choices(self) -> list[int | None]:
        return [value for value in BINS.values() if value is None or value <= len(self.pool.problem_ids)]

    def _on_change(self, _change: object) -> None:
        if not self._quiet:
            self.refresh()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.widget._repr_mimebundle_(**kwargs)
