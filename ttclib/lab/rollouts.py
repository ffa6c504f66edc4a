"""What the verifiers and the revision model learn from: samples of the policy on training exercises.

For each exercise some solutions are drawn from its start, then more from step ends inside them. A
step's label is the share of *all* solutions through that prefix that end right: solutions which
share a prefix are one another's rollouts, so common prefixes are labelled by many and no draw is
wasted. Binary cross-entropy is unbiased for any number of rollouts a step.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ttclib.collect.engines.transformers import TransformersEngine
from ttclib.collect.engines.types import Completion, Draw, draw_seed
from ttclib.collect.steps import split_steps
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.fresh_names import unfinished
from ttclib.grading import extract_answer
from ttclib.problems.arithmetic import Exercise, exercises

DRAWS_AT_ONCE = 768
PREFIX_TOKENS_AT_ONCE = 100_000
MAX_TOKENS = 320
_PROBLEMS_A_BLOCK = 250


@dataclass(frozen=True)
class RolloutRecipe:
    """How much is drawn.

    Attributes
    ----------
    n_problems : int
    n_root : int
        Solutions drawn from each problem's start.
    n_branches : int
        Step ends of those solutions that are continued again.
    n_rollouts : int
        Solutions drawn from each such step end.
    seed : int
    """

    n_problems: int = 2_000
    n_root: int = 16
    n_branches: int = 2
    n_rollouts: int = 3
    seed: int = 1000


@dataclass(frozen=True)
class Tree:
    """What was drawn for one exercise.

    Attributes
    ----------
    exercise : Exercise
    roots : tuple of str
        Solutions drawn from the start.
    branches : tuple of str
        Whole solutions whose first steps are those of a root.
    """

    exercise: Exercise
    roots: tuple[str, ...]
    branches: tuple[str, ...]


def draw_trees(
    policy: Path,
    recipe: RolloutRecipe,
    folder: Path,
    *,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> list[Tree]:
    """Sample training exercises; a sampling that was stopped continues.

    Parameters
    ----------
    policy : pathlib.Path
    recipe : RolloutRecipe
    folder : pathlib.Path
        Keeps each block of exercises as one file, which is read instead of being drawn again.
    report : callable
        Called with exercises done, exercises in all and a line of text.
    """
    engine = load_lab_engine(policy)
    folder.mkdir(parents=True, exist_ok=True)
    trees: list[Tree] = []
    for number, begin in enumerate(range(0, recipe.n_problems, _PROBLEMS_A_BLOCK)):
        file = folder / f"block-{number:04d}.parquet"
        stream = exercises([recipe.seed, number])
        problems = list(islice(stream, min(_PROBLEMS_A_BLOCK, recipe.n_problems - begin)))
        if not file.exists():
            started = time.monotonic()
            drawn = _draw_block(engine, problems, recipe, number)
            rows = [
                {"expression": tree.exercise.expression, "roots": tree.roots, "branches": tree.branches}
                for tree in drawn
            ]
            fresh = unfinished(file)
            pl.DataFrame(rows, schema=_COLUMNS).write_parquet(fresh)
            fresh.replace(file)
            spend(folder, time.monotonic() - started)
        held = pl.read_parquet(file)
        trees += [
            Tree(problem, tuple(roots), tuple(branches))
            for problem, roots, branches in zip(
                problems, held["roots"].to_list(), held["branches"].to_list(), strict=True
            )
        ]
        report(len(trees), recipe.n_problems, "")
    return trees


def spend(folder: Path, seconds: float) -> float:
    """Add to the time that a folder's blocks took, over all sessions, and return it."""
    file = folder / "seconds.txt"
    total = seconds + (float(file.read_text(encoding="utf-8")) if file.exists() else 0.0)
    file.write_text(str(total), encoding="utf-8")
    return total


_COLUMNS: dict[str, Any] = {"expression": pl.String, "roots": pl.List(pl.String), "branches": pl.List(pl.String)}


def load_lab_engine(policy: Path) -> TransformersEngine:
    """The engine for one of the lab's policies."""
    return TransformersEngine(str(policy), PolicyConfig(name="policy", path=str(policy)), PromptConfig())


def draw_all(
    engine: TransformersEngine,
    draws: Sequence[Draw],
    *,
    temperature: float = 1.0,
    report: Callable[[int], None] = lambda done: None,
) -> list[Completion]:
    """One completion for each draw, in order; prefixes of like length are drawn together."""
    # The longest first: its length bounds the memory of the batch that it opens.
    order = sorted(range(len(draws)), key=lambda i: -len(draws[i].prefix_ids))
    drawn: dict[int, Completion] = {}
    while len(drawn) < len(order):
        longest = len(draws[order[len(drawn)]].prefix_ids)
        batch = order[len(drawn) : len(drawn) + max(1, min(DRAWS_AT_ONCE, PREFIX_TOKENS_AT_ONCE // longest))]
        sampling = SamplingConfig(temperature=temperature, max_tokens=MAX_TOKENS, keep_logprobs=False)
        drawn |= zip(batch, engine.generate([draws[i] for i in batch], sampling), strict=True)
        report(len(drawn))
    return [drawn[i] for i in range(len(draws))]


def is_right(exercise: Exercise, completion: str) -> bool:
    """Whether a completion's answer is the exercise's value."""
    return extract_answer(completion) == str(exercise.value)


@dataclass(frozen=True)
class LabelledSolution:
    """A solution with a soft label for each step.

    Attributes
    ----------
    problem : int
        Index of the exercise.
    steps : tuple of str
        Joined, they are the completion.
    labels : tuple of float
        Share of the rollouts from each step's end that reach the right answer.
    is_correct : bool
    """

    problem: int
    steps: tuple[str, ...]
    labels: tuple[float, ...]
    is_correct: bool


def label_steps(problems: Sequence[Exercise], solutions: Sequence[tuple[int, str]]) -> list[LabelledSolution]:
    """Label each step by the share of right solutions among all that pass through it.

    Parameters
    ----------
    problems : sequence of Exercise
    solutions : sequence of (int, str)
        Index of the problem and completion.
    """
    passed: dict[tuple[int, tuple[str, ...]], list[int]] = defaultdict(lambda: [0, 0])
    read = []
    for number, text in solutions:
        steps = tuple(split_steps(text))
        right = is_right(problems[number], text)
        read.append((number, steps, right))
        for end in range(1, len(steps) + 1):
            tally = passed[number, steps[:end]]
            tally[0] += right
            tally[1] += 1
    labelled = []
    for number, steps, right in read:
        tallies = [passed[number, steps[:end]] for end in range(1, len(steps) + 1)]
        labels = tuple(n_right / n for n_right, n in tallies)
        labelled.append(LabelledSolution(number, steps, labels, right))
    return labelled


def informative(solutions: Sequence[LabelledSolution], *, share: float = 0.2, seed: int = 0) -> list[LabelledSolution]:
    """All solutions of problems that are solved sometimes, and a share of the others.

    Where all solutions are right, or all wrong, there is nothing to tell apart; some are kept so
    that scores stay calibrated.

    Parameters
    ----------
    solutions : sequence of LabelledSolution
    share : float
        In [0, 1].
    seed : int
    """
    outcomes: dict[int, set[bool]] = defaultdict(set)
    for solution in solutions:
        outcomes[solution.problem].add(solution.is_correct)
    rng = np.random.default_rng(seed)
    return [s for s in solutions if s.steps and (len(outcomes[s.problem]) == 2 or rng.random() < share)]


def _draw_block(
    engine: TransformersEngine, problems: Sequence[Exercise], recipe: RolloutRecipe, number: int
) -> list[Tree]:
    rng = np.random.default_rng([recipe.seed, number])
    starts = [(problem, "") for problem in range(len(problems)) for _ in range(recipe.n_root)]
    texts = _continue(engine, problems, starts, recipe.seed)
    roots = [texts[i * recipe.n_root : (i + 1) * recipe.n_root] for i in range(len(problems))]
    starts = [
        (problem, prefix)
        for problem, own in enumerate(roots)
        for prefix in _branch_points(own, recipe.n_branches, rng)
        for _ in range(recipe.n_rollouts)
    ]
    texts = _continue(engine, problems, starts, recipe.seed + 1)
    a_problem = recipe.n_branches * recipe.n_rollouts
    branches = [texts[i * a_problem : (i + 1) * a_problem] for i in range(len(problems))]
    return [Tree(*parts) for parts in zip(problems, map(tuple, roots), map(tuple, branches), strict=True)]


def _branch_points(texts: Sequence[str], n_branches: int, rng: np.random.Generator) -> list[str]:
    """Random step ends of random solutions, each the text up to there."""
    points = []
    for _ in range(n_branches):
        steps = split_steps(texts[int(rng.integers(len(texts)))])
        points.append("".join(steps[: int(rng.integers(max(1, len(steps))))]))
    return points


def _continue(
    engine: TransformersEngine, problems: Sequence[Exercise], starts: Sequence[tuple[int, str]], seed: int
) -> list[str]:
    """Continue each (problem, text so far) to the end: whole solutions, in order."""
    draws = [
        Draw(tuple(engine.encode(problems[problem].prompt + prefix)), draw_seed(seed, problems[problem].prompt, index))
        for index, (problem, prefix) in enumerate(starts)
    ]
    completions = draw_all(engine, draws)
    return [prefix + completion.text for (_, prefix), completion in zip(starts, completions, strict=True)]
