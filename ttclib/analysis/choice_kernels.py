"""Choosing candidates on some problems and scoring them on others: the inner loops.

Candidates stand in the order in which ties are settled, cheapest first. Sums are exact to rounding in
double precision, and a candidate replaces another only by more than `TIE`: fold sums taken by subtraction
would otherwise break exact ties by rounding that depends on the fold. Loaded when it is needed, since importing
numba takes longer than most questions.
"""

from __future__ import annotations

import numpy as np

from ttclib.replay.compiling import compiled

TIE = 1e-9  # in mean accuracy
PROBLEM, MIXED, AVERAGE = 0, 1, 2


@compiled
def shuffle(values: np.ndarray, begin: int, end: int, rng: np.random.Generator) -> None:
    """Put a part of an array in random order."""
    for at in range(end - 1, begin, -1):
        other = begin + int(rng.random() * (at - begin + 1))
        values[at], values[other] = values[other], values[at]


@compiled
def deal_folds(
    bins: np.ndarray,
    clusters: np.ndarray,
    n_clusters: int,
    n_folds: int,
    rng: np.random.Generator,
    folds: np.ndarray,
) -> None:
    """Random folds of problems, as even as can be inside every bin; all rows of a problem in one fold."""
    n, n_bins = len(bins), bins.max() + 1
    first = np.full(n_clusters, -1)
    for row in range(n - 1, -1, -1):
        first[clusters[row]] = row
    order = np.arange(n_clusters)
    shuffle(order, 0, n_clusters, rng)
    turn = np.empty(n_bins, dtype=np.int64)
    for number in range(n_bins):
        turn[number] = int(rng.random() * n_folds)
    of_cluster = np.empty(n_clusters, dtype=np.int64)
    for place in order:
        number = bins[first[place]]
        of_cluster[place] = turn[number] % n_folds
        turn[number] += 1
    for row in range(n):
        folds[row] = of_cluster[clusters[row]]


@compiled
def cut_bins(
    weights: np.ndarray,
    ranked: np.ndarray,
    runs: np.ndarray,
    n_bins: int,
    rng: np.random.Generator,
    bins: np.ndarray,
) -> None:
    """Quantile bins of weighted problems; `ranked` lists them easiest first, runs of equal ease in new random order.

    Bins are numbered from 0; problems that `ranked` does not list keep theirs.
    """
    total = 0.0
    for row in ranked:
        total += weights[row]
    below = 0.0
    for run in range(len(runs) - 1):
        begin, end = runs[run], runs[run + 1]
        shuffle(ranked, begin, end, rng)
        for at in range(begin, end):
            row = ranked[at]
            bins[row] = min(n_bins - 1, int((below + weights[row] / 2) / total * n_bins))
            below += weights[row]


@compiled
def _bucket(limits: np.ndarray, cost: float) -> int:
    """The first limit that a cost does not exceed."""
    low, high = 0, len(limits)
    while low < high:
        middle = (low + high) // 2
        if cost <= limits[middle] * (1 + 1e-9) + 1e-12:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def _best_below(value: np.ndarray, bucket: np.ndarray, first: np.ndarray) -> None:
    """The best candidate within each limit, in one pass along the limits; −1: none is."""
    n_limits = len(first)
    first[:] = -1
    for j in range(len(value)):
        k = bucket[j]
        if k < n_limits and (first[k] < 0 or value[j] > value[first[k]] + TIE):
            first[k] = j
    for k in range(1, n_limits):
        before = first[k - 1]
        if before >= 0 and (first[k] < 0 or value[first[k]] <= value[before] + TIE):
            first[k] = before


@compiled
def envelope(value: np.ndarray, cost: np.ndarray, corners: np.ndarray) -> int:
    """The concave envelope from the cheapest candidate up; fills `corners`, returns how many there are."""
    count = 0
    for j in np.argsort(cost, kind="mergesort"):
        if count and value[j] <= value[corners[count - 1]] + TIE:
            continue
        if count and cost[j] <= cost[corners[count - 1]] * (1 + 1e-12):
            count -= 1
        while count > 1:
            a, b = corners[count - 2], corners[count - 1]
            if (value[b] - value[a]) * (cost[j] - cost[a]) <= (value[j] - value[a]) * (cost[b] - cost[a]):
                count -= 1
            else:
                break
        corners[count] = j
        count += 1
    return count


@compiled
def _mix(cost: np.ndarray, corners: np.ndarray, count: int, limit: float) -> tuple[int, int, float]:
    """The point of an envelope at a limit, as two corners and the share of the second."""
    if limit * (1 + 1e-9) + 1e-12 < cost[corners[0]]:
        return -1, -1, 0.0
    for at in range(1, count):
        left, right = corners[at - 1], corners[at]
        if limit < cost[right]:
            return left, right, max(0.0, (limit - cost[left]) / (cost[right] - cost[left]))
    return corners[count - 1], corners[count - 1], 0.0


@compiled
def choose(
    mode: int,
    value: np.ndarray,
    cost: np.ndarray,
    share: np.ndarray,
    limits: np.ndarray,
    bucket: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    part: np.ndarray,
) -> None:
    """What to take in each group within each limit: `part` of the candidate `right`, the rest of `left`.

    Parameters: value, cost (groups, candidates); share (groups,) of the problems; limits (groups, limits), for
    allocation on average one row; `bucket` (groups, candidates) from `_bucket`. −1: nothing is affordable.
    """
    n_groups, n_candidates = value.shape
    n_limits = limits.shape[1]
    part[:] = 0.0
    if mode == 0:
        for g in range(n_groups):
            _best_below(value[g], bucket[g], left[g])
            right[g] = left[g]
        return
    corners = np.empty((n_groups, n_candidates), dtype=np.int64)
    counts = np.empty(n_groups, dtype=np.int64)
    for g in range(n_groups):
        counts[g] = envelope(value[g], cost[g], corners[g])
    if mode == 1:
        for g in range(n_groups):
            for k in range(n_limits):
                left[g, k], right[g, k], part[g, k] = _mix(cost[g], corners[g], counts[g], limits[g, k])
        return
    # On average: the segments of all envelopes, steepest first, until the money is spent.
    n_segments = 0
    start = 0.0
    for g in range(n_groups):
        if share[g] > 0:
            start += share[g] * cost[g, corners[g, 0]]
            n_segments += counts[g] - 1
    slope, owner, corner = np.empty(n_segments), np.empty(n_segments, np.int64), np.empty(n_segments, np.int64)
    at = 0
    for g in range(n_groups):
        if share[g] > 0:
            for c in range(1, counts[g]):
                a, b = corners[g, c - 1], corners[g, c]
                slope[at], owner[at], corner[at] = (value[g, b] - value[g, a]) / (cost[g, b] - cost[g, a]), g, c
                at += 1
    order = np.argsort(-slope, kind="mergesort")
    for k in range(n_limits):
        rest = limits[0, k] - start
        for g in range(n_groups):
            affordable = rest >= -1e-9 * abs(start) - 1e-12
            left[g, k] = corners[g, 0] if affordable else -1
            right[g, k] = left[g, k]
        if left[0, k] < 0:
            continue
        for segment in order:
            g, c = owner[segment], corner[segment]
            a, b = corners[g, c - 1], corners[g, c]
            price = share[g] * (cost[g, b] - cost[g, a])
            if rest >= price * (1 - 1e-12):
                rest -= price
                left[g, k] = right[g, k] = b
            else:
                right[g, k], part[g, k] = b, max(0.0, rest) / price
                break


@compiled
def _sum_up(
    accuracy: np.ndarray,
    cost: np.ndarray,
    weights: np.ndarray,
    bins: np.ndarray,
    folds: np.ndarray,
    sums: np.ndarray,
    mass: np.ndarray,
    spent: np.ndarray,
) -> None:
    """Weighted sums of accuracy by group and fold, and mean costs by group; bins below 0 are left out."""
    sums[:], mass[:], spent[:] = 0.0, 0.0, 0.0
    varies = cost.shape[0] > 1
    n_candidates = accuracy.shape[1]
    for row in range(len(bins)):
        g, w = bins[row], weights[row]
        if g < 0:
            continue
        f = folds[row]
        mass[g, f] += w
        for j in range(n_candidates):
            sums[g, f, j] += w * accuracy[row, j]
        if varies:
            for j in range(n_candidates):
                spent[g, j] += w * cost[row, j]
    for g in range(len(spent)):
        total = mass[g].sum()
        for j in range(n_candidates):
            spent[g, j] = spent[g, j] / max(total, 1e-300) if varies else cost[0, j]


@compiled
def _train(sums: np.ndarray, mass: np.ndarray, fold: int, value: np.ndarray) -> None:
    """Mean accuracy over all folds but one; −1 (in no fold): over all."""
    n_groups, n_folds, n_candidates = sums.shape
    for g in range(n_groups):
        total = 0.0
        value[g] = 0.0
        for f in range(n_folds):
            if f != fold:
                total += mass[g, f]
                for j in range(n_candidates):
                    value[g, j] += sums[g, f, j]
        for j in range(n_candidates):
            value[g, j] /= max(total, 1e-300)


@compiled
def cross_fit(
    mode: int,
    accuracy: np.ndarray,
    cost: np.ndarray,
    bins: np.ndarray,
    clusters: np.ndarray,
    n_clusters: int,
    limits: np.ndarray,
    n_folds: int,
    n_partitions: int,
    rng: np.random.Generator,
    used: np.ndarray,
) -> None:
    """How often each candidate answers each problem within each limit, chosen on other problems.

    `used` (limits, problems, candidates) takes the shares; a limit below every candidate keeps zeros.
    """
    n, n_candidates = accuracy.shape
    n_groups, n_limits = bins.max() + 1, limits.shape[1]
    folds = np.zeros(n, dtype=np.int64)
    weights, share = np.ones(n), np.zeros(n_groups)
    sums, mass = np.empty((n_groups, n_folds, n_candidates)), np.empty((n_groups, n_folds))
    spent, value = np.empty((n_groups, n_candidates)), np.empty((n_groups, n_candidates))
    bucket = np.empty((n_groups, n_candidates), dtype=np.int64)
    left, right = np.empty((n_groups, n_limits), np.int64), np.empty((n_groups, n_limits), np.int64)
    part = np.empty((n_groups, n_limits))
    for p in range(n_partitions):
        deal_folds(bins, clusters, n_clusters, n_folds, rng, folds)
        _sum_up(accuracy, cost, weights, bins, folds, sums, mass, spent)
        if p == 0:  # costs and groups are the same for all partitions
            for g in range(n_groups):
                share[g] = mass[g].sum()
                for j in range(n_candidates):
                    bucket[g, j] = _bucket(limits[min(g, len(limits) - 1)], spent[g, j])
            share /= share.sum()
        for f in range(n_folds):
            _train(sums, mass, f, value)
            choose(mode, value, spent, share, limits, bucket, left, right, part)
            for row in range(n):
                if bins[row] >= 0 and folds[row] == f:
                    g = bins[row]
                    for k in range(n_limits):
                        if left[g, k] >= 0:
                            used[k, row, left[g, k]] += 1 - part[g, k]
                            used[k, row, right[g, k]] += part[g, k]
    used /= n_partitions  # once, so that whole shares stay whole


@compiled
def in_sample(
    mode: int,
    accuracy: np.ndarray,
    cost: np.ndarray,
    bins: np.ndarray,
    limits: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    part: np.ndarray,
) -> None:
    """The choice on all problems."""
    n, n_candidates = accuracy.shape
    n_groups = len(left)
    sums, mass = np.empty((n_groups, 1, n_candidates)), np.empty((n_groups, 1))
    spent, value = np.empty((n_groups, n_candidates)), np.empty((n_groups, n_candidates))
    bucket = np.empty((n_groups, n_candidates), dtype=np.int64)
    _sum_up(accuracy, cost, np.ones(n), bins, np.zeros(n, dtype=np.int64), sums, mass, spent)
    _train(sums, mass, -1, value)
    for g in range(n_groups):
        for j in range(n_candidates):
            bucket[g, j] = _bucket(limits[min(g, len(limits) - 1)], spent[g, j])
    choose(mode, value, spent, mass[:, 0] / mass.sum(), limits, bucket, left, right, part)


@compiled
def replicate(
    mode: int,
    accuracy: np.ndarray,
    cost: np.ndarray,
    beside: np.ndarray,
    bins: np.ndarray,
    ranked: np.ndarray,
    runs: np.ndarray,
    clusters: np.ndarray,
    n_clusters: int,
    limits: np.ndarray,
    n_folds: int,
    weights: np.ndarray,
    rng: np.random.Generator,
    scored: np.ndarray,
    others: np.ndarray,
    total: np.ndarray,
) -> None:
    """Cross-fitted accuracy under every weighting, with bins, folds and choice made anew.

    `scored` (weightings, groups, limits) takes means (NaN: nothing affordable, or no problem), `others` (weightings,
    groups, columns) the means of `beside` in the same groups, `total` (weightings, groups) the groups' weight.
    Where `ranked` is empty the bins stay as they are.
    """
    n, n_candidates = accuracy.shape
    n_groups, n_limits = scored.shape[1], limits.shape[1]
    here, folds = bins.copy(), np.zeros(n, dtype=np.int64)
    ranks, share = ranked.copy(), np.zeros(n_groups)
    sums, mass = np.empty((n_groups, n_folds, n_candidates)), np.empty((n_groups, n_folds))
    spent, value = np.empty((n_groups, n_candidates)), np.empty((n_groups, n_candidates))
    bucket = np.empty((n_groups, n_candidates), dtype=np.int64)
    left, right = np.empty((n_groups, n_limits), np.int64), np.empty((n_groups, n_limits), np.int64)
    part = np.empty((n_groups, n_limits))
    for r in range(len(weights)):
        w = weights[r]
        if len(ranks):
            cut_bins(w, ranks, runs, n_groups, rng, here)
        deal_folds(here, clusters, n_clusters, n_folds, rng, folds)
        _sum_up(accuracy, cost, w, here, folds, sums, mass, spent)
        scored[r] = 0.0
        for g in range(n_groups):
            total[r, g] = mass[g].sum()
            for j in range(n_candidates):
                bucket[g, j] = _bucket(limits[min(g, len(limits) - 1)], spent[g, j])
        share[:] = total[r] / total[r].sum()
        for f in range(n_folds):
            _train(sums, mass, f, value)
            choose(mode, value, spent, share, limits, bucket, left, right, part)
            for g in range(n_groups):
                for k in range(n_limits):
                    a, b, t = left[g, k], right[g, k], part[g, k]
                    if a < 0 or mass[g, f] >= total[r, g]:  # not affordable, or nothing left to choose on
                        scored[r, g, k] = np.nan
                    else:
                        scored[r, g, k] += ((1 - t) * sums[g, f, a] + t * sums[g, f, b]) / total[r, g]
        others[r] = 0.0
        for row in range(n):
            g = here[row]
            if g >= 0:
                for c in range(beside.shape[1]):
                    others[r, g, c] += w[row] * beside[row, c] / max(total[r, g], 1e-300)
