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

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ttclib.errors import RequestError, one_of
from ttclib.replay.arrays import as_answers, as_grades, as_table, check_one_shape, rows_by_size
from ttclib.replay.best_of_n import mean_of_runs, rank_weights
from ttclib.replay.budgets import as_budgets
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.draws import Seed, as_draws
from ttclib.replay.stop_rules import BETA, DIRICHLET, SHARE, SLACK, WINDOW
from ttclib.replay.voting import check_weights, elect, subsets_for

PRIORS = {"beta": BETA, "dirichlet": DIRICHLET}
_LOADS = 4  # columns before the loads: accuracy, its error, the ungraded share, draws
_AFFORDABLE = 1e5  # steps between states that a rule is counted with on a problem: a fraction of a millisecond


class Stopped(NamedTuple):
    """A stopping rule's expectation, arrays of shape (problems, rules, caps).

    Attributes
    ----------
    accuracy, mc_error, ungraded : numpy.ndarray
        As in `ttclib.replay.estimate.Estimate`.
    draws : numpy.ndarray
        Expected number of samples drawn, from 1 to the cap.
    spent : numpy.ndarray, shape (problems, rules, caps, loads)
        Expected sum of each load over the samples drawn; NaN where that of a sample is not known.
    """

    accuracy: np.ndarray
    mc_error: np.ndarray
    ungraded: np.ndarray
    draws: np.ndarray
    spent: np.ndarray


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
    levels = _levels(thresholds, "threshold", above=0.5)
    return _votes(rule, answer_ids, None, correct, levels, caps, loads, pool_sizes, n_orders=n_orders, seed=seed)


def is_sure(votes: np.ndarray, threshold: float, prior: str = "beta") -> bool:
    """Whether votes are enough for `adaptive_consistency` to stop, once these are drawn.

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
    return _votes(WINDOW, answer_ids, None, correct, sizes, caps, loads, pool_sizes, n_orders=n_orders, seed=seed)


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
                random_waits(*cells, asked, orders, _first_number(draws.of(row)), waits)
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
    levels = _levels(shares, "share", above=0.0)
    pool = answer_ids, scores, correct
    least = int(as_budgets(at_least, "at_least"))
    return _votes(SHARE, *pool, levels, caps, loads, pool_sizes, n_orders=n_orders, seed=seed, at_least=least)


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
    levels, limits = _levels(thresholds, "threshold", above=-np.inf, up_to=np.inf), np.atleast_1d(as_budgets(caps))
    load, missing = _loads(loads, right.shape)
    table = np.full((len(score), len(levels), len(limits), _LOADS + load.shape[2]), np.nan)
    for rows, size in rows_by_size(pool_sizes, score.shape):
        within = np.flatnonzero(limits <= size)
        if within.size:
            wins = rank_weights(size, limits[within])
            for row in rows:
                cells = right[row, :size], load[row, :size]
                table[row][:, within] = _first_above(score[row, :size], *cells, levels, limits[within], wins)
    return _stopped(table, right, missing, rows_by_size(pool_sizes, score.shape))


def _first_above(
    score: np.ndarray, right: np.ndarray, load: np.ndarray, levels: np.ndarray, caps: np.ndarray, wins: np.ndarray
) -> np.ndarray:
    """Rows as `_stopped` takes them, shape (rules, caps, …), from the chance of each rank to be the best of N."""
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


def _votes(
    rule: int,
    answer_ids: ArrayLike,
    scores: ArrayLike | None,
    correct: ArrayLike,
    levels: np.ndarray,
    caps: ArrayLike,
    loads: ArrayLike | None,
    pool_sizes: ArrayLike | None,
    *,
    n_orders: int | None,
    seed: Seed,
    at_least: int = 1,
) -> Stopped:
    """The rules that stop a vote."""
    ids, right = as_answers(answer_ids), as_grades(correct)
    weights = np.ones(ids.shape) if scores is None else as_table(scores, "scores")
    check_one_shape(answer_ids=ids, scores=weights, correct=right)
    limits = np.atleast_1d(as_budgets(caps))
    if n_orders is not None and n_orders < 2:
        raise ValueError(f"n_orders must be at least 2, got {n_orders}")
    load, missing = _loads(loads, right.shape)
    draws = as_draws(seed, len(ids))
    ascending, back = np.unique(levels, return_inverse=True)
    table = np.full((len(ids), len(levels), len(limits), _LOADS + load.shape[2]), np.nan)
    for rows, size in rows_by_size(pool_sizes, ids.shape):
        within = np.flatnonzero(limits <= size)
        if within.size:
            asked, place = np.unique(limits[within], return_inverse=True)
            watch = _Watch(rule, ascending, asked, at_least, size, n_orders or subsets_for(draws.n_problems))
            pools = ids[rows, :size], weights[rows, :size], right[rows, :size], load[rows, :size]
            unstopped = watch.unstopped(*pools[:3])
            for row, *cells in zip(rows, *pools, unstopped, strict=True):
                table[row][:, within] = watch.one(*cells, seed=draws.of(row))[back][:, place]
    return _stopped(table, right, missing, rows_by_size(pool_sizes, ids.shape))


class _Watch:
    """A rule at ascending levels and caps, on pools of one size."""

    def __init__(
        self, rule: int, levels: np.ndarray, caps: np.ndarray, at_least: int, size: int, n_orders: int
    ) -> None:
        self._levels, self._caps, self._n_orders = levels, caps, n_orders
        from ttclib.replay.confidence import beta_table, gamma_tables  # compiled: loaded when needed

        self._rule, self._at_least = rule, at_least
        self._beta = beta_table(size if rule in (BETA, DIRICHLET) else 0)
        self._gamma = gamma_tables(size if rule == DIRICHLET else 0)

    def unstopped(self, ids: np.ndarray, weights: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Accuracy and ungraded share of the votes that nothing stops, shape (problems, 2, caps); NaN: not exact."""
        exact = self._caps
        if self._rule == SHARE:  # of a weighted vote few budgets are exact, and the others dear
            exact = self._caps[(self._caps <= 2) | (self._caps == ids.shape[1])]
        votes = elect(ids, weights if self._rule == SHARE else None, right, exact, n_subsets=self._n_orders)
        found = np.full((len(ids), 2, len(self._caps)), np.nan)
        known = np.stack([votes.accuracy, votes.ungraded], axis=1)
        found[:, :, np.isin(self._caps, exact)] = np.where(votes.mc_error[:, None] == 0, known, np.nan)
        return found

    def one(
        self,
        ids: np.ndarray,
        weights: np.ndarray,
        right: np.ndarray,
        load: np.ndarray,
        unstopped: np.ndarray,
        *,
        seed: tuple[int, int],
    ) -> np.ndarray:
        """One problem's rows as `_stopped` takes them, shape (rules, caps, …)."""
        from ttclib.replay import count_states, random_orders

        cast = (ids >= 0) & ~np.isnan(weights)
        check_weights(weights[cast])
        column = np.full(len(ids), -1)
        column[cast] = np.unique(ids[cast], return_inverse=True)[1]
        n_answers = int(column.max(initial=-1)) + 1
        codes = np.where(cast, column, n_answers)  # what does not vote, last
        n_of = np.maximum(1, np.bincount(codes, minlength=n_answers + 1))
        lacking = np.isnan(right)
        worth = np.stack(
            [np.bincount(codes, kind, n_answers + 1) / n_of for kind in (np.where(lacking, 0.0, right), lacking)]
        )
        weight = np.where(cast, weights, 0.0)
        shape = len(self._levels), int(self._caps[-1]) + 1, _LOADS + load.shape[1]
        stopped, arrived = np.zeros(shape), np.zeros((shape[0], len(self._caps), shape[2]))
        tables = self._levels, self._caps, self._at_least, self._beta, *self._gamma
        kinds, kind_of, sizes = np.unique(
            np.stack([codes, weight], axis=1), axis=0, return_inverse=True, return_counts=True
        )
        if self._steps(sizes, n_answers) <= _AFFORDABLE:
            answers = kinds[:, 0].astype(np.int64)
            answers[answers == n_answers] = -1
            mean_load = np.zeros((len(sizes), load.shape[1]))
            np.add.at(mean_load, kind_of.ravel(), load)
            mean_load /= sizes[:, None]
            count_states.all_orders(
                self._rule, sizes, answers, kinds[:, 1].copy(), worth, mean_load, *tables, stopped, arrived
            )
            rows = self._at_caps(stopped, arrived)
            rows[:, :, 1] = 0.0
            return rows
        whole, apart = np.zeros(arrived.shape[1:]), np.zeros(arrived.shape[:2])
        orders = self._n_orders, _first_number(seed)
        random_orders.random_orders(
            self._rule, column, weight, worth, load, *tables, *orders, stopped, arrived, whole, apart
        )
        rows = self._at_caps(stopped, arrived) / self._n_orders
        moved = rows - whole / self._n_orders
        variance = rows[:, :, 1] - rows[:, :, 0] ** 2
        less = apart / self._n_orders - moved[:, :, 0] ** 2
        better = ~np.isnan(unstopped[0]) & (less <= variance)  # not where a rule stops so soon that all is left to tell
        for part, at in ((0, 0), (1, 2)):
            rows[:, :, at] = np.where(better, unstopped[part] + moved[:, :, at], rows[:, :, at])
        rows[:, :, 1] = np.sqrt(np.maximum(0.0, np.where(better, less, variance)) / (self._n_orders - 1))
        rows[:, :, 0] = np.clip(rows[:, :, 0], 0.0, 1.0)  # what chance left outside by less than its error
        rows[:, :, 2] = np.clip(rows[:, :, 2], 0.0, 1.0 - rows[:, :, 0])
        rows[:, :, 3:] = self._caps[:, None] * np.append(1.0, load.mean(axis=0)) + moved[:, :, 3:]
        return rows

    def _at_caps(self, stopped: np.ndarray, arrived: np.ndarray) -> np.ndarray:
        """At a cap there is what had stopped before, and what came as far."""
        return np.asarray(np.cumsum(stopped, axis=1)[:, self._caps - 1] + arrived)

    def _steps(self, sizes: np.ndarray, n_answers: int) -> float:
        """Steps between states, were all to be counted for one rule."""
        marks = n_answers + 1 if self._rule == WINDOW else 1
        return float(np.prod(sizes + 1.0)) * len(sizes) * marks


def _first_number(seed: tuple[int, int]) -> np.uint64:
    """Where the random numbers of a problem begin."""
    return np.uint64(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])


def _levels(values: ArrayLike, name: str, *, above: float, up_to: float = 1.0) -> np.ndarray:
    """What a rule compares with, as floats in (above, up_to]."""
    levels = np.atleast_1d(np.asarray(values, dtype=float))
    outside = ~((levels >= above if above == -np.inf else levels > above) & (levels <= up_to))
    if outside.any():
        allowed = "a number" if up_to == np.inf else f"above {above:g}, up to {up_to:g}"
        raise RequestError(f"{name} {levels[outside].flat[0]:g}: give {allowed}")
    return levels


def _loads(loads: ArrayLike | None, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """What each sample costs, shape (problems, samples, loads), 0 where that is not known, and where."""
    table = np.zeros((*shape, 0)) if loads is None else np.asarray(loads, dtype=float)
    if table.ndim == 2:
        table = table[:, :, None]
    if table.ndim != 3 or table.shape[:2] != shape:
        raise ValueError(f"loads must have shape (problems, samples) or (problems, samples, loads), got {table.shape}")
    return np.nan_to_num(table), np.asarray(np.isnan(table))


def _stopped(
    table: np.ndarray, right: np.ndarray, missing: np.ndarray, groups: list[tuple[np.ndarray, int]]
) -> Stopped:
    """Rows of accuracy, its error, the ungraded share, draws and loads; NaN where there is no grade, or no load."""
    for rows, size in groups:
        table[rows[np.isnan(right[rows, :size]).all(axis=1)], :, :, :3] = np.nan
        unknown = np.any(missing[rows, :size], axis=1)  # (problems, loads)
        spent = table[rows, :, :, _LOADS:]
        table[rows, :, :, _LOADS:] = np.where(np.reshape(unknown, (len(rows), 1, 1, -1)), np.nan, spent)
    accuracy, error, ungraded, draws = np.moveaxis(table[..., :_LOADS], -1, 0)
    return Stopped(accuracy, error, ungraded, draws, spent=table[..., _LOADS:])
