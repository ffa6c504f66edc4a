"""What length is worth: accuracy where answers are cut, and of the shorter and longer samples of one problem."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from ttclib.analysis.columns import schema
from ttclib.analysis.resampling import interval
from ttclib.errors import RequestError


def outcome_efficiency(correct: ArrayLike, first_correct_tokens: ArrayLike, completion_tokens: ArrayLike) -> float:
    """Outcome efficiency ξ_O: the share of its tokens that a right answer needed, 0 for a wrong one, on average.

    Parameters
    ----------
    correct : array_like of float
        σ, 1 or 0; NaN (not graded): left out.
    first_correct_tokens : array_like of float, the same shape
        T̂, tokens up to the first right answer; read for right samples only.
    completion_tokens : array_like of float, the same shape
        T, above 0.

    Returns
    -------
    float
        Mean of σ·T̂/T, in [0, 1]; NaN: nothing is graded.

    Raises
    ------
    RequestError
        (a ValueError) Shapes differ, or T̂ of a right sample is not in (0, T].

    References
    ----------
    Chen et al. 2024, "Do NOT think that much for 2+3=?", arXiv:2412.21187.

    Examples
    --------
    >>> outcome_efficiency([1, 1, 0], [50, 100, 0], [100, 100, 80])
    0.5
    """
    right, found, spent = (
        np.asarray(values, dtype=float) for values in (correct, first_correct_tokens, completion_tokens)
    )
    if not right.shape == found.shape == spent.shape:
        raise RequestError(f"arrays must share one shape, got {right.shape}, {found.shape}, {spent.shape}")
    graded = ~np.isnan(right)
    counted = graded & (right > 0)
    if not np.all((found[counted] > 0) & (found[counted] <= spent[counted])):
        raise RequestError("first_correct_tokens of a right sample must lie in (0, completion_tokens]")
    if not graded.any():
        return float("nan")
    share = np.divide(found, spent, out=np.zeros(right.shape), where=counted)
    return float((np.where(counted, right, 0.0) * share).sum() / graded.sum())


def length_cap_curve(correct: ArrayLike, completion_tokens: ArrayLike, caps: Sequence[int]) -> pl.DataFrame:
    """Accuracy of one sample where decoding stops at a cap: an answer beyond it counts as none.

    Parameters
    ----------
    correct : array_like of float, shape (problems, samples)
        1, 0; NaN (not graded, or no sample): left out.
    completion_tokens : array_like of float, shape (problems, samples)
    caps : sequence of int
        Tokens, at least 1.

    Returns
    -------
    polars.DataFrame
        `cap`, `accuracy`, `ci_low`, `ci_high`, `answered` (share of samples that end within the cap), `tokens`
        (mean tokens decoded, the cap where it cuts), `n_problems`.

    Raises
    ------
    RequestError
        A cap below 1, or shapes differ.

    Examples
    --------
    >>> length_cap_curve([[1, 1]], [[10, 30]], [20, 30])["accuracy"].to_list()
    [0.5, 1.0]
    """
    right, length = np.asarray(correct, dtype=float), np.asarray(completion_tokens, dtype=float)
    if right.ndim != 2 or right.shape != length.shape:
        raise RequestError(f"arrays must share one shape (problems, samples), got {right.shape}, {length.shape}")
    if bad := [cap for cap in caps if cap < 1]:
        raise RequestError(f"length cap {bad[0]}: give at least 1 token")
    counted = ~np.isnan(right) & ~np.isnan(length)
    held = counted.sum(axis=1)
    within = counted[:, :, None] & (length[:, :, None] <= np.asarray(caps, dtype=float))
    with np.errstate(invalid="ignore"):
        accuracy = np.where(within, right[:, :, None], 0.0).sum(axis=1) / held[:, None]
        answered = within.sum(axis=1) / held[:, None]
        cut = np.minimum(length[:, :, None], np.asarray(caps, dtype=float))
        tokens = np.where(counted[:, :, None], cut, 0.0).sum(axis=1) / held[:, None]
    ends = interval(accuracy)
    known = held > 0
    return pl.DataFrame(
        {
            "cap": [int(cap) for cap in caps],
            "accuracy": accuracy[known].mean(axis=0),
            "ci_low": ends.low,
            "ci_high": ends.high,
            "answered": answered[known].mean(axis=0),
            "tokens": tokens[known].mean(axis=0),
            "n_problems": [int(known.sum())] * len(caps),
        }
    )


N_GROUPS = 5
WITHIN_SCHEMA = schema("length_group", "relative_length", "accuracy", "deviation", "ci_low", "ci_high", "n_problems")


def within_lengths(
    correct: ArrayLike,
    completion_tokens: ArrayLike,
    n_groups: int = N_GROUPS,
    *,
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
    found = interval((accuracy, np.where(np.isnan(accuracy), np.nan, mean[:, None])), "difference", seed=seed)
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
