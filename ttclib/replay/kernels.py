"""Voting by random subsets: the inner loops.

They take one problem: `column` is the class of a sample, −1 where it does not vote, `weight` what its vote
weighs, at least 0, and `class_right` the correctness of each class. Loaded by `ttclib.replay.voting` when it is
needed, since importing numba takes longer than most replays.
"""

from __future__ import annotations

import numpy as np

from ttclib.replay.compiling import compiled
from ttclib.replay.listing import TIE

_HALF = np.uint64(32)
_LOWER = np.uint64(0xFFFFFFFF)


@compiled
def sampled_election(
    column: np.ndarray,
    weight: np.ndarray,
    class_right: np.ndarray,
    budgets: np.ndarray,
    n_pairs: int,
    state: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
) -> None:
    """Average the elected answer over random subsets; every budget is a prefix of one permutation.

    A permutation is read twice, its even places first or its odd places first. That gives two subsets
    which overlap as little as can be, so that their mean varies less than that of two independent ones. Each pair
    starts from the pool as it is, with a random number of its own: what it comes to at a budget does not depend on
    which other budgets are asked for.
    `mean` and `square` take the mean and the mean square of these pairs' means at `budgets`, which ascend. A
    subset in which nobody votes counts 0.
    """
    last = budgets[-1]
    answers, weights = column.astype(np.int32), weight.copy()
    right = np.empty((2, last))
    total = np.empty((2, len(class_right)))
    certain = _runner_up(column, weight, len(class_right))
    first = state[0]
    for pair in range(n_pairs):
        answers[:] = column
        weights[:] = weight
        state[0] = own_number(first, pair)
        known = _elect(answers, weights, class_right, last, certain, state, total, right)
        for at in range(len(budgets)):
            step = min(budgets[at], known) - 1
            both = (right[0, step] + right[1, step]) / 2
            mean[at] += both
            square[at] += both * both
    for at in range(len(budgets)):
        mean[at] /= n_pairs
        square[at] /= n_pairs


@compiled
def own_number(first: np.uint64, pair: int) -> np.uint64:
    """Where a pair's random numbers begin, never 0: splitmix64 (Steele et al. 2014)."""
    x = first + np.uint64(pair + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))) | np.uint64(1)


@compiled
def _shuffle(answers: np.ndarray, weights: np.ndarray, step: int, x: np.uint64) -> np.uint64:
    """Draw what stands at places 2·step and 2·step + 1 from there on, by two halves of one random number."""
    n_samples, place = len(answers), 2 * step
    x ^= x >> np.uint64(12)  # xorshift64* (Marsaglia 2003; Vigna 2016), scaled to a range (Lemire 2019)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    drawn = x * np.uint64(2685821657736338717)
    other = place + np.int64(((drawn >> _HALF) * np.uint64(n_samples - place)) >> _HALF)
    answers[place], answers[other] = answers[other], answers[place]
    weights[place], weights[other] = weights[other], weights[place]
    place += 1
    if place < n_samples:
        other = place + np.int64(((drawn & _LOWER) * np.uint64(n_samples - place)) >> _HALF)
        answers[place], answers[other] = answers[other], answers[place]
        weights[place], weights[other] = weights[other], weights[place]
    return x


@compiled
def _place(side: int, step: int, n_samples: int) -> int:
    """Where a side looks at a step: at the places of its own parity, then backwards at the others."""
    own = side + 2 * step
    return own if own < n_samples else 1 - side + 2 * (n_samples - 1 - step)


@compiled
def _runner_up(column: np.ndarray, weight: np.ndarray, n_classes: int) -> float:
    """What the second of all answers gets from the whole pool: an answer that has more than that stays ahead."""
    totals = np.zeros(n_classes + 1)
    for sample in range(len(column)):
        if column[sample] >= 0:
            totals[column[sample]] += weight[sample]
    totals.sort()
    return totals[-2]


@compiled
def _elect(
    answers: np.ndarray,
    weights: np.ndarray,
    class_right: np.ndarray,
    last: int,
    certain: float,
    state: np.ndarray,
    total: np.ndarray,
    right: np.ndarray,
) -> int:
    """The elected answer's correctness at each step of both sides, and from which step on nothing changes.

    A vote costs the same however many answers there are: sums only grow, so that a leader falls only behind
    the answer that gets the vote. The sides take turns, so that neither waits for its own last vote.
    """
    n_samples, x = len(answers), state[0]
    part = np.ones(len(class_right) + 1)
    for n_tied in range(2, len(part)):
        part[n_tied] = 1.0 / n_tied
    total[:] = -1.0  # no vote yet
    # Of either side: sums from … to tie with the lead; so many lead; what of them is right.
    from_0, to_0, tied_0, right_0 = -1.0, -1.0, 0, 0.0
    from_1, to_1, tied_1, right_1 = -1.0, -1.0, 0, 0.0
    for step in range(last):
        if 2 * step < n_samples:
            x = _shuffle(answers, weights, step, x)
        place, other = _place(0, step, n_samples), _place(1, step, n_samples)
        # A leader's next vote is as likely as not: chosen without a branch, which would be mispredicted. Written out
        # for either side: as a function of its own, inlined or not, it branches again and takes twice as long.
        answer = answers[place]
        if answer >= 0:
            before, gain = total[0, answer], class_right[answer]
            after = max(before, 0.0) + weights[place]
            total[0, answer] = after
            leads, joins = after > to_0, (after <= to_0) & (after >= from_0) & (from_0 > before)
            from_0 = after * (1 - TIE) if leads else from_0
            to_0 = after * (1 + TIE) if leads else to_0
            right_0 = gain if leads else (right_0 + gain if joins else right_0)
            tied_0 = 1 if leads else (tied_0 + 1 if joins else tied_0)
        answer = answers[other]
        if answer >= 0:
            before, gain = total[1, answer], class_right[answer]
            after = max(before, 0.0) + weights[other]
            total[1, answer] = after
            leads, joins = after > to_1, (after <= to_1) & (after >= from_1) & (from_1 > before)
            from_1 = after * (1 - TIE) if leads else from_1
            to_1 = after * (1 + TIE) if leads else to_1
            right_1 = gain if leads else (right_1 + gain if joins else right_1)
            tied_1 = 1 if leads else (tied_1 + 1 if joins else tied_1)
        right[0, step], right[1, step] = right_0 * part[tied_0], right_1 * part[tied_1]
        if from_0 > certain and from_1 > certain:
            last = step + 1
            break
    state[0] = x
    return last
