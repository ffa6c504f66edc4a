"""The sample tree, as one table of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from ttclib.samples.facts import ModelFacts, Setting

# (tokens of the step, ends its solution, score or None: not read, tokens the verifier reads up to its end)
Step: TypeAlias = tuple[int, bool, float | None, float]


@dataclass(frozen=True, eq=False)
class Steps:
    """All steps of some trees as one table: a tree's rows lie together, its root first, each step behind its parent."""

    roots: np.ndarray  # int, shape (trees + 1,); where each tree begins, and the end
    parent: np.ndarray  # int, shape (rows,); row of the step before; −1: a root
    child: np.ndarray  # int, shape (rows,); which child of its parent it is; −1: the greedy one, or a root
    n_tokens: np.ndarray  # int, shape (rows,); of the step alone; of a root the prompt's
    ends: np.ndarray  # bool, shape (rows,); whether it ends its solution
    is_read: np.ndarray  # bool, shape (rows,); whether the verifier read it
    score: np.ndarray  # float, shape (rows,); NaN: could not be scored
    prm_tokens: np.ndarray  # float, shape (rows,); tokens that the verifier reads up to the step's end; NaN: unknown
    is_graded: np.ndarray  # bool, shape (rows,)
    answer_class: np.ndarray  # int, shape (rows,); −1: no answer
    correct: np.ndarray  # float, shape (rows,); 1, 0, or NaN: could not be graded

    @cached_property
    def children(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of all children by their parents and numbers, and where each row's begin there, shape (rows + 1,)."""
        numbered = np.flatnonzero(self.child >= 0)
        places = numbered[np.argsort((self.parent[numbered].astype(np.int64) << 32) | self.child[numbered])]
        counts = np.bincount(self.parent[numbered], minlength=len(self.parent))
        return places.astype(np.int32), np.r_[0, np.cumsum(counts)].astype(np.int32)

    @cached_property
    def greedy(self) -> np.ndarray:
        """Row of each row's greedy child, shape (rows,); −1: it has none."""
        found = np.full(len(self.parent), -1, np.int32)
        drawn = np.flatnonzero((self.child < 0) & (self.parent >= 0))
        found[self.parent[drawn]] = drawn
        return found

    @cached_property
    def branches(self) -> np.ndarray:
        """Whether a tree has more than whole samples, in which a step has no second child; shape (trees,)."""
        inner = (self.parent >= 0) & (self.child != 0)
        inner[inner] = self.parent[self.parent[inner]] >= 0
        return np.logical_or.reduceat(inner, self.roots[:-1]) if len(inner) else np.zeros(0, bool)

    @cached_property
    def derived(self) -> dict[Any, Any]:
        """What was computed from the table, by whatever names it."""
        return {}

    def row(self, tree: int, path: str) -> int | None:
        """Row of a tree's step by its path; None: it was never drawn."""
        rows: dict[str, int | None] = self.derived.setdefault(tree, {"": int(self.roots[tree])})
        if path not in rows:
            before, _, own = path.rpartition(".")
            above = self.row(tree, before)
            rows[path] = None if above is None else self._child(above, own)
        return rows[path]

    def way(self, row: int) -> list[str]:
        """Paths of the steps that lead to one, itself the last."""
        names: list[str] = []
        while self.parent[row] >= 0:
            names.append("g" if self.child[row] < 0 else str(self.child[row]))
            row = int(self.parent[row])
        return [".".join(names[: at - 1 : -1] if at else names[::-1]) for at in range(len(names) - 1, -1, -1)]

    def _child(self, above: int, own: str) -> int | None:
        if own == "g":
            row = int(self.greedy[above])
            return None if row < 0 else row
        places, begins = self.children
        rows, number = places[begins[above] : begins[above + 1]], int(own)
        at = number  # unless one before it is not there
        if number >= len(rows) or self.child[rows[number]] != number:
            at = int(np.searchsorted(self.child[rows], number))
        return int(rows[at]) if at < len(rows) and self.child[rows[at]] == number else None


@dataclass(frozen=True)
class Tree:
    """The sample trees of one policy under one setting, one a problem, with one verifier's scores.

    Attributes
    ----------
    store, policy : str
    setting : Setting
    verifier : str
        Whose scores the steps carry.
    problem_ids : list of str
    places : int array, shape (problems,)
        Which of the trees in `steps` is a problem's.
    steps : Steps
    policy_model, verifier_model : ModelFacts or None
    """

    store: str
    policy: str
    setting: Setting
    verifier: str
    problem_ids: list[str]
    places: np.ndarray
    steps: Steps
    policy_model: ModelFacts | None = None
    verifier_model: ModelFacts | None = None

    @property
    def prompt_tokens(self) -> list[int]:
        """Of each problem."""
        tokens: list[int] = self.steps.n_tokens[self.steps.roots[self.places]].tolist()
        return tokens

    @property
    def sizes(self) -> list[int]:
        """Steps of each problem."""
        sizes: list[int] = (np.diff(self.steps.roots)[self.places] - 1).tolist()
        return sizes

    @property
    def first_steps(self) -> np.ndarray:
        """Of each problem the first steps drawn, shape (problems,)."""
        begins = self.steps.children[1]
        roots = self.steps.roots[self.places]
        return begins[roots + 1] - begins[roots]

    def step(self, problem: int, path: str) -> Step | None:
        """A step of a problem's tree; None: it was never drawn."""
        row = self.steps.row(int(self.places[problem]), path)
        if row is None:
            return None
        steps = self.steps
        score = steps.score[row].item() if steps.is_read[row] else None
        return steps.n_tokens[row].item(), steps.ends[row].item(), score, steps.prm_tokens[row].item()

    def grade(self, problem: int, path: str) -> tuple[int, float] | None:
        """Answer class and correctness of a leaf; None: it was not graded."""
        row = self.steps.row(int(self.places[problem]), path)
        if row is None or not self.steps.is_graded[row]:
            return None
        return self.steps.answer_class[row].item(), self.steps.correct[row].item()

    def of_problems(self, problems: Sequence[int]) -> Tree:
        """The trees of some of the problems, by their numbers."""
        return replace(
            self,
            problem_ids=[self.problem_ids[problem] for problem in problems],
            places=self.places[np.asarray(problems, dtype=int)],
        )

    def searched(self) -> Tree:
        """Of the problems that a search drew more of than whole samples, in which a step never has a second child.

        Returns
        -------
        Tree
            Maybe of no problem.
        """
        return self.of_problems(np.flatnonzero(self.steps.branches[self.places]).tolist())
