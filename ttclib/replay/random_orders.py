"""Sequential stopping by random orders of a pool: the inner loops.

They take one problem. `column` is the answer of a sample, −1 where it does not vote, `weight` what its vote weighs;
`worth` is what each answer comes to, one row right and one row not graded, whose last column is for what does not
vote; `loads` are what each sample costs, shape (samples, loads). What a stop comes to is a row: accuracy, its square,
not graded, draws, loads. `stopped[rule, N]` takes the rows of the orders that a rule ends at N, `arrived[rule, at]`
those of the orders that get as far as ``caps[at]``; ``whole[at]`` takes what all orders come to there when nothing
stops them, and ``apart[rule, at]`` the square of what stopping moves the accuracy by.
"""

from __future__ import annotations

import numpy as np

from ttclib.replay.compiling import compiled
from ttclib.replay.confidence import dirichlet_confidence
from ttclib.replay.kernels import own_number
from ttclib.replay.listing import TIE
from ttclib.replay.stop_rules import DIRICHLET, SHARE, SLACK, WINDOW


@compiled
def random_orders(
    rule: int,
    column: np.ndarray,
    weight: np.ndarray,
    worth: np.ndarray,
    loads: np.ndarray,
    thresholds: np.ndarray,
    caps: np.ndarray,
    at_least: int,
    beta: np.ndarray,
    gamma_weights: np.ndarray,
    gamma_below: np.ndarray,
    n_orders: int,
    first: np.uint64,
    stopped: np.ndarray,
    arrived: np.ndarray,
    whole: np.ndarray,
    apart: np.ndarray,
) -> None:
    """Add up `n_orders` orders, each with random numbers of its own; `thresholds` and `caps` ascend."""
    last = caps[-1]
    order = np.empty(len(column), np.int64)
    rows = np.empty((last + 1, stopped.shape[2]))
    top, second, mass, n_votes = np.empty((4, last + 1))
    run = np.empty(last + 1, np.int64)
    times = np.empty(len(thresholds), np.int64)
    total, counts = np.empty(worth.shape[1] - 1), np.empty(worth.shape[1] - 1, np.int64)
    for number in range(n_orders):
        _draw(order, last, own_number(first, number))
        _follow(order, column, weight, worth, loads, last, total, rows, top, second, mass, n_votes, run)
        if rule == WINDOW:
            _first_windows(run, thresholds, last, times)
        else:
            for at in range(len(times)):
                times[at] = last + 1
            for answer in range(len(counts)):
                counts[answer] = 0
            at = 0
            for n in range(1, last + 1):
                answer = column[order[n - 1]]
                if answer < 0:
                    continue
                counts[answer] += 1
                if rule == SHARE:
                    sure = (top[n] - second[n]) / mass[n] if mass[n] > 0 and n_votes[n] >= at_least else -1.0
                else:
                    sure = beta[np.int64(top[n]), np.int64(second[n])]
                    # Against all rivals a leader is no surer than against the strongest; only its own vote helps it.
                    if rule == DIRICHLET and n_votes[n] > top[n] + second[n] and sure >= thresholds[at] - SLACK:
                        leads = counts[answer] == np.int64(top[n])
                        sure = dirichlet_confidence(counts, answer, gamma_weights, gamma_below) if leads else 0
                while at < len(thresholds) and sure >= thresholds[at] - SLACK:
                    times[at] = n
                    at += 1
                if at == len(thresholds):
                    break
        _add(times, rows, caps, stopped, arrived, whole, apart)


@compiled
def _draw(order: np.ndarray, last: int, x: np.uint64) -> None:
    """The first samples of a random order; fewer of them are the beginning of more."""
    n_samples = len(order)
    for sample in range(n_samples):
        order[sample] = sample
    for place in range(last):
        x ^= x >> np.uint64(12)  # xorshift64* (Marsaglia 2003; Vigna 2016), scaled to a range (Lemire 2019)
        x ^= x << np.uint64(25)
        x ^= x >> np.uint64(27)
        drawn = (x * np.uint64(2685821657736338717)) >> np.uint64(32)
        other = place + np.int64((drawn * np.uint64(n_samples - place)) >> np.uint64(32))
        order[place], order[other] = order[other], order[place]


@compiled
def _follow(
    order: np.ndarray,
    column: np.ndarray,
    weight: np.ndarray,
    worth: np.ndarray,
    loads: np.ndarray,
    last: int,
    total: np.ndarray,
    rows: np.ndarray,
    top: np.ndarray,
    second: np.ndarray,
    mass: np.ndarray,
    n_votes: np.ndarray,
    run: np.ndarray,
) -> None:
    """What each beginning of an order comes to, and where its votes stand; sums of votes only grow."""
    for answer in range(len(total)):
        total[answer] = -1.0  # no vote yet
    for part in range(rows.shape[1]):
        rows[0, part] = 0.0
    top[0], second[0], mass[0], n_votes[0], run[0] = -1.0, 0.0, 0.0, 0.0, 0
    n_tied, silent = 0, worth.shape[1] - 1
    right, ungraded = 0.0, 0.0
    for n in range(1, last + 1):
        sample = order[n - 1]
        answer = column[sample]
        top[n], second[n], mass[n], n_votes[n] = top[n - 1], second[n - 1], mass[n - 1], n_votes[n - 1]
        run[n] = 0
        if answer >= 0:
            before = total[answer]
            after = max(before, 0.0) + weight[sample]
            total[answer] = after
            led = n_tied > 0 and before >= top[n] * (1 - TIE)
            mass[n] += weight[sample]
            n_votes[n] += 1
            run[n] = run[n - 1] + 1 if n > 1 and column[order[n - 2]] == answer else 1
            if n_tied == 0 or after > top[n] * (1 + TIE):
                if n_tied > 0 and not (led and n_tied == 1):
                    second[n] = top[n]
                top[n], n_tied = after, 1
                right, ungraded = worth[0, answer], worth[1, answer]
            elif not (led and n_tied == 1):
                second[n] = max(second[n], after)
                if not led and after >= top[n] * (1 - TIE):
                    n_tied += 1
                    right += worth[0, answer]
                    ungraded += worth[1, answer]
        if n_tied > 0:
            rows[n, 0], rows[n, 2] = right / n_tied, ungraded / n_tied
        else:
            rows[n, 0], rows[n, 2] = worth[0, silent], worth[1, silent]
        rows[n, 1] = rows[n, 0] * rows[n, 0]
        rows[n, 3] = n
        for load in range(loads.shape[1]):
            rows[n, 4 + load] = rows[n - 1, 4 + load] + loads[sample, load]


@compiled
def _first_windows(run: np.ndarray, windows: np.ndarray, last: int, times: np.ndarray) -> None:
    """When the first whole window ends in which all give one answer."""
    for at in range(len(windows)):
        window = np.int64(windows[at])
        times[at] = last + 1
        for n in range(window, last + 1, window):
            if run[n] >= window:
                times[at] = n
                break


@compiled
def _add(
    times: np.ndarray,
    rows: np.ndarray,
    caps: np.ndarray,
    stopped: np.ndarray,
    arrived: np.ndarray,
    whole: np.ndarray,
    apart: np.ndarray,
) -> None:
    """Enter one order."""
    for place in range(len(caps)):
        for part in range(rows.shape[1]):
            whole[place, part] += rows[caps[place], part]
    for at in range(len(times)):
        if times[at] < len(rows):
            for part in range(rows.shape[1]):
                stopped[at, times[at], part] += rows[times[at], part]
        for place in range(len(caps)):
            if caps[place] > times[at]:
                apart[at, place] += (rows[times[at], 0] - rows[caps[place], 0]) ** 2
            else:
                for part in range(rows.shape[1]):
                    arrived[at, place, part] += rows[caps[place], part]


@compiled
def random_waits(
    column: np.ndarray,
    lengths: np.ndarray,
    windows: np.ndarray,
    caps: np.ndarray,
    n_orders: int,
    first: np.uint64,
    waits: np.ndarray,
) -> None:
    """Add up, into ``waits[window, cap]``, how long the windows that are drawn last: each as its longest sample."""
    last = caps[-1]
    order = np.empty(len(column), np.int64)
    for number in range(n_orders):
        _draw(order, last, own_number(first, number))
        for at in range(len(windows)):
            window = np.int64(windows[at])
            before, longest, run, place = 0.0, 0.0, 0, 0
            for n in range(1, last + 1):
                sample = order[n - 1]
                alike = n > 1 and column[order[n - 2]] == column[sample]
                run = 0 if column[sample] < 0 else run + 1 if alike else 1
                longest = max(longest, lengths[sample])
                if caps[place] == n:
                    waits[at, place] += before + longest
                    place += 1
                if n % window == 0:
                    before, longest = before + longest, 0.0
                    if run >= window:
                        for later in range(place, len(caps)):
                            waits[at, later] += before
                        break
