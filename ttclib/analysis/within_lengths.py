"""Where longer stops helping: accuracy by length among the samples of one problem, against that problem's mean."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from ttclib.analysis.columns import schema
from ttclib.analysis.resampling import interval
from ttclib.errors import RequestError

N_GROUPS = 5
WITHIN_SCHEMA = schema("length_group", "relative_length", "accuracy", "deviation", "ci_low", "ci_high", "n_problems")


def within_lengths(
    correct: ArrayLike,
    completion_tokens: ArrayLike,
    n_groups: int = N_GROUPS,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> pl.DataFrame:
    """Accuracy of a problem's shortest to longest samples, less the mean of all of its samples.

    A hard problem takes longer and is failed more often, so that length and accuracy fall together over problems
    whatever length does. Here every problem is its own yardstick, and only those count that are sometimes right and
    sometimes wrong, with at least `n_groups` samples.

    Parameters
    ----------
    correct : array_like of float, shape (problems, samples)
        1, 0; NaN: left out.
    completion_tokens : array_like of float, shape (problems, samples)
        NaN: left out.
    n_groups : int
        Groups of equal size by length, at least 2; samples of one length share a group.
    level, seed
        Of the intervals over problems.

    Returns
    -------
    polars.DataFrame
        Columns as in `WITHIN_SCHEMA`, a row a group, the shortest first; none where no problem counts.

    Raises
    ------
    RequestError
        Shapes differ, or fewer than 2 groups.

    Examples
    --------
    >>> found = within_lengths([[1, 1, 0, 0]] * 9, [[10, 20, 30, 40]] * 9, 2)
    >>> found["deviation"].to_list(), found["relative_length"].to_list()
    ([0.5, -0.5], [0.6, 1.4])
    """
    right, length = np.asarray(correct, dtype=float), np.asarray(completion_tokens, dtype=float)
    if right.ndim != 2 or right.shape != length.shape:
        raise RequestError(f"arrays must share one shape (problems, samples), got {right.shape}, {length.shape}")
    if n_groups < 2:
        raise RequestError(f"{n_groups} groups of length: give at least 2")
    counted = ~np.isnan(right) & ~np.isnan(length)
    held = counted.sum(axis=1)
    n_right = np.where(counted, right, 0.0).sum(axis=1)
    chosen = (held >= n_groups) & (n_right > 0) & (n_right < held)
    if not chosen.any():
        return pl.DataFrame(schema=WITHIN_SCHEMA)
    right, length, counted, held = right[chosen], length[chosen], counted[chosen], held[chosen]
    ranks = rankdata(np.where(counted, length, np.inf), axis=1)  # those left out come last
    group = np.where(counted, np.ceil(n_groups * (ranks - 0.5) / held[:, None]), 0).astype(int)
    mean = n_right[chosen] / held
    own_length = np.where(counted, length, 0.0).sum(axis=1) / held
    accuracy, relative = np.full((2, len(held), n_groups), np.nan)
    for number in range(1, n_groups + 1):
        member = group == number
        size = member.sum(axis=1)
        some = size > 0
        accuracy[some, number - 1] = np.where(member, right, 0.0).sum(axis=1)[some] / size[some]
        relative[some, number - 1] = np.where(member, length, 0.0).sum(axis=1)[some] / size[some] / own_length[some]
    found = interval(
        (accuracy, np.where(np.isnan(accuracy), np.nan, mean[:, None])), "difference", level=level, seed=seed
    )
    there = np.flatnonzero(~np.isnan(accuracy).all(axis=0))
    return pl.DataFrame(
        {
            "length_group": (there + 1).tolist(),
            "relative_length": np.nanmean(relative[:, there], axis=0),
            "accuracy": np.nanmean(accuracy[:, there], axis=0),
            "deviation": found.estimate[there],
            "ci_low": found.low[there],
            "ci_high": found.high[there],
            "n_problems": (~np.isnan(accuracy[:, there])).sum(axis=0),
        },
        schema=WITHIN_SCHEMA,
    )


def worse_from(frame: pl.DataFrame) -> float | None:
    """The relative length from which on every group is below its problem's mean, interval included; None: none is.

    Examples
    --------
    >>> round(worse_from(within_lengths([[1, 1, 0, 0]] * 99, [[10, 20, 30, 40]] * 99, 2)), 3)
    1.4
    """
    found = None
    for row in frame.sort("length_group", descending=True).iter_rows(named=True):
        if row["ci_high"] >= 0:
            break
        found = row["relative_length"]
    return found
