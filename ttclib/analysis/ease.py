"""How easy a problem is by its samples, and how far luck in these samples flatters it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ttclib.samples.blocks import row_blocks


def oracle_difficulty(correct: ArrayLike) -> np.ndarray:
    """pass@1 of each problem, from ground truth.

    Parameters
    ----------
    correct : array_like of float, shape (problems, samples)
        1, 0, NaN: not graded.

    Returns
    -------
    numpy.ndarray, shape (problems,)
        In [0, 1], higher is easier; NaN: no graded sample.
    """
    given = np.asarray(correct)
    return np.concatenate([_mean_known(given[rows]) for rows in row_blocks(given.shape)])


def _mean_known(values: np.ndarray) -> np.ndarray:
    table = np.asarray(values, dtype=float)
    known = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        return np.where(known, table, 0.0).sum(axis=1) / known.sum(axis=1)


def telling_bias(told: np.ndarray, correct: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """By how much pass@1 of each bin is flattered where the samples that told difficulty are scored.

    A problem lands in an easy bin for being easy, or for its luck in these samples. How much is luck follows from the
    counts: with σ² the variance inside a problem of what tells, γ its covariance there with the grade, and τ² the
    spread of true ease over problems, its grades are flattered by (γ/n) / (τ² + σ²/n) of its distance from the mean.
    For grades (γ = σ²) and a beta spread of pass@1 this is exact: the posterior mean of the beta-binomial.

    Parameters
    ----------
    told, correct : float array, shape (problems, samples)
        Grades or scores that told, and grades; NaN: unknown.
    bins : int array, shape (problems,)

    Returns
    -------
    numpy.ndarray, shape (1 + n_bins,)
        In accuracy; entry 0 (all problems) is 0.
    """
    moments = [_moments(told[rows], correct[rows]) for rows in row_blocks(told.shape)]
    n, n_both, ease, apart, square = (np.concatenate(parts) for parts in zip(*moments, strict=True))
    return _shrunk(ease, n, _pooled(apart, n_both), _pooled(square, n), bins)


def _moments(told: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of each problem: how many told, and of these are graded; the ease told; sums of products and of squares."""
    told, correct = np.asarray(told, dtype=float), np.asarray(correct, dtype=float)
    n = (~np.isnan(told)).sum(axis=1).astype(float)
    both = ~np.isnan(told) & ~np.isnan(correct)
    ease = _mean_known(told)
    right = _mean_known(np.where(both, correct, np.nan))
    own = _mean_known(np.where(both, told, np.nan))
    apart = np.where(both, (told - own[:, None]) * (correct - right[:, None]), 0.0).sum(axis=1)
    square = np.where(~np.isnan(told), (told - ease[:, None]) ** 2, 0.0).sum(axis=1)
    return n, both.sum(axis=1), ease, apart, square


def _pooled(sums: np.ndarray, n: np.ndarray) -> float:
    """Mean over problems of the unbiased variance inside one; NaN where each has one sample."""
    several = n > 1
    return float((sums[several] / (n[several] - 1)).mean()) if several.any() else float("nan")


def counts_bias(n_samples: np.ndarray, n_correct: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """`telling_bias` from the numbers of samples and of right ones."""
    n, c = np.asarray(n_samples, dtype=float), np.asarray(n_correct, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        ease = np.where(n > 0, c / n, np.nan)
    within = _pooled(np.where(n > 0, c * (1 - ease), 0.0), n)
    return _shrunk(ease, n, within, within, bins)


def _shrunk(ease: np.ndarray, n: np.ndarray, shared: float, within: float, bins: np.ndarray) -> np.ndarray:
    n_bins = int(bins.max(initial=0))
    known = (bins > 0) & ~np.isnan(ease)
    if known.sum() < 2:
        return np.zeros(n_bins + 1)
    if np.isnan(within) or np.isnan(shared):  # one sample a problem: all of the spread may be luck
        luck = np.ones(len(ease))
    else:
        size = np.maximum(n, 1)
        between = max(0.0, float(ease[known].var(ddof=1)) - within * float((1 / size[known]).mean()))
        total = between + within / size
        luck = np.divide(shared / size, total, out=np.zeros(len(ease)), where=total > 1e-15)
    flattery = luck * (ease - ease[known].mean())
    found = np.zeros(n_bins + 1)
    for number in range(1, n_bins + 1):
        member = known & (bins == number)
        found[number] = float(flattery[member].mean()) if member.any() else 0.0
    return found
