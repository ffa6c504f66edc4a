"""The explorer of strategies against budget.

Strategies are replayed at every budget once for each (policy, verifier, aggregation): all budgets are
prefixes of the same subsets, so together they take little more than the powers of two. Curves are made of
that. A step of the budget slider moves a signal in the drawing and picks rows of a table; a budget
between the steps also puts its rows into the drawing. Of a large pool, a budget beyond the first
`EVERY` that is no step is replayed when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from ttclib.analysis.curves import SAMPLING, curves_in_pool, powers_of_two
from ttclib.analysis.strategies import sampling_outcomes
from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import Pool
from ttclib.show.captions import AGGREGATION_LABELS, caption
from ttclib.show.charts import accuracy_chart, accuracy_domain, accuracy_rows, bins_chart, bins_rows
from ttclib.show.choices import VERIFIER_LABELS, difficulties_of, replayable, verifiers_of
from ttclib.show.tables import table_html
from ttclib.show.widgets import controls
from ttclib.show.widgets.explorer import Explorer, View
from ttclib.show.widgets.state import ViewState, choice_of, number_between, some_of
from ttclib.store import load_pool

BINS = (None, 3, 5)
# Up to here every budget is computed at once; beyond, the steps of the slider.
EVERY = 256
# Of these the curves depend; the rest moves signals or picks rows.
_COMPUTED = ("policy", "verifier", "aggregation", "bins", "difficulty")


class ReplayExplorer(Explorer):
    """Choose strategies, budget, verifier and difficulty cut; chart and table follow.

    Parameters
    ----------
    pool : Pool
    policies : sequence of str, optional
        Policies of the same store to choose from; None: the pool's own alone.
    strategies : sequence of str, optional
        Those switched on at first; None: all that the pool can answer.
    budgets : sequence of int, optional
        Steps of the budget slider; None: powers of two up to the smallest pool.
    budget, verifier, aggregation, bins, difficulty, intervals
        The other values at first.
    replay : callable
        What a strategy comes to; called as `sampling_outcomes` is.

    Raises
    ------
    RequestError
        An unknown name or a value that the pool does not allow; ipywidgets or anywidget missing.
    """

    def __init__(
        self,
        pool: Pool,
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
        replay: Callable[..., Outcomes] = sampling_outcomes,
    ) -> None:
        self._pools = {pool.policy: pool}
        self._replay = replay
        self._outcomes: dict[tuple[Any, ...], list[Outcomes]] = {}
        self._tables: dict[tuple[Any, ...], pl.DataFrame] = {}
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
        steps = (*self.budgets, *([state.budget] if state.budget > self.budgets[-1] else []))
        curves = self._curves(state, steps)
        y_domain = accuracy_domain(curves)
        drawn = now = curves.filter(pl.col("strategy").is_in(shown))
        if state.budget not in steps:
            between = self._curves(state, (state.budget,))
            now = pl.concat([drawn, between.filter(pl.col("strategy").is_in(shown))])
        computed = {name: getattr(state, name) for name in _COMPUTED}
        lines = caption(pool, **{name: value for name, value in computed.items() if name != "policy"})

        def chart() -> Any:
            draw = accuracy_chart if state.bins is None else bins_chart
            return draw(drawn, caption=lines, budget=steps[-1], y_domain=y_domain)

        table = now.filter(pl.col("budget") == state.budget)
        return View(
            key=(tuple(shown), steps, *computed.values()),
            chart=chart,
            signals={"budget_now": state.budget, "intervals": state.intervals},
            rows=accuracy_rows(now, y_domain) if state.bins is None else bins_rows(now),
            table=table,
            html=table_html(table, caption=f"The rows behind the chart at N = {state.budget}"),
            note=note,
        )

    def _curves(self, state: ViewState, budgets: tuple[int, ...]) -> pl.DataFrame:
        """Rows of every strategy that can be replayed, at some budgets; made once."""
        key = (budgets, *(getattr(state, name) for name in _COMPUTED))
        if key not in self._tables:
            outcomes = self._replayed(state, budgets)
            self._tables[key] = curves_in_pool(
                self._pool(state.policy), outcomes, budgets, bins=state.bins, difficulty=state.difficulty
            )
        return self._tables[key]

    def _replayed(self, state: ViewState, budgets: tuple[int, ...]) -> list[Outcomes]:
        """Every strategy that can be replayed, at these budgets and others; made once."""
        pool = self._pool(state.policy)
        kept = tuple(sorted({*range(1, min(int(pool.pool_sizes.min()), EVERY) + 1), *self.budgets}))
        wanted = kept if set(budgets) <= set(kept) else budgets
        settings = {"verifier": state.verifier, "aggregation": state.aggregation}
        key = (wanted, state.policy, *settings.values())
        if key not in self._outcomes:
            able = replayable(pool, SAMPLING, state.verifier)[0]
            self._outcomes[key] = [self._replay(pool, name, wanted, **settings) for name in able]
        return self._outcomes[key]

    def _pool(self, policy: str) -> Pool:
        if policy not in self._pools:
            first = next(iter(self._pools.values()))
            self._pools[policy] = load_pool(first.store, policy=policy)
        return self._pools[policy]
