"""Compiled walks of tree searches: which search has one, and the arrays that it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ttclib.samples import AGGREGATIONS, Steps, Tree

# What becomes of a walk. ODD: what a choice or an allocation refuses, which the coroutine says.
DONE, LACKING, ODD = 0, 1, 2
WEIGHTED, BEST = 0, 1  # places in `ttclib.replay.selection.SELECTIONS`; else a majority

Start = TypeVar("Start", bound=Callable[..., Any])


class Grown(NamedTuple):
    """The trees, as kernels take them: `ttclib.samples.Steps` and what follows from them.

    `value` is the aggregated score of the path to a step, `known` whether the verifier read it all, `upto` the tokens
    from the prompt to the step's end.
    """

    parent: np.ndarray
    child: np.ndarray
    n_tokens: np.ndarray
    ends: np.ndarray
    prm_tokens: np.ndarray
    is_graded: np.ndarray
    answer_class: np.ndarray
    correct: np.ndarray
    children: np.ndarray
    begins: np.ndarray
    greedy: np.ndarray
    value: np.ndarray
    known: np.ndarray
    upto: np.ndarray


class Walked(NamedTuple):
    """What a walk takes beside its search's own parameters.

    `roots` are the rows of the problems' roots, `n_rows` the most that one of their trees has; `results` has the shape
    (replicates, problems, budgets, results): accuracy, not graded, and the costs but for the generations in the order
    of `ttclib.replay.outcomes.COSTS`. `status` says of each whether it is DONE. `returned` has the shape (replicates,
    problems, budgets, solutions): rows of the solutions that a search ends with, as many as find room; −1: no more.
    """

    tree: Grown
    roots: np.ndarray
    n_rows: int
    budgets: np.ndarray
    max_rounds: int
    selection: int
    results: np.ndarray
    status: np.ndarray
    returned: np.ndarray


def walked_by(walk: Callable[[Any, Walked], None]) -> Callable[[Start], Start]:
    """Say of a search's `start` what walks it in compiled code; a subclass with another `start` has no walk."""

    def mark(start: Start) -> Start:
        start.walk = walk  # type: ignore[attr-defined]
        return start

    return mark


def walk_of(search: Any) -> Callable[[Any, Walked], None] | None:
    """The compiled walk of a search; None: there is its coroutine alone."""
    found: Callable[[Any, Walked], None] | None = getattr(type(search).start, "walk", None)
    return found


def walked(
    tree: Tree,
    budgets: Sequence[int],
    max_rounds: int,
    selection: int,
    aggregation: str,
    results: np.ndarray,
    n_returned: int = 0,
) -> Walked:
    """What a walk takes, to be filled; `n_returned`: how many solutions of each search are asked for."""
    return Walked(
        _grown(tree.steps, aggregation),
        tree.steps.roots[tree.places].astype(np.int32),
        max(tree.sizes, default=0) + 1,
        np.array(budgets, dtype=np.int64),
        max_rounds,
        selection,
        results,
        np.zeros(results.shape[:-1], np.int8),
        np.full((*results.shape[:-1], n_returned), -1, np.int32),
    )


def _grown(steps: Steps, aggregation: str) -> Grown:
    if aggregation not in steps.derived:
        from ttclib.replay.path_kernel import along_paths

        n_rows = len(steps.parent)
        value, known, upto = np.empty(n_rows), np.empty(n_rows, np.bool_), np.empty(n_rows, np.int64)
        how = AGGREGATIONS.index(aggregation)
        n_tokens = steps.n_tokens.astype(np.int64)
        along_paths(steps.parent, n_tokens, steps.score, steps.is_read, how, value, known, upto)
        children, begins = steps.children
        steps.derived[aggregation] = Grown(
            *(steps.parent, steps.child, n_tokens, steps.ends, steps.prm_tokens),
            *(steps.is_graded, steps.answer_class, steps.correct, children, begins, steps.greedy, value, known, upto),
        )
    found: Grown = steps.derived[aggregation]
    return found
