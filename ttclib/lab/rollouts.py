"""The PRM's training data: sampled trees of solutions with Monte-Carlo step labels.

For each problem some solutions are drawn from the root, then more from step ends inside them. A
step's label is the share of *all* solutions through that prefix that end right: solutions which
share a prefix are one another's rollouts, so common prefixes are labelled by many and no draw is
wasted. Binary cross-entropy is unbiased for any number of rollouts a step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ttclib.collect.engine import Draw, draw_seed
from ttclib.collect.steps import split_steps
from ttclib.collect.transformers_engine import TransformersEngine
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.grading import extract_answer
from ttclib.lab.task import Exercise, exercises

_DRAWS_AT_ONCE = 512


@dataclass(frozen=True)
class LabelledSolution:
    """A solution with a soft label for each step.

    Attributes
    ----------
    prompt : str
    steps : tuple of str
        Joined, they are the completion.
    labels : tuple of float
        Share of the rollouts from each step's end that reach the right answer.
    is_correct : bool
    """

    prompt: str
    steps: tuple[str, ...]
    labels: tuple[float, ...]
    is_correct: bool


def labelled_solutions(
    policy: Path,
    *,
    n_problems: int,
    n_root: int,
    n_branches: int,
    n_rollouts: int,
    seed: int,
    temperature: float = 1.0,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> list[LabelledSolution]:
    """Sample trees on training exercises and label every step of every solution.

    Parameters
    ----------
    policy : pathlib.Path
    n_problems : int
    n_root : int
        Solutions drawn from each problem's start.
    n_branches : int
        Step ends of those solutions that are continued again.
    n_rollouts : int
        Solutions drawn from each such step end.
    seed : int
    temperature : float
    report : callable
        Called with solutions done, solutions in all and a line of text.
    """
    engine = TransformersEngine(str(policy), PolicyConfig(name="policy", path=str(policy)), PromptConfig())
    sampling = SamplingConfig(temperature=temperature, max_tokens=256)
    problems = list(islice(exercises(seed), n_problems))
    total = n_problems * (n_root + n_branches * n_rollouts)
    rng = np.random.default_rng(seed)

    roots = [(number, "") for number in range(n_problems) for _ in range(n_root)]
    solutions = _complete(engine, sampling, problems, roots, seed, lambda done: report(done, total, "solutions"))
    by_problem: dict[int, list[str]] = defaultdict(list)
    for number, text in solutions:
        by_problem[number].append(text)
    branches = [
        (number, prefix)
        for number, texts in by_problem.items()
        for prefix in _branch_points(texts, n_branches, rng)
        for _ in range(n_rollouts)
    ]
    solutions += _complete(
        engine, sampling, problems, branches, seed + 1, lambda done: report(len(roots) + done, total, "rollouts")
    )
    return label_steps(problems, solutions)


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
        right = extract_answer(text) == str(problems[number].value)
        read.append((number, steps, right))
        for end in range(1, len(steps) + 1):
            tally = passed[number, steps[:end]]
            tally[0] += right
            tally[1] += 1
    labelled = []
    for number, steps, right in read:
        tallies = [passed[number, steps[:end]] for end in range(1, len(steps) + 1)]
        labels = tuple(n_right / n for n_right, n in tallies)
        labelled.append(LabelledSolution(problems[number].prompt, steps, labels, right))
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
    outcomes: dict[str, set[bool]] = defaultdict(set)
    for solution in solutions:
        outcomes[solution.prompt].add(solution.is_correct)
    rng = np.random.default_rng(seed)
    return [s for s in solutions if len(outcomes[s.prompt]) == 2 or rng.random() < share]


def _branch_points(texts: list[str], n_branches: int, rng: np.random.Generator) -> list[str]:
    """Random step ends of random solutions, each the text up to there."""
    points = []
    for _ in range(n_branches):
        steps = split_steps(texts[int(rng.integers(len(texts)))])
        points.append("".join(steps[: int(rng.integers(len(steps)))]))
    return points


def _complete(
    engine: TransformersEngine,
    sampling: SamplingConfig,
    problems: Sequence[Exercise],
    starts: Sequence[tuple[int, str]],
    seed: int,
    report: Callable[[int], None],
) -> list[tuple[int, str]]:
    """Continue each (problem, text so far) to the end; order is not kept."""
    order = sorted(range(len(starts)), key=lambda i: len(problems[starts[i][0]].prompt) - len(starts[i][1]))
    finished = []
    for begin in range(0, len(order), _DRAWS_AT_ONCE):
        batch = [(index, *starts[index]) for index in order[begin : begin + _DRAWS_AT_ONCE]]
        draws = [
            Draw(
                tuple(engine.encode(problems[number].prompt + prefix)), draw_seed(seed, problems[number].prompt, index)
            )
            for index, number, prefix in batch
        ]
        completions = engine.generate(draws, sampling)
        finished += [
            (number, prefix + completion.text)
            for (_, number, prefix), completion in zip(batch, completions, strict=True)
        ]
        report(len(finished))
    return finished
