"""One optimiser: the candidate with the best accuracy at most at cost C, chosen on some problems, scored on others.

The frontier, the saving over a baseline, the crossover with a larger model, plans and allocation are
calls of it. In each group of problems (a difficulty bin) the choice is made on four fifths of the problems
and scored on the last fifth, over many partitions; every bootstrap replicate cuts its bins, deals its
folds and makes its choice anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ttclib.analysis.binning import check_bins
from ttclib.analysis.candidates import Candidates
from ttclib.analysis.difficulty import Difficulty
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE, Interval, Resamples, ends
from ttclib.errors import RequestError, one_of

PER = ("problem", "mixed", "average")
N_LIMITS = 32
FOLDS, PARTITIONS = 5, 20


@dataclass(frozen=True)
class Choice:
    """What the optimiser takes within each limit, and what it comes to.

    Groups are numbered as everywhere: 0 is all problems, g is bin g (one bin where there are none).
    """

    candidates: Candidates  # in the order in which ties are settled: cheapest first
    # float, shape (groups, limits); the most that a problem of the group may cost, on average over the group; row 0 is
    # the mean over groups
    limits: np.ndarray
    # {"problem", "mixed", "average"}; whether every group keeps the limit by itself, may mix two candidates to spend it
    # all, or groups share it
    per: str
    # accuracy, cost: float, shape (rows, limits); Cross-fitted, of each problem: the mean over partitions. NaN: no
    # candidate is affordable.
    accuracy: np.ndarray
    cost: np.ndarray
    # means, costs: float, shape (1 + groups, limits); of these over each group
    means: np.ndarray
    costs: np.ndarray
    # float, shape (1 + groups, limits); chosen and scored on the same problems: never falls as the limit rises
    in_sample: np.ndarray
    # left, right: int, shape (groups, limits); the candidates chosen on all problems; −1: none is affordable. They
    # differ only where two are mixed.
    left: np.ndarray
    right: np.ndarray
    part: np.ndarray  # float, shape (groups, limits); share of `right`
    # float, shape (limits, 1 + groups, candidates); how often a group's problems were answered with a candidate, in the
    # cross-fitting
    used: np.ndarray
    # float, shape (replicates, 1 + groups, limits); `means` in every replicate, moved so that their centre is `means`
    draws: np.ndarray
    # float, shape (replicates, 1 + groups, columns); means of the further columns over the same replicates, centred
    # likewise
    beside: np.ndarray
    doubt: np.ndarray  # float, shape (replicates, 1 + groups); weight of the pseudo-problem in each

    @property
    def optimism(self) -> np.ndarray:
        """What choosing and scoring on the same problems adds, shape (1 + groups, limits)."""
        return self.in_sample - self.means

    def interval(self, level: float = 0.95) -> Interval:
        """Of the cross-fitted accuracy, shape (1 + groups, limits)."""
        low, high = ends(*self.pushed(self.draws, 0.0, 1.0), level)
        return Interval(self.means, *(np.where(np.isnan(self.means), np.nan, end) for end in (low, high)))

    def pushed(self, draws: np.ndarray, worst: float, best: float) -> tuple[np.ndarray, np.ndarray]:
        """Draws (replicates, 1 + groups, …) with the pseudo-problem at its worst, and at its best."""
        u = self.doubt.reshape(*self.doubt.shape, *([1] * (draws.ndim - 2)))
        inside = np.clip(draws, worst, best)
        return inside * (1 - u) + worst * u, inside * (1 - u) + best * u

    def groups(self) -> list[tuple[int | None, int, np.ndarray]]:
        """(bin or None, group, rows) for each row of a table; without bins only all problems."""
        return [(number, number or 0, rows) for number, rows in self.candidates.groups]


def optimise(
    candidates: Candidates,
    limits: ArrayLike | None = None,
    *,
    difficulty: Difficulty | None = None,
    beside: np.ndarray | None = None,
    per: str = "problem",
    folds: int = FOLDS,
    partitions: int = PARTITIONS,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> Choice:
    """Choose within each limit, cross-fitted, with replicates for intervals.

    Parameters
    ----------
    candidates : Candidates
        Those that need the right answer (pass@k) are left out.
    limits : array_like of float, shape (limits,) or (groups, limits), optional
        Ascending, in the ledger's unit, the mean over a group. None: `default_limits`.
    difficulty : Difficulty, optional
        What the bins were cut by, on the rows that `candidates` was made from: quantile bins that part ties are then
        cut anew in every replicate. Others stay.
    beside : float array, shape (rows of candidates, columns), optional
        Further values by problem, averaged in the same replicates: the other side of a difference.
    per : {"problem", "mixed", "average"}
        As in `Choice`.
    folds, partitions : int
        5 and 20; the paper's two halves are ``folds=2``. A bin with fewer problems than folds leaves out one at a time.

    Raises
    ------
    RequestError
        No candidate that could be run, a bin with a single problem, no limit, or limits that do not ascend.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, section 3 (per problem); Damani et al. 2024, arXiv:2410.04707 (on average).
    """
    from ttclib.analysis import choice_kernels as kernels

    mode = PER.index(one_of(per, PER, "way to spend"))
    if folds < 2 or partitions < 1:
        raise RequestError(f"{folds} folds and {partitions} partitions: give at least 2 folds and 1 partition")
    able = _in_order(candidates.runnable())
    check_bins(able.bins, 2, able.clusters)  # a bin with fewer problems than folds leaves some of them empty
    table = default_limits(able) if limits is None else np.asarray(limits, dtype=float)
    asked = _limits(table, able.n_groups, per)
    bins, accuracy = able.bins.astype(np.int64) - 1, np.ascontiguousarray(able.accuracy)
    # Where a candidate costs the same on every problem, one row says it all.
    spread = able.cost.max(axis=0) - able.cost.min(axis=0)
    cost = np.ascontiguousarray(able.cost[:1] if (spread <= 1e-12 * np.abs(able.cost[0])).all() else able.cost)
    n, (unlike, inverse) = len(bins), _unlike(mode, cost, asked)
    given, asked = asked, np.ascontiguousarray(asked[:, unlike])
    n_limits = asked.shape[1]
    clusters, n_clusters = able.clusters.astype(np.int64), int(able.clusters.max()) + 1
    ranked, runs = _ranking(able, difficulty)
    used = np.zeros((n_limits, n, len(able)))
    rng = np.random.default_rng([seed, 1])
    kernels.cross_fit(mode, accuracy, cost, bins, clusters, n_clusters, asked, folds, partitions, rng, used)
    left = np.full((able.n_groups, n_limits), -1)
    right, part = left.copy(), np.zeros(left.shape)
    kernels.in_sample(mode, accuracy, cost, bins, asked, left, right, part)
    used, left, right, part = used[inverse], left[:, inverse], right[:, inverse], part[:, inverse]
    answered = used.sum(axis=2).T > 0
    mixed = [np.where(answered, np.einsum("kij,ij->ik", used, one), np.nan) for one in (able.accuracy, able.cost)]
    inside = np.where(left >= 0, 0.0, np.nan)[bins] + _pick(able.accuracy, bins, left, right, part)
    draws = np.zeros((n_resamples, able.n_groups, n_limits))
    extra = np.zeros((n, 0)) if beside is None else np.ascontiguousarray(beside, dtype=float)
    others, total = np.zeros((n_resamples, able.n_groups, extra.shape[1])), np.zeros((n_resamples, able.n_groups))
    weights = Resamples.of(n, n_resamples, seed, able.clusters)
    kernels.replicate(
        mode, accuracy, cost, extra, bins, ranked, runs, clusters, n_clusters, asked, folds,
        np.ascontiguousarray(weights.weights), np.random.default_rng([seed, 2]), draws, others, total,
    )  # fmt: skip
    draws, asked = draws[:, :, inverse], given
    means, costs = (_by_group(table, bins, able.n_groups) for table in mixed)
    allowed = np.vstack([_mean_limit(asked, bins), asked])
    costs = np.where(np.isclose(costs, allowed, rtol=1e-9, atol=0), allowed, costs)  # at most, to the last digit
    draws, others = (_with_all(one, total) for one in (draws, others))
    draws = _centred(draws, means)
    others = _centred(others, _by_group(extra, bins, able.n_groups))
    return Choice(
        candidates=able,
        limits=allowed,
        per=per,
        accuracy=mixed[0],
        cost=mixed[1],
        means=means,
        costs=costs,
        in_sample=_by_group(inside, bins, able.n_groups),
        left=left,
        right=right,
        part=part,
        used=np.stack([used.mean(axis=1), *(used[:, bins == g].mean(axis=1) for g in range(able.n_groups))], axis=1),
        draws=draws,
        beside=others,
        doubt=_doubt(weights, total, bins),
    )


def default_limits(candidates: Candidates) -> np.ndarray:
    """Limits that show the curve: the budgets where costs are generations, else evenly spaced in log cost.

    From the cheapest candidate that every group can afford to the dearest; three figures, rounded up.
    """
    able = candidates.runnable()
    costs = np.stack([able.cost[able.bins == g].mean(axis=0) for g in range(1, able.n_groups + 1)])
    if able.ledger.unit == "generations":
        known = np.unique(np.round(costs, 9))
        if len(known) <= 2 * N_LIMITS:
            return np.unique(np.ceil(known - 1e-9)) if not able.ledger.difficulty else known
    low, high = float(costs.min(axis=1).max()), float(costs.max())
    if low <= 0:
        low = float(costs[costs > 0].min(initial=1.0))
    spaced = np.geomspace(low, max(high, low), N_LIMITS)
    unit = 10.0 ** (np.floor(np.log10(spaced)) - 2)
    return np.unique(np.ceil(spaced / unit - 1e-9) * unit)


def mean_by_group(values: np.ndarray, candidates: Candidates) -> np.ndarray:
    """Means over all rows and over each bin, shape (1 + groups, columns)."""
    return _by_group(values, candidates.bins - 1, candidates.n_groups)


def _in_order(candidates: Candidates) -> Candidates:
    """Cheapest first, then as given: the order in which ties are settled."""
    if not len(candidates):
        raise RequestError("no strategy that could be run: pass@k needs the right answer and cannot be chosen")
    return candidates.some(np.lexsort((np.arange(len(candidates)), candidates.cost.mean(axis=0).round(9))))


def _limits(table: np.ndarray, n_groups: int, per: str) -> np.ndarray:
    asked = np.atleast_2d(table)
    if not asked.size or asked.ndim != 2 or np.isnan(asked).any():
        raise RequestError("no cost limit: give at least one, such as --at-most 1,4,16")
    if (np.diff(asked, axis=1) < 0).any():
        raise RequestError(f"cost limits {asked[0].tolist()}: give them ascending")
    if len(asked) == 1:
        asked = np.repeat(asked, n_groups, axis=0)
    if len(asked) != n_groups:
        raise ValueError(f"limits must be one row a group, {n_groups}, got {len(asked)}")
    if per == "average" and not (asked == asked[0]).all():
        raise ValueError("allocation on average has one limit for all groups")
    return np.ascontiguousarray(asked)


def _unlike(mode: int, cost: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Limits that differ in what they afford, and which of them each limit is like.

    Where a candidate costs the same on every problem and every problem keeps the limit, what is affordable decides.
    """
    if mode != PER.index("problem") or len(cost) > 1:
        every = np.arange(asked.shape[1])
        return every, every
    spent = np.sort(cost[0])
    held = np.stack([np.searchsorted(spent, row * (1 + 1e-9) + 1e-12, side="right") for row in asked])
    _, first, inverse = np.unique(held, axis=1, return_index=True, return_inverse=True)
    return first, inverse.ravel()


def _mean_limit(asked: np.ndarray, bins: np.ndarray) -> np.ndarray:
    return asked[0] if (asked == asked[0]).all() else asked[bins].mean(axis=0)


def _ranking(candidates: Candidates, difficulty: Difficulty | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows from the easiest, and where runs of equal ease begin; both empty where bins stay as they are."""
    if difficulty is None or difficulty.cut != "quantiles" or difficulty.ties != "split" or not candidates.by_bin:
        return np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
    ease = difficulty.ease[candidates.rows]
    ranked = np.argsort(-ease, kind="stable").astype(np.int64)
    begins = np.flatnonzero(np.diff(ease[ranked], prepend=np.inf) != 0)
    return ranked, np.append(begins, len(ranked)).astype(np.int64)


def _pick(table: np.ndarray, bins: np.ndarray, left: np.ndarray, right: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The chosen candidates' column for each row and limit, shape (rows, limits)."""
    rows = np.arange(len(bins))[:, None]
    return (1 - part[bins]) * table[rows, left[bins]] + part[bins] * table[rows, right[bins]]


def _by_group(values: np.ndarray, bins: np.ndarray, n_groups: int) -> np.ndarray:
    return np.stack([values.mean(axis=0), *(values[bins == g].mean(axis=0) for g in range(n_groups))])


def _with_all(means: np.ndarray, total: np.ndarray) -> np.ndarray:
    """A first group that is all problems: the groups by their weight in each replicate."""
    share = total / np.maximum(total.sum(axis=1, keepdims=True), 1e-300)
    return np.concatenate([np.einsum("rg,rgk->rk", share, means)[:, None], means], axis=1)


def _centred(draws: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Replicates moved so that their mean is the estimate: fewer distinct problems choose worse in each of them."""
    if not len(draws):
        return draws
    known = ~np.isnan(draws)
    with np.errstate(invalid="ignore"):
        centre = np.where(known, draws, 0.0).sum(axis=0) / known.sum(axis=0)
    return np.asarray(draws + (at - centre))


def _doubt(weights: Resamples, total: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """The pseudo-problem's share of each group, all first; problems with two rows count once."""
    numbers = np.arange(len(bins)) if weights.clusters is None else np.asarray(weights.clusters)
    per_problem = [len(bins) / len(np.unique(numbers))]
    for g in range(total.shape[1]):
        member = numbers[bins == g]
        per_problem.append(len(member) / len(np.unique(member)))
    mass = np.column_stack([total.sum(axis=1), total]) / per_problem
    return weights.pseudo[:, None] / (mass + weights.pseudo[:, None])
