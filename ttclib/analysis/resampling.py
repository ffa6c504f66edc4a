"""One interval for every number: Dirichlet weights on problems, and one problem more that could have been the worst.

Problems are the unit; the samples of one are no independent evidence about another. n problems get
Dirichlet(1, …, 1) weights together with one *pseudo-problem*, which has the worst value there can be
for the lower end and the best for the upper one. The ends are quantiles of the weighted statistic. Where
all problems are right (or all wrong) a bootstrap never moves; this interval stays as wide as n problems
warrant. On 0/1 data it is the one of Clopper and Pearson 1934; for other bounded values it is the bound
of Gaffke 2005, proven for 0/1 and conjectured beyond (Learned-Miller and Thomas, arXiv:1905.06208).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri, stdtrit

from ttclib.errors import one_of

KINDS = ("mean", "difference", "ratio")
FAMILIES = ("pointwise", "simultaneous")
DRAWS = 10_000  # for means, differences and ratios; an end moves by .001 from seed to seed
DRAWS_THAT_CHOOSE = 2_000  # where every draw makes its choice anew
_BOUNDS: dict[str, tuple[float, float] | None] = {"mean": (0.0, 1.0), "difference": (-1.0, 1.0), "ratio": (0.0, 1.0)}
_UNIT = (0.0, 1.0)


class Interval(NamedTuple):
    """An estimate and its interval, three arrays of one shape; NaN where nothing is known, infinite where open."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray


@lru_cache(maxsize=4)
def _exponentials(n: int, n_resamples: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_exponential((n_resamples, n + 1))
    drawn.flags.writeable = False
    return drawn


@dataclass(frozen=True)
class Resamples:
    """Random weights of problems, the same for everything that is compared.

    Weights are standard exponentials: divided by their sum over any part of the problems they are
    Dirichlet(1, …, 1) on that part, so that one draw serves all groups and columns.
    """

    n_rows: int
    n_resamples: int = DRAWS
    seed: int = 0
    # which problem each row belongs to, 0 …: rows of one problem share its weight. None: each row is its own.
    clusters: tuple[int, ...] | None = None

    @staticmethod
    def of(n_rows: int, n_resamples: int = DRAWS, seed: int = 0, clusters: ArrayLike | None = None) -> Resamples:
        """The same from any array of clusters, which are numbered in the order in which they come.

        Raises
        ------
        ValueError
            Clusters are not one a row.
        """
        if clusters is None:
            return Resamples(n_rows, n_resamples, seed)
        given = np.asarray(clusters)
        if given.shape != (n_rows,):
            raise ValueError(f"clusters must be one a row, {n_rows}, got shape {given.shape}")
        _, first, number = np.unique(given, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first))
        return Resamples(n_rows, n_resamples, seed, tuple(order[number.ravel()].tolist()))

    @cached_property
    def weights(self) -> np.ndarray:
        """Weight of each row, shape (n_resamples, rows)."""
        if self.clusters is None:
            return _exponentials(self.n_rows, self.n_resamples, self.seed)[:, : self.n_rows]
        drawn = _exponentials(max(self.clusters, default=-1) + 1, self.n_resamples, self.seed)
        return drawn[:, list(self.clusters)]

    @cached_property
    def pseudo(self) -> np.ndarray:
        """Weight of the pseudo-problem, shape (n_resamples,)."""
        n = self.n_rows if self.clusters is None else max(self.clusters, default=-1) + 1
        return _exponentials(n, self.n_resamples, self.seed)[:, n]

    def share(self, rows: np.ndarray) -> np.ndarray:
        """Share of the pseudo-problem in the weight of some rows and itself, shape (n_resamples,).

        Rows of one problem count as one: a problem told and scored on two halves is one problem.
        """
        weights = self.weights[:, rows]
        if self.clusters is not None and weights.shape[1]:
            numbers = np.asarray(self.clusters)[rows]
            per_problem = weights.shape[1] / len(np.unique(numbers))
            return self.pseudo / (weights.sum(axis=1) / per_problem + self.pseudo)
        return self.pseudo / (weights.sum(axis=1) + self.pseudo)


def interval(
    values: ArrayLike | tuple[ArrayLike, ArrayLike],
    kind: str = "mean",
    *,
    groups: ArrayLike | None = None,
    n_groups: int | None = None,
    clusters: ArrayLike | None = None,
    bounds: tuple[float, float] | str | None = "kind",
    level: float = 0.95,
    family: str = "pointwise",
    n_resamples: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """Estimate and interval of a mean, a paired difference or a ratio of sums, over problems.

    Parameters
    ----------
    values : array_like of float, shape (rows,) or (rows, columns), or a pair of such
        By problem. A difference takes a pair, of which the second is taken from the first, or differences
        already taken; a ratio takes a pair of numerators and denominators. NaN: left out, column by column.
    kind : {"mean", "difference", "ratio"}
    groups : array_like of int, shape (rows,), optional
        Difficulty bin of each row from 1; 0: in none, counted among all. With it the results get a first
        axis of 1 + n_groups: all rows, then group 1, 2, …
    n_groups : int, optional
        None: the largest of `groups`.
    clusters : array_like, shape (rows,), optional
        Rows with one value belong to one problem and share its weight.
    bounds : (float, float), ``"kind"`` or None
        Worst and best value of one problem; by default (0, 1), for a difference (−1, 1). None: there are none
        (tokens, dollars); then the weighted mean of the n problems is widened about the estimate as Student's t does.
    level : float
        Coverage, in (0, 1).
    family : {"pointwise", "simultaneous"}
        Simultaneous: a band that holds the curve over all columns at once. The tails are cut where all columns
        of a draw together stay inside with chance `level`.

    Returns
    -------
    Interval
        Arrays of shape (columns,), none for values of one axis; with groups one axis before.

    Raises
    ------
    ValueError
        Shapes disagree, the level is not in (0, 1), or a value lies outside the bounds.
    RequestError
        An unknown kind or family.

    Examples
    --------
    >>> found = interval([1.0] * 40)
    >>> float(found.low.round(3)), float(found.high)  # the ends of Clopper and Pearson
    (0.912, 1.0)
    >>> found = interval(([0.6, 0.9, 0.4] * 30, [0.5, 0.8, 0.3] * 30), "difference")
    >>> bool(found.low > 0), float(found.estimate.round(3))
    (True, 0.1)
    """
    one_of(kind, KINDS, "kind of interval")
    one_of(family, FAMILIES, "family of intervals")
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    top, bottom, flat = _tables(values, kind)
    edges = _BOUNDS[kind] if isinstance(bounds, str) else bounds
    _check_bounds(top, bottom, edges)
    draws = Resamples.of(len(top), n_resamples, seed, clusters)
    numbers = np.zeros(len(top), dtype=int) if groups is None else np.asarray(groups, dtype=int)
    if numbers.shape != (len(top),):
        raise ValueError(f"groups must be one a row, {len(top)}, got shape {numbers.shape}")
    last = 0 if groups is None else int(numbers.max(initial=0)) if n_groups is None else n_groups
    parts = [np.arange(len(top)) if g == 0 else np.flatnonzero(numbers == g) for g in range(last + 1)]
    found = [_of_rows(top, bottom, rows, draws, edges, level, family) for rows in parts]
    shaped = (np.stack(side) for side in zip(*found, strict=True))
    cells = tuple(side[:, 0] if flat else side for side in shaped)
    return Interval(*(cells if groups is not None else (side[0] for side in cells)))


def ends(low_draws: np.ndarray, high_draws: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The lower end of some draws and the upper end of others, along the first axis.

    Order statistics, rounded outwards, so that infinities may stand among the draws: an open end.

    Parameters
    ----------
    low_draws, high_draws : float array, shape (draws, …)
        Of the statistic with the pseudo-problem at its worst, and at its best. NaN: left out.

    Returns
    -------
    low, high : numpy.ndarray, shape (…)
        NaN where no draw is known.

    Examples
    --------
    >>> draws = np.array([1.0, 3.0, 2.0, np.inf])
    >>> [float(end) for end in ends(draws, draws, 0.5)]
    [1.0, inf]
    """
    tail = (1 - level) / 2
    return _order_statistic(low_draws, tail, np.floor), _order_statistic(high_draws, 1 - tail, np.ceil)


def _order_statistic(draws: np.ndarray, share: float, outwards: np.ufunc) -> np.ndarray:
    if not len(draws):
        return np.full(draws.shape[1:], np.nan)
    known = (~np.isnan(draws)).sum(axis=0)
    at = np.clip(outwards(share * (known - 1)).astype(int), 0, len(draws) - 1)
    if (at == at.flat[0]).all():
        place = int(at.flat[0])
        return np.where(known > 0, np.partition(draws, place, axis=0)[place], np.nan)  # NaN sorts last
    return np.where(known > 0, np.take_along_axis(np.sort(draws, axis=0), at[None], axis=0)[0], np.nan)


def _tables(values: ArrayLike | tuple[ArrayLike, ArrayLike], kind: str) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Values (numerators), denominators of a ratio, and whether there was one axis only."""
    pair = (
        tuple(np.asarray(one, dtype=float) for one in values) if isinstance(values, tuple) and len(values) == 2 else ()
    )
    if kind == "ratio" and not pair:
        raise ValueError("a ratio takes a pair (numerators, denominators)")
    if pair and pair[0].shape != pair[1].shape:
        raise ValueError(f"both must have one shape, got {pair[0].shape} and {pair[1].shape}")
    if kind == "difference" and pair:
        top, bottom = pair[0] - pair[1], None
    elif kind == "ratio":
        known = ~np.isnan(pair[0]) & ~np.isnan(pair[1])
        top, bottom = np.where(known, pair[0], np.nan), np.where(known, pair[1], np.nan)
    else:
        top, bottom = np.asarray(values, dtype=float), None
    if top.ndim not in (1, 2):
        raise ValueError(f"values must have shape (rows,) or (rows, columns), got {top.shape}")
    flat = top.ndim == 1
    if flat:
        top, bottom = top[:, None], None if bottom is None else bottom[:, None]
    return top, bottom, flat


def _check_bounds(top: np.ndarray, bottom: np.ndarray | None, bounds: tuple[float, float] | None) -> None:
    if bounds is None:
        return
    scale = 1.0 if bottom is None else bottom
    outside = (top < bounds[0] * scale - 1e-9) | (top > bounds[1] * scale + 1e-9)
    if outside.any():
        worst = float(top[outside].ravel()[0])
        raise ValueError(f"value {worst:g} lies outside the bounds {bounds}: give bounds, or None where there are none")


def _of_rows(
    top: np.ndarray,
    bottom: np.ndarray | None,
    rows: np.ndarray,
    draws: Resamples,
    bounds: tuple[float, float] | None,
    level: float,
    family: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimate, low, high of each column over some rows."""
    table, over = top[rows], np.ones_like(top[rows]) if bottom is None else bottom[rows]
    known = ~np.isnan(table)
    filled, mass = np.where(known, table, 0.0), np.where(known, over, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = filled.sum(axis=0) / mass.sum(axis=0)
    counted = mass.sum(axis=0) > 0
    estimate = np.where(counted, estimate, np.nan)
    low, high = np.full(len(estimate), np.nan), np.full(len(estimate), np.nan)
    if not counted.any():
        return estimate, low, high
    exact = np.zeros(len(estimate), dtype=bool)
    if bounds is not None and family == "pointwise" and bottom is None and draws.clusters is None:
        at_best = known & (np.abs(filled - bounds[1]) < 1e-12)
        exact = counted & ((at_best | (np.abs(filled - bounds[0]) < 1e-12)) == known).all(axis=0)
        n, right = known[:, exact].sum(axis=0), at_best[:, exact].sum(axis=0)
        low[exact], high[exact] = _clopper_pearson(n, right, bounds, level)
    drawn = counted & ~exact
    if drawn.any():
        replicates = _replicates(filled[:, drawn], mass[:, drawn], rows, draws, bounds)
        if bounds is None:
            replicates = _widened(replicates, estimate[drawn], known[:, drawn].sum(axis=0), level)
        low[drawn], high[drawn] = (_band if family == "simultaneous" else ends)(*replicates, level)
    return estimate, low, high


def _replicates(
    filled: np.ndarray, mass: np.ndarray, rows: np.ndarray, draws: Resamples, bounds: tuple[float, float] | None
) -> tuple[np.ndarray, np.ndarray]:
    """The statistic in every draw, with the pseudo-problem at its worst and at its best, shape (draws, columns)."""
    whole = len(rows) == draws.weights.shape[1]  # rows ascend: a copy of all would take longer than the product
    weights = draws.weights if whole else np.ascontiguousarray(draws.weights[:, rows])
    alike = bool((mass == mass[:, :1]).all())  # one denominator serves all columns
    below = weights @ (mass[:, :1] if alike else mass)
    above = weights @ filled
    if bounds is None:
        return above / below, above / below
    # The pseudo-problem is one problem: as large as they are on average, rows of one problem together.
    n_rows = (mass != 0).sum(axis=0)
    size = mass.sum(axis=0) / n_rows
    if draws.clusters is not None:
        numbers = np.asarray(draws.clusters)[rows]
        size = size * n_rows / [len(np.unique(numbers[mass[:, at] != 0])) for at in range(mass.shape[1])]
    pseudo = draws.pseudo[:, None] * (size[:1] if alike else size)
    return (above + pseudo * bounds[0]) / (below + pseudo), (above + pseudo * bounds[1]) / (below + pseudo)


def _widened(
    replicates: tuple[np.ndarray, np.ndarray], estimate: np.ndarray, n: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Spread about the estimate as Student's t has it: weights alone give the variance of n + 1, normal tails."""
    degrees = np.maximum(1, n - 1)
    factor = np.sqrt((n + 1) / degrees) * stdtrit(degrees, (1 + level) / 2) / ndtri((1 + level) / 2)
    both = estimate + (replicates[0] - estimate) * factor
    return both, both


def _clopper_pearson(
    n: np.ndarray, right: np.ndarray, bounds: tuple[float, float], level: float
) -> tuple[np.ndarray, np.ndarray]:
    tail = (1 - level) / 2
    low = np.where(right > 0, betaincinv(np.maximum(right, 1), n - right + 1, tail), 0.0)
    high = np.where(right < n, betaincinv(right + 1, np.maximum(n - right, 1), 1 - tail), 1.0)
    width = bounds[1] - bounds[0]
    return bounds[0] + width * low, bounds[0] + width * high


def _band(low_draws: np.ndarray, high_draws: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Tails of equal share in every column, such that whole draws stay inside with chance `level`."""
    n = len(low_draws)
    from_below = (np.argsort(np.argsort(low_draws, axis=0), axis=0)).min(axis=1)
    from_above = (n - 1 - np.argsort(np.argsort(high_draws, axis=0), axis=0)).min(axis=1)
    cut = int(np.sort(np.minimum(from_below, from_above))[int(np.floor((1 - level) * n))])
    # No wider than one draw beyond all, no narrower than pointwise.
    cut = min(cut, int(np.floor((1 - level) / 2 * (n - 1))))
    return np.sort(low_draws, axis=0)[cut], np.sort(high_draws, axis=0)[n - 1 - cut]
