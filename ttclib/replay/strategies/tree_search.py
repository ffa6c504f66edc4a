"""What the tree searches share: a coroutine, replayed on every problem's tree, and an answer chosen at its end.

Replicate r of budget N starts from the root's children r·N … (r + 1)·N − 1, so replicates are
independent; a budget and the next share their draws. Nothing is drawn here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.replay.beam import SQRT
from ttclib.replay.budgets import as_budgets
from ttclib.replay.outcomes import COSTS, Outcomes
from ttclib.replay.selection import SELECTIONS, Solution, choose
from ttclib.replay.spending import Spending
from ttclib.replay.strategy import Strategy, parameter
from ttclib.replay.tree import MAX_ROUNDS, Final, Missing, SampleTree, Search, replay
from ttclib.samples import AGGREGATIONS, Tree, Verifier

_LOOKED_AT = 8  # problems that tell which budgets a tree was grown for
SELECTION_HELP = "How the answer is chosen at the end; chains: hierarchical or majority."


@dataclass(frozen=True)
class TreeSearch(Strategy):
    """A search over steps, guided by a process reward model.

    Attributes
    ----------
    selection : {"weighted_best_of_n", "best_of_n", "majority_vote"}
        Among the solutions at the end; ties share their credit. A solution cut off by the limit of
        rounds has no answer.
    replicates : int
        Averaged over.
    max_rounds : int
        Steps after which candidates are returned as they are.
    """

    selection: str = parameter(SELECTIONS[0], help=SELECTION_HELP, allowed=SELECTIONS)
    replicates: int = parameter(1, help="Independent searches to average over.")
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
        most = max((sum("." not in path for path in paths) for paths in samples.rows), default=0)
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
    ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], list[tuple[int, int, Missing]]]:
        """Each replicate by itself: their spread is the search's own variance.

        Returns
        -------
        accuracy, ungraded : numpy.ndarray, shape (replicates, problems, budgets)
            Budgets ascend; NaN where the tree lacks something.
        costs : dict of str to numpy.ndarray of that shape
        lacking : list of (problem, budget, Missing)
        """
        one_of(aggregation, AGGREGATIONS, "aggregation")
        sizes = self.sizes(budgets)
        shape = (self.replicates, len(tree.problem_ids), len(sizes))
        accuracy, ungraded = np.full(shape, np.nan), np.full(shape, np.nan)
        costs = {name: np.full(shape, np.nan) for name in COSTS}
        lacking: list[tuple[int, int, Missing]] = []
        for problem, prompt_tokens in enumerate(tree.prompt_tokens):
            steps = SampleTree(int(prompt_tokens), partial(tree.step, problem))
            for column, budget in enumerate(sizes):
                for replicate in range(self.replicates):
                    spending = Spending(steps)
                    try:
                        search = self.start(budget, aggregation=aggregation, first=replicate * budget)
                        finals = replay(search, steps, spending.observe)
                        chosen = choose(graded(tree, problem, finals), self.selection)
                    except Missing as missing:
                        lacking.append((problem, budget, missing))
                        continue
                    cell = (replicate, problem, column)
                    accuracy[cell], ungraded[cell] = chosen
                    for name, value in {"generations": self.generations(budget), **spending.costs(finals)}.items():
                        costs[name][cell] = value
        return accuracy, ungraded, costs, lacking

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

    def missing(
        self, tree: Tree, lacking: Iterable[tuple[int, int, Missing]], budgets: Sequence[int], aggregation: str
    ) -> NotInStore:
        """The error that counts what is lacking and names the command that collects it."""
        found: dict[str, set[tuple[int, str]]] = {"steps": set(), "scores": set(), "grades": set()}
        problems: set[int] = set()
        sizes: set[int] = set()
        for problem, budget, missing in lacking:
            problems.add(problem)
            sizes.add(budget)
            for kind, places in found.items():
                places.update((problem, path) for path in getattr(missing, kind))
        steps, scores, grades = (len(places) for places in found.values())
        parts = [
            f"at least {steps:,} expansions are missing" if steps else "",
            f"'{tree.verifier}' has not read {scores:,} steps" if scores else "",
            f"{grades:,} solutions are not graded" if grades else "",
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
