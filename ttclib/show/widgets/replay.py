"""The explorer of strategies against budget.

Curves at every power of two are made once for each (policy, verifier, aggregation, bins, difficulty)
and kept, so a step of the budget slider moves one signal in the drawing and picks rows of a table. A
budget between the steps adds one row a strategy, which is computed when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from ttclib.analysis.curves import SAMPLING, accuracy_curves, powers_of_two
from ttclib.errors import RequestError, one_of
from ttclib.show.captions import AGGREGATION_LABELS, caption
from ttclib.show.charts import accuracy_chart, accuracy_domain, bins_chart, signals
from ttclib.show.choices import VERIFIER_LABELS, difficulties_of, replayable, verifiers_of
from ttclib.show.tables import table_html
from ttclib.show.widgets import controls
from ttclib.show.widgets.explorer import Explorer, View
from ttclib.show.widgets.state import ViewState, choice_of, number_between, some_of
from ttclib.store import load_pool
from ttclib.store.pool import SamplePool

BINS = (None, 3, 5)
# Of these the curves depend; the rest moves signals or picks rows.
_COMPUTED = ("policy", "verifier", "aggregation", "bins", "difficulty")


class ReplayExplorer(Explorer):
    """Choose strategies, budget, verifier and difficulty cut; chart and table follow.

    Parameters
    ----------
    pool : SamplePool
    policies : sequence of str, optional
        Policies of the same store to choose from; None: the pool's own alone.
    strategies : sequence of str, optional
        Those switched on at first; None: all that the pool can answer.
    budgets : sequence of int, optional
        Steps of the budget slider; None: powers of two up to the smallest pool.
    budget, verifier, aggregation, bins, difficulty, intervals
        The other values at first.
    curves_of : callable
        Makes the table of curves; called as `accuracy_curves` is.

    Raises
    ------
    RequestError
        An unknown name or a value that the pool does not allow; ipywidgets or anywidget missing.
    """

    def __init__(
        self,
        pool: SamplePool,
        *,
        policies: Sequence[str] | None = None,
        strategies: Sequence[str] | None = None,
        budgets: Sequence[int] | None = None,
        budget: int | None = None,
        verifier: str | None = None,
        aggregation: str = "last",
        bins: int | None = None,
        difficulty: str = "oracle",
        intervals: bool = True,
        curves_of: Callable[..., pl.DataFrame] = accuracy_curves,
    ) -> None:
        self._pools = {pool.policy: pool}
        self._curves_of = curves_of
        self._cache: dict[tuple[Any, ...], pl.DataFrame] = {}
        self.budgets = sorted(set(budgets or powers_of_two(pool)))
        held = verifiers_of(pool)
        able = replayable(pool, SAMPLING, held[0] if held else "prm")[0]
        largest = int(pool.pool_sizes.min())
        numbers = [number for number in BINS if number is None or number <= len(pool.problem_ids)]
        state = ViewState(
            {
                "policy": choice_of(policies or [pool.policy], "policy"),
                "strategies": some_of(able, "strategy"),
                "budget": number_between(1, max(largest, *self.budgets), "budget", whole=True),
                "verifier": choice_of(VERIFIER_LABELS, "verifier"),
                "aggregation": choice_of(AGGREGATION_LABELS, "aggregation"),
                "bins": choice_of(numbers, "bins"),
                "difficulty": choice_of(difficulties_of(pool), "difficulty"),
                "intervals": choice_of((True, False), "intervals"),
            },
            policy=pool.policy,
            strategies=[name for name in strategies or able if one_of(name, SAMPLING, "strategy") in able],
            budget=self.budgets[-1] if budget is None else budget,
            verifier=verifier or (held[0] if held else "prm"),
            aggregation=aggregation,
            bins=bins,
            difficulty=difficulty,
            intervals=intervals,
        )
        verifiers = {VERIFIER_LABELS[name]: name for name in held or ["prm"]}
        by = controls.difficulty(state, difficulties_of(pool))
        score = controls.aggregation(state)

        def grey_out(changed: set[str]) -> None:
            by.disabled, score.disabled = state.bins is None, state.verifier != "prm"

        grey_out(set())
        state.observe(grey_out)
        w = controls.ipywidgets()
        choices = [
            *([controls.policy(state, policies)] if policies and len(policies) > 1 else []),
            controls.choose(state, "verifier", "Verifier", verifiers),
            score,
            controls.bins(state, numbers),
            by,
            controls.intervals(state),
        ]
        super().__init__(
            state,
            [
                controls.strategies(state, able),
                controls.budget(state, self.budgets, largest=largest),
                w.HBox(choices, layout=w.Layout(flex_flow="row wrap", grid_gap="4px 18px")),
            ],
            self._view,
            notebook="notebooks/01_replay.ipynb",
            store=pool.store,
        )

    def _view(self, state: ViewState) -> View:
        pool = self._pool(state.policy)
        if not state.strategies:
            raise RequestError("no strategy is chosen: switch one on")
        shown, note = replayable(pool, state.strategies, state.verifier)
        if not shown:
            raise RequestError(note)
        curves, budgets = self._curves(state)
        rows = curves.filter(pl.col("strategy").is_in(shown))
        computed = {name: getattr(state, name) for name in _COMPUTED}
        lines = caption(pool, **{name: value for name, value in computed.items() if name != "policy"})

        def chart() -> Any:
            draw = accuracy_chart if state.bins is None else bins_chart
            return draw(rows, caption=lines, budget=state.budget, y_domain=accuracy_domain(curves))

        table = rows.filter(pl.col("budget") == state.budget)
        return View(
            key=(tuple(shown), tuple(budgets), *computed.values()),
            chart=chart,
            signals={**signals(budgets, state.budget), "intervals": state.intervals},
            table=table,
            html=table_html(table, caption=f"The rows behind the chart at N = {state.budget}"),
            note=note,
        )

    def _curves(self, state: ViewState) -> tuple[pl.DataFrame, list[int]]:
        """Curves of every strategy that can be replayed, at every step and at the budget; each made once."""
        curves = self._made(state, tuple(self.budgets))
        if state.budget in self.budgets:
            return curves, self.budgets
        return pl.concat([curves, self._made(state, (state.budget,))]), sorted([*self.budgets, state.budget])

    def _made(self, state: ViewState, budgets: tuple[int, ...]) -> pl.DataFrame:
        key = (budgets, *(getattr(state, name) for name in _COMPUTED))
        if key not in self._cache:
            pool = self._pool(state.policy)
            settings = {name: getattr(state, name) for name in _COMPUTED if name != "policy"}
            able = replayable(pool, SAMPLING, state.verifier)[0]
            self._cache[key] = self._curves_of(pool, able, list(budgets), **settings)
        return self._cache[key]

    def _pool(self, policy: str) -> SamplePool:
        if policy not in self._pools:
            first = next(iter(self._pools.values()))
            self._pools[policy] = load_pool(first.store, policy=policy)
        return self._pools[policy]
