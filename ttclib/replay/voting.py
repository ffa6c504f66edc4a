"""Majority vote and best-of-N weighted: answers are elected, by heads or by scores.

Exact wherever that is affordable: one sample, two, the whole pool; a majority by counting the subsets that
elect each answer (`ttclib.replay.counting`); a small pool by listing its subsets. Otherwise the mean over
random subsets of a fixed seed, whose error is known.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ttclib.replay.arrays import as_answers, as_grades, as_table, check_one_shape
from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.replay.budgets import as_budgets
from ttclib.replay.factorials import log_factorials
from ttclib.replay.listing import listed_election

MC_ERROR = 1e-3  # of the mean over problems, at most, unless the number of subsets is given
FEWEST_SUBSETS = 100
_LISTED = 20  # samples of a pool whose subsets may be listed
_AFFORDABLE = 4e6  # multiplications that a majority is counted with, a problem: some milliseconds
_A_DRAW = 6  # multiplications that take as long as to draw one sample of a subset


class Election(NamedTuple):
    """What a vote came to, and how far chance may have moved it.

    Attributes
    ----------
    accuracy : numpy.ndarray, shape (problems, budgets)
        As `majority_vote` and `weighted_best_of_n` return it.
    mc_error : numpy.ndarray, shape (problems, budgets)
        Standard error from averaging over random subsets instead of all; 0: exact.
    """

    accuracy: np.ndarray
    mc_error: np.ndarray


def majority_vote(
    answer_ids: ArrayLike, correct: ArrayLike, budgets: ArrayLike, *, n_subsets: int | None = None, seed: int = 0
) -> np.ndarray:
    """Chance that the most frequent answer of N samples is right, over every size-N subset of the pool.

    Answers that tie share the vote equally. Counted, to nine digits, unless so many answers rival each
    other that drawing subsets is quicker; then `elect` tells the error.

    Parameters
    ----------
    answer_ids : array_like of int, shape (problems, samples)
        Equivalence class of the answer within its problem; negative, NaN or None: no answer, which
        takes a place in the budget and never votes.
    correct : array_like of float or bool, shape (problems, samples)
        Equal for all samples of one answer; NaN (could not be graded): the sample does not vote.
    budgets : array_like of int, shape (budgets,)
        N, at least 1.
    n_subsets : int, keyword-only
        Subsets a problem where they are drawn, in pairs; None: as many as keep the error of the mean
        over problems below 0.001.
    seed : int, keyword-only

    Returns
    -------
    numpy.ndarray, shape (problems, budgets)
        In [0, 1]; NaN where N exceeds the pool or the problem has no graded sample. A subset in
        which nobody votes counts as wrong.

    Raises
    ------
    ValueError
        If a budget is below 1 or not whole, or shapes differ.

    References
    ----------
    Wang et al. 2022, arXiv:2203.11171 (self-consistency).

    Examples
    --------
    >>> majority_vote([[0, 0, 1]], [[1, 1, 0]], [1, 2, 3]).round(4).tolist()
    [[0.6667, 0.6667, 1.0]]
    """
    return elect(answer_ids, None, correct, budgets, n_subsets=n_subsets, seed=seed).accuracy


def weighted_best_of_n(
    answer_ids: ArrayLike,
    scores: ArrayLike,
    correct: ArrayLike,
    budgets: ArrayLike,
    *,
    n_subsets: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Chance that the answer with the largest sum of scores among N samples is right.

    Parameters
    ----------
    answer_ids, correct, budgets, n_subsets, seed
        As in `majority_vote`. Budgets 1, 2 and the whole pool are exact, and all of a small pool's.
    scores : array_like of float, shape (problems, samples)
        Usually in [0, 1], any finite number works; NaN: not scored, the sample does not vote. NaN is
        also the result for a problem with no scored sample.

    Returns
    -------
    numpy.ndarray, shape (problems, budgets)

    Raises
    ------
    ValueError
        As `majority_vote`, or the score of a sample that votes is infinite.

    References
    ----------
    "Best-of-N weighted", Snell et al. 2024, arXiv:2408.03314; Li et al. 2022, arXiv:2206.02336.

    Examples
    --------
    >>> weighted_best_of_n([[0, 1, 1, 2]], [[0.9, 0.5, 0.45, 0.3]], [[0, 1, 1, 0]], [4]).tolist()
    [[1.0]]
    """
    return elect(answer_ids, scores, correct, budgets, n_subsets=n_subsets, seed=seed).accuracy


def elect(
    answer_ids: ArrayLike,
    scores: ArrayLike | None,
    correct: ArrayLike,
    budgets: ArrayLike,
    *,
    n_subsets: int | None = None,
    seed: int = 0,
) -> Election:
    """A vote and its Monte-Carlo error.

    Parameters
    ----------
    answer_ids, correct, budgets, n_subsets, seed
        As in `majority_vote`.
    scores : array_like of float, shape (problems, samples), or None
        As in `weighted_best_of_n`; None: every vote counts the same.

    Returns
    -------
    Election

    Raises
    ------
    ValueError
        As `weighted_best_of_n`.
    """
    ids, right = as_answers(answer_ids), as_grades(correct)
    weights = np.ones(ids.shape) if scores is None else as_table(scores, "scores")
    check_one_shape(answer_ids=ids, scores=weights, correct=right)
    sizes = np.atleast_1d(as_budgets(budgets))
    if n_subsets is not None and n_subsets < 1:
        raise ValueError(f"n_subsets must be at least 1, got {n_subsets}")
    votes = (ids >= 0) & ~np.isnan(right) & ~np.isnan(weights)
    if np.isinf(weights[votes]).any():
        raise ValueError("a score that weighs a vote must be finite: clip or transform infinite scores first")
    accuracy, error = (np.full((len(ids), len(sizes)), np.nan) for _ in range(2))
    known = np.flatnonzero(~np.isnan(right).all(axis=1) & ~np.isnan(weights).all(axis=1))
    within = sizes <= ids.shape[1]
    if not known.size or not within.any():
        return Election(accuracy, error)
    asked, back = np.unique(sizes[within], return_inverse=True)
    few = _of_one_and_two(weights, right, votes)
    subsets = subsets_for(len(ids)) if n_subsets is None else n_subsets
    for row in known:
        value, spread = _elect_one(
            ids[row], weights[row], right[row], votes[row], asked, scores is None, subsets, (seed, int(row))
        )
        value[asked <= 2], spread[asked <= 2] = few[row, asked[asked <= 2] - 1], 0.0
        accuracy[row, within], error[row, within] = value[back], spread[back]
    return Election(accuracy, error)


def subsets_for(n_problems: int) -> int:
    """Subsets a problem that keep the error of the mean over problems below 0.001, at worst.

    The mean of S draws in [0, 1] has a standard error of at most 1/(2·√S), that of P problems 1/(2·√(S·P)).

    Examples
    --------
    >>> subsets_for(500)
    500
    """
    return max(FEWEST_SUBSETS, math.ceil(0.25 / MC_ERROR**2 / max(1, n_problems)))


def _of_one_and_two(weights: np.ndarray, right: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """Exact for N = 1 and 2, shape (problems, 2): of two voters the heavier one's answer wins, which is best-of-2."""
    gain = np.where(votes, right, np.nan)
    n_samples = votes.shape[1]
    return np.nan_to_num(expected_best_of_n(np.where(votes, weights, 0.0), gain, np.minimum([1, 2], n_samples)))


def _elect_one(
    ids: np.ndarray,
    weights: np.ndarray,
    right: np.ndarray,
    votes: np.ndarray,
    budgets: np.ndarray,
    heads: bool,
    n_subsets: int,
    seed: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """One problem: expected correctness of the elected answer at ascending budgets, and its error."""
    n_samples, exact = len(ids), np.zeros(len(budgets))
    if not votes.any():
        return exact, exact.copy()
    voted = np.unique(ids[votes], return_inverse=True)[1]
    class_size = np.bincount(voted)
    class_right = np.bincount(voted, right[votes]) / class_size
    if not class_right.any():
        return exact, exact.copy()
    column = np.full(n_samples, -1)
    column[votes] = voted
    weight = np.where(votes, weights, 0.0)
    if n_samples <= _LISTED and 2**n_samples <= 8 * n_subsets:
        return listed_election(column, weight, class_right)[budgets], exact
    last = int(budgets[-1])
    if heads:
        counted = _counted(class_size, class_right, n_samples, budgets, max(_AFFORDABLE, _A_DRAW * n_subsets * last))
        if counted is not None:
            return counted, exact
    value, error = np.zeros((2, len(budgets)))
    if last == n_samples:  # the one subset of this size is the pool
        value[-1] = _sample(column, weight, class_right, budgets[-1:], 1, seed)[0][0]
    drawn = (budgets > 2) & (budgets < n_samples)
    if drawn.any():
        value[drawn], error[drawn] = _sample(column, weight, class_right, budgets[drawn], (n_subsets + 1) // 2, seed)
    return value, error


def _sample(
    column: np.ndarray,
    weight: np.ndarray,
    class_right: np.ndarray,
    budgets: np.ndarray,
    n_pairs: int,
    seed: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Mean over pairs of random subsets, and its standard error; one pair tells nothing of that."""
    from ttclib.replay import kernels

    state = np.random.SeedSequence(seed).generate_state(1, np.uint64) | np.uint64(1)  # never 0
    mean, square = np.zeros((2, len(budgets)))
    kernels.sampled_election(column, weight, class_right, budgets, n_pairs, state, mean, square)
    with np.errstate(invalid="ignore"):
        return mean, np.sqrt(np.maximum(0.0, square - mean**2) / np.float64(n_pairs - 1))


def _counted(
    class_size: np.ndarray, class_right: np.ndarray, n_samples: int, budgets: np.ndarray, most_work: float
) -> np.ndarray | None:
    """Chance at ascending budgets that the majority is right; None: that would take more work."""
    from ttclib.replay.counting import elected_share

    value, below = np.zeros(len(budgets)), budgets[budgets < n_samples]
    table, (nodes, node_weights) = log_factorials(n_samples), _gauss_legendre(len(class_size) // 2 + 1)
    for winner in np.flatnonzero(class_right):
        share, rivals = np.zeros(len(below)), -np.sort(-np.delete(class_size, winner))
        most_work -= elected_share(
            class_size[winner], rivals, n_samples, below, table, nodes, node_weights, most_work, share
        )
        if most_work < 0:
            return None
        value[: len(below)] += class_right[winner] * share
    if len(below) < len(budgets):  # the one subset of this size is the pool
        value[-1] = class_right[class_size == class_size.max()].mean()
    return np.minimum(1.0, value)


@lru_cache(maxsize=64)
def _gauss_legendre(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Rules of 0 … n_rows points on [0, 1], one a row."""
    nodes, weights = np.zeros((2, n_rows + 1, n_rows))
    for n_points in range(1, n_rows + 1):
        x, w = np.polynomial.legendre.leggauss(n_points)
        nodes[n_points, :n_points], weights[n_points, :n_points] = (x + 1) / 2, w / 2
    return nodes, weights
