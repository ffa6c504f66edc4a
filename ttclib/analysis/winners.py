"""Who is ahead, told so that few tables hold a false winner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

MARGIN = 0.01  # a lead of one point is none


def leads(
    differences: Sequence[ArrayLike],
    low: ArrayLike,
    high: ArrayLike,
    *,
    clusters: Sequence[ArrayLike | None] | None = None,
    names: tuple[str, str] = ("small", "large"),
    margin: float = MARGIN,
    alpha: float = 0.05,
) -> list[str | None]:
    """Who is ahead in each row of a table, told so that few tables hold a false winner.

    A row has a winner where a paired two-sided t-test rejects that the mean difference lies within the margin, after
    Holm's correction for all rows of the table, and the row's own interval leaves out 0. Rows of the same
    differences are one comparison, and count once. The standard deviation is taken as √(3/n) at least,
    for n problems without any spread do not show that there is none.

    Parameters
    ----------
    differences : sequence of array_like of float, shape (problems of the row,)
        First less second, by problem. NaN: left out; none at all: the row is not answerable.
    low, high : array_like of float, shape (rows,)
        Each row's own interval; NaN or infinite: open.
    clusters : sequence of array_like or None, optional
        Problem of each entry, where several rows are of one problem.
    names : (str, str)
        What the first and the second are called.
    margin : float
        A lead up to this is none.
    alpha : float
        Chance of a false winner in the table.

    Returns
    -------
    list of str or None
        A name, ``"too close"``, or None: not answerable.

    References
    ----------
    Holm 1979.

    Examples
    --------
    >>> leads([[0.2] * 100, [0.005] * 100, []], [0.15, 0.004, np.nan], [0.25, 0.006, np.nan])
    ['small', 'too close', None]
    """
    lower, upper = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    means, chances = [], []
    for at, row in enumerate(differences):
        mean, n, spread = _mean_and_spread(np.asarray(row, dtype=float), None if clusters is None else clusters[at])
        means.append(mean)
        if n < 2:
            chances.append(np.nan if n == 0 else 1.0)
            continue
        t = (abs(mean) - margin) / (max(spread, np.sqrt(3.0 / n)) / np.sqrt(n))
        chances.append(min(1.0, 2.0 * float(stdtr(n - 1, -t))))
    same = [np.asarray(row, dtype=float).tobytes() for row in differences]
    once = dict(zip(same, chances, strict=True))
    told_once = dict(zip(once, holm(list(once.values())), strict=True))
    corrected = [told_once[key] for key in same]
    told: list[str | None] = []
    for mean, chance, below, above in zip(means, corrected, lower, upper, strict=True):
        if np.isnan(chance):
            told.append(None)
        elif chance < alpha and mean > 0 and below > 0:
            told.append(names[0])
        elif chance < alpha and mean < 0 and above < 0:
            told.append(names[1])
        else:
            told.append("too close")
    return told


def holm(chances: ArrayLike) -> np.ndarray:
    """p-values corrected for their number by Holm's step-down; NaN entries stay NaN and do not count.

    Examples
    --------
    >>> holm([0.01, 0.04, np.nan, 0.03]).round(3).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    p = np.asarray(chances, dtype=float)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    corrected = np.full(len(p), np.nan)
    steps = len(order) - np.arange(len(order))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * steps))
    return corrected


def _mean_and_spread(values: np.ndarray, clusters: ArrayLike | None) -> tuple[float, int, float]:
    """Mean over rows, problems, and the standard deviation of a problem's part in the mean."""
    known = ~np.isnan(values)
    if not known.any():
        return float("nan"), 0, float("nan")
    seen = values[known]
    mean = float(seen.mean())
    if clusters is None:
        return mean, len(seen), float(seen.std(ddof=1)) if len(seen) > 1 else 0.0
    _, number = np.unique(np.asarray(clusters)[known], return_inverse=True)
    n = int(number.max()) + 1
    parts = np.bincount(number.ravel(), seen - mean) * n / len(seen)
    return mean, n, float(np.sqrt((parts**2).sum() / max(1, n - 1)))
