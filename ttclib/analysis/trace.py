"""Searches step by step: the course of one, with what became of each step; and what wrong solutions look like.

A search that works against a flawed verifier finds what the verifier likes, not what is right. Snell et al.
saw beam search end in repeated steps and in solutions of one or two steps.

References
----------
Snell et al. 2024, arXiv:2408.03314, section 5.3 and appendix E.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.errors import NotInStore, one_of
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.tree import Children, Greedy, Missing, Node, Sample, SampleTree, replay
from ttclib.samples import Tree

FAILURE_SCHEMA = {
    "group": pl.Int64,
    "n_right": pl.Int64,
    "n_wrong": pl.Int64,
    "repeats_step": pl.Float64,
    "few_steps": pl.Float64,
    "mean_steps_wrong": pl.Float64,
    "mean_steps_right": pl.Float64,
}


def failure_shapes(
    solutions: Sequence[Sequence[str]], correct: ArrayLike, groups: ArrayLike, *, few: int = 2
) -> pl.DataFrame:
    """Shares of the wrong solutions that repeat a step, or are over after few.

    Parameters
    ----------
    solutions : sequence of sequences of str
        The steps of each.
    correct : array, shape (solutions,)
        1, 0, or NaN where it is not graded; those are left out.
    groups : int array, shape (solutions,)
        Such as difficulty bins.
    few : int, keyword-only
        Steps up to which a solution counts as short.

    Returns
    -------
    polars.DataFrame
        Columns as in `FAILURE_SCHEMA`, a row a group, in order. A share of no wrong solution is null.

    Raises
    ------
    ValueError
        Lengths that differ, or `few` below 1.

    Examples
    --------
    >>> failure_shapes([["1+1", "2"], ["1+1", "1+1", "3"], ["4"]], [1, 0, 0], [1, 1, 1])["repeats_step"].to_list()
    [0.5]
    """
    right, bins = np.asarray(correct, dtype=float), np.asarray(groups, dtype=int)
    if not len(solutions) == len(right) == len(bins):
        raise ValueError(
            f"{len(solutions)} solutions, {len(right)} grades and {len(bins)} groups: allowed as many each"
        )
    if few < 1:
        raise ValueError(f"few must be at least 1, got {few}")
    n_steps = np.array([len(steps) for steps in solutions], dtype=float)
    repeats = np.array([_repeats(steps) for steps in solutions], dtype=float)
    rows = []
    for group in np.unique(bins):
        own = bins == group
        wrong, fine = own & (right == 0), own & (right == 1)
        rows.append(
            {
                "group": int(group),
                "n_right": int(fine.sum()),
                "n_wrong": int(wrong.sum()),
                "repeats_step": _mean(repeats[wrong]),
                "few_steps": _mean((n_steps <= few)[wrong]),
                "mean_steps_wrong": _mean(n_steps[wrong]),
                "mean_steps_right": _mean(n_steps[fine]),
            }
        )
    return pl.DataFrame(rows, schema=FAILURE_SCHEMA)


def _repeats(steps: Sequence[str]) -> bool:
    """Whether a step says what another said before it."""
    said = [" ".join(step.split()) for step in steps]
    return len(set(said)) < len(said)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


TRACE_SCHEMA = {
    "path": pl.String,
    "parent": pl.String,
    "depth": pl.Int64,
    "round": pl.Int64,
    "score": pl.Float64,
    "tokens": pl.Int64,
    "status": pl.String,
    "correct": pl.Float64,
}


def trace_search(
    tree: Tree, problem_id: str, search: TreeSearch, budget: int, *, aggregation: str = "last"
) -> pl.DataFrame:
    """Every step that one search draws on one problem, and what became of it.

    Parameters
    ----------
    aggregation : {"last", "min", "prod", "mean"}

    Returns
    -------
    polars.DataFrame
        Columns as in `TRACE_SCHEMA`, one row a step. `parent` is empty for first steps; `depth` is 1
        there; `round` is when it was drawn; `score` is the verifier's, null where it was not read;
        `status`: ``returned``, on the way to a returned solution; ``pruned``, neither returned nor
        continued; ``continued``, continued, but nothing that follows was returned. `correct`, of
        ends alone: 1, 0 or null. Lookahead rollouts are left out.

    Raises
    ------
    RequestError
        No such problem, or the search cannot have the budget.
    NotInStore
        The store lacks a step or a score of it.
    """
    one_of(problem_id, tree.problem_ids, "problem")
    search.check(budget)
    problem = list(tree.problem_ids).index(problem_id)
    steps = SampleTree(int(tree.prompt_tokens[problem]), partial(tree.step, problem))
    drawn: dict[str, tuple[Node, int]] = {}
    rounds = [0]

    def observe(requests: Sequence[Any], answers: Sequence[Any]) -> None:
        if any(isinstance(request, (Children, Sample)) for request in requests):
            rounds[0] += 1
        for request, answer in zip(requests, answers, strict=True):
            if isinstance(request, (Children, Sample)) and not isinstance(request, Greedy):
                for node in answer:
                    drawn.setdefault(node.path, (node, rounds[0]))

    try:
        finals = replay(search.start(budget, aggregation=aggregation), steps, observe)
    except Missing as missing:
        raise NotInStore(
            f"'{tree.store}' lacks {len(missing.steps)} steps and {len(missing.scores)} scores that {search.variant} "
            f"needs on problem '{problem_id}' at budget {budget}: collect them with "
            f"`{search.command.format(store=tree.store)}`"
        ) from None
    returned = {path for final in finals for path in way_to(final.node.path)}
    parents = {node.parent.path for node, _ in drawn.values() if node.parent is not None}
    rows = []
    for path, (node, number) in drawn.items():
        scores = steps.step_scores(path)
        grade = tree.grade(problem, path) if node.finished else None
        rows.append(
            {
                "path": path,
                "parent": "" if node.parent is None else node.parent.path,
                "depth": path.count(".") + 1,
                "round": number,
                "score": None if not scores else scores[-1],
                "tokens": node.n_tokens,
                "status": "returned" if path in returned else "continued" if path in parents else "pruned",
                "correct": None if grade is None else grade[1],
            }
        )
    return pl.DataFrame(rows, schema=TRACE_SCHEMA).fill_nan(None)


def way_to(path: str) -> list[str]:
    """The steps that lead to one, itself the last.

    Examples
    --------
    >>> way_to("3.0.1")
    ['3', '3.0', '3.0.1']
    """
    return [path[:end] for end in (*(at for at, mark in enumerate(path) if mark == "."), len(path))]
