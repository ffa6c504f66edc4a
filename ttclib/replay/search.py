"""Tree search replayed: an algorithm with its parameters, run on every problem's tree at every budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.replay.beam import SQRT, beam_search
from ttclib.replay.budgets import as_budgets
from ttclib.replay.dvts import dvts
from ttclib.replay.outcomes import COSTS, Outcomes
from ttclib.replay.rebase import rebase
from ttclib.replay.sampling import sampling
from ttclib.replay.selection import SELECTIONS, Solution, select
from ttclib.replay.spending import Spending
from ttclib.replay.tree import Final, Missing, SampleTree, Search, replay
from ttclib.samples import AGGREGATIONS, Tree

TREE_SEARCHES = ("beam_search", "lookahead_search", "dvts", "rebase", "sampling")


@dataclass(frozen=True)
class Algorithm:
    """A search with all that decides what it does, but for the budget.

    Attributes
    ----------
    strategy : {"beam_search", "lookahead_search", "dvts", "rebase", "sampling"}
    beam_width : int or "sqrt"
        M of all but REBASE and sampling.
    lookahead_steps : int
        k of lookahead search, at least 1; 0 elsewhere.
    aggregation : {"last", "min", "prod", "mean"}
        Of step scores, within the search and at its end.

    Raises
    ------
    RequestError

    Examples
    --------
    >>> Algorithm("lookahead_search", beam_width="sqrt", lookahead_steps=3).name
    'lookahead_search (M=√N, k=3)'
    >>> Algorithm("lookahead_search", lookahead_steps=3).generations(64)
    256
    """

    strategy: str
    beam_width: int | str = 4
    lookahead_steps: int = 0
    aggregation: str = "last"

    def __post_init__(self) -> None:
        one_of(self.strategy, TREE_SEARCHES, "search strategy")
        one_of(self.aggregation, AGGREGATIONS, "aggregation")
        if self.beam_width != SQRT and (not isinstance(self.beam_width, int) or self.beam_width < 1):
            raise RequestError(f"beam width '{self.beam_width}': allowed a whole number from 1 on, or {SQRT}")
        if self.strategy == "lookahead_search" and self.lookahead_steps < 1:
            raise RequestError(f"lookahead_search with lookahead_steps {self.lookahead_steps}: allowed 1 or more")
        if self.strategy != "lookahead_search" and self.lookahead_steps:
            raise RequestError(f"{self.strategy} with lookahead_steps {self.lookahead_steps}: only lookahead_search")

    @property
    def name(self) -> str:
        """The strategy with its parameters, as charts name it."""
        said = []
        if self.strategy not in ("rebase", "sampling"):
            said.append("M=√N" if self.beam_width == SQRT else f"M={self.beam_width}")
        if self.lookahead_steps:
            said.append(f"k={self.lookahead_steps}")
        if self.aggregation != "last":
            said.append(self.aggregation)
        return f"{self.strategy} ({', '.join(said)})" if said else self.strategy

    def check(self, budget: int) -> None:
        """Refuse a budget that the algorithm cannot have.

        Raises
        ------
        RequestError
        """
        self.start(budget).close()

    def start(self, budget: int, *, first: int = 0) -> Search:
        """The search at a budget, from the root's child `first` on."""
        if self.strategy == "sampling":
            return sampling(budget, aggregation=self.aggregation, first=first)
        if self.strategy == "rebase":
            return rebase(budget, aggregation=self.aggregation, first=first)
        if self.strategy == "dvts":
            return dvts(budget, self.beam_width, aggregation=self.aggregation, first=first)
        return beam_search(
            budget,
            self.beam_width,
            lookahead_steps=self.lookahead_steps,
            aggregation=self.aggregation,
            first=first,
        )

    def allows(self, budget: int) -> bool:
        """Whether a budget is at least the beam width."""
        return budget >= 1 and (
            self.strategy in ("rebase", "sampling") or self.beam_width == SQRT or budget >= int(self.beam_width)
        )

    def generations(self, budget: int) -> int:
        """Answers charged, as the papers do: N, of lookahead N·(k + 1)."""
        return budget * (self.lookahead_steps + 1)


def search_outcomes(
    trees: Tree,
    algorithm: Algorithm,
    budgets: Sequence[int],
    *,
    selection: str = "weighted_best_of_n",
    n_replicates: int = 1,
) -> Outcomes:
    """Replay a search on every problem at every budget, from the store alone.

    Replicate r of budget N starts from the root's children r·N … (r + 1)·N − 1, so replicates are
    independent; a budget and the next share their draws. Nothing is drawn here.

    Parameters
    ----------
    trees : Tree
    algorithm : Algorithm
    budgets : sequence of int
        N, at least 1 and at least the beam width; each once, in any order.
    selection : {"weighted_best_of_n", "best_of_n", "majority_vote"}, keyword-only
        Among the solutions at the end; ties share their credit. A solution cut off by the limit of
        rounds has no answer.
    n_replicates : int, keyword-only
        Averaged over.

    Returns
    -------
    Outcomes
        All of `COSTS`, in expectation over the replicates.

    Raises
    ------
    NotInStore
        Steps, scores or grades are lacking: how many at least, at which budgets, and the command
        that collects them.
    RequestError
        A budget below the beam width, an unknown name.
    """
    accuracy, costs = search_replicates(trees, algorithm, budgets, selection=selection, n_replicates=n_replicates)
    sizes = tuple(sorted({int(budget) for budget in budgets}))
    variant = algorithm.name
    if selection != SELECTIONS[0]:
        variant = f"{variant[:-1]}, {selection})" if variant.endswith(")") else f"{variant} ({selection})"
    return Outcomes(
        algorithm.strategy,
        variant,
        sizes,
        tuple(trees.problem_ids),
        accuracy.mean(axis=0),
        {name: table.mean(axis=0) for name, table in costs.items()},
    )


def search_replicates(
    trees: Tree,
    algorithm: Algorithm,
    budgets: Sequence[int],
    *,
    selection: str = "weighted_best_of_n",
    n_replicates: int = 1,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """As `search_outcomes`, each replicate by itself: their spread is the search's own variance.

    Returns
    -------
    accuracy : numpy.ndarray, shape (replicates, problems, budgets)
        Budgets ascend.
    costs : dict of str to numpy.ndarray of that shape
    """
    one_of(selection, SELECTIONS, "selection")
    if n_replicates < 1:
        raise RequestError(f"{n_replicates} replicates: allowed 1 or more")
    sizes = sorted(set(as_budgets(budgets).ravel().tolist()))
    for size in sizes:
        algorithm.check(size)
    shape = (n_replicates, len(trees.problem_ids), len(sizes))
    accuracy = np.full(shape, np.nan)
    costs = {name: np.full(shape, np.nan) for name in COSTS}
    lacking = _Lacking()
    for problem, prompt_tokens in enumerate(trees.prompt_tokens):
        tree = SampleTree(int(prompt_tokens), partial(trees.step, problem))
        for column, budget in enumerate(sizes):
            for replicate in range(n_replicates):
                spending = Spending(tree)
                try:
                    finals = replay(algorithm.start(budget, first=replicate * budget), tree, spending.observe)
                    solutions = _graded(trees, problem, finals)
                except Missing as missing:
                    lacking.add(problem, budget, missing)
                    continue
                accuracy[replicate, problem, column] = select(solutions, selection)
                spent = {"generations": algorithm.generations(budget), **spending.costs(finals)}
                for name, value in spent.items():
                    costs[name][replicate, problem, column] = value
    lacking.complain(trees, algorithm, n_replicates)
    return accuracy, costs


def _graded(trees: Tree, problem: int, finals: Sequence[Final]) -> list[Solution]:
    """Solutions with their grades; one that was cut off by the limit of rounds is wrong if others are graded."""
    grades = [trees.grade(problem, final.node.path) if final.node.finished else (-1, 0.0) for final in finals]
    if ungraded := [final.node.path for final, grade in zip(finals, grades, strict=True) if grade is None]:
        raise Missing([], [], ungraded)
    known: Mapping[bool, list[Solution]] = {True: [], False: []}
    for final, grade in zip(finals, grades, strict=True):
        assert grade is not None
        known[final.node.finished].append(Solution(final.score, *grade))
    if known[True] and all(math.isnan(solution.correct) for solution in known[True]):
        return known[True]  # the problem has no reference answer: nothing is known of any solution
    return known[True] + known[False]


class _Lacking:
    """What a replay over many problems and budgets found missing, each thing once."""

    def __init__(self) -> None:
        self._found: dict[str, set[tuple[int, str]]] = {"steps": set(), "scores": set(), "grades": set()}
        self._budgets: set[int] = set()
        self._problems: set[int] = set()

    def add(self, problem: int, budget: int, missing: Missing) -> None:
        self._budgets.add(budget)
        self._problems.add(problem)
        for kind, found in self._found.items():
            found.update((problem, path) for path in getattr(missing, kind))

    def complain(self, trees: Tree, algorithm: Algorithm, n_replicates: int) -> None:
        steps, scores, grades = (len(self._found[kind]) for kind in ("steps", "scores", "grades"))
        if not self._budgets:
            return
        parts = [
            f"at least {steps:,} expansions are missing" if steps else "",
            f"'{trees.verifier}' has not read {scores:,} steps" if scores else "",
            f"{grades:,} solutions are not graded" if grades else "",
        ]
        budgets = ",".join(map(str, sorted(self._budgets)))
        options = [f"--strategy {algorithm.strategy}", f"--budgets {budgets}"]
        if algorithm.strategy not in ("rebase", "sampling"):
            options.append(f"--beam-width {algorithm.beam_width}")
        if algorithm.lookahead_steps:
            options.append(f"--lookahead-steps {algorithm.lookahead_steps}")
        if algorithm.aggregation != "last":
            options.append(f"--aggregation {algorithm.aggregation}")
        if n_replicates > 1:
            options.append(f"--replicates {n_replicates}")
        raise NotInStore(
            f"'{trees.store}' lacks what {algorithm.name} needs at budgets {budgets} on {len(self._problems):,} of "
            f"{len(trees.problem_ids):,} problems: {'; '.join(part for part in parts if part)}. Collect with "
            f"`ttc search CONFIG --store {trees.store} {' '.join(options)}`"
        )
