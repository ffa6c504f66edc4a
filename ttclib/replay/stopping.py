"""Stopping when it is settled: samples are drawn one after the other, or window by window, until a rule says enough.

In expectation over all orders of the pool. What a stop costs goes with what is drawn, since answers differ in length
and an easy answer stops early: expected draws times the mean length would be wrong. So every estimate comes with the
expected sum of whatever a sample costs.

Exact wherever that is affordable: the first score above a threshold in closed form; votes by counting the states that
a pool can be drawn into (`ttclib.replay.count_states`). Otherwise by random orders of a fixed seed, whose error is
known (`ttclib.replay.random_orders`): where the vote that nothing stops is known exactly, they only have to tell by
how much stopping moves it, so that a rule that is never met before the cap is that vote. What is not answered, not
scored or not graded is treated as `ttclib.replay.estimate` says: it is drawn and paid, and says nothing about stopping.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ttclib.errors import one_of
from ttclib.replay.arrays import as_answers, as_grades, as_table, check_one_shape, rows_by_size
from ttclib.replay.best_of_n import mean_of_runs, rank_weights
from ttclib.replay.budgets import as_budgets
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.draws import Seed, as_draws
from ttclib.replay.stop_rules import PRIORS, SHARE, WINDOW
from ttclib.replay.stopped import N_BEFORE_LOADS, Stopped, assembled, levels_of, loads_of
from ttclib.replay.voting import subsets_for
from ttclib.replay.watch import first_number, votes_until


def adaptive_consistency(
    answer_ids: ArrayLike,
    correct: ArrayLike,
    thresholds: ArrayLike,
    caps: ArrayLike,
    *,
    prior: str = "beta",
    loads: ArrayLike | None = None,
    pool_sizes: ArrayLike | None = None,
    n_orders: int | None = None,
    seed: Seed = 0,
) -> Stopped:
    """Majority vote that stops once the leading answer is surely the most frequent one.

    After each sample the votes so far give a posterior of the answers' shares, from a uniform prior; at a chance of
    `threshold` that the leader's share is the largest, drawing stops.

    Parameters
    ----------
    answer_ids : array_like of int, shape (problems, samples)
        As in `ttclib.replay.voting.majority_vote`.
    correct : array_like of float or bool, shape (problems, samples)
        1, 0, NaN: not graded.
    thresholds : array_like of float, shape (rules,)
        Above 0.5, up to 1.
    caps : array_like of int, shape (caps,)
        Samples drawn at most.
    prior : {"beta", "dirichlet"}, keyword-only
        ``"beta"``: the leader against the second alone, Beta(v₁ + 1, v₂ + 1); ``"dirichlet"``: against all answers
        seen, the same while these are no more than two.
    loads : array_like of float, keyword-only, shape (problems, samples) or (problems, samples, loads)
        What each sample costs, in units of any kind. NaN: not known.
    pool_sizes : array_like of int, shape (problems,), keyword-only, optional
        Samples of each problem, which stand first in its row.
    n_orders : int, keyword-only, optional
        Random orders a problem where not all are counted; None: as many as keep the error of the mean over problems
        below 0.001.
    seed : int or Draws, keyword-only
        As in `ttclib.replay.voting.elect`.

    Returns
    -------
    Stopped
        NaN where the cap exceeds the pool; accuracy and the ungraded share also where no sample is graded.

    Raises
    ------
    RequestError
        A threshold out of range, an unknown prior.
    ValueError
        Shapes differ, a cap is below 1.

    References
    ----------
    Aggarwal et al. 2023, arXiv:2305.11860.

    Examples
    --------
    A pool of ten samples with one answer: after three the chance is 15/16, after four 31/32.

    >>> found = adaptive_consistency([[0] * 10], [[1] * 10], [0.9, 0.95], [10])
    >>> found.draws[0, :, 0].tolist(), found.accuracy[0, :, 0].tolist()
    ([3.0, 4.0], [1.0, 1.0])
    """
    rule = PRIORS[one_of(prior, PRIORS, "prior")]
    levels = levels_of(thresholds, "threshold", above=0.5)
    return votes_until(rule, answer_ids, None, correct, levels, caps, loads, pool_sizes, n_orders=n_orders, seed=seed)


def early_stopping_consistency(
    answer_ids: ArrayLike,
    correct: ArrayLike,
    windows: ArrayLike,
    caps: ArrayLike,
    *,
    loads: ArrayLike | None = None,
    pool_sizes: ArrayLike | None = None,
    n_orders: int | None = None,
    seed: Seed = 0,
) -> Stopped:
    """Majority vote over windows of samples that stops after the first window in which all give one answer.

    Parameters
    ----------
    answer_ids, correct, caps, loads, pool_sizes, n_orders, seed
        As in `adaptive_consistency`. At a cap that is no multiple of the window the last one is cut: its samples
        vote, and stop nothing.
    windows : array_like of int, shape (rules,)
        Samples a window, at least 1. One without an answer is not of one answer.

    Returns
    -------
    Stopped

    Raises
    ------
    ValueError
        Shapes differ, a cap or window is below 1.

    References
    ----------
    Li et al. 2024, arXiv:2401.10480.

    Examples
    --------
    >>> found = early_stopping_consistency([[0, 0, 0, 1]], [[1, 1, 1, 0]], [2], [4])
    >>> float(found.draws[0, 0, 0]), float(found.accuracy[0, 0, 0])  # half the orders begin with two alike
    (3.0, 1.0)
    """
    sizes = np.atleast_1d(as_budgets(windows, "a window")).astype(float)
    return votes_until(WINDOW, answer_ids, None, correct, sizes, caps, loads, pool_sizes, n_orders=n_orders, seed=seed)


def window_waits(
    answer_ids: ArrayLike,
    lengths: ArrayLike,
    windows: ArrayLike,
    caps: ArrayLike,
    *,
    pool_sizes: ArrayLike | None = None,
    n_orders: int | None = None,
    seed: Seed = 0,
) -> np.ndarray:
    """How long early-stopping consistency is waited for: its windows one after the other, each as its longest sample.

    Always by random orders, since which of an answer's samples fall into one window matters.

    Parameters
    ----------
    answer_ids, windows, caps, pool_sizes, n_orders, seed
        As in `early_stopping_consistency`.
    lengths : array_like of float, shape (problems, samples)
        Completion tokens, or what a verifier reads; at least 0. NaN: not known.

    Returns
    -------
    numpy.ndarray, shape (problems, rules, caps)
        NaN where the cap exceeds the pool or a length is not known.

    Examples
    --------
    >>> float(window_waits([[0, 0, 0]], [[5.0, 5.0, 5.0]], [2], [3])[0, 0, 0])
    5.0
    """
    ids, length = as_answers(answer_ids), as_table(lengths, "lengths")
    check_one_shape(answer_ids=ids, lengths=length)
    sizes, limits = np.atleast_1d(as_budgets(windows, "a window")), np.atleast_1d(as_budgets(caps))
    draws = as_draws(seed, len(ids))
    orders = subsets_for(draws.n_problems) if n_orders is None else n_orders
    table = np.full((len(ids), len(sizes), len(limits)), np.nan)
    for rows, size in rows_by_size(pool_sizes, ids.shape):
        within = np.flatnonzero(limits <= size)
        if within.size:
            from ttclib.replay.random_orders import random_waits

            asked, place = np.unique(limits[within], return_inverse=True)
            for row in rows[~np.isnan(length[rows, :size]).any(axis=1)]:
                waits = np.zeros((len(sizes), len(asked)))
                cells = ids[row, :size], length[row, :size], sizes.astype(float)
                random_waits(*cells, asked, orders, first_number(draws.of(row)), waits)
                table[row][:, within] = waits[:, place] / orders
    return table


def weighted_stop(
    answer_ids: ArrayLike,
    scores: ArrayLike,
    correct: ArrayLike,
    shares: ArrayLike,
    caps: ArrayLike,
    *,
    at_least: int = 2,
    loads: ArrayLike | None = None,
    pool_sizes: ArrayLike | None = None,
    n_orders: int | None = None,
    seed: Seed = 0,
) -> Stopped:
    """Weighted vote that stops once the leader's sum of scores is ahead of every other by a share of them all.

    Parameters
    ----------
    answer_ids, correct, caps, loads, pool_sizes, n_orders, seed
        As in `adaptive_consistency`.
    scores : array_like of float, shape (problems, samples)
        As in `ttclib.replay.voting.weighted_best_of_n`.
    shares : array_like of float, shape (rules,)
        Of the sum of all scores drawn so far, above 0, up to 1: all of it means that there is no second answer.
    at_least : int, keyword-only
        Votes before which nothing is settled: a single one is always all there is.

    Returns
    -------
    Stopped

    Raises
    ------
    RequestError
        A share out of range, or a score that weighs a vote is below 0.
    ValueError
        Shapes differ, a cap is below 1, a score that weighs a vote is infinite.

    Examples
    --------
    >>> found = weighted_stop([[0, 0, 1]], [[0.9, 0.8, 0.1]], [[1, 1, 0]], [0.5], [3])
    >>> float(found.draws[0, 0, 0]), float(found.accuracy[0, 0, 0])  # .8 against .1 is settled, too
    (2.0, 1.0)
    """
    levels = levels_of(shares, "share", above=0.0)
    pool = answer_ids, scores, correct
    least = int(as_budgets(at_least, "at_least"))
    return votes_until(SHARE, *pool, levels, caps, loads, pool_sizes, n_orders=n_orders, seed=seed, at_least=least)


def first_above(
    scores: ArrayLike,
    correct: ArrayLike,
    thresholds: ArrayLike,
    caps: ArrayLike,
    *,
    loads: ArrayLike | None = None,
    pool_sizes: ArrayLike | None = None,
) -> Stopped:
    """Best-of-N that takes the first sample whose score reaches a threshold; at the cap the best that was drawn.

    Exact, in closed form: a subset of N has no such sample with chance ``C(n − m, N) / C(n, N)``, m of n reaching the
    threshold; the first of them is any of them; the others that are drawn are any of the others.

    Parameters
    ----------
    scores : array_like of float, shape (problems, samples)
        As in `ttclib.replay.best_of_n.expected_best_of_n`; NaN reaches no threshold.
    correct, caps, loads, pool_sizes
        As in `adaptive_consistency`.
    thresholds : array_like of float, shape (rules,)
        Any; −inf: the first sample that is scored.

    Returns
    -------
    Stopped

    Raises
    ------
    RequestError
        A threshold is NaN.
    ValueError
        Shapes differ, a cap is below 1.

    Examples
    --------
    >>> found = first_above([[0.9, 0.5, 0.1]], [[1, 0, 0]], [0.8], [2, 3])
    >>> found.accuracy[0, 0].round(4).tolist(), found.draws[0, 0].round(4).tolist()
    ([0.6667, 1.0], [1.6667, 2.0])
    """
    score, right = as_table(scores, "scores"), as_grades(correct)
    check_one_shape(scores=score, correct=right)
    levels, limits = levels_of(thresholds, "threshold", above=-np.inf, up_to=np.inf), np.atleast_1d(as_budgets(caps))
    load, missing = loads_of(loads, right.shape)
    table = np.full((len(score), len(levels), len(limits), N_BEFORE_LOADS + load.shape[2]), np.nan)
    for rows, size in rows_by_size(pool_sizes, score.shape):
        within = np.flatnonzero(limits <= size)
        if within.size:
            wins = rank_weights(size, limits[within])
            for row in rows:
                cells = right[row, :size], load[row, :size]
                table[row][:, within] = _first_above(score[row, :size], *cells, levels, limits[within], wins)
    return assembled(table, right, missing, rows_by_size(pool_sizes, score.shape))


def _first_above(
    score: np.ndarray, right: np.ndarray, load: np.ndarray, levels: np.ndarray, caps: np.ndarray, wins: np.ndarray
) -> np.ndarray:
    """Rows as `assembled` takes them, shape (rules, caps, …), from the chance of each rank to be the best of N."""
    n_samples, unscored = len(score), np.isnan(score)
    order = np.lexsort((-np.where(unscored, 0.0, score), unscored))
    score, right, load = score[order], right[order], load[order]
    starts = np.ones((1, n_samples), dtype=bool)  # of samples that tie
    starts[0, 1:] = (score[1:] != score[:-1]) & ~np.isnan(score[:-1])
    worth = [mean_of_runs(starts, kind[None])[0] for kind in (np.nan_to_num(right), np.isnan(right).astype(float))]
    reach = (score[:, None] >= levels).sum(axis=0)  # the first so many
    # Nobody reaches the level: the best of the others is taken, each with its chance to be the best of all.
    chances = np.stack([*worth, np.ones(n_samples)], axis=1)[:, None] * wins[:, :, None]
    rest = np.concatenate([np.cumsum(chances[::-1], axis=0)[::-1], np.zeros((1, *chances.shape[1:]))])[reach]
    hit = 1 - rest[:, :, 2]
    draws = (n_samples + 1) / (reach[:, None] + 1) * np.asarray(pass_at_k(n_samples + 1, caps, reach[:, None] + 1))

    def means(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of those who reach each level, and of the others, shape (rules, 1, columns)."""
        summed = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
        first, others = summed[reach], summed[-1] - summed[reach]
        n_first = reach[:, None]
        return (first / np.maximum(1, n_first))[:, None], (others / np.maximum(1, n_samples - n_first))[:, None]

    taken = rest[:, :, :2] + hit[:, :, None] * means(np.stack(worth, axis=1))[0]
    first, others = means(load)
    spent = hit[:, :, None] * first + (draws - hit)[:, :, None] * others
    return np.concatenate(
        [taken[:, :, :1], np.zeros((*hit.shape, 1)), taken[:, :, 1:], draws[:, :, None], spent], axis=2
    )
