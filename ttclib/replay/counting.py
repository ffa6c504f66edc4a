"""Majority voting counted: the chance that an answer is elected, over all subsets of a size.

An answer wins a subset of N with m votes when every rival has at most m, and T of them m as well, with
probability 1/(1 + T) = ∫ y^T dy over [0, 1]; Gauss-Legendre quadrature makes that integral exact. Subsets are
counted by the coefficient of x^(N − m) in ∏_j (Σ_{i<m} C(n_j, i) x^i + y·C(n_j, m) x^m), times (1 + x)^r for
r samples that cannot come up to m. With x at the odds of drawing a sample, coefficients are binomial shares.

Quick because of what it leaves out, each time less than 1e-13: votes that a rival hardly ever gets, rivals
that hardly ever reach the winner, and all work where a rival is always ahead. No term is negative, so that
nothing cancels.
"""

from __future__ import annotations

import math

import numpy as np

from ttclib.replay.compiling import compiled, summing

_NEGLIGIBLE = 1e-11
_BLOCK = 128  # budgets that are counted together span less than this
_MOST_RIVALS = 128


@compiled
def elected_share(
    size: int,
    rivals: np.ndarray,
    n_samples: int,
    budgets: np.ndarray,
    log_factorial: np.ndarray,
    nodes: np.ndarray,
    node_weights: np.ndarray,
    most_work: float,
    share: np.ndarray,
) -> float:
    """Chance that an answer of `size` samples is elected, into `share`; returns the multiplications that took.

    `rivals` are the sizes of the other answers, largest first; `budgets` ascend and are below the pool's size;
    ``nodes[q]`` and ``node_weights[q]`` are the rule of q points. Stops, `share` unfinished, after `most_work`
    or where more than 128 rivals come near.
    """
    work, n_rivals = 0.0, len(rivals)
    width = min(rivals[0] if n_rivals else 0, _BLOCK + int(8 * math.sqrt(n_samples)) + 128) + 1
    votes = np.empty((min(n_rivals, _MOST_RIVALS), width))
    low, high = np.zeros(n_rivals, np.int64), np.full(n_rivals, -1)
    spread, rest = np.empty((3, n_samples + 1)), np.empty(n_samples + 1)
    per_subset, own = np.empty(_BLOCK), np.empty(size + 1)
    begin = 0
    while begin < len(budgets) and work <= most_work:
        end = begin + 1
        while end < len(budgets) and budgets[end] < budgets[begin] + _BLOCK:
            end += 1
        smallest, largest = budgets[begin], budgets[end - 1]
        p = (smallest + largest + 1) / (2.0 * (n_samples + 1))
        rarest = 1.0
        for place in range(begin, end):
            chance = math.exp(_log_share(log_factorial, n_samples, budgets[place], p))
            rarest, per_subset[place - begin] = min(rarest, chance), 1 / chance
        least, most = _window(log_factorial, n_samples, size, smallest, largest)
        _shares(log_factorial, size, p, least, most, own)
        for at in range(n_rivals):
            low[at], high[at] = _window(log_factorial, n_samples, rivals[at], smallest, largest)
            if high[at] < least:  # nor do those that are smaller still
                break
            if at == _MOST_RIVALS or high[at] - low[at] >= width:
                return np.inf
            _shares(log_factorial, rivals[at], p, low[at], high[at], votes[at])
        known_free, lowest_free, certain_from = -1, 0, most + 1
        for m in range(max(1, least), most + 1):
            if n_rivals == 0 or high[0] < m:
                certain_from = m
                break
            if low[0] > m:
                continue
            cut = _NEGLIGIBLE * rarest / own[m - least]
            n_near, n_free = 0, n_samples - size
            while n_near < n_rivals and high[n_near] >= m:
                if m > (rivals[n_near] + 1) * p and votes[n_near, m - low[n_near]] < cut:
                    break
                n_free -= rivals[n_near]
                n_near += 1
            start, stop, taken = _together(n_near, m, votes, low, high, nodes, node_weights, cut, spread)
            work += taken
            if n_free != known_free:
                known_free, lowest_free, most_free = n_free, smallest - most, min(n_free, largest - m)
                for at in range(n_near):
                    lowest_free -= min(high[at], most)
                lowest_free = max(0, lowest_free)
                _shares(log_factorial, n_free, p, lowest_free, most_free, rest)
            for place in range(begin, end):
                left = budgets[place] - m
                first, last = max(start, left - n_free), min(stop, left)
                if first <= last:
                    met = _dot(spread[2], stop - last, rest, left - last - lowest_free, last - first + 1)
                    share[place] += met * own[m - least] * per_subset[place - begin]
                    work += last - first + 10
        if certain_from <= most:
            for place in range(begin, end):
                share[place] += _at_least(log_factorial, certain_from, n_samples, size, budgets[place])
        begin = end
    return work


@compiled
def _together(
    n_near: int,
    m: int,
    votes: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    nodes: np.ndarray,
    node_weights: np.ndarray,
    cut: float,
    spread: np.ndarray,
) -> tuple[int, int, float]:
    """Chance of every total that rivals come to with at most m each, ties weighed, from last to first in `spread[2]`.

    Returns the first and the last total that matter, and the multiplications.
    """
    product, grown, total = spread[0], spread[1], spread[2]
    n_nodes, work, start, stop, first, length = n_near // 2 + 1, 0.0, 0, 0, 0, 0
    for at in range(n_near):
        start += low[at]
        stop += min(high[at], m)
    for i in range(stop - start + 1):
        total[i] = 0.0
    for node in range(n_nodes):
        y, first, length = nodes[n_nodes, node], 0, 1
        product[0] = node_weights[n_nodes, node]
        for at in range(n_near - 1, -1, -1):
            begin, end = low[at], min(high[at], m)
            while begin < end and votes[at, begin - low[at]] < cut:
                begin += 1
            while begin < end and votes[at, end - low[at]] < cut:
                end -= 1
            for i in range(length + end - begin):
                grown[i] = 0.0
            for i in range(begin, end + 1):
                factor = votes[at, i - low[at]] * (y if i == m else 1.0)
                for j in range(length):
                    grown[i - begin + j] += factor * product[j]
            work += (end - begin + 1) * length
            length += end - begin
            first += begin
            skip = 0
            while length > 1 and grown[skip + length - 1] < cut:
                length -= 1
            while length > 1 and grown[skip] < cut:
                skip += 1
                length -= 1
            first += skip
            for i in range(length):
                product[i] = grown[skip + i]
        for i in range(length):
            total[stop - (first + i)] += product[i]
    return start, stop, work


@summing
def _dot(left: np.ndarray, at: int, right: np.ndarray, place: int, length: int) -> float:
    """Sum of products of two stretches."""
    total = 0.0
    for i in range(length):
        total += left[at + i] * right[place + i]
    return total


@compiled
def _log_share(log_factorial: np.ndarray, n: int, k: int, p: float) -> float:
    """Logarithm of the chance of k successes in n trials."""
    ways = log_factorial[n] - log_factorial[k] - log_factorial[n - k]
    return ways + k * math.log(p) + (n - k) * math.log1p(-p)


@compiled
def _shares(log_factorial: np.ndarray, n: int, p: float, low: int, high: int, share: np.ndarray) -> None:
    """Chances of low … high successes in n trials, from the likeliest outwards."""
    if low > high:
        return
    mode = min(high, max(low, int((n + 1) * p)))
    odds, top = p / (1 - p), math.exp(_log_share(log_factorial, n, mode, p))
    here = top
    for i in range(mode, low - 1, -1):
        share[i - low] = here
        here *= i / ((n - i + 1) * odds)
    here = top
    for i in range(mode, high):
        here *= (n - i) * odds / (i + 1)
        share[i + 1 - low] = here


@compiled
def _log_drawn(log_factorial: np.ndarray, n: int, size: int, budget: int, i: int) -> float:
    """Logarithm of the chance that i of an answer's samples are among `budget` of n."""
    own = log_factorial[size] - log_factorial[i] - log_factorial[size - i]
    rest, left = n - size, budget - i
    others = log_factorial[rest] - log_factorial[left] - log_factorial[rest - left]
    return own + others - (log_factorial[n] - log_factorial[budget] - log_factorial[n - budget])


@compiled
def _window(log_factorial: np.ndarray, n: int, size: int, smallest: int, largest: int) -> tuple[int, int]:
    """Votes that an answer gets at a budget from smallest to largest, but for negligible chances."""
    rest = n - size
    low = (smallest + 1) * (size + 1) // (n + 2)
    chance = math.exp(_log_drawn(log_factorial, n, size, smallest, low))
    while low > max(0, smallest - rest):
        chance *= low * (rest - smallest + low) / ((size - low + 1.0) * (smallest - low + 1))
        if chance < _NEGLIGIBLE:
            break
        low -= 1
    high = (largest + 1) * (size + 1) // (n + 2)
    chance = math.exp(_log_drawn(log_factorial, n, size, largest, high))
    while high < min(size, largest):
        chance *= (size - high) * (largest - high) / ((high + 1.0) * (rest - largest + high + 1))
        if chance < _NEGLIGIBLE:
            break
        high += 1
    return low, high


@compiled
def _at_least(log_factorial: np.ndarray, least: int, n: int, size: int, budget: int) -> float:
    """Chance that at least so many of an answer's samples are drawn, by its smaller side."""
    rest = n - size
    lowest, highest = max(0, budget - rest), min(size, budget)
    if least <= lowest or least > highest:
        return 1.0 if least <= lowest else 0.0
    total = 0.0
    if least > (budget + 1) * (size + 1) // (n + 2):
        i, chance = least, math.exp(_log_drawn(log_factorial, n, size, budget, least))
        while i <= highest and chance > total * 1e-17:
            total += chance
            chance *= (size - i) * (budget - i) / ((i + 1.0) * (rest - budget + i + 1))
            i += 1
        return total
    i, chance = least - 1, math.exp(_log_drawn(log_factorial, n, size, budget, least - 1))
    while i >= lowest and chance > 1e-17:
        total += chance
        chance *= i * (rest - budget + i) / ((size - i + 1.0) * (budget - i + 1))
        i -= 1
    return 1.0 - total
