"""Majority vote and best-of-N weighted: answers are elected, by heads or by scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ttclib.replay.budgets import as_budgets

NO_ANSWER = -1


def majority_vote(
    answer_ids: ArrayLike, correct: ArrayLike, budgets: ArrayLike, *, n_subsets: int = 400, seed: int = 0
) -> np.ndarray:
    """Chance that the most frequent answer of N samples is right.

    Averaged over random subsets of the pool: one permutation serves every budget, and answers that
    tie share the vote equally. A budget of one sample and one of the whole pool are exact.

    Parameters
    ----------
    answer_ids : array_like of int, shape (problems, samples)
        Equivalence class of the answer within its problem; negative: no answer, which takes a
        place in the budget and never votes.
    correct : array_like of float or bool, shape (problems, samples)
        Equal for all samples of one answer; NaN (could not be graded): the sample does not vote.
    budgets : array_like of int, shape (budgets,)
        N, at least 1.
    n_subsets : int, keyword-only
        Permutations a problem.
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
    >>> majority_vote([[0, 0, 1]], [[1, 1, 0]], [3]).tolist()
    [[1.0]]
    """
    ids = np.asarray(answer_ids)
    return _elect(ids, np.ones(ids.shape), correct, budgets, n_subsets, seed)


def weighted_best_of_n(
    answer_ids: ArrayLike,
    scores: ArrayLike,
    correct: ArrayLike,
    budgets: ArrayLike,
    *,
    n_subsets: int = 400,
    seed: int = 0,
) -> np.ndarray:
    """Chance that the answer with the largest sum of scores among N samples is right.

    Parameters
    ----------
    answer_ids, correct, budgets, n_subsets, seed
        As in `majority_vote`.
    scores : array_like of float, shape (problems, samples)
        Usually in [0, 1]; NaN: not scored, the sample does not vote. NaN is also the result for a
        problem with no scored sample.

    Returns
    -------
    numpy.ndarray, shape (problems, budgets)

    References
    ----------
    "Best-of-N weighted", Snell et al. 2024, arXiv:2408.03314; Li et al. 2022, arXiv:2206.02336.

    Examples
    --------
    >>> weighted_best_of_n([[0, 1, 1, 2]], [[0.9, 0.5, 0.45, 0.3]], [[0, 1, 1, 0]], [4]).tolist()
    [[1.0]]
    """
    return _elect(np.asarray(answer_ids), np.asarray(scores, dtype=float), correct, budgets, n_subsets, seed)


def _elect(
    ids: np.ndarray, weights: np.ndarray, correct: ArrayLike, budgets: ArrayLike, n_subsets: int, seed: int
) -> np.ndarray:
    right = np.asarray(correct, dtype=float)
    if ids.ndim != 2 or not ids.shape == right.shape == weights.shape:
        raise ValueError(
            f"arrays must share one shape (problems, samples), got {ids.shape}, {weights.shape}, {right.shape}"
        )
    sizes = np.atleast_1d(as_budgets(budgets))
    votes = (ids >= 0) & ~np.isnan(right) & ~np.isnan(weights)
    result = np.full((len(ids), len(sizes)), np.nan)
    within = sizes <= ids.shape[1]
    known = ~np.isnan(right).all(axis=1) & ~np.isnan(weights).all(axis=1)
    for row in np.flatnonzero(known):
        rng = np.random.default_rng([seed, int(row)])
        result[row, within] = _elect_one(ids[row], weights[row], right[row], votes[row], sizes[within], n_subsets, rng)
    return result


def _elect_one(
    ids: np.ndarray,
    weights: np.ndarray,
    right: np.ndarray,
    votes: np.ndarray,
    budgets: np.ndarray,
    n_subsets: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """One problem: the expected correctness of the elected answer at each budget."""
    n_samples = len(ids)
    if not votes.any():
        return np.zeros(len(budgets))
    classes, voted = np.unique(ids[votes], return_inverse=True)
    n_classes = len(classes)
    class_right = np.bincount(voted, right[votes]) / np.bincount(voted)
    # Samples without a vote go to one more class, which is dropped before the election.
    column = np.full(n_samples, n_classes)
    column[votes] = voted
    weight = np.where(votes, weights, 0.0)
    order = rng.permuted(np.tile(np.arange(n_samples), (n_subsets, 1)), axis=1)
    cell = column[order] + np.arange(n_subsets)[:, None] * (n_classes + 1)
    total = np.zeros((n_subsets, n_classes))
    heads = np.zeros((n_subsets, n_classes), dtype=int)
    expected = np.empty(len(budgets))
    previous = 0
    for position in np.argsort(budgets, kind="stable"):
        if budgets[position] == 1:
            expected[position] = class_right[voted].sum() / n_samples
            continue
        drawn = slice(previous, budgets[position])
        previous = budgets[position]
        size, flat = n_subsets * (n_classes + 1), cell[:, drawn].ravel()
        total += np.bincount(flat, weight[order[:, drawn]].ravel(), size).reshape(n_subsets, -1)[:, :-1]
        heads += np.bincount(flat, minlength=size).reshape(n_subsets, -1)[:, :-1]
        present = np.where(heads > 0, total, -np.inf)
        best = present.max(axis=1, keepdims=True)
        # Sums that differ by rounding tie; relative, since products of many step scores are tiny.
        winners = (heads > 0) & (present >= best - 1e-12 * np.abs(best))
        share = winners / np.maximum(1, winners.sum(axis=1, keepdims=True))
        expected[position] = (share @ class_right).mean()
    return expected
