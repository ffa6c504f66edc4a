"""REBASE, compiled: `ttclib.replay.strategies.rebase` on arrays."""

from __future__ import annotations

import math

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
)
from ttclib.replay.walks import LACKING, ODD, Grown


@compiled
def walk_rebase(
    tree: Grown,
    roots: np.ndarray,
    n_rows: int,
    budgets: np.ndarray,
    temperature: float,
    max_rounds: int,
    selection: int,
    results: np.ndarray,
    status: np.ndarray,
    returned: np.ndarray,
) -> None:
    """Every search from some roots, as `ttclib.replay.beam_kernel.walk_beams`."""
    account, largest = opened(n_rows), budgets.max()
    rows, other, order = np.empty(largest, np.int32), np.empty(largest, np.int32), np.empty(largest, np.int32)
    shares, weights, keys = np.empty(largest, np.int64), np.empty(largest), np.empty(largest)
    for problem in range(len(roots)):
        for at in range(len(budgets)):
            for replicate in range(len(results)):
                n, first = budgets[at], replicate * budgets[at]
                begin(account, roots[problem])
                left = _walk(
                    tree, account, roots[problem], n, first, temperature, max_rounds,
                    rows, other, shares, weights, keys, order,
                )  # fmt: skip
                if left > 0:
                    found = close(tree, account, rows, left, selection, results[replicate, problem, at])
                else:
                    found = LACKING if left == 0 else ODD
                status[replicate, problem, at] = found
                for i in range(min(left, returned.shape[3])):
                    returned[replicate, problem, at, i] = rows[i]


@compiled
def _walk(
    tree: Grown,
    account: Account,
    root: int,
    n: int,
    first: int,
    temperature: float,
    max_rounds: int,
    rows: np.ndarray,
    other: np.ndarray,
    shares: np.ndarray,
    weights: np.ndarray,
    keys: np.ndarray,
    order: np.ndarray,
) -> int:
    """One search: how many solutions it leaves in `rows`; 0: something is lacking, −1: a reward is infinite.

    What has ended lies at the beginning of `rows`, the candidates behind it.
    """
    if not draw_children(tree, account, root, first, n, rows, 0):
        return 0
    all_drawn(account)
    n_ended, n_rows = 0, n
    for _ in range(max_rounds - 1):
        n_open = 0
        for i in range(n_ended, n_rows):
            if tree.ends[rows[i]]:
                rows[n_ended] = rows[i]
                n_ended += 1
            else:
                other[n_open] = rows[i]
                n_open += 1
        n_rows = n_ended + n_open
        if not n_open:
            break
        for i in range(n_open):
            if not read(tree, account, other[i]):
                return 0
        all_read(account)
        if not _allocate(tree, other, n_open, n - n_ended, temperature, shares, weights, keys, order):
            return -1
        n_rows = n_ended
        for i in range(n_open):
            if shares[i]:
                if not draw_children(tree, account, other[i], 0, shares[i], rows, n_rows):
                    return 0
                n_rows += shares[i]
        all_drawn(account)
    for i in range(n_rows):
        if not read(tree, account, rows[i]):
            return 0
    all_read(account)
    return n_rows


@compiled
def _allocate(
    tree: Grown,
    rows: np.ndarray,
    n: int,
    budget: int,
    temperature: float,
    shares: np.ndarray,
    weights: np.ndarray,
    keys: np.ndarray,
    order: np.ndarray,
) -> bool:
    """Fill `shares`, as `ttclib.replay.strategies.rebase.allocate`; False: a reward is infinite."""
    top = math.nan
    for i in range(n):
        reward = tree.value[rows[i]]
        if math.isinf(reward):
            return False
        if not (math.isnan(reward) or top >= reward):
            top = reward
    for i in range(n):
        reward = tree.value[rows[i]]
        weights[i] = 0.0 if math.isnan(reward) else math.exp((reward - top) / temperature)
        if math.isnan(top):
            weights[i] = 1.0
    best_first(tree, rows, n, keys, order)
    remaining, total = keys, 0.0  # the order is known: its keys are not read again
    for place in range(n - 1, -1, -1):
        total += weights[order[place]]
        remaining[place] = total
    left = budget
    for place in range(n):
        i = order[place]
        shares[i] = 0
        if left and remaining[place]:  # rounding of the quotient must not turn a whole share into the next one
            shares[i] = min(left, math.ceil(left * weights[i] / remaining[place] - 1e-9))
        left -= shares[i]
    return True
