"""Sequential stopping over all orders of a pool: the inner loops.

What has been drawn matters only by how many of each *kind* there are, samples of one answer whose votes weigh the
same; the last kind does not vote. In a random order the next sample is of a kind with a chance in proportion to what
is left of it. States are numbered so that every step leads to a higher number, and chances flow through them once. The
tables are those of `ttclib.replay.random_orders`, for chances in place of orders.
"""

from __future__ import annotations

import numpy as np

from ttclib.replay.compiling import compiled
from ttclib.replay.confidence import dirichlet_confidence
from ttclib.replay.listing import TIE
from ttclib.replay.random_orders import DIRICHLET, SHARE, SLACK, WINDOW


@compiled
def all_orders(
    rule: int,
    sizes: np.ndarray,
    answers: np.ndarray,
    weights: np.ndarray,
    worth: np.ndarray,
    loads: np.ndarray,
    thresholds: np.ndarray,
    caps: np.ndarray,
    at_least: int,
    beta: np.ndarray,
    gamma_weights: np.ndarray,
    gamma_below: np.ndarray,
    stopped: np.ndarray,
    arrived: np.ndarray,
) -> None:
    """The chance of every end; `sizes`, `answers`, `weights` and the mean `loads` are those of the kinds."""
    n_kinds, n_rules, n_samples, last = len(sizes), len(thresholds), sizes.sum(), caps[-1]
    stride, n_states = np.empty(n_kinds, np.int64), 1
    for kind in range(n_kinds):
        stride[kind] = n_states
        n_states *= sizes[kind] + 1
    n_answers = worth.shape[1] - 1
    # Of a window it matters which answer all its samples have given so far; the last number: they differ.
    n_marks = n_answers + 1 if rule == WINDOW else 1
    chance = np.zeros((n_states, n_rules, n_marks))
    chance[0] = 0.0
    chance[0, :, n_marks - 1] = 1.0
    drawn, counts, total = np.zeros(n_kinds, np.int64), np.empty(n_answers, np.int64), np.empty(n_answers)
    row = np.empty(stopped.shape[2])
    for state in range(n_states):
        n = drawn.sum()
        if n <= last and chance[state].sum() > 0:
            leader, top, second = _standing(drawn, answers, weights, worth, loads, counts, total, row)
            at_cap = np.searchsorted(caps, n)
            is_cap = n > 0 and caps[at_cap] == n
            sure = -1.0
            if n > 0 and leader >= 0 and rule != WINDOW:
                sure = _confidence(rule, leader, top, second, counts, total, at_least, beta, gamma_weights, gamma_below)
            for at in range(n_rules):
                here = chance[state, at].sum()
                if here == 0:
                    continue
                if is_cap:
                    arrived[at, at_cap] += here * row
                ends, boundary = sure >= thresholds[at] - SLACK, False
                if rule == WINDOW:
                    boundary = n % np.int64(thresholds[at]) == 0
                    if boundary and n > 0:
                        stopped[at, n] += chance[state, at, :-1].sum() * row
                elif ends:
                    stopped[at, n] += here * row
                if n == last or (rule != WINDOW and ends):
                    continue
                for kind in range(n_kinds):
                    left = sizes[kind] - drawn[kind]
                    if left == 0:
                        continue
                    part, then = left / (n_samples - n), state + stride[kind]
                    if rule != WINDOW:
                        chance[then, at, 0] += here * part
                        continue
                    mark = answers[kind] if answers[kind] >= 0 else n_answers
                    if boundary:
                        chance[then, at, mark] += chance[state, at, n_answers] * part
                    else:
                        for old in range(n_marks):
                            chance[then, at, mark if old == mark else n_answers] += chance[state, at, old] * part
        for kind in range(n_kinds):  # count on
            drawn[kind] += 1
            if drawn[kind] <= sizes[kind]:
                break
            drawn[kind] = 0


@compiled
def _standing(
    drawn: np.ndarray,
    answers: np.ndarray,
    weights: np.ndarray,
    worth: np.ndarray,
    loads: np.ndarray,
    counts: np.ndarray,
    total: np.ndarray,
    row: np.ndarray,
) -> tuple[int, float, float]:
    """An answer that leads, −1: none, its votes and those of the next; what that comes to, in `row`."""
    counts[:], total[:], row[:] = 0, -1.0, 0.0
    for kind in range(len(drawn)):
        row[3] += drawn[kind]
        for load in range(loads.shape[1]):
            row[4 + load] += drawn[kind] * loads[kind, load]
        if answers[kind] >= 0 and drawn[kind] > 0:
            counts[answers[kind]] += drawn[kind]
            total[answers[kind]] = max(total[answers[kind]], 0.0) + drawn[kind] * weights[kind]
    leader, top, second, n_tied = -1, -1.0, 0.0, 0
    for answer in range(len(total)):
        if counts[answer] > 0 and (leader < 0 or total[answer] > top):
            leader, top = answer, total[answer]
    for answer in range(len(total)):
        if counts[answer] > 0:
            if answer != leader:
                second = max(second, total[answer])
            if total[answer] >= top * (1 - TIE):
                n_tied += 1
                row[0] += worth[0, answer]
                row[2] += worth[1, answer]
    if n_tied:
        row[0] /= n_tied
        row[2] /= n_tied
    else:
        row[0], row[2] = worth[0, -1], worth[1, -1]
    row[1] = row[0] * row[0]
    return leader, top, second


@compiled
def _confidence(
    rule: int,
    leader: int,
    top: float,
    second: float,
    counts: np.ndarray,
    total: np.ndarray,
    at_least: int,
    beta: np.ndarray,
    gamma_weights: np.ndarray,
    gamma_below: np.ndarray,
) -> float:
    """What a rule compares with its threshold."""
    if rule == SHARE:
        whole = 0.0
        for answer in range(len(total)):
            whole += max(total[answer], 0.0)
        return (top - second) / whole if whole > 0 and counts.sum() >= at_least else -1.0
    if rule == DIRICHLET and (counts > 0).sum() > 2:
        return dirichlet_confidence(counts, leader, gamma_weights, gamma_below)
    return beta[np.int64(top), np.int64(second)]
