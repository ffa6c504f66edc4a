"""The inner loops of voting, compiled by numba at their first call and kept on disk.

Each kernel takes one problem: `column` is the class of a sample, −1 where it does not vote, and
`class_right` the correctness of each class. Loaded by `ttclib.replay.voting` when it is needed, since
importing numba takes longer than most replays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

TIE = 1e-12  # sums of weights that differ by rounding tie; relative, since products of step scores are tiny
_SHIFT = np.uint64(32)


def _compiled(function: Callable[..., Any]) -> Any:
    """Compile at the first call and keep it on disk; where nothing can be written, for this process alone."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # "cannot cache function"
        return njit(nogil=True)(function)


@_compiled
def sampled_election(
    column: np.ndarray,
    weight: np.ndarray,
    class_right: np.ndarray,
    place: np.ndarray,
    n_pairs: int,
    state: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
) -> None:
    """Average the elected answer over random subsets; every budget is a prefix of one permutation.

    A permutation is read twice, its even places first or its odd places first. That gives two subsets
    which overlap as little as can be, so that their mean varies less than that of two independent ones.
    `mean` and `square` take the mean and the mean square of these pairs' means; ``place[N]`` is where
    budget N goes in them, −1: not asked for.
    """
    n_samples = len(column)
    last = len(place) - 1
    shuffled = min(n_samples, 2 * last)
    paths = np.empty((2, n_samples), np.int64)
    for side in range(2):
        n_first = (n_samples + 1 - side) // 2
        for i in range(n_samples):  # the other places follow from their end
            paths[side, i] = side + 2 * i if i < n_first else 1 - side + 2 * (n_samples - 1 - i)
    order = np.arange(n_samples)
    value = np.empty(len(mean))
    positive = weight.min() >= 0
    total, mass = np.empty(len(class_right)), np.empty(len(class_right))
    for _ in range(n_pairs):
        for drawn in range(shuffled):
            # xorshift64* (Marsaglia 2003; Vigna 2016), its upper half scaled to a range (Lemire 2019).
            x = state[0]
            x ^= x >> np.uint64(12)
            x ^= x << np.uint64(25)
            x ^= x >> np.uint64(27)
            state[0] = x
            high = (x * np.uint64(2685821657736338717)) >> _SHIFT
            other = drawn + np.int64((high * np.uint64(n_samples - drawn)) >> _SHIFT)
            sample = order[other]
            order[other] = order[drawn]
            order[drawn] = sample
        value[:] = 0.0
        for side in range(2):
            if positive:
                _elect_positive(order, paths[side], last, column, weight, class_right, place, total, value)
            else:
                _elect_any(order, paths[side], last, column, weight, class_right, place, total, mass, value)
        for at in range(len(mean)):
            both = value[at] / 2
            mean[at] += both
            square[at] += both * both
    for at in range(len(mean)):
        mean[at] /= n_pairs
        square[at] /= n_pairs


@_compiled
def _elect_positive(
    order: np.ndarray,
    path: np.ndarray,
    last: int,
    column: np.ndarray,
    weight: np.ndarray,
    class_right: np.ndarray,
    place: np.ndarray,
    total: np.ndarray,
    value: np.ndarray,
) -> None:
    """Add the elected answer's correctness at each budget; a vote costs the same however many answers there are.

    Sums only grow, so that a leader falls only behind the answer that gets the vote.
    """
    total[:] = -1.0  # no vote yet
    tie_from, tie_to, n_tied, right = -1.0, -1.0, 0, 0.0
    for drawn in range(last):
        sample = order[path[drawn]]
        answer = column[sample]
        if answer >= 0:
            before = total[answer]
            after = max(before, 0.0) + weight[sample]
            total[answer] = after
            # A leader's next vote is as likely as not: chosen without a branch, which would be mispredicted.
            leads, joins = after > tie_to, after <= tie_to and after >= tie_from > before
            tie_from = after * (1 - TIE) if leads else tie_from
            tie_to = after * (1 + TIE) if leads else tie_to
            right = class_right[answer] if leads else right
            n_tied = 1 if leads else n_tied
            if joins:
                n_tied += 1
                right += class_right[answer]
        at = place[drawn + 1]
        if at >= 0:
            value[at] += right if n_tied <= 1 else right / n_tied


@_compiled
def _elect_any(
    order: np.ndarray,
    path: np.ndarray,
    last: int,
    column: np.ndarray,
    weight: np.ndarray,
    class_right: np.ndarray,
    place: np.ndarray,
    total: np.ndarray,
    mass: np.ndarray,
    value: np.ndarray,
) -> None:
    """The same for weights of either sign: a leader that loses makes it look at all answers again.

    Sums may cancel, so they tie within a margin of the sum of the weights' sizes, `mass`.
    """
    total[:], mass[:] = -np.inf, 0.0  # no vote yet
    best, best_mass, n_tied, right = -np.inf, 0.0, 0, 0.0
    for drawn in range(last):
        sample = order[path[drawn]]
        answer = column[sample]
        if answer >= 0:
            vote, before = weight[sample], total[answer]
            led = n_tied > 0 and before >= best - TIE * max(best_mass, mass[answer])
            after = vote if before == -np.inf else before + vote
            total[answer] = after
            mass[answer] += abs(vote)
            margin = TIE * max(best_mass, mass[answer])
            if led and vote < 0:
                best, best_mass, n_tied, right = _leaders(total, mass, class_right)
            elif after > best + margin or (led and n_tied == 1):
                best, best_mass, n_tied, right = after, mass[answer], 1, class_right[answer]
            elif not led and after >= best - margin:
                n_tied += 1
                right += class_right[answer]
        at = place[drawn + 1]
        if at >= 0 and n_tied > 0:
            value[at] += right / n_tied


@_compiled
def _leaders(total: np.ndarray, mass: np.ndarray, class_right: np.ndarray) -> tuple[float, float, int, float]:
    """Largest sum, its mass, how many answers tie for it, and how many of these are right; −inf: no vote."""
    best, best_mass, n_tied, right = -np.inf, 0.0, 0, 0.0
    for answer in range(len(total)):
        if total[answer] > best:
            best, best_mass = total[answer], mass[answer]
    for answer in range(len(total)):
        if total[answer] > -np.inf and best - total[answer] <= TIE * max(best_mass, mass[answer]):
            n_tied += 1
            right += class_right[answer]
    return best, best_mass, n_tied, right


@_compiled
def enumerated_election(column: np.ndarray, weight: np.ndarray, class_right: np.ndarray) -> np.ndarray:
    """The elected answer's correctness averaged over all subsets of each size 0 … n; for small n."""
    n_samples = len(column)
    summed, count = np.zeros(n_samples + 1), np.zeros(n_samples + 1)
    total, mass = np.empty(len(class_right)), np.empty(len(class_right))
    for subset in range(1 << n_samples):
        total[:], mass[:] = -np.inf, 0.0
        size = 0
        for sample in range(n_samples):
            if subset >> sample & 1:
                size += 1
                answer = column[sample]
                if answer >= 0:
                    total[answer] = weight[sample] if total[answer] == -np.inf else total[answer] + weight[sample]
                    mass[answer] += abs(weight[sample])
        _, _, n_tied, right = _leaders(total, mass, class_right)
        count[size] += 1
        summed[size] += right / n_tied if n_tied > 0 else 0.0
    return summed / count


@_compiled
def exact_majority(
    class_size: np.ndarray,
    class_right: np.ndarray,
    n_samples: int,
    last: int,
    binomial: np.ndarray,
    nodes: np.ndarray,
    node_weights: np.ndarray,
) -> np.ndarray:
    """Chance times C(n, N) that a right answer is elected by heads, for N = 0 … last.

    Class c wins with m votes when every other class has at most m, and T of them m as well, with
    probability 1/(1 + T) = ∫ y^T dy over [0, 1]. Subsets are counted by the coefficient of x^(N − m) in
    ∏_j (Σ_{i<m} C(n_j, i) x^i + y·C(n_j, m) x^m), in which a class smaller than m is just (1 + x)^n_j,
    and the integral is exact by Gauss-Legendre quadrature: `nodes` and `node_weights` hold, in row q,
    the rule of q points. All terms are positive, so nothing cancels.
    """
    ways = np.zeros(last + 1)
    product, grown = np.zeros(last + 1), np.zeros(last + 1)
    for winner in range(len(class_size)):
        if class_right[winner] == 0.0:
            continue
        for m in range(1, min(class_size[winner], last) + 1):
            n_free, n_rivals = n_samples - class_size[winner], 0
            for rival in range(len(class_size)):
                if rival != winner and class_size[rival] >= m:
                    n_free -= class_size[rival]
                    n_rivals += 1
            n_nodes = n_rivals // 2 + 1
            top = last - m  # the highest power of x that counts
            for node in range(n_nodes):
                y = nodes[n_nodes, node]
                for power in range(top + 1):
                    product[power] = binomial[n_free, power] if power <= n_free else 0.0
                degree = min(n_free, top)
                for rival in range(len(class_size)):
                    size = class_size[rival]
                    if rival == winner or size < m:
                        continue
                    grown[: top + 1] = 0.0
                    for i in range(min(m, top) + 1):
                        factor = binomial[size, i] * (y if i == m else 1.0)
                        for power in range(min(degree, top - i) + 1):
                            grown[power + i] += factor * product[power]
                    degree = min(degree + m, top)
                    product[: top + 1] = grown[: top + 1]
                factor = class_right[winner] * binomial[class_size[winner], m] * node_weights[n_nodes, node]
                for power in range(degree + 1):
                    ways[power + m] += factor * product[power]
    return ways
