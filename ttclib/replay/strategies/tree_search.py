"""What the tree searches share: a coroutine, replayed on every problem's tree, and an answer chosen at its end.

Replicate r of budget N starts from the root's children r·N … (r + 1)·N − 1, so replicates are
independent; a budget and the next share their draws. Nothing is drawn here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np

from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.replay.beam import SQRT
from ttclib.replay.budgets import as_budgets
from ttclib.replay.outcomes import COSTS, Outcomes
from ttclib.replay.selection import SELECTIONS, Solution, Spending, choose
from ttclib.replay.strategy import Strategy, parameter
from ttclib.replay.tree import MAX_ROUNDS, Final, Missing, SampleTree, Search, replay
from ttclib.replay.walks import DONE, LACKING, ODD, walk_of, walked
from ttclib.samples import AGGREGATIONS, Tree, Verifier

_LOOKED_AT = 8  # problems that tell which budgets a tree was grown for
SELECTION_HELP = "How the answer is chosen at the end; chains: hierarchical or majority."


class Cell(NamedTuple):
    """One search: on a problem, by its number, at a budget."""

    problem: int
    budget: int
    replicate: int


@dataclass(frozen=True)
class TreeSearch(Strategy):
    """A search over steps, guided by a process reward model."""

    # {"weighted_best_of_n", "best_of_n", "majority_vote"}; among the solutions at the end; ties share their credit. A
    # solution cut off by the limit of rounds has no answer.
    selection: str = parameter(SELECTIONS[0], help=SELECTION_HELP, allowed=SELECTIONS)
    replicates: int = parameter(1, help="Independent searches to average over.")  # averaged over
    # steps after which candidates are returned as they are
    max_rounds: int = parameter(MAX_ROUNDS, help="Steps after which candidates are returned as they are.")

    reads: ClassVar[str] = "tree"
    needs_scores: ClassVar[bool] = True
    command: ClassVar[str] = "ttc search CONFIG --store {store}"

    def __post_init__(self) -> None:
        one_of(self.selection, SELECTIONS, "selection")
        for name in ("replicates", "max_rounds"):
            if getattr(self, name) < 1:
                raise RequestError(f"{getattr(self, name)} {name.replace('_', ' ')}: allowed 1 or more")

    @property
    def reads_scores(self) -> bool:
        """A search reads scores whatever it ends with."""
        return True

    def said(self) -> list[str]:
        """The parameters as papers write them."""
        said = [] if self.selection == SELECTIONS[0] else [self.selection]
        return said + ([] if self.max_rounds == MAX_ROUNDS else [f"{self.max_rounds} rounds"])

    def check(self, budget: int) -> None:
        """Refuse a budget that the search cannot have.

        Raises
        ------
        RequestError
        """
        self.start(budget).close()

    def start(self, budget: int, *, aggregation: str = "last", first: int = 0) -> Search:
        """The search at a budget, from the root's child `first` on."""
        raise NotImplementedError

    def generations(self, budget: int) -> int:
        """Answers charged, as the papers do."""
        return budget

    def collected(self, samples: Tree) -> list[int]:
        """The powers of two that a few problems hold; a tree holds others on some problems by chance."""
        most = int(samples.first_steps.max(initial=0))
        sizes = [1 << power for power in range(1, most.bit_length()) if self.allows(1 << power)]
        n_problems = len(samples.problem_ids)
        if not sizes or n_problems <= _LOOKED_AT:
            return sizes
        few = samples.of_problems([place * n_problems // _LOOKED_AT for place in range(_LOOKED_AT)])
        held = (~np.isnan(replace(self, replicates=1).replicated(few, sizes)[0][0])).sum(axis=0)
        return [size for size, count in zip(sizes, held, strict=True) if count == held.max()]

    def replay(
        self,
        samples: Tree,
        budgets: Sequence[int],
        *,
        verifier: Verifier | None = None,
        aggregation: str = "last",
        seed: int = 0,
    ) -> Outcomes:
        """As `Strategy.replay`, on the tree's verifier; a budget below the beam width is left out.

        Raises
        ------
        RequestError
            No budget is allowed.
        NotInStore
            No problem holds a whole search at any of the budgets: how many steps, scores or grades are lacking at
            least, at which budgets, and the command that collects them.
        """
        accuracy, ungraded, costs, lacking = self.replicated(samples, budgets, aggregation=aggregation)
        sizes = tuple(self.sizes(budgets))
        if np.isnan(accuracy).all() and lacking:
            raise self.missing(samples, lacking, sizes, aggregation)
        return self.outcomes(
            samples,
            Verifier(samples.verifier, "prm", {}, np.zeros(0), samples.verifier_model),
            aggregation,
            budgets=sizes,
            problem_ids=tuple(samples.problem_ids),
            accuracy=accuracy.mean(axis=0),
            costs={name: table.mean(axis=0) for name, table in costs.items()},
            ungraded=ungraded.mean(axis=0),
        )

    def replicated(
        self, tree: Tree, budgets: Sequence[int], *, aggregation: str = "last"
    ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], list[Cell]]:
        """Each replicate by itself: their spread is the search's own variance.

        Returns
        -------
        accuracy, ungraded : numpy.ndarray, shape (replicates, problems, budgets)
            Budgets ascend; NaN where the tree lacks something.
        costs : dict of str to numpy.ndarray of that shape
        lacking : list of Cell
        """
        one_of(aggregation, AGGREGATIONS, "aggregation")
        sizes = self.sizes(budgets)
        results = np.full((self.replicates, len(tree.problem_ids), len(sizes), len(COSTS) + 1), np.nan)
        status = np.full(results.shape[:-1], ODD)
        walk = walk_of(self)
        if walk is not None and isinstance(tree, Tree) and tree.problem_ids:
            selection = SELECTIONS.index(self.selection)
            asked = walked(tree, sizes, self.max_rounds, selection, aggregation, results)
            walk(self, asked)
            status = asked.status
        lacking: list[Cell] = []
        steps: dict[int, SampleTree] = {}
        for problem, column, replicate in np.argwhere(np.moveaxis(status, 0, -1) != DONE).tolist():
            cell = Cell(problem, sizes[column], replicate)
            if status[replicate, problem, column] == LACKING:
                lacking.append(cell)
                continue
            try:
                results[replicate, problem, column] = self._stepwise(tree, cell, aggregation, steps)
            except Missing:
                lacking.append(cell)
        costs = {name: results[..., place] for place, name in enumerate(COSTS[1:], start=2)}
        charged = np.array([self.generations(size) for size in sizes], dtype=float)
        costs["generations"] = np.where(np.isnan(results[..., 2]), np.nan, charged)
        return results[..., 0], results[..., 1], costs, lacking

    def returned(self, tree: Tree, budget: int, *, aggregation: str = "last") -> list[list[int] | None]:
        """Rows of the steps table that each problem's first search returns; None: compiled code cannot tell them.

        Raises
        ------
        RequestError
            The search cannot have the budget.
        """
        self.check(budget)
        one_of(aggregation, AGGREGATIONS, "aggregation")
        walk = walk_of(self)
        if walk is None or not tree.problem_ids:
            return [None] * len(tree.problem_ids)
        results = np.full((1, len(tree.problem_ids), 1, len(COSTS) + 1), np.nan)
        selection = SELECTIONS.index(self.selection)
        asked = walked(tree, [budget], self.max_rounds, selection, aggregation, results, n_returned=budget)
        walk(self, asked)
        done = (asked.status[0, :, 0] == DONE).tolist()
        rows = [[row for row in own if row >= 0] for own in asked.returned[0, :, 0].tolist()]
        return [own if known else None for own, known in zip(rows, done, strict=True)]

    def _stepwise(self, tree: Tree, cell: Cell, aggregation: str, steps: dict[int, SampleTree]) -> list[float]:
        """One cell's results by the coroutine: the definition of what the compiled walks come to.

        Raises
        ------
        Missing
        """
        if cell.problem not in steps:
            steps.clear()
            prompt_tokens = int(tree.prompt_tokens[cell.problem])
            steps[cell.problem] = SampleTree(prompt_tokens, partial(tree.step, cell.problem))
        spending = Spending(steps[cell.problem])
        search = self.start(cell.budget, aggregation=aggregation, first=cell.replicate * cell.budget)
        finals = replay(search, steps[cell.problem], spending.observe)
        chosen = choose(graded(tree, cell.problem, finals), self.selection)
        spent = spending.costs(finals)
        return [*chosen, *(spent[name] for name in COSTS[1:])]

    def sizes(self, budgets: Sequence[int]) -> list[int]:
        """The budgets that the search can have, ascending.

        Raises
        ------
        RequestError
            There is none.
        """
        wanted = sorted(set(as_budgets(budgets).ravel().tolist()))
        allowed = [size for size in wanted if self.allows(size)]
        if not allowed:
            self.check(max(wanted))
        return allowed

    def missing(self, tree: Tree, lacking: Iterable[Cell], budgets: Sequence[int], aggregation: str) -> NotInStore:
        """The error that counts what is lacking and names the command that collects it."""
        found: dict[str, set[tuple[int, str]]] = {"steps": set(), "scores": set(), "grades": set()}
        problems: set[int] = set()
        sizes: set[int] = set()
        steps: dict[int, SampleTree] = {}
        for cell in lacking:
            problems.add(cell.problem)
            sizes.add(cell.budget)
            try:
                self._stepwise(tree, cell, aggregation, steps)
            except Missing as missing:
                for kind, places in found.items():
                    places.update((cell.problem, path) for path in getattr(missing, kind))
        n_steps, n_scores, n_grades = (len(places) for places in found.values())
        parts = [
            f"at least {n_steps:,} expansions are missing" if n_steps else "",
            f"'{tree.verifier}' has not read {n_scores:,} steps" if n_scores else "",
            f"{n_grades:,} solutions are not graded" if n_grades else "",
        ]
        said = ",".join(map(str, sorted(sizes)))
        options = [f"--strategy {self.name}", f"--budgets {said}", *self.flags()]
        if aggregation != "last":
            options.append(f"--aggregation {aggregation}")
        return NotInStore(
            f"'{tree.store}' lacks what {self.variant} needs at budgets {said} on {len(problems):,} of "
            f"{len(tree.problem_ids):,} problems: {'; '.join(part for part in parts if part)}. Collect with "
            f"`{self.command.format(store=tree.store)} {' '.join(options)}`"
        )

    def flags(self) -> list[str]:
        """The parameters that decide what is drawn, as `ttc search` takes them."""
        own = {one.name: one for one in self.asked() if one.name != "selection"}
        shown = {name: getattr(self, name) for name, one in own.items() if getattr(self, name) != one.default}
        shown |= {name: getattr(self, name) for name in ("beam_width", "lookahead_steps") if name in own}
        return [f"--{name.replace('_', '-')} {value}" for name, value in shown.items()]


def graded(tree: Tree, problem: int, finals: Sequence[Final]) -> list[Solution]:
    """Solutions with their grades; one that was cut off by the limit of rounds is wrong if others are graded."""
    grades = [tree.grade(problem, final.node.path) if final.node.finished else (-1, 0.0) for final in finals]
    if ungraded := [final.node.path for final, grade in zip(finals, grades, strict=True) if grade is None]:
        raise Missing([], [], ungraded)
    known: dict[bool, list[Solution]] = {True: [], False: []}
    for final, grade in zip(finals, grades, strict=True):
        assert grade is not None
        known[final.node.finished].append(Solution(final.score, *grade))
    if known[True] and all(math.isnan(solution.correct) for solution in known[True]):
        return known[True]  # the problem has no reference answer: nothing is known of any solution
    return known[True] + known[False]


def check_width(beam_width: int | str) -> None:
    """Refuse a beam width that is no number from 1 on and not ``sqrt``."""
    if beam_width != SQRT and (not isinstance(beam_width, int) or beam_width < 1):
        raise RequestError(f"beam width '{beam_width}': allowed a whole number from 1 on, or {SQRT}")


def width_said(beam_width: int | str) -> str:
    """The beam width as papers write it."""
    return "M=√N" if beam_width == SQRT else f"M={beam_width}"


def beam_width_parameter() -> int | str:
    """The field that beam search, lookahead search and DVTS share."""
    found: int | str = parameter(
        4, help="M, or sqrt for the root of the budget.", allowed=(SQRT,), kind=int, several=True
    )
    return found
