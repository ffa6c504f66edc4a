"""Confidence intervals by resampling whole problems."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def bootstrap_mean(
    values: ArrayLike, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap interval of the mean over problems.

    Problems are the unit: the samples of one problem are not independent evidence about another.
    Every column is resampled with the same draws, so columns stay comparable.

    Parameters
    ----------
    values : array_like of float, shape (problems, columns)
        For example the expected accuracy of each problem at each budget. NaN rows are left out,
        column by column.
    level : float
        Coverage, in (0, 1).
    n_resamples : int
    seed : int

    Returns
    -------
    low, high : numpy.ndarray, shape (columns,)
        NaN where a column has no value. One problem gives no spread: low equals high.

    References
    ----------
    Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.

    Examples
    --------
    >>> low, high = bootstrap_mean([[0.0], [1.0], [1.0], [0.0]])
    >>> float(low[0]), float(high[0])
    (0.0, 1.0)
    """
    table = np.asarray(values, dtype=float)
    if table.ndim != 2:
        raise ValueError(f"values must have shape (problems, columns), got {table.shape}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    low, high = (np.full(table.shape[1], np.nan) for _ in range(2))
    known = ~np.isnan(table)
    filled = known.any(axis=0)
    if not filled.any():
        return low, high
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), size=n_resamples).astype(float)
    counts = weights @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(counts > 0, (weights @ np.where(known, table, 0.0)) / counts, np.nan)
    tails = [(1 - level) / 2, (1 + level) / 2]
    low[filled], high[filled] = np.nanquantile(means[:, filled], tails, axis=0)
    return low, high


def bootstrap_ratio(
    numerators: ArrayLike, denominators: ArrayLike, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of a pooled share: all numerators over all denominators.

    Parameters
    ----------
    numerators, denominators : array_like of float, shape (problems,)
        Counts of each problem, which are resampled together.
    level : float
        Coverage, in (0, 1).
    n_resamples : int
    seed : int

    Returns
    -------
    low, high : float
        NaN where all denominators are 0. Resamples without a denominator are left out.

    Raises
    ------
    ValueError
        Shapes differ, or the level is out of range.

    Examples
    --------
    >>> bootstrap_ratio([1, 2], [2, 4])
    (0.5, 0.5)
    """
    top, bottom = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    if top.ndim != 1 or top.shape != bottom.shape:
        raise ValueError(f"counts must share one shape (problems,), got {top.shape} and {bottom.shape}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    if not bottom.any():
        return float("nan"), float("nan")
    weights = np.random.default_rng(seed).multinomial(len(top), np.full(len(top), 1 / len(top)), size=n_resamples)
    sums = weights @ bottom
    low, high = np.quantile((weights @ top)[sums > 0] / sums[sums > 0], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
