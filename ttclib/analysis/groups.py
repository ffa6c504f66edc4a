"""Means over difficulty bins under resampling of whole problems.

Every interval of the choice, the frontier and the crossover stands on the same replicates: row 0 of
the weights is the data as they are, each further row one bootstrap draw of problems. A curve is then
an array of shape (replicates, groups, budgets); group 0 is all problems, group g is bin g. Bins stay
with their problems, so a bin may weigh more or less in a draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes


def resample_weights(n_problems: int, n_resamples: int, seed: int = 0) -> np.ndarray:
    """How often each problem is drawn, shape (1 + n_resamples, problems); row 0 is one each.

    Examples
    --------
    >>> resample_weights(3, 2).sum(axis=1).tolist()
    [3.0, 3.0, 3.0]
    """
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_problems, np.full(n_problems, 1 / n_problems), size=n_resamples)
    return np.vstack([np.ones((1, n_problems)), drawn])


def group_means(values: np.ndarray, bins: np.ndarray, weights: np.ndarray, n_bins: int | None = None) -> np.ndarray:
    """Weighted means over all problems and by bin, NaN left out column by column.

    Parameters
    ----------
    values : float array, shape (problems, columns)
    bins : int array, shape (problems,)
        1 … n_bins; 0: in no bin, counted among all.
    weights : float array, shape (replicates, problems)
    n_bins : int, optional
        By default the largest bin.

    Returns
    -------
    numpy.ndarray, shape (replicates, 1 + n_bins, columns)
        NaN where nothing is known.
    """
    count = int(bins.max(initial=0)) if n_bins is None else n_bins
    means = np.empty((len(weights), count + 1, values.shape[1]))
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    for group in range(count + 1):
        member = np.ones(len(bins), dtype=bool) if group == 0 else bins == group
        total = weights[:, member] @ known[member]
        with np.errstate(invalid="ignore", divide="ignore"):
            means[:, group] = (weights[:, member] @ filled[member]) / total
    return means


def ordered_interval(replicates: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval along the first axis, taken at order statistics so that infinities may stand in it.

    Parameters
    ----------
    replicates : float array, shape (1 + n_resamples, …)
        Row 0 is the point estimate and is left out. NaN replicates are left out.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    low, high : numpy.ndarray
        NaN where no replicate is known.

    Examples
    --------
    >>> [float(end) for end in ordered_interval(np.array([9.0, 1.0, 3.0, 2.0, np.inf]), 0.5)]
    [1.0, inf]
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    drawn = np.sort(replicates[1:], axis=0)  # NaN last
    known = (~np.isnan(drawn)).sum(axis=0)
    if len(drawn) == 0:
        return np.full(drawn.shape[1:], np.nan), np.full(drawn.shape[1:], np.nan)
    tail = (1 - level) / 2
    first = np.floor(tail * (known - 1)).astype(int)
    last = np.ceil((1 - tail) * (known - 1)).astype(int)
    ends = (np.take_along_axis(drawn, np.clip(at, 0, len(drawn) - 1)[None], axis=0)[0] for at in (first, last))
    low, high = (np.where(known > 0, end, np.nan) for end in ends)
    return low, high


@dataclass(frozen=True)
class Aligned:
    """Several strategies on the same problems and on one grid of charged budgets.

    Attributes
    ----------
    outcomes : tuple of Outcomes
        Restricted to the problems that all hold.
    budgets : tuple of int
        Every budget that one of them has, in generations charged.
    accuracy : float array, shape (strategies, problems, budgets)
        NaN where a strategy does not have the budget or a problem's pool does not reach it.
    bins : int array, shape (problems,)
    """

    outcomes: tuple[Outcomes, ...]
    budgets: tuple[int, ...]
    accuracy: np.ndarray
    bins: np.ndarray

    @property
    def problem_ids(self) -> tuple[str, ...]:
        """The problems that all strategies hold."""
        return self.outcomes[0].problem_ids

    def at_budgets(self, budgets: Sequence[int]) -> Aligned:
        """The same at some of the budgets."""
        columns = [self.budgets.index(budget) for budget in budgets]
        return replace(self, budgets=tuple(budgets), accuracy=self.accuracy[:, :, columns])

    def cost(self, name: str) -> np.ndarray:
        """One cost of every strategy, shape (strategies, problems, budgets); NaN: not known."""
        return _on_grid([outcome.cost(name) for outcome in self.outcomes], self.outcomes, self.budgets)


def align(outcomes: Sequence[Outcomes], bins: ArrayLike | None = None) -> Aligned:
    """Put strategies side by side: the problems that all hold, one grid of budgets.

    Parameters
    ----------
    outcomes : sequence of Outcomes
    bins : array_like of int, shape (problems of the first,), optional
        Difficulty bins; None: all problems in no bin.

    Raises
    ------
    RequestError
        No strategy, two of one variant, bins of another length, or no problem that all hold.
    """
    if not outcomes:
        raise RequestError("no strategy to compare: give at least one")
    variants = [outcome.variant for outcome in outcomes]
    if twice := {name for name in variants if variants.count(name) > 1}:
        raise RequestError(f"strategy '{min(twice)}' is given twice: name variants apart")
    first = outcomes[0].problem_ids
    given = np.zeros(len(first), dtype=int) if bins is None else np.asarray(bins, dtype=int)
    if given.shape != (len(first),):
        raise RequestError(f"bins must be one a problem, {len(first)} of '{variants[0]}', got shape {given.shape}")
    ids = shared_problems(outcomes)
    if not ids:
        raise RequestError(f"no shared problems between {', '.join(variants)}: sample them on the same benchmark")
    place = {name: row for row, name in enumerate(first)}
    kept = [place[name] for name in ids]
    restricted = tuple(restrict(outcome, ids) for outcome in outcomes)
    budgets = tuple(sorted({budget for outcome in restricted for budget in charged_budgets(outcome)}))
    accuracy = _on_grid([outcome.accuracy for outcome in restricted], restricted, budgets)
    return Aligned(restricted, budgets, accuracy, given[kept])


def shared_problems(outcomes: Sequence[Outcomes]) -> tuple[str, ...]:
    """Problems that all have, in the order of the first; maybe none."""
    first, *others = (outcome.problem_ids for outcome in outcomes)
    shared = set(first).intersection(*others)
    return tuple(name for name in first if name in shared)


def restrict(outcome: Outcomes, problem_ids: Sequence[str]) -> Outcomes:
    """The same strategy on these problems, in this order; each must be there."""
    if outcome.problem_ids == tuple(problem_ids):
        return outcome
    place = {name: row for row, name in enumerate(outcome.problem_ids)}
    return cut(outcome, rows=[place[name] for name in problem_ids])


def cut(outcome: Outcomes, *, rows: ArrayLike | None = None, columns: ArrayLike | None = None) -> Outcomes:
    """The same strategy on some problems, by their rows, at some budgets, by their columns; None: on all."""
    n_rows, n_columns = outcome.accuracy.shape
    cells = np.ix_(
        np.arange(n_rows) if rows is None else np.asarray(rows, dtype=int),
        np.arange(n_columns) if columns is None else np.asarray(columns, dtype=int),
    )
    return replace(
        outcome,
        budgets=tuple(outcome.budgets[column] for column in cells[1].ravel()),
        problem_ids=tuple(outcome.problem_ids[row] for row in cells[0].ravel()),
        accuracy=outcome.accuracy[cells],
        costs={name: table[cells] for name, table in outcome.costs.items()},
        mc_error=None if outcome.mc_error is None else outcome.mc_error[cells],
    )


def charged_budgets(outcome: Outcomes) -> tuple[int, ...]:
    """Generations that each budget is charged, as the papers do: lookahead's N·(k + 1), else N itself.

    Where problems are charged differently, the most that one of them is.
    """
    generations = outcome.costs.get("generations")
    if generations is None or not len(generations):
        return outcome.budgets
    most = np.where(np.isnan(generations), -np.inf, generations).max(axis=0)
    charged = np.where(np.isfinite(most), np.ceil(most - 1e-6), outcome.budgets).astype(int)
    if np.any(np.diff(charged) <= 0):
        return outcome.budgets
    return tuple(int(value) for value in charged)


def _on_grid(tables: Sequence[np.ndarray], outcomes: Sequence[Outcomes], budgets: Sequence[int]) -> np.ndarray:
    column = {budget: index for index, budget in enumerate(budgets)}
    grid = np.full((len(tables), len(tables[0]), len(budgets)), np.nan)
    for index, (table, outcome) in enumerate(zip(tables, outcomes, strict=True)):
        for own, budget in enumerate(charged_budgets(outcome)):
            if budget in column:
                grid[index][:, column[budget]] = table[:, own]
    return grid
