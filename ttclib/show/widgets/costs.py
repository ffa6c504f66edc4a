"""The explorers of cost: accuracy against what is charged, and the crossover over R.

Everything they show is in the picture from the start, so a control only moves a signal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ttclib.analysis.columns import bin_title
from ttclib.show.charts.crossover import check_reach, crossover_chart, nearest_step
from ttclib.show.charts.frontier import PRESET_LABELS, frontier_chart
from ttclib.show.tables import crossover_html, frontier_html
from ttclib.show.widgets import controls
from ttclib.show.widgets.explorer import Explorer, View
from ttclib.show.widgets.state import ViewState, choice_of, number_between

_ROW = {"flex_flow": "row wrap", "grid_gap": "4px 18px"}


class FrontierExplorer(Explorer):
    """Choose what is charged and a difficulty bin.

    Parameters
    ----------
    frames : mapping of preset to (frame, unit)
        As `frontier_chart` takes them.
    store : str
        Named in the command that reruns the view.
    preset, bin_shown, intervals
        The values at first; a preset that the store cannot answer gives way to the first.
    """

    def __init__(
        self,
        frames: Mapping[str, tuple[pl.DataFrame, str]],
        *,
        store: str,
        preset: str | None = None,
        bin_shown: int | None = None,
        intervals: bool = False,
        caption: list[str] | None = None,
    ) -> None:
        self._frames, self._caption = frames, caption or []
        numbers = sorted(next(iter(frames.values()))[0]["bin"].drop_nulls().unique().to_list())
        shown = {"all problems": None, **{bin_title(number, max(numbers)): number for number in numbers}}
        state = ViewState(
            {
                "preset": choice_of(frames, "cost preset"),
                "bin_shown": choice_of([None, *numbers], "bin"),
                "intervals": choice_of((True, False), "intervals"),
            },
            preset=preset if preset in frames else next(iter(frames)),
            bin_shown=bin_shown,
            intervals=intervals,
        )
        w = controls.ipywidgets()
        row = [
            controls.cost_preset(state, {PRESET_LABELS.get(name, name): name for name in frames}),
            controls.choose(state, "bin_shown", "Difficulty", shown),
            controls.intervals(state),
        ]
        super().__init__(
            state,
            [w.HBox(row, layout=w.Layout(**_ROW))],
            self._view,
            notebook="notebooks/05_frontier.ipynb",
            store=store,
        )

    def _view(self, state: ViewState) -> View:
        frame, unit = self._frames[state.preset]
        here = pl.col("bin").is_null() if state.bin_shown is None else pl.col("bin") == state.bin_shown
        table = frame.filter(here & pl.col("pareto"))
        return View(
            key="frontier",
            chart=lambda: frontier_chart(self._frames, preset=state.preset, slider=False, caption=self._caption),
            signals={"cost_now": state.preset, "bin_now": state.bin_shown or 0, "intervals": state.intervals},
            table=table,
            html=frontier_html(table, unit),
        )


class CrossoverExplorer(Explorer):
    """Move R, the tokens of inference for each token of pretraining.

    Parameters
    ----------
    frame : polars.DataFrame
        `Crossover.frame`, at a grid of exchange rates.
    store : str
        Named in the command that reruns the view.
    exchange_rate, intervals
        The values at first.

    Raises
    ------
    RequestError
        The pool is too small for every R.
    """

    def __init__(
        self,
        frame: pl.DataFrame,
        *,
        store: str,
        exchange_rate: float = 1.0,
        intervals: bool = True,
        caption: list[str] | None = None,
    ) -> None:
        check_reach(frame)
        self._frame, self._caption = frame, caption or []
        self._rates = sorted(frame["exchange_rate"].unique().to_list())
        low, high = self._rates[0], self._rates[-1]
        state = ViewState(
            {
                "exchange_rate": number_between(low * 0.999, high * 1.001, "exchange rate"),
                "intervals": choice_of((True, False), "intervals"),
            },
            exchange_rate=min(max(exchange_rate, low), high),
            intervals=intervals,
        )
        w = controls.ipywidgets()
        row: list[Any] = [controls.exchange_rate(state, low=low, high=high), controls.intervals(state)]
        super().__init__(
            state,
            [w.HBox(row, layout=w.Layout(**_ROW))],
            self._view,
            notebook="notebooks/06_crossover.ipynb",
            store=store,
        )

    def _view(self, state: ViewState) -> View:
        step = nearest_step(self._rates, state.exchange_rate)
        table = self._frame.filter(pl.col("exchange_rate") == self._rates[step])
        return View(
            key="crossover",
            chart=lambda: crossover_chart(
                self._frame, exchange_rate=state.exchange_rate, slider=False, caption=self._caption
            ),
            signals={"rate_step": step, "intervals": state.intervals},
            table=table,
            html=crossover_html(table),
        )
