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
    n_kinds, n_rules, n_samples, last = len(sizes), len(thresholds), 0, caps[-1]
    stride, n_states = np.empty(n_kinds, np.int64), 1
    for kind in range(n_kinds):
        n_samples += sizes[kind]
        stride[kind] = n_states
        n_states *= sizes[kind] + 1
    n_answers = worth.shape[1] - 1
    # Of a window it matters which answer all its samples have given so far; the last number: they differ.
    n_marks = n_answers + 1 if rule == WINDOW else 1
    chance = np.zeros((n_states, n_rules, n_marks))
    for at in range(n_rules):
        chance[0, at, n_marks - 1] = 1.0
    cap_at = np.full(last + 1, -1, np.int64)
    for at in range(len(caps)):
        cap_at[caps[at]] = at
    n = 0
    drawn, counts, total = np.zeros(n_kinds, np.int64), np.empty(n_answers, np.int64), np.empty(n_answers)
    row = np.empty(stopped.shape[2])
    for state in range(n_states):
        alive = 0.0
        for at in range(n_rules):
            alive += _sum(chance[state, at], n_marks)
        if n <= last and alive > 0:
            leader, top, second = _standing(drawn, answers, weights, worth, loads, counts, total, row)
            sure = -1.0
            if n > 0 and leader >= 0 and rule != WINDOW:
                sure = _confidence(rule, leader, top, second, counts, total, at_least, beta, gamma_weights, gamma_below)
            for at in range(n_rules):
                here = _sum(chance[state, at], n_marks)
                if here == 0:
                    continue
                if cap_at[n] >= 0:
                    _add(arrived[at, cap_at[n]], here, row)
                ends, boundary = sure >= thresholds[at] - SLACK, False
                if rule == WINDOW:
                    boundary = n % np.int64(thresholds[at]) == 0
                    if boundary and n > 0:
                        _add(stopped[at, n], _sum(chance[state, at], n_answers), row)
                elif ends:
                    _add(stopped[at, n], here, row)
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
            n += 1
            if drawn[kind] <= sizes[kind]:
                break
            n -= drawn[kind]
            drawn[kind] = 0


@compiled
def _sum(values: np.ndarray, length: int) -> float:
    """Of the first so many."""
    total = 0.0
    for at in range(length):
        total += values[at]
    return total


@compiled
def _add(table: np.ndarray, chance: float, row: np.ndarray) -> None:
    """Enter what a chance comes to."""
    for at in range(len(row)):
        table[at] += chance * row[at]


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
    for answer in range(len(total)):
        counts[answer], total[answer] = 0, -1.0
    for at in range(len(row)):
        row[at] = 0.0
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
        whole, n_votes = 0.0, 0
        for answer in range(len(total)):
            whole += max(total[answer], 0.0)
            n_votes += counts[answer]
        return (top - second) / whole if whole > 0 and n_votes >= at_least else -1.0
    n_seen = 0
    for answer in range(len(counts)):
        n_seen += counts[answer] > 0
    if rule == DIRICHLET and n_seen > 2:
        return dirichlet_confidence(counts, leader, gamma_weights, gamma_below)
    return beta[np.int64(top), np.int64(second)]
