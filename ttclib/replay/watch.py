"""Votes that a rule watches and stops: counted state by state where that is affordable, else by random orders."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ttclib.replay.arrays import as_answers, as_grades, as_table, check_one_shape, rows_by_size
from ttclib.replay.budgets import as_budgets
from ttclib.replay.draws import Seed, as_draws
from ttclib.replay.stop_rules import BETA, DIRICHLET, SHARE, WINDOW
from ttclib.replay.stopped import N_BEFORE_LOADS, Stopped, assembled, loads_of
from ttclib.replay.voting import check_weights, elect, subsets_for

_AFFORDABLE = 1e5  # steps between states that a rule is counted with on a problem: a fraction of a millisecond


def votes_until(
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
    load, missing = loads_of(loads, right.shape)
    draws = as_draws(seed, len(ids))
    ascending, back = np.unique(levels, return_inverse=True)
    table = np.full((len(ids), len(levels), len(limits), N_BEFORE_LOADS + load.shape[2]), np.nan)
    for rows, size in rows_by_size(pool_sizes, ids.shape):
        within = np.flatnonzero(limits <= size)
        if within.size:
            asked, place = np.unique(limits[within], return_inverse=True)
            watch = _Watch(rule, ascending, asked, at_least, size, n_orders or subsets_for(draws.n_problems))
            pools = ids[rows, :size], weights[rows, :size], right[rows, :size], load[rows, :size]
            unstopped = watch.unstopped(*pools[:3])
            for row, *cells in zip(rows, *pools, unstopped, strict=True):
                table[row][:, within] = watch.one(*cells, seed=draws.of(row))[back][:, place]
    return assembled(table, right, missing, rows_by_size(pool_sizes, ids.shape))


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
        """One problem's rows as `assembled` takes them, shape (rules, caps, …)."""
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
        shape = len(self._levels), int(self._caps[-1]) + 1, N_BEFORE_LOADS + load.shape[1]
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
        orders = self._n_orders, first_number(seed)
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


def first_number(seed: tuple[int, int]) -> np.uint64:
    """Where the random numbers of a problem begin."""
    return np.uint64(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
