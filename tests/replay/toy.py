"""A policy and a verifier in a few lines of Python, sampled live or as an endless tree.

A solution of a problem has some steps; at each the policy slips with a chance of its own, a slip
makes the answer wrong, and now and then it stops too early. The verifier sees slips through noise.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from ttclib.replay.tree import SampleTree, child_of, parent_of
from ttclib.samples import Setting, Step, Steps, Tree


class State(NamedTuple):
    """A prefix: its steps, the slips among them, whether it has ended, tokens and score of the last step."""

    depth: int = 0
    slips: int = 0
    ended: bool = False
    n_tokens: int = 0
    score: float = 0.0


@dataclass(frozen=True)
class Toy:
    """One problem.

    Attributes
    ----------
    n_steps : int
    slip : float
        Chance of a slip at a step.
    noise : float
        Standard deviation of the verifier's noise.
    """

    n_steps: int
    slip: float
    noise: float = 0.25

    def draw(self, state: State, rng: random.Random) -> State:
        """One more step."""
        slips = state.slips + (rng.random() < self.slip)
        depth = state.depth + 1
        ended = depth >= self.n_steps or rng.random() < 0.05
        score = min(
            1.0, max(0.0, 0.8 - 0.25 * slips - 0.3 * (ended and depth < self.n_steps) + self.noise * rng.gauss(0, 1))
        )
        return State(depth, slips, ended, rng.randint(3, 9), score)

    def greedy(self, state: State) -> State:
        """The likeliest step: without a slip unless slips are likelier."""
        slips = state.slips + (self.slip > 0.5)
        return State(state.depth + 1, slips, state.depth + 1 >= self.n_steps, 6, 0.8 - 0.2 * slips)

    def grade(self, state: State) -> tuple[int, float]:
        """Answer class and correctness of a solution."""
        if state.slips == 0 and state.depth == self.n_steps:
            return 0, 1.0
        return 1 + (state.slips + 2 * state.depth) % 3, 0.0


class ToyTrees:
    """Problems as endless trees: a step is drawn when first asked for, from its path alone."""

    store, policy, verifier = "toy", "walker", "prm"
    setting = policy_model = verifier_model = None

    def __init__(self, toys: list[Toy], seed: int = 0) -> None:
        self.toys = toys
        self.seed = seed
        self.problem_ids = [f"p{number}" for number in range(len(toys))]
        self.prompt_tokens = [10] * len(toys)
        self.drawn: list[dict[str, State]] = [{"": State()} for _ in toys]

    def state(self, problem: int, path: str) -> State:
        drawn = self.drawn[problem]
        if path not in drawn:
            before = self.state(problem, parent_of(path))
            if path.endswith("g"):
                drawn[path] = self.toys[problem].greedy(before)
            else:
                drawn[path] = self.toys[problem].draw(before, random.Random(f"{self.seed}/{problem}/{path}"))
        return drawn[path]

    def step(self, problem: int, path: str) -> Step | None:
        state = self.state(problem, path)
        return state.n_tokens, state.ended, state.score, 10.0 + 6 * state.depth

    def grade(self, problem: int, path: str) -> tuple[int, float] | None:
        return self.toys[problem].grade(self.state(problem, path))

    def tree(self, problem: int) -> SampleTree:
        return SampleTree(10, partial(self.step, problem))


def toys(n_problems: int, seed: int = 0) -> list[Toy]:
    """Problems from easy to hard."""
    rng = random.Random(seed)
    return [Toy(rng.randint(1, 7), rng.choice([0.02, 0.1, 0.2, 0.35, 0.55])) for _ in range(n_problems)]


Grade = tuple[int, float] | None


def tree_of(trees: Sequence[Mapping[str, tuple[Step, Grade]]], prompt_tokens: int = 10) -> Tree:
    """Trees written down by their paths as the table that a store gives."""
    rows: list[tuple[int, int, Step, Grade]] = []
    roots = []
    for steps in trees:
        places = {"": len(rows)}
        roots.append(len(rows))
        rows.append((-1, -1, (prompt_tokens, False, None, float("nan")), None))
        for path in sorted(steps, key=lambda path: path.count(".")):
            own = path.rpartition(".")[2]
            places[path] = len(rows)
            rows.append((places[parent_of(path)], -1 if own == "g" else int(own), *steps[path]))
    table = Steps(
        roots=np.array([*roots, len(rows)]),
        parent=np.array([row[0] for row in rows], dtype=np.int32),
        child=np.array([row[1] for row in rows], dtype=np.int32),
        n_tokens=np.array([row[2][0] for row in rows], dtype=np.int32),
        ends=np.array([row[2][1] for row in rows]),
        is_read=np.array([row[2][2] is not None for row in rows]),
        score=np.array([np.nan if row[2][2] is None else row[2][2] for row in rows]),
        prm_tokens=np.array([row[2][3] for row in rows], dtype=float),
        is_graded=np.array([row[3] is not None for row in rows]),
        answer_class=np.array([-1 if row[3] is None else row[3][0] for row in rows], dtype=np.int32),
        correct=np.array([np.nan if row[3] is None else row[3][1] for row in rows]),
    )
    names = [f"p{number}" for number in range(len(trees))]
    return Tree("toy", "walker", Setting("s"), "prm", names, np.arange(len(trees)), table)


def paths_of(tree: Tree, problem: int) -> list[str]:
    """The paths of a problem's steps, each behind its parent."""
    begin, end = tree.steps.roots[tree.places[problem] :][:2].tolist()
    names = {begin: ""}
    for row in range(begin + 1, end):
        own = "g" if tree.steps.child[row] < 0 else str(tree.steps.child[row])
        names[row] = child_of(names[int(tree.steps.parent[row])], own)
    return list(names.values())[1:]
