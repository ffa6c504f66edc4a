"""Rules that stop a vote, by the numbers that compiled loops know them by, and what they say of votes in hand."""

from __future__ import annotations

import numpy as np

BETA = 0  # the leader is surely ahead of the second
DIRICHLET = 1  # the leader is surely ahead of all answers seen
SHARE = 2  # the leader's sum of weights is ahead of the second by a share of all
WINDOW = 3  # all of a window give one answer

PRIORS = {"beta": BETA, "dirichlet": DIRICHLET}
SLACK = 1e-12  # a rule that is met but for rounding is met


def is_sure(votes: np.ndarray, threshold: float, prior: str = "beta") -> bool:
    """Whether votes are enough for `ttclib.replay.stopping.adaptive_consistency` to stop, once these are drawn.

    Parameters
    ----------
    votes : int array, shape (answers,)
        In any order; answers without a vote may be among them.
    threshold, prior
        As in `adaptive_consistency`.

    Examples
    --------
    >>> is_sure(np.array([3]), 0.9), is_sure(np.array([3, 1]), 0.9)
    (True, False)
    """
    from ttclib.replay.confidence import beta_table, dirichlet_confidence, gamma_tables

    counts = np.sort(votes[votes > 0])[::-1].astype(np.int64)
    if not len(counts):
        return False
    size = 1 << int(counts.sum()).bit_length()  # few tables, which are kept
    second = int(counts[1]) if len(counts) > 1 else 0
    sure = float(beta_table(size)[counts[0], second])
    if prior == "dirichlet" and len(counts) > 2 and sure >= threshold - SLACK:
        sure = dirichlet_confidence(counts, 0, *gamma_tables(size))
    return sure >= threshold - SLACK


def is_ahead(sums: np.ndarray, n_votes: int, share: float) -> bool:
    """Whether sums of scores are far enough apart for `weighted_stop` to stop, once these are drawn.

    Parameters
    ----------
    sums : float array, shape (answers,)
        Of the scores of each answer that has a vote.
    n_votes : int
    share
        As in `weighted_stop`, of at least two votes.
    """
    ranked = np.sort(sums)[::-1]
    if n_votes < 2 or not ranked.sum() > 0:
        return False
    second = ranked[1] if len(ranked) > 1 else 0.0
    return bool((ranked[0] - second) / ranked.sum() >= share - SLACK)
