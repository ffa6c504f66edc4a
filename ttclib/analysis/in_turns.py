"""An order in which any beginning of a list holds something of everything."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def in_turns(strata: ArrayLike, groups: ArrayLike, *, seed: int = 0) -> np.ndarray:
    """Places of things in an order whose every beginning is spread as evenly as it can be.

    First one of each stratum; then one of each group that has none; then a round over the strata, in which a stratum
    takes its groups in turns. Else at random.

    Parameters
    ----------
    strata : int array, shape (things,)
        Such as right answers of bin 3.
    groups : int array, shape (things,)
        Such as the problem.

    Returns
    -------
    int array, shape (things,)

    Examples
    --------
    >>> in_turns([0, 0, 0, 1], [0, 0, 1, 0]).tolist()[:2] in ([0, 3], [3, 0], [1, 3], [3, 1], [2, 3], [3, 2])
    True
    """
    stratum, group = np.asarray(strata, dtype=np.int64), np.asarray(groups, dtype=np.int64)
    if stratum.shape != group.shape or stratum.ndim != 1:
        raise ValueError(f"strata of shape {stratum.shape} and groups of shape {group.shape}: allowed two lists, alike")
    drawn = np.random.default_rng(seed).permutation(len(stratum))
    stratum, group = stratum[drawn], group[drawn]
    both = stratum * (np.ptp(group) + 1 if len(group) else 1) + group
    turn = _turns(stratum, np.lexsort((_turns(both, np.arange(len(drawn))), stratum)))
    rounds = np.lexsort((stratum, turn))
    first = turn == 0
    is_new = np.zeros(len(drawn), dtype=bool)
    is_new[rounds[np.unique(group[rounds], return_index=True)[1]]] = True
    is_new &= ~np.isin(group, group[first])
    # Stable: within each of the three parts the order of the rounds stays.
    part = np.where(first, 0, np.where(is_new, 1, 2))[rounds]
    return np.asarray(drawn[rounds[np.argsort(part, kind="stable")]])


def _turns(kinds: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Which of its kind each thing is, from 0, where they are counted in an order."""
    by_kind = order[np.argsort(kinds[order], kind="stable")]
    begins = np.flatnonzero(np.r_[True, np.diff(kinds[by_kind]) != 0]) if len(order) else by_kind
    turns = np.empty(len(order), dtype=np.int64)
    turns[by_kind] = np.arange(len(order)) - np.repeat(begins, np.diff(np.r_[begins, len(order)]))
    return turns
