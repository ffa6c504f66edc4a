"""How sure a count of votes is that the leading answer is the policy's most frequent one.

With v_i votes for answer i and a uniform prior the shares of the answers are Dirichlet(v_1 + 1, v_2 + 1, …). A
Dirichlet is a vector of independent gamma variables over their sum, so the leader is ahead of all others with chance
∫ f(x; v_1 + 1) · ∏_i F(x; v_i + 1) dx. In t = √x a gamma variable has nearly the same spread, whatever its shape, so
that the trapezoid rule on one grid gives eleven digits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import betainc, gammainc, gammaln

from ttclib.replay.compiling import compiled

_STEP = 0.125  # of t, whose standard deviation is about 1/2
_NEGLIGIBLE = 1e-17
_REACH = 6.0  # of t beyond the root of the largest shape: further out is less than 1e-15


@lru_cache(maxsize=8)
def beta_table(n_samples: int) -> np.ndarray:
    """Chance that the first of two answers is the more frequent one, by their votes, shape (n + 1, n + 1).

    Examples
    --------
    >>> beta_table(4)[[3, 4, 2], [0, 0, 2]].tolist()
    [0.9375, 0.96875, 0.5]
    """
    votes = np.arange(n_samples + 1.0)
    table = betainc(votes[None, :] + 1, votes[:, None] + 1, 0.5)
    table.flags.writeable = False
    return np.asarray(table)


@lru_cache(maxsize=8)
def gamma_tables(n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and distribution functions on the grid for 0 … n votes, shape (n + 1, points) each."""
    t = np.arange(_STEP, np.sqrt(n_samples + 1) + _REACH, _STEP)
    shape = np.arange(1.0, n_samples + 2)[:, None]
    weights = 2 * _STEP * np.exp((2 * shape - 1) * np.log(t) - t**2 - gammaln(shape))
    return weights, gammainc(shape, t**2)


@compiled
def dirichlet_confidence(counts: np.ndarray, leader: int, weights: np.ndarray, below: np.ndarray) -> float:
    """Chance that `leader` is the most frequent of the answers that have a vote."""
    total, votes = 0.0, counts[leader]
    for point in range(weights.shape[1]):
        part = weights[votes, point]
        if part < _NEGLIGIBLE:
            continue
        for answer in range(len(counts)):
            if answer != leader and counts[answer] > 0:
                part *= below[counts[answer], point]
        total += part
    return total
