"""Tokens after the answer was found, and accuracy under a length cap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

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


def length_cap_curve(
    correct: ArrayLike, completion_tokens: ArrayLike, caps: Sequence[int], *, level: float = 0.95, seed: int = 0
) -> pl.DataFrame:
    """Accuracy of one sample where decoding stops at a cap: an answer beyond it counts as none.

    Parameters
    ----------
    correct : array_like of float, shape (problems, samples)
        1, 0; NaN (not graded, or no sample): left out.
    completion_tokens : array_like of float, shape (problems, samples)
    caps : sequence of int
        Tokens, at least 1.
    level, seed
        Of the intervals over problems.

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
    ends = interval(accuracy, level=level, seed=seed)
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
