"""The explorer of strategies against budget.

Strategies are replayed at every budget once for each (policy, verifier, aggregation): all budgets are
prefixes of the same subsets, so together they take little more than the powers of two. A step of the budget slider
moves a signal in the drawing and picks rows of a table; a budget between the steps also puts its rows into the
drawing. Of a large pool, a budget beyond the first `EVERY` that is no step is replayed when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from ttclib.errors import RequestError
from ttclib.replay.strategies.whole_samples import powers_of_two
from ttclib.replay.strategy import reading, strategy
from ttclib.show.charts import accuracy_chart, accuracy_domain, accuracy_rows, bins_chart, bins_rows
from ttclib.show.tables import table_html
from ttclib.show.theme import in_order
from ttclib.show.widgets import controls
from ttclib.show.widgets.explorer import Explorer, View
from ttclib.show.widgets.state import ViewState, choice_of, number_between, some_of
from ttclib.study.captions import AGGREGATION_LABELS
from ttclib.study.question import Question, question
from ttclib.study.study import Curves, Study
from ttclib.study.study import open as open_study

BINS = (None, 3, 5)
# Up to here every budget is computed at once; beyond, the steps of the slider.
EVERY = 256


class ReplayExplorer(Explorer):
    """Choose strategies, budget, verifier and difficulty cut; chart and table follow.

    Parameters
    ----------
    study : Study
        Of one policy.
    policies : sequence of str, optional
        Policies of the same store to choose from; None: the study's own alone.
    strategies : sequence of str, optional
        Those switched on at first; None: all that choose among whole samples.
    budgets : sequence of int, optional
        Steps of the budget slider; None: powers of two up to the smallest pool.
    budget, verifier, aggregation, bins, difficulty, intervals
        The other values at first.

    Raises
    ------
    RequestError
        An unknown name or a value that the pool does not allow; ipywidgets or anywidget missing.
    """

    def __init__(
        self,
        study: Study,
        *,
        policies: Sequence[str] | None = None,
        strategies: Sequence[str] | None = None,
        budgets: Sequence[int] | None = None,
        budget: int | None = None,
        verifier: str = "prm",
        aggregation: str = "last",
        bins: int | None = None,
        difficulty: str = "oracle",
        intervals: bool = True,
    ) -> None:
        pool = study.pool
        self._studies = {study.policy: study}
        self.budgets = sorted(set(budgets or powers_of_two(pool)))
        offered = [name for name in reading("pool") if pool.counts is None or strategy(name).needs_truth]
        largest = int(pool.pool_sizes.min())
        numbers = [number for number in BINS if number is None or number <= len(pool.problem_ids)]
        if bins is not None and bins not in numbers:
            numbers.append(bins)
        scored = study.verifier_choices(verifier)
        state = ViewState(
            {
                "policy": choice_of(policies or [study.policy], "policy"),
                "strategies": some_of(offered, "strategy"),
                "budget": number_between(1, max(largest, *self.budgets), "budget", whole=True),
                "verifier": choice_of({*scored.values(), *study.verifiers(), verifier}, "verifier"),
                "aggregation": choice_of(AGGREGATION_LABELS, "aggregation"),
                "bins": choice_of(numbers, "bins"),
                "difficulty": choice_of(study.difficulties(), "difficulty"),
                "intervals": choice_of((True, False), "intervals"),
            },
            policy=study.policy,
            strategies=[name for name in in_order(strategies or offered) if name in offered],
            budget=self.budgets[-1] if budget is None else budget,
            verifier=verifier,
            aggregation=aggregation,
            bins=bins,
            difficulty=difficulty,
            intervals=intervals,
        )
        by = controls.difficulty(state, study.difficulties())
        score = controls.aggregation(state)

        def grey_out(changed: set[str]) -> None:
            by.disabled, score.disabled = state.bins is None, state.verifier == "logprob"

        grey_out(set())
        state.observe(grey_out)
        w = controls.ipywidgets()
        choices = [
            *([controls.policy(state, policies)] if policies and len(policies) > 1 else []),
            controls.choose(state, "verifier", "Verifier", scored),
            score,
            controls.bins(state, numbers),
            by,
            controls.intervals(state),
        ]
        super().__init__(
            state,
            [
                controls.strategies(state, offered),
                controls.budget(state, self.budgets, largest=largest),
                w.HBox(choices, layout=w.Layout(flex_flow="row wrap", grid_gap="4px 18px")),
            ],
            self._view,
            notebook="notebooks/01_replay.ipynb",
            store=str(study.store),
        )

    def _view(self, state: ViewState) -> View:
        if not state.strategies:
            raise RequestError("no strategy is chosen: switch one on")
        steps = (*self.budgets, *([state.budget] if state.budget > self.budgets[-1] else []))
        curves = self._curves(state, steps)
        # The axis is that of all strategies, so that switching one off moves no line.
        y_domain = accuracy_domain(self._curves(state, steps, every=True).frame)
        now = curves.frame
        if state.budget not in steps:
            now = pl.concat([now, self._curves(state, (state.budget,)).frame])

        def chart() -> Any:
            drawn = {"caption": curves.caption, "budget": steps[-1], "y_domain": y_domain, "n_bins": curves.n_bins}
            return (accuracy_chart if state.bins is None else bins_chart)(curves.frame, **drawn)

        table = now.filter(pl.col("budget") == state.budget)
        computed = (state.policy, state.verifier, state.aggregation, state.bins, state.difficulty)
        return View(
            key=(tuple(state.strategies), steps, *computed),
            chart=chart,
            signals={"budget_now": state.budget, "intervals": state.intervals},
            rows=accuracy_rows(now, y_domain) if state.bins is None else bins_rows(now, curves.n_bins),
            table=table,
            html=table_html(table, caption=f"The rows behind the chart at N = {state.budget}"),
            note="; ".join(curves.notes),
        )

    def _curves(self, state: ViewState, budgets: tuple[int, ...], *, every: bool = False) -> Curves:
        """The strategies that are switched on, or every one, at some budgets of those that are replayed at once."""
        study = self._study(state.policy)
        kept = tuple(sorted({*range(1, min(int(study.pool.pool_sizes.min()), EVERY) + 1), *self.budgets}))
        asked = self.question(state, kept if set(budgets) <= set(kept) else budgets)
        return study.replay(asked if not every else asked.but(strategies=tuple(reading("pool"))), at=budgets)

    def question(self, state: ViewState, budgets: Sequence[int]) -> Question:
        """What the controls ask, as any command or cell would."""
        return question(
            strategies=state.strategies,
            budgets=budgets,
            verifier=state.verifier,
            aggregation=state.aggregation,
            bins=state.bins,
            difficulty=state.difficulty,
            lacking="leave out",
        )

    def _study(self, policy: str) -> Study:
        if policy not in self._studies:
            first = next(iter(self._studies.values()))
            self._studies[policy] = open_study(first.store, policy, benchmark=first.pool.benchmark)
        return self._studies[policy]
