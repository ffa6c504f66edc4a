"""Majority vote and best-of-N weighted: answers are elected, by heads or by scores.

Exact wherever that is affordable: one sample, two, the whole pool; a majority by counting the subsets that
elect each answer (`ttclib.replay.counting`); a small pool by listing its subsets. Otherwise the mean over
random subsets of a fixed seed, whose error is known. What is not answered, not scored or not graded is treated
as `ttclib.replay.estimate` says.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from ttclib.errors import RequestError
from ttclib.replay.arrays import as_answers, as_grades, as_table, check_one_shape, rows_by_size
from ttclib.replay.best_of_n import mean_of_the_best
from ttclib.replay.budgets import as_budgets
from ttclib.replay.coverage import log_avoided, log_factorials
from ttclib.replay.draws import Draws, Seed, as_draws
from ttclib.replay.estimate import Estimate
from ttclib.replay.listing import TIE, listed_election

MC_ERROR = 1e-3  # of the mean over problems, at most, unless the number of subsets is given
FEWEST_SUBSETS = 100
_LISTED = 20  # samples of a pool whose subsets may be listed
_AFFORDABLE = 4e6  # multiplications that a majority is counted with, a problem: some milliseconds
_A_DRAW = 6  # multiplications that take as long as to draw one sample of a subset


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
        NaN: could not be graded, which the vote does not see and which counts as not right. The grade of an
        answer is the mean of those who vote for it.
    budgets : array_like of int, shape (budgets,)
        N, at least 1.
    n_subsets : int, keyword-only
        Subsets a problem where they are drawn, in pairs; None: as many as keep the error of the mean
        over problems below 0.001.
    seed : int, keyword-only

    Returns
    -------
    numpy.ndarray, shape (problems, budgets)
        In [0, 1]; NaN where N exceeds the pool or the problem has no graded sample. Where nobody votes
        a sample is taken at random.

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
        Finite and not below 0, usually in [0, 1]; NaN: not scored, the sample does not vote.

    Returns
    -------
    numpy.ndarray, shape (problems, budgets)

    Raises
    ------
    ValueError
        As `majority_vote`, or the score of a sample that votes is infinite.
    RequestError
        The score of a sample that votes is below 0.

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
    pool_sizes: ArrayLike | None = None,
    n_subsets: int | None = None,
    seed: Seed = 0,
) -> Estimate:
    """A vote with its Monte-Carlo error and the chance that the elected answer is not graded.

    Parameters
    ----------
    answer_ids, correct, budgets, n_subsets
        As in `majority_vote`.
    seed : int or Draws
        A number counts problems by their rows; `ttclib.replay.draws.draws_of` goes by their names.
    scores : array_like of float, shape (problems, samples), or None
        As in `weighted_best_of_n`; None: every vote counts the same.
    pool_sizes : array_like of int, shape (problems,), keyword-only, optional
        Samples of each problem, which stand first in its row; what follows is padding.

    Raises
    ------
    ValueError
        As `weighted_best_of_n`, or pool sizes do not fit.
    RequestError
        As `weighted_best_of_n`.

    Examples
    --------
    >>> found = elect([[0, 0, 1]], None, [[None, None, 1]], [1, 3])
    >>> found.accuracy.round(4).tolist(), found.ungraded.round(4).tolist()
    ([[0.3333, 0.0]], [[0.6667, 1.0]])
    """
    ids, right = as_answers(answer_ids), as_grades(correct)
    weights = np.ones(ids.shape) if scores is None else as_table(scores, "scores")
    check_one_shape(answer_ids=ids, scores=weights, correct=right)
    sizes = np.atleast_1d(as_budgets(budgets))
    if n_subsets is not None and n_subsets < 1:
        raise ValueError(f"n_subsets must be at least 1, got {n_subsets}")
    draws = as_draws(seed, len(ids))
    subsets = subsets_for(draws.n_problems) if n_subsets is None else n_subsets
    table = np.full((3, len(ids), len(sizes)), np.nan)
    for rows, size in rows_by_size(pool_sizes, ids.shape):
        within = sizes <= size
        if rows.size and within.any():
            asked, back = np.unique(sizes[within], return_inverse=True)
            answers, weight, grades = (values[rows, :size] for values in (ids, weights, right))
            found = _elect_of_one_size(answers, weight, grades, asked, scores is None, subsets, draws, rows)
            table[:, rows[:, None], np.flatnonzero(within)] = found[:, :, back]
    return Estimate(*table)


def check_weights(weights: np.ndarray) -> None:
    """Refuse weights that cannot be added up as votes.

    Parameters
    ----------
    weights : numpy.ndarray
        Of those who vote.

    Raises
    ------
    ValueError
        One is infinite.
    RequestError
        One is below 0: more votes would speak against an answer.
    """
    if np.isinf(weights).any():
        raise ValueError("a score that weighs a vote must be finite: clip or transform infinite scores first")
    if (weights < 0).any():
        raise RequestError(
            f"a score that weighs a vote must not be below 0, got {weights.min():g}: more votes would then count "
            "against an answer. "
            "Transform the scores (softmax: within each problem, sigmoid, or rank), or take best_of_n"
        )


def subsets_for(n_problems: int) -> int:
    """Subsets a problem that keep the error of the mean over problems below 0.001, at worst.

    The mean of S draws in [0, 1] has a standard error of at most 1/(2·√S), that of P problems 1/(2·√(S·P)).

    Examples
    --------
    >>> subsets_for(500)
    500
    """
    return max(FEWEST_SUBSETS, math.ceil(0.25 / MC_ERROR**2 / max(1, n_problems)))


def _elect_of_one_size(
    ids: np.ndarray,
    weights: np.ndarray,
    right: np.ndarray,
    budgets: np.ndarray,
    heads: bool,
    n_subsets: int,
    draws: Draws,
    rows: np.ndarray,
) -> np.ndarray:
    """Accuracy, its error and the ungraded share at ascending budgets, shape (3, problems, budgets)."""
    votes, lacking = (ids >= 0) & ~np.isnan(weights), np.isnan(right)
    check_weights(weights[votes])
    weight, known = np.where(votes, weights, 0.0), ~lacking.all(axis=1)
    gains = np.stack(
        [np.where(lacking, 0.0, right), lacking.astype(float)]
    )  # of a sample, or of its answer if it votes
    value, error = np.zeros((2, len(ids), len(budgets))), np.zeros((len(ids), len(budgets)))
    whole = list(budgets) == [ids.shape[1]]
    if whole:
        value[:, :, 0] = _elect_all(np.where(votes, ids, -1), weight, gains)
    for row in () if whole else np.flatnonzero(known & votes.any(axis=1)):
        cast = votes[row]
        column = np.full(len(cast), -1)
        column[cast] = voted = _numbered(ids[row, cast])
        class_size = np.bincount(voted)
        for kind in (0, 1):
            if not gains[kind, row, cast].any():
                continue
            of_class = np.bincount(voted, gains[kind, row, cast]) / class_size
            gains[kind, row, cast] = of_class[voted]
            value[kind, row], spread = _elect_one(
                column, weight[row], class_size, of_class, budgets, heads, n_subsets, draws.of(rows[row])
            )
            error[row] = error[row] if kind else spread
    value += _silent(votes, gains, budgets)
    # Of two voters the heavier one's answer wins, which is best-of-2.
    few = budgets[budgets <= 2]
    value[:, :, : len(few)] = mean_of_the_best(np.where(votes, weights, np.nan), list(gains), few)
    error[:, : len(few)] = 0.0
    table = np.stack([value[0], error, value[1]])
    table[:, ~known] = np.nan
    return table


def _elect_all(ids: np.ndarray, weight: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """The same of the one subset that is the whole pool, shape (2, problems): all problems at a time.

    A negative id does not vote. `gains` become those of each sample's answer.
    """
    cast = ids >= 0
    rows = np.nonzero(cast)[0]
    taken, place, sizes = np.unique(
        rows * (int(ids.max(initial=0)) + 1) + ids[cast], return_inverse=True, return_counts=True
    )
    row_of = np.zeros(len(taken), dtype=int)
    row_of[place] = rows
    total = np.bincount(place, weight[cast], len(taken))
    best = np.full(len(ids), -np.inf)
    np.maximum.at(best, row_of, total)
    wins = total >= best[row_of] * (1 - TIE)
    n_wins = np.bincount(row_of, wins, len(ids))
    value = np.zeros((2, len(ids)))
    for kind in (0, 1):
        of_class = np.bincount(place, gains[kind][cast], len(taken)) / sizes
        gains[kind][cast] = of_class[place]
        value[kind] = np.bincount(row_of, of_class * wins, len(ids)) / np.maximum(1, n_wins)
    return value


def _numbered(ids: np.ndarray) -> np.ndarray:
    """Classes, at least 0, numbered from 0 in their order; where numbers are small, without sorting."""
    largest = int(ids.max())
    if largest > 4 * len(ids) + 64:
        return np.unique(ids, return_inverse=True)[1]
    seen = np.zeros(largest + 1, dtype=bool)
    seen[ids] = True
    return (np.cumsum(seen) - 1)[ids]


def _silent(votes: np.ndarray, gains: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    """What is gained where nobody who is drawn votes, and one of them is taken at random."""
    n_votes, n_samples = votes.sum(axis=1)[:, None], votes.shape[1]
    alone = budgets <= n_samples - n_votes  # so many can be drawn without a vote
    chance = np.where(
        alone, np.exp(log_avoided(np.full(alone.shape, n_samples), n_votes * alone, budgets * alone)), 0.0
    )
    gained = np.where(votes, 0.0, gains).sum(axis=2)[:, :, None] / np.maximum(1, n_samples - n_votes)
    return np.asarray(chance * gained)


def _elect_one(
    column: np.ndarray,
    weight: np.ndarray,
    class_size: np.ndarray,
    class_right: np.ndarray,
    budgets: np.ndarray,
    heads: bool,
    n_subsets: int,
    seed: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """One problem: expected correctness of the elected answer at ascending budgets, and its error."""
    n_samples, exact = len(column), np.zeros(len(budgets))
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
