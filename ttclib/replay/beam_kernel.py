"""Beam search, lookahead search and DVTS, compiled: `replay.beam` and `replay.strategies.dvts` on arrays."""

from __future__ import annotations

import numpy as np

from ttclib.replay.compiling import compiled
from ttclib.replay.tree_kernels import (
    Account,
    all_drawn,
    all_read,
    begin,
    best_first,
    close,
    draw_children,
    opened,
    read,
    roll_out,
)
from ttclib.replay.walks import LACKING, Grown


@compiled
def walk_beams(
    tree: Grown,
    roots: np.ndarray,
    n_rows: int,
    budgets: np.ndarray,
    n_groups: np.ndarray,
    n_kept: np.ndarray,
    lookahead_steps: int,
    max_rounds: int,
    selection: int,
    results: np.ndarray,
    status: np.ndarray,
    returned: np.ndarray,
) -> None:
    """Every search from some roots; each budget with its number of subtrees, and of beams that each of these keeps.

    `results` has the shape (replicates, problems, budgets, `N_RESULTS`), `status` the same without the last; `returned`
    has as the last the solutions asked for.
    """
    account, largest = opened(n_rows), budgets.max()
    beams, other, ends = np.empty(largest, np.int32), np.empty(largest, np.int32), np.empty(largest, np.int32)
    keys, order = np.empty(largest), np.empty(largest, np.int32)
    for problem in range(len(roots)):
        for at in range(len(budgets)):
            for replicate in range(len(results)):
                n, first = budgets[at], replicate * budgets[at]
                begin(account, roots[problem])
                left = _walk(
                    tree, account, roots[problem], n, first, n_groups[at], n_kept[at], lookahead_steps, max_rounds,
                    beams, other, ends, keys, order,
                )  # fmt: skip
                status[replicate, problem, at] = (
                    close(tree, account, beams, left, selection, results[replicate, problem, at]) if left else LACKING
                )
                for i in range(min(left, returned.shape[3])):
                    returned[replicate, problem, at, i] = beams[i]


@compiled
def _walk(
    tree: Grown,
    account: Account,
    root: int,
    n: int,
    first: int,
    n_groups: int,
    n_kept: int,
    lookahead_steps: int,
    max_rounds: int,
    beams: np.ndarray,
    other: np.ndarray,
    ends: np.ndarray,
    keys: np.ndarray,
    order: np.ndarray,
) -> int:
    """One search: how many solutions it leaves in `beams`; 0: something is lacking.

    A subtree has its own part of `beams`. All draw in one round, and all are read in one, in the order of the subtrees;
    one that has ended is read beside the others, as `ttclib.replay.tree.side_by_side` has it.
    """
    starts, counts, over = np.zeros(n_groups + 1, np.int64), np.zeros(n_groups, np.int64), np.zeros(n_groups, np.bool_)
    for group in range(n_groups):
        counts[group] = n // n_groups + (group < n % n_groups)
        starts[group + 1] = starts[group] + counts[group]
    if not draw_children(tree, account, root, first, n, beams, 0):
        return 0
    all_drawn(account)
    for number in range(max_rounds):
        n_open = 0
        for group in range(n_groups):
            own, count = starts[group], counts[group]
            if over[group]:
                continue
            over[group] = number == max_rounds - 1 or _all_end(tree, beams, own, count)
            if not over[group]:
                n_open += 1
                if count <= n_kept:
                    continue
            for i in range(count):
                ends[i] = beams[own + i]
                if lookahead_steps and not over[group] and not tree.ends[ends[i]]:
                    ends[i] = roll_out(tree, account, ends[i], lookahead_steps)
                    if ends[i] < 0:
                        return 0
            if lookahead_steps:
                all_drawn(account)
            for i in range(count):
                if not read(tree, account, ends[i]):
                    return 0
            if not over[group]:
                best_first(tree, ends, count, keys, order)
                for i in range(n_kept):
                    other[i] = beams[own + order[i]]
                for i in range(n_kept):
                    beams[own + i] = other[i]
                counts[group] = n_kept
        all_read(account)
        if not n_open:
            break
        for group in range(n_groups):
            if not over[group]:
                own, size = starts[group], starts[group + 1] - starts[group]
                counts[group] = _go_on(tree, account, beams, own, counts[group], size, n_kept, other)
                if not counts[group]:
                    return 0
        all_drawn(account)
    left = 0
    for group in range(n_groups):
        for i in range(counts[group]):
            beams[left] = beams[starts[group] + i]
            left += 1
    return left


@compiled
def _all_end(tree: Grown, beams: np.ndarray, own: int, count: int) -> bool:
    n_ended = 0
    for i in range(own, own + count):
        n_ended += tree.ends[beams[i]]
    return n_ended == count


@compiled
def _go_on(
    tree: Grown, account: Account, beams: np.ndarray, own: int, count: int, size: int, n_kept: int, other: np.ndarray
) -> int:
    """Draw the continuations of the beams that are kept, behind those that have ended; 0: one is lacking."""
    n_new = 0
    for i in range(count):
        if tree.ends[beams[own + i]]:
            other[n_new] = beams[own + i]
            n_new += 1
    for i in range(count):
        if not tree.ends[beams[own + i]]:
            share = size // n_kept + (i < size % n_kept)
            if not draw_children(tree, account, beams[own + i], 0, share, other, n_new):
                return 0
            n_new += share
    for i in range(n_new):
        beams[own + i] = other[i]
    return n_new
